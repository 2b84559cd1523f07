"""Bodies and queries, JSON or form, become one nested dict of parameters; the schema decides what is a list.

Form keys use brackets (`metadata[order]=1`, `a[]=x`, `a[0]=x`), as Stripe's SDKs and curl users write them.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from wxbackend.domain.errors import InvalidRequest

BODY_BYTES_MAX: Final = 128 * 1024
FIELDS_MAX: Final = 1_000
DEPTH_MAX: Final = 12
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


class UnsupportedBody(InvalidRequest):
    """The content type is neither JSON nor a form."""


def of_request(request: Request) -> dict[str, Any]:
    """The parameters of a request: the query's, and the body's where there is one."""
    if request.method in ("GET", "HEAD", "DELETE"):
        told = request.query_string
        asked = _from_form(told) if told else {}
        body = _body(request) if _has_body(request) else b""
        return _from_json(body) | asked if body and request.mimetype == JSON else asked
    body = _body(request)
    if not body:
        return {}
    mimetype = request.mimetype
    if mimetype == JSON or mimetype.endswith("+json"):
        return _from_json(body)
    if mimetype == FORM:
        return _from_form(body)
    if not mimetype:
        return _from_json(body) if body.lstrip()[:1] == b"{" else _from_form(body)
    raise UnsupportedBody(
        f"Content-Type {mimetype[:60]!r} is not read here; send {JSON} or {FORM}.",
        code="content_type_unsupported",
    )


def _has_body(request: Request) -> bool:
    told = request.environ
    return "HTTP_TRANSFER_ENCODING" in told or told.get("CONTENT_LENGTH", "0") not in ("", "0")


def _body(request: Request) -> bytes:
    """The whole body. One without a length that is too long comes cut to the limit and a byte, so it is measured."""
    try:
        body = request.get_data(cache=True)
    except HTTPException:
        raise
    except Exception as error:  # each HTTP server has its own name for chunks that are not chunks
        raise InvalidRequest("The body could not be read to its end.", code="body_unreadable") from error
    if len(body) > BODY_BYTES_MAX:
        raise RequestEntityTooLarge
    return body


def _from_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            place = f"line {error.lineno}, column {error.colno}"
            raise InvalidRequest(f"The body is not JSON: {error.msg} at {place}.", code="json_invalid") from None
        raise InvalidRequest("The body is not JSON in UTF-8, or nested too deeply.", code="json_invalid") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object: {…}.", code="json_invalid")
    _check(value, depth=0)
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(f"The body names {twice[:80]!r} twice.", code="parameter_duplicate", param=twice[:80])
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidRequest(f"{name} is not JSON.", code="json_invalid")


def _from_form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise InvalidRequest(
            f"The form is not UTF-8, or has more than {FIELDS_MAX} fields.", code="form_invalid"
        ) from None
    found: dict[str, Any] = {}
    for key, value in pairs:
        _put(found, _path(key), value, key)
    _check(found, depth=0)
    return found


def _path(key: str) -> list[str]:
    head, bracket, rest = key.partition("[")
    if not bracket:
        return [key]
    if not head or not rest.endswith("]"):
        raise InvalidRequest(f"{key[:80]!r} is not a parameter name.", code="form_invalid", param=key[:80])
    parts = [head, *rest[:-1].split("][")]
    if len(parts) > DEPTH_MAX or any("[" in part or "]" in part for part in parts):
        raise InvalidRequest(f"{key[:80]!r} is not a parameter name.", code="form_invalid", param=key[:80])
    return parts


def _put(found: dict[str, Any], path: list[str], value: str, key: str) -> None:
    place = found
    for name in path[:-1]:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise _mixed(key)
    last = path[-1] if path[-1] or len(path) == 1 else str(len(place))
    if last in place:
        raise InvalidRequest(f"{key[:80]!r} is given twice.", code="parameter_duplicate", param=key[:80])
    place[last] = value


def _mixed(key: str) -> InvalidRequest:
    return InvalidRequest(
        f"{key[:80]!r} is given both as a value and as a structure.", code="form_invalid", param=key[:80]
    )


def _is_unicode(value: str) -> bool:
    """Whether it can be written as UTF-8, which half a surrogate cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check(value: Any, *, depth: int) -> None:
    """Text that no database and no JSON writer takes: NUL and half surrogates; and too deep a nesting."""
    if depth > DEPTH_MAX:
        raise InvalidRequest(f"The body is nested more than {DEPTH_MAX} deep.", code="json_invalid")
    if isinstance(value, str):
        if "\x00" in value or not _is_unicode(value):
            raise InvalidRequest(
                "A text holds a character that is not allowed (NUL or half a surrogate).", code="text_invalid"
            )
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(name, depth=depth)
            _check(inner, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth=depth + 1)
