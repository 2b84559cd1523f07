"""Log-in of buyers: OAuth for official accounts, `wx.login` for mini programs. An openid never leaves the server."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson
from flask import Response, redirect, request

from wxbackend.api import authentication
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.payment_intents.routes import SESSION_COOKIE
from wxbackend.api.wechat_login import schemas
from wxbackend.domain.errors import Forbidden, Unauthenticated
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.finish_oauth import FinishOAuth, finish_oauth
from wxbackend.flows.log_in_mini_program import LogIn, log_in_mini_program, token_of
from wxbackend.flows.once import Once
from wxbackend.flows.sign_page import sign_page
from wxbackend.flows.start_oauth import StartOAuth, start_oauth
from wxbackend.ports.accounts import KeyKind

BROWSER_COOKIE: Final = "wx_browser"
BROWSER_COOKIE_LASTS_S: Final = 86_400
TOKEN_NOT_KEPT: Final = ""
OAUTH_PATH: Final = "/v1/wechat/oauth"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of log-in."""
    routes = Blueprint("wechat_login", __name__, url_prefix="/v1/wechat", description="Log-in of buyers")
    _mini_program(routes, deps)
    _oauth(routes, deps)
    _jssdk_config(routes, deps)
    return routes


def _mini_program(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post("/mini_program/login")
    @routes.arguments(schemas.LOGIN)
    @routes.response(200, schemas.SESSION)
    def mini_program(params: dict[str, Any]) -> Response:
        """Exchange a `wx.login` code for a session token; send it as Wx-Session when confirming."""
        authentication.authenticate(request, deps.accounts)
        actor = authentication.actor()
        once = once_of(request, actor)
        login = LogIn(params["code"], params.get("app_id"), token=token_of(deps, once, params["code"]))

        def run(claim: Once) -> dict[str, Any]:
            app, session = log_in_mini_program(deps, actor, login, once=claim)
            return {
                "object": "login_session",
                "token": TOKEN_NOT_KEPT,
                "app_id": app.appid,
                "expires_at": session.expires_ms,
                "livemode": session.livemode,
            }

        return _private(_with_token(answer_once(deps, once, run), login.token))


def _oauth(routes: Blueprint, deps: Dependencies) -> None:
    secure = deps.policy.public_url.startswith("https://")

    @routes.get("/oauth/start")
    @routes.arguments(schemas.START, location="query")
    @routes.response(302)
    def oauth_start(params: dict[str, Any]) -> Response:
        """Send the buyer's browser to WeChat; it comes back to `return_url` logged in."""
        actor = deps.accounts.actor(params["key"])
        if actor is None:
            raise Unauthenticated("This publishable key is not known here.", code="api_key_invalid", param="key")
        if actor.kind is not KeyKind.PUBLISHABLE:
            raise Forbidden(
                "A secret key must never stand in an address. Use the publishable key, and replace this secret key.",
                code="publishable_key_required",
                param="key",
            )
        browser = request.cookies.get(BROWSER_COOKIE) or deps.surroundings.token()
        command = StartOAuth(params["return_url"], params.get("app_id"), params["scope"], browser)
        answer = _private(redirect(start_oauth(deps, actor, command)))
        answer.set_cookie(
            BROWSER_COOKIE, browser, max_age=BROWSER_COOKIE_LASTS_S, path=OAUTH_PATH,
            secure=secure, httponly=True, samesite="Lax",
        )  # fmt: skip
        return answer

    @routes.get("/oauth/callback")
    @routes.arguments(schemas.CALLBACK, location="query")
    @routes.response(302)
    def oauth_callback(params: dict[str, Any]) -> Response:
        """Where WeChat sends the buyer back to; sets the login cookie and goes on to `return_url`."""
        browser = request.cookies.get(BROWSER_COOKIE, "")
        returned = finish_oauth(deps, FinishOAuth(params["code"], params["state"], browser))
        if returned.session is None:
            return _private(redirect(_with(returned.return_url, login_error=returned.error or "login_refused")))
        answer = _private(redirect(returned.return_url))
        answer.set_cookie(
            SESSION_COOKIE, returned.session.token, max_age=deps.policy.login_lasts_s, path="/",
            secure=secure, httponly=True, samesite="Lax",
        )  # fmt: skip
        return answer


def _jssdk_config(routes: Blueprint, deps: Dependencies) -> None:
    @routes.get("/jssdk_config")
    @routes.arguments(schemas.JSSDK, location="query")
    @routes.response(200, schemas.JSSDK_CONFIG)
    def jssdk_config(params: dict[str, Any]) -> Response:
        """Sign a page's address for `wx.config`; only for pages of ours and of the app's return_urls."""
        authentication.authenticate(request, deps.accounts)
        actor = authentication.actor()
        signed = sign_page(deps, actor, url=params["url"], app_id=params.get("app_id"))
        return _private(
            json_answer(
                {
                    "object": "jssdk_config",
                    "app_id": signed.app_id,
                    "timestamp": signed.timestamp_s,
                    "nonce": signed.nonce,
                    "signature": signed.signature,
                    "url": signed.url,
                    "livemode": actor.livemode,
                }
            )
        )


def _with_token(answer: Response, token: str) -> Response:
    """The token is put in at the door, so that an answer kept for its repetition holds none."""
    if answer.status_code == 200:
        answer.set_data(orjson.dumps(orjson.loads(answer.get_data()) | {"token": token}))
    return answer


def _private(answer: Any) -> Response:
    response: Response = answer
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _with(url: str, **added: str) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added.items()])
    return urlunsplit(parts._replace(query=query))
