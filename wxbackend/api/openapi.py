"""The OpenAPI document, made from the schemas that parse: what is written there is what is done."""

from __future__ import annotations

from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from wxbackend.api import field_types

VERSION: Final = "1.0.1"
CONFIG: Final = {
    "API_TITLE": "wxbackend",
    "API_VERSION": VERSION,
    "OPENAPI_VERSION": "3.0.3",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
}
ERROR_STATUSES: Final = {
    "400": "A parameter is missing, unknown or wrong, or the object's state does not allow it.",
    "401": "No key, or not one of ours.",
    "403": "A publishable key where a secret key is needed.",
    "404": "No such object for this key.",
    "405": "Not this method.",
    "409": "A request with the same Idempotency-Key is being worked on.",
    "413": "The body is too large.",
    "415": "Neither JSON nor a form.",
    "502": "WeChat gave no usable answer.",
    "503": "WeChat could not be reached.",
}
_FORM: Final = "application/x-www-form-urlencoded"


class ErrorPicture(Schema):
    """What went wrong, and where."""

    type = fields.String(required=True, metadata={"enum": ["api_error", "idempotency_error", "invalid_request_error"]})
    message = fields.String(required=True)
    code = fields.String()
    param = fields.String()
    request_id = fields.String()


class ErrorEnvelope(Schema):
    """Every answer that is not a success."""

    error = fields.Nested(ErrorPicture(), required=True)


ERROR: Final = ErrorEnvelope()


def teach(plugin: MarshmallowPlugin) -> None:
    """Tell apispec what our field types are in JSON Schema."""
    for kind, picture in (
        (field_types.Whole, ("integer", None)),
        (field_types.Flag, ("boolean", None)),
        (field_types.Words, ("string", None)),
        (field_types.Url, ("string", None)),
        (field_types.Choice, ("string", None)),
        (field_types.Metadata, ("object", None)),
        (field_types.WordList, ("array", None)),
        (field_types.Ignored, (None, None)),
    ):
        plugin.map_to_openapi_type(kind, *picture)  # type: ignore[no-untyped-call]
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_limits)  # type: ignore[no-untyped-call]


def _limits(_converter: Any, field: Any, **_kwargs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(field, field_types.Words):
        found["maxLength"] = field.most
        if field.blank == "refused":
            found["minLength"] = 1
    if isinstance(field, field_types.Choice):
        found = {"enum": list(field.choices)}
    if isinstance(field, field_types.WordList):
        found["items"] = {"type": "string"}
    if isinstance(field, field_types.Metadata):
        found["additionalProperties"] = {"type": "string", "maxLength": field_types.METADATA_VALUE_CHARACTERS_MAX}
    return found


def complete(spec: APISpec) -> None:
    """Add what holds for every operation: keys, errors, both encodings, idempotency."""
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("basic", {"type": "http", "scheme": "basic"})
    spec.components.schema("ErrorEnvelope", schema=ERROR)
    for path, operations in spec._paths.items():  # noqa: SLF001 - apispec has no public way to edit a path
        for method, operation in operations.items():
            if method not in ("get", "post", "delete"):
                continue
            _complete_operation(path, method, operation)


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("default", None)
    responses.pop("422", None)
    for status, description in ERROR_STATUSES.items():
        responses.setdefault(
            status,
            {
                "description": description,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}},
            },
        )
    if "/oauth/" not in path:
        operation["security"] = [{"bearer": []}, {"basic": []}]
    content = operation.get("requestBody", {}).get("content")
    if content and "application/json" in content:
        content[_FORM] = {**content["application/json"], "encoding": {}}
        operation["requestBody"]["required"] = bool(_has_required(path))
    if method == "post" and not path.startswith("/v1/wechat"):
        operation.setdefault("parameters", []).append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "description": "The same key with the same parameters gets the same answer, for two days.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        )


def _has_required(path: str) -> bool:
    return path in (
        "/v1/payment_intents",
        "/v1/refunds",
        "/v1/refunds/{refund_id}",
        "/v1/webhook_endpoints",
        "/v1/wechat/mini_program/login",
    )
