"""What every answer has, whoever gives it: an id, a line in the log, a place in the figures.

It stands around the whole application, so that it costs the same few steps for a page, a call of the API and a
provider's notice.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog
from werkzeug.wrappers import Request

from wxbackend.domain import ids
from wxbackend.domain.errors import Unavailable
from wxbackend.flows.dependencies import Dependencies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID: Final = "wxbackend.request_id"
"""In the WSGI environment: how this request is called in the log, in its answer and in its error."""
ROUTE: Final = "wxbackend.route"
"""In the WSGI environment: the rule that took the request where it was not Flask's routing that chose."""
SAID: Final = "wxbackend.said"
"""In the WSGI environment: more words for the log line."""
REFUSED_BYTES_READ_MAX: Final = 1024 * 1024


class Recorder:
    """WSGI middleware that names, logs and counts each answer."""

    def __init__(self, application: WSGIApplication, deps: Dependencies) -> None:
        self._application = application
        self._deps = deps
        self._log = structlog.get_logger("api")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Go on, and record what is answered."""
        surroundings = self._deps.surroundings
        begun_ms = surroundings.now_ms()
        request_id = environ[REQUEST_ID] = self._name()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            number = int(status[:3])
            if number >= 400:
                read_the_rest(environ)
            if request_id is not None:
                headers.append(("Request-Id", request_id))
            if not any(name == "X-Content-Type-Options" for name, _ in headers):
                headers.append(("X-Content-Type-Options", "nosniff"))
            self._record(environ, number, request_id, surroundings.now_ms() - begun_ms)
            return start_response(status, headers, exc_info)

        return self._application(environ, start)

    def _name(self) -> str | None:
        """None while nobody gives numbers: a process that started without its database can still say that it lives."""
        try:
            return ids.render(ids.REQUEST, self._deps.surroundings.new_id())
        except Unavailable:
            return None

    def _record(self, environ: WSGIEnvironment, status: int, request_id: str | None, duration_ms: int) -> None:
        """The rule that matched is logged and counted, never the address: addresses may carry codes."""
        method, route = environ["REQUEST_METHOD"], _route(environ)
        self._log.info(
            "request",
            method=method,
            route=route,
            status=status,
            request_id=request_id,
            duration_ms=duration_ms,
            **environ.get(SAID, {}),
        )
        self._deps.counting.request(method=method, route=route or "none", status=status, duration_ms=duration_ms)


def _route(environ: WSGIEnvironment) -> str | None:
    named: str | None = environ.get(ROUTE)
    if named is not None:
        return named
    asked: Request | None = environ.get("werkzeug.request")
    rule = getattr(asked, "url_rule", None)
    return rule.rule if rule else None


def read_the_rest(environ: WSGIEnvironment) -> None:
    """Take in a body that was refused unread, unless it is huge: hanging up on its sender would lose the answer."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) <= REFUSED_BYTES_READ_MAX:
        # Whatever the HTTP server thinks of those bytes, the refusal stands.
        with suppress(Exception):
            environ["wsgi.input"].read(REFUSED_BYTES_READ_MAX)
