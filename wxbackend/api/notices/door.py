"""Where providers send notices: raw bytes in, the provider's own yes or no out; nothing parses before the signature.

A notice needs none of what Flask does for a call of the API, and there are more of them than of anything else on a
busy day, so this door stands before Flask.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import structlog
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import get_input_stream

from wxbackend.api.recording import ROUTE, SAID
from wxbackend.domain.errors import DatabaseAway
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.receive_notice import KEPT_HEADERS, receive_notice
from wxbackend.ports.provider import Acknowledgement, Provider

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NOTICE_BYTES_MAX: Final = 1_100_000
"""WeChat's ciphertext may have 1 MiB (reference: notice envelope); the envelope comes on top."""

ADDRESS: Final = "/notices/"
RULE: Final = "/notices/<provider_name>/<merchant>"
_HEADERS: Final = [
    (name, "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}")
    for name in KEPT_HEADERS
]
_STATUS_LINES: Final = {status: f"{status} {phrase}" for status, phrase in HTTP_STATUS_CODES.items()}


class NoticeDoor:
    """`/notices/<provider>/<merchant>`: one address for each merchant's number, without a query.

    Every other address is the other application's.
    """

    def __init__(self, otherwise: WSGIApplication, deps: Dependencies) -> None:
        self._otherwise = otherwise
        self._deps = deps
        self._log = structlog.get_logger("notices")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Take a notice, or pass the request on."""
        provider = self._addressed(environ.get("PATH_INFO", ""))
        if provider is None:
            return self._otherwise(environ, start_response)
        environ[ROUTE] = RULE
        if environ["REQUEST_METHOD"] != "POST":
            return _bare(405, start_response, ("Allow", "POST"))
        try:
            body = get_input_stream(environ, max_content_length=NOTICE_BYTES_MAX).read()
        except HTTPException as refused:  # too large, or cut off on the way
            return _bare(refused.code or 400, start_response)
        answer = self._received(environ, provider, body)
        headers = list(answer.headers.items())
        if answer.body:
            headers.append(("Content-Length", str(len(answer.body))))
        start_response(_STATUS_LINES[answer.status], headers)
        return (answer.body,)

    def _addressed(self, path: str) -> Provider | None:
        if not path.startswith(ADDRESS):
            return None
        name, _, merchant = path[len(ADDRESS) :].partition("/")
        return self._deps.providers.of(name, merchant)

    def _received(self, environ: WSGIEnvironment, provider: Provider, body: bytes) -> Acknowledgement:
        log = self._log
        try:
            received = receive_notice(self._deps, provider, _headers(environ), body)
        except DatabaseAway as away:
            log.warning("notice_not_stored", merchant=provider.merchant, reason=away.reason)
            return _send_again(provider, 503)
        except Exception:
            # Whatever it is, WeChat must send again.
            log.exception("notice_not_stored", merchant=provider.merchant)
            return _send_again(provider, 500)
        environ[SAID] = received.told
        return received.answer


def _bare(status: int, start_response: StartResponse, *headers: tuple[str, str]) -> Iterable[bytes]:
    start_response(_STATUS_LINES[status], [*headers, ("Content-Length", "0")])
    return ()


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """What came with the notice and says anything about it, under lower-case names."""
    return {name: environ[key] for name, key in _HEADERS if key in environ}


def _send_again(provider: Provider, status: int) -> Acknowledgement:
    """No, in the provider's own words, because it could not be stored."""
    refused = provider.acknowledge(accepted=False)
    return Acknowledgement(status, refused.headers, refused.body)
