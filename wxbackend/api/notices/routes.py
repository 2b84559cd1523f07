"""Where providers send notices: raw bytes in, the provider's own yes or no out; nothing parses before the signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from wxbackend.domain.errors import DatabaseAway
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.receive_notice import receive_notice
from wxbackend.ports.provider import Provider

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

NOTICE_BYTES_MAX: Final = 1_100_000
"""WeChat's ciphertext may have 1 MiB (reference: notice envelope); the envelope comes on top."""

_HEADER: Final = "HTTP_"


def blueprint(deps: Dependencies) -> Blueprint:
    """`/notices/<provider>/<merchant>`: one address for each merchant's number, without a query."""
    log = structlog.get_logger("notices")
    routes = Blueprint("notices", __name__, url_prefix="/notices")

    @routes.post("/<provider_name>/<merchant>")
    def receive(provider_name: str, merchant: str) -> Response:
        provider = deps.providers.of(provider_name, merchant)
        if provider is None:
            return Response(status=404)
        request.max_content_length = NOTICE_BYTES_MAX
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return Response(status=413)
        headers = _headers(request.environ)
        try:
            answer = receive_notice(deps, provider, headers, body)
        except DatabaseAway as away:
            log.warning("notice_not_stored", merchant=merchant, reason=away.reason)
            return _send_again(provider, 503)
        except Exception:
            # Whatever it is, WeChat must send again.
            log.exception("notice_not_stored", merchant=merchant)
            return _send_again(provider, 500)
        return Response(answer.body, status=answer.status, headers=dict(answer.headers))

    return routes


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """What came with the notice, under lower-case names."""
    found = {
        name[len(_HEADER) :].lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith(_HEADER)
    }
    found["content-type"] = environ.get("CONTENT_TYPE", "")
    return found


def _send_again(provider: Provider, status: int) -> Response:
    """No, in the provider's own words, because it could not be stored."""
    refused = provider.acknowledge(accepted=False)
    return Response(refused.body, status=status, headers=dict(refused.headers))
