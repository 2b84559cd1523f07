"""The OpenAPI document, made from the schemas that parse: what is written there is what is done."""

from __future__ import annotations

from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from wxbackend import __version__
from wxbackend.api import examples, field_types, webhooks
from wxbackend.api.field_types import Picture
from wxbackend.api.idempotency import HEADER as IDEMPOTENCY_HEADER
from wxbackend.api.idempotency import KEY_CHARACTERS_MAX
from wxbackend.api.operations import ERRORS, OPERATIONS, Keys, Operation
from wxbackend.api.pagination import Created
from wxbackend.domain import representation
from wxbackend.domain.intent import METADATA_NAMES_MAX

CONFIG: Final = {
    "API_TITLE": "wxbackend",
    "API_VERSION": representation.API_VERSION,
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": (
                "Take WeChat Pay payments in official accounts and mini programs. Amounts are integers in the "
                "smallest unit, times are Unix milliseconds, currencies are upper case. Bodies may be JSON or forms; "
                "answers are always JSON. A payment is done when the PaymentIntent says `succeeded` or its event "
                "arrives, never because a front end says so."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "x-software-version": __version__,
        },
        "servers": [{"url": "/", "description": "The root of the host that serves this document."}],
    },
}
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_UNUSED: Final = ("schemas", "PaginationMetadataSchema"), ("responses", "UNPROCESSABLE_ENTITY")
"""What flask-smorest adds and nothing refers to."""

_KEYS: Final[dict[Keys, list[dict[str, list[str]]]]] = {
    Keys.SECRET: [{"secretKey": []}, {"secretKeyBasic": []}],
    Keys.BUYER: [{"secretKey": []}, {"secretKeyBasic": []}, {"publishableKey": []}],
    Keys.ANY: [{"publishableKey": []}, {"secretKey": []}, {"secretKeyBasic": []}],
    Keys.NONE: [],
}
_SCHEMES: Final = {
    "secretKey": ("bearer", "`sk_test_…` or `sk_live_…`; belongs on the merchant's server only."),
    "secretKeyBasic": ("basic", "The secret key as user name, without a password."),
    "publishableKey": ("bearer", "`pk_test_…` or `pk_live_…`; may be in pages and mini programs."),
}
_CLIENT_SECRET: Final = {
    "in": "header",
    "name": "Client-Secret",
    "description": "The object's `client_secret`. Needed with a publishable key, ignored with a secret key.",
    "schema": {"type": "string", "maxLength": 200},
}
_SESSION: Final = {
    "in": "header",
    "name": "Wx-Session",
    "description": (
        "The token of a mini program's login. Pages in an official account send the `wx_session` cookie instead. "
        "Needed to confirm with a publishable key: it says which buyer pays."
    ),
    "schema": {"type": "string", "maxLength": 200},
}
_IDEMPOTENCY: Final = {
    "in": "header",
    "name": IDEMPOTENCY_HEADER,
    "description": (
        "Any text of yours. The same key with the same parameters is carried out once and given the same answer, "
        "marked `Idempotent-Replayed: true`, for two days; with other parameters it is refused."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS_MAX},
}
_ENDPOINT_ID: Final = {
    "in": "path",
    "name": "endpoint_id",
    "required": True,
    "description": "The webhook endpoint's `id`, made here or named in the settings.",
    "schema": {"type": "string", "pattern": "^we_[0-9A-Za-z_]+$", "maxLength": 64},
    "example": "we_1666625339547498496",
}


def _in_path(name: str, prefix: str, what: str, *, example: int = 1666625539547498496) -> dict[str, Any]:
    return {
        "in": "path",
        "name": name,
        "required": True,
        "description": f"The {what}'s `id`.",
        "schema": {"type": "string", "pattern": f"^{prefix}_[0-9]{{19}}$"},
        "example": f"{prefix}_{example}",
    }


