"""Reads the fragments of an OpenAPI 2 description and says whether a request or an answer fits them.

References and `allOf` are merged into one schema without additional properties, so that a field
that the description does not know is an error; the checking itself is a JSON Schema library's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
import orjson
import yaml

Schema = dict[str, Any]
# Words of a description that say nothing about what is valid.
REMARKS: Final = ("description", "example", "x-is-sensitive", "x-last-updated-at")
FORMATS: Final = {"rfc3339": "date-time"}
HEADERS_OF_ALL: Final = frozenset({"accept", "user-agent", "authorization", "content-type", "wechatpay-serial"})


@dataclass(frozen=True)
class Operation:
    """One method of one described path."""

    path: re.Pattern[str]
    method: str
    parameters: list[Schema]
    responses: dict[int, Schema]


class Description:
    """All described operations below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, Any] = {}

    def operation(self, method: str, target: str) -> Operation:
        """The operation that describes a request; AssertionError when none does."""
        path = urlsplit(target).path
        for file in sorted(self._folder.glob("v3/**/*.yaml"), key=lambda each: (str(each).count("{"), str(each))):
            pattern = self._pattern(file)
            if pattern.fullmatch(path) and method.lower() in self._read(file):
                described = self._read(file)[method.lower()]
                listed = described.get("parameters", [])
                parameters = [self._resolved(entry, file) for entry in listed]
                responses = {
                    int(status): self.schema(answer.get("schema"), file)
                    for status, answer in described.get("responses", {}).items()
                }
                return Operation(pattern, method, [self._with_schema(each, file) for each in parameters], responses)
        raise AssertionError(f"nothing describes {method} {path}")

    def schema(self, schema: Schema | None, file: Path) -> Schema:
        """The schema with every reference and `allOf` merged, closed to unknown fields."""
        if not schema:
            return {}
        merged: Schema = {}
        reference = schema.get("$ref")
        if reference is not None:
            target, found = self._follow(reference, file)
            _merge(merged, self.schema(found, target))
        for part in schema.get("allOf", []):
            _merge(merged, self.schema(part, file))
        own = {name: value for name, value in schema.items() if name not in ("$ref", "allOf", *REMARKS)}
        if "properties" in own:
            own["properties"] = {name: self.schema(inner, file) for name, inner in own["properties"].items()}
        if "items" in own:
            own["items"] = self.schema(own["items"], file)
        if own.get("format") in FORMATS:
            own["format"] = FORMATS[own["format"]]
        _merge(merged, own)
        if "properties" in merged:
            merged["additionalProperties"] = False
        return merged

    def _with_schema(self, parameter: Schema, file: Path) -> Schema:
        if parameter.get("in") == "body":
            return parameter | {"schema": self.schema(parameter["schema"], file)}
        kind = {
            name: parameter[name] for name in ("type", "enum", "maxLength", "minLength", "pattern") if name in parameter
        }
        return parameter | {"schema": kind}

    def _resolved(self, entry: Schema, file: Path) -> Schema:
        if "$ref" not in entry:
            return entry
        _, found = self._follow(entry["$ref"], file)
        return found

    def _follow(self, reference: str, file: Path) -> tuple[Path, Schema]:
        name, _, fragment = reference.partition("#")
        target = (file.parent / name).resolve() if name else file
        found: Any = self._read(target)
        for part in fragment.strip("/").split("/"):
            found = found[part]
        return target, found

    def _read(self, file: Path) -> Any:
        if file not in self._files:
            self._files[file] = yaml.safe_load(file.read_text(encoding="utf-8"))
        return self._files[file]

    def _pattern(self, file: Path) -> re.Pattern[str]:
        path = "/" + str(file.relative_to(self._folder).with_suffix(""))
        parts = re.split(r"(\{\w+\})", path)
        return re.compile("".join(f"(?P<{part[1:-1]}>[^/]+)" if part[:1] == "{" else re.escape(part) for part in parts))


def _merge(into: Schema, more: Schema) -> None:
    for name, value in more.items():
        if name == "properties":
            properties = into.setdefault("properties", {})
            for key, inner in value.items():
                if key in properties:
                    _merge(properties[key], inner)
                else:
                    properties[key] = inner
        elif name == "required":
            into["required"] = sorted({*into.get("required", []), *value})
        else:
            into[name] = value


def faults(schema: Schema, value: Any, *, where: str) -> list[str]:
    """Everything in the value that the schema does not allow."""
    checker = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return [
        f"{where}{'/'.join(str(part) for part in each.instance_path)}: {each.message}"
        for each in checker.iter_errors(value)
    ]


def request_faults(operation: Operation, target: str, headers: dict[str, str], body: bytes) -> list[str]:
    """Everything in a request that its operation does not describe."""
    sent = {name.lower(): value for name, value in headers.items()}
    parts = urlsplit(target)
    matched = operation.path.fullmatch(parts.path)
    assert matched is not None
    given = {"path": matched.groupdict(), "query": dict(parse_qsl(parts.query)), "header": sent}
    found: list[str] = []
    for parameter in operation.parameters:
        place, name = parameter["in"], str(parameter["name"])
        if place == "body":
            found += faults(parameter["schema"], orjson.loads(body or b"null"), where="body/")
            continue
        key = name.lower() if place == "header" else name
        if key in given[place]:
            value: Any = given[place][key]
            numeric = parameter["schema"].get("type") in ("number", "integer") and value.isdigit()
            found += faults(parameter["schema"], int(value) if numeric else value, where=f"{place} {name}")
        elif parameter.get("required"):
            found.append(f"{place} {name} is missing")
    described = {place: {str(each["name"]) for each in operation.parameters if each["in"] == place} for place in given}
    found += [f"query {name} is not described" for name in given["query"].keys() - described["query"]]
    known = HEADERS_OF_ALL | {name.lower() for name in described["header"]}
    found += [f"header {name} is not described" for name in sent.keys() - known]
    if body and not any(each["in"] == "body" for each in operation.parameters):
        found.append("a body is sent where none is described")
    return found


def answer_faults(operation: Operation, status: int, body: bytes) -> list[str]:
    """Everything in an answer that its operation does not describe."""
    if status not in operation.responses:
        return [f"status {status} is not described"]
    schema = operation.responses[status]
    if not schema:
        return ["a body where none is described"] if body else []
    return faults(schema, orjson.loads(body), where="answer/")
