"""Every failure becomes `{"error": {…}}` with a status from one total table; bodies are always JSON."""

from __future__ import annotations

from typing import Any, Final

import orjson
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from wxbackend.api.parameters import BODY_BYTES_MAX, UnsupportedBody
from wxbackend.api.recording import REQUEST_ID
from wxbackend.domain import errors
from wxbackend.flows.choose_payer import LoginNeeded
from wxbackend.ports.identity import AppMisconfigured, PlatformBusy, PlatformRefused, QuotaReached, TokenRejected

STATUS: Final[dict[type[errors.WxbackendError], tuple[int, str]]] = {
    errors.InvalidRequest: (400, "invalid_request_error"),
    UnsupportedBody: (415, "invalid_request_error"),
    LoginNeeded: (400, "invalid_request_error"),
    errors.NotFound: (404, "invalid_request_error"),
    errors.Conflict: (400, "invalid_request_error"),
    errors.IdempotencyMismatch: (400, "idempotency_error"),
    errors.IdempotencyInFlight: (409, "idempotency_error"),
    errors.Unauthenticated: (401, "invalid_request_error"),
    errors.Forbidden: (403, "invalid_request_error"),
    errors.Rejected: (400, "invalid_request_error"),
    errors.Unavailable: (503, "api_error"),
    errors.CoordinationAway: (503, "api_error"),
    errors.DatabaseAway: (503, "api_error"),
    errors.ProviderUnreached: (503, "api_error"),
    errors.ProviderUnknown: (502, "api_error"),
    errors.ProviderError: (502, "api_error"),
    PlatformBusy: (503, "api_error"),
    PlatformRefused: (502, "api_error"),
    TokenRejected: (502, "api_error"),
    AppMisconfigured: (502, "api_error"),
    QuotaReached: (503, "api_error"),
}
"""409 is kept for an idempotency key in flight: SDKs repeat a 409, and business conflicts must not be."""

_PROVIDER_MESSAGE: Final = "WeChat did not answer. Nothing was changed here; try again."
_HTTP_MESSAGES: Final = {
    404: "Unrecognized request URL. Objects live below /v1, for example /v1/payment_intents.",
    405: "This URL does not accept that method.",
    413: f"The body is larger than {BODY_BYTES_MAX} bytes.",
}
JSON_TYPE: Final = "application/json"
RETRY_AFTER_S: Final = 1


def envelope(status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None) -> Response:
    """An error answer."""
    body: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        body["code"] = code
    if param is not None:
        body["param"] = param
    request_id = request.environ[REQUEST_ID]
    if request_id is not None:
        body["request_id"] = request_id
    return Response(orjson.dumps({"error": body}), status=status, content_type=JSON_TYPE)


def status_of(error: errors.WxbackendError) -> tuple[int, str]:
    """The status and type of an error of ours; 500 for what should never reach a caller."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500, "api_error"


def of_rejection(error: errors.Rejected) -> Response:
    """The answer to a refused request."""
    status, kind = status_of(error)
    return envelope(status, kind, error.message, code=error.code, param=error.param)


def register(app: Flask) -> None:
    """Answer every failure of the application."""
    app.register_error_handler(errors.Rejected, of_rejection)
    app.register_error_handler(errors.Unavailable, _unavailable)
    app.register_error_handler(errors.ProviderError, _provider)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _unavailable(error: errors.Unavailable) -> Response:
    structlog.get_logger("api").error("unavailable", reason=error.reason)
    status, kind = status_of(error)
    answer = envelope(status, kind, error.message, code=error.code)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _provider(error: errors.ProviderError) -> Response:
    structlog.get_logger("api").warning("provider_failed", reason=str(error))
    status, kind = status_of(error)
    return envelope(status, kind, _PROVIDER_MESSAGE, code="provider_unavailable")


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    kind = "invalid_request_error" if status < 500 else "api_error"
    message = _HTTP_MESSAGES.get(status) or error.description or error.name
    answer = envelope(status, kind, message, code=_slug(error.name))
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            answer.headers[name] = value
    return answer


def _unexpected(error: Exception) -> Response:
    structlog.get_logger("api").exception("unexpected_error", kind=type(error).__name__)
    return envelope(500, "api_error", "Something went wrong on our side. Quote the request_id.", code="internal_error")


def _slug(name: str) -> str:
    return name.lower().replace(" ", "_")