_IN_PATHS: Final = (
    _in_path("intent_id", "pi", "PaymentIntent", example=1666625039547498496),
    _in_path("refund_id", "re", "Refund", example=1666625139547498496),
    _in_path("transfer_id", "tr", "Transfer"),
    _in_path("sharing_id", "ps", "ProfitSharing", example=1666625639547498496),
    _in_path("return_id", "psr", "ProfitSharingReturn", example=1666625739547498496),
    _ENDPOINT_ID,
    _in_path("event_id", "evt", "Event", example=1666625039547498498),
    _in_path("discrepancy_id", "dsc", "Discrepancy", example=1666625039547498498),
    _in_path("group_id", "pg", "PaymentGroup"),
    _in_path("customer_id", "cus", "Customer"),
    _in_path("setup_id", "seti", "SetupIntent"),
    _in_path("mandate_id", "mandate", "Mandate"),
    _in_path("method_id", "pm", "saved PaymentMethod"),
)
_HEADERS: Final = {
    "RequestId": {"description": "Names this request; quote it when something is wrong.", "schema": {"type": "string"}},
    "IdempotentReplayed": {
        "description": "`true` when this answer was given before, to the same Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Location": {"description": "Where the browser goes on to.", "schema": {"type": "string"}},
}


class ErrorDetails(Picture):
    """What went wrong, and where."""

    type = fields.String(required=True, metadata={"enum": ["api_error", "idempotency_error", "invalid_request_error"]})
    message = fields.String(required=True, metadata={"description": "For people: what is wrong and how to mend it."})
    code = fields.String(metadata={"description": "For programs: one word that stays the same."})
    param = fields.String(metadata={"description": "The parameter, in bracket notation: `metadata[order]`."})
    request_id = fields.String(metadata={"description": "The same as the Request-Id header."})


class ErrorEnvelope(Picture):
    """Every answer that is not a success."""

    error = fields.Nested(ErrorDetails(), required=True)


ERROR: Final = ErrorEnvelope()


def schema_name(schema: type[Schema] | Schema) -> str:
    """How a schema is called in the document: PaymentIntentPicture is PaymentIntent."""
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Picture")


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
        found["maxProperties"] = METADATA_NAMES_MAX
        found["additionalProperties"] = {"type": "string", "maxLength": field_types.METADATA_VALUE_CHARACTERS_MAX}
    if isinstance(field, field_types.Ignored):
        found["description"] = "Accepted and ignored."
    return found


def complete(spec: APISpec) -> None:
    """Add what no schema says: keys, headers, failures, both encodings, examples."""
    for name, (scheme, description) in _SCHEMES.items():
        spec.components.security_scheme(name, {"type": "http", "scheme": scheme, "description": description})
    for name, header in _HEADERS.items():
        spec.components.header(name, header)
    for status, description in ERRORS.items():
        content = {_JSON: {"schema": ERROR, "example": examples.ERROR}}
        spec.components.response(
            f"Error{status}", {"description": description, "content": content, "headers": _headers()}
        )
    for path, operations in spec._paths.items():  # noqa: SLF001 - apispec has no public way to edit a path
        operations.pop("parameters", None)
        for method, operation in operations.items():
            assert (method, path) in OPERATIONS, f"add {method} {path} to operations.py"
            _complete_operation(OPERATIONS[method, path], method, path, operation)
    webhooks.describe(spec)
    for section, name in _UNUSED:
        getattr(spec.components, section).pop(name, None)


def _complete_operation(known: Operation, method: str, path: str, operation: dict[str, Any]) -> None:
    operation["operationId"] = known.id
    operation["security"] = _KEYS[known.keys]
    parameters = [_query_parameter(parameter) for parameter in operation.get("parameters", [])]
    parameters += [part for part in _IN_PATHS if f"{{{part['name']}}}" in path]
    parameters += [_CLIENT_SECRET] if known.keys is Keys.BUYER else []
    parameters += [_SESSION] if known.id in ("confirmPaymentIntent", "confirmSetupIntent") else []
    idempotent = method == "post"
    parameters += [_IDEMPOTENCY] if idempotent else []
    operation["parameters"] = parameters
    body = operation.get("requestBody")
    if body is not None:
        media = body["content"][_JSON] | {"examples": known.requests}
        body["content"] = {_JSON: media, _FORM: {"schema": media["schema"], "encoding": _encoding(known)}}
        body["required"] = known.body_required
    _complete_responses(known, operation["responses"], idempotent=idempotent)


def _encoding(known: Operation) -> dict[str, Any]:
    """Forms spell structures with brackets."""
    bracketed = {"style": "deepObject", "explode": True}
    return dict.fromkeys(known.structures, bracketed)


def _complete_responses(known: Operation, responses: dict[str, Any], *, idempotent: bool) -> None:
    for unwanted in ("default", "422"):
        responses.pop(unwanted, None)
    for status, response in responses.items():
        response["headers"] = _headers(redirect=status == "302", idempotent=idempotent)
        if known.answers is not None:
            response["content"][_JSON]["examples"] = known.answers
    for status_code in known.errors:
        responses[str(status_code)] = {"$ref": f"#/components/responses/Error{status_code}"}


def _headers(*, redirect: bool = False, idempotent: bool = False) -> dict[str, Any]:
    names = {"Request-Id": "RequestId"}
    names |= {"Location": "Location"} if redirect else {}
    names |= {"Idempotent-Replayed": "IdempotentReplayed"} if idempotent else {}
    return {name: {"$ref": f"#/components/headers/{component}"} for name, component in names.items()}


def _query_parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """Structures and lists in a query have brackets, as everywhere."""
    if parameter["name"] == "created":
        return parameter | {"style": "deepObject", "explode": True, "description": Created.__doc__}
    if parameter["name"] == "expand":
        schema = {"type": "array", "items": {"type": "string"}}
        return parameter | {"name": "expand[]", "schema": schema, "description": "Accepted and ignored."}
    if parameter["schema"].get("type") == "array":
        return parameter | {"name": f"{parameter['name']}[]"}
    return parameter
