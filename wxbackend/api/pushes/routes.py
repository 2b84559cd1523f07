"""Where WeChat pushes messages and events of an app: `success` when it is kept, anything else makes it send again.

Reference: WeChat platform, message and event push. Nothing parses before the signature.
"""

from __future__ import annotations

from typing import Final

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from wxbackend.domain.errors import DatabaseAway, UnreadableMessage, Untrusted
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.receive_push import receive_push
from wxbackend.ports.accounts import App

PUSH_BYTES_MAX: Final = 64 * 1024
SUCCESS: Final = b"success"
_TEXT: Final = "text/plain; charset=utf-8"


def blueprint(deps: Dependencies) -> Blueprint:
    """`/pushes/wechat/<appid>`: one address for each app that has a push token in the settings."""
    routes = Blueprint("pushes", __name__, url_prefix="/pushes/wechat")

    @routes.get("/<appid>")
    def prove(appid: str) -> Response:
        app = _app(deps, appid)
        if app is None:
            return Response(status=404)
        try:
            echo = deps.identity.pushes.prove_address(app, request.args.to_dict())
        except Untrusted as error:
            return _refused(app, error)
        return Response(echo, content_type=_TEXT)

    @routes.post("/<appid>")
    def receive(appid: str) -> Response:
        app = _app(deps, appid)
        return Response(status=404) if app is None else _receive(deps, app)

    return routes


def _app(deps: Dependencies, appid: str) -> App | None:
    app = deps.accounts.app(appid)
    return app if app is not None and app.push_token else None


def _receive(deps: Dependencies, app: App) -> Response:
    log = structlog.get_logger("pushes")
    try:
        body = _body()
    except HTTPException as error:
        return Response(status=error.code)
    try:
        receive_push(deps, app, request.args.to_dict(), body)
    except Untrusted as error:
        return _refused(app, error)
    except DatabaseAway as away:
        log.warning("push_not_stored", appid=app.appid, reason=away.reason)
        return Response(status=503)
    except Exception:
        # Whatever it is, WeChat must send again.
        log.exception("push_not_stored", appid=app.appid)
        return Response(status=500)
    return Response(SUCCESS, content_type=_TEXT)


def _body() -> bytes:
    """The whole body; one without a length that is too long comes cut, so it is measured."""
    request.max_content_length = PUSH_BYTES_MAX + 1
    body = request.get_data(cache=False)
    if len(body) > PUSH_BYTES_MAX:
        raise RequestEntityTooLarge
    return body


def _refused(app: App, error: Untrusted) -> Response:
    structlog.get_logger("pushes").warning("push_refused", appid=app.appid, reason=str(error))
    return Response(status=400 if isinstance(error, UnreadableMessage) else 403)
