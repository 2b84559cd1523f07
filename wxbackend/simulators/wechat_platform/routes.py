"""The platform's API paths that backends call: web login, mini program login and access tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from flask import Blueprint, Response, request

from wxbackend.simulators.buyers import Buyer
from wxbackend.simulators.wechat_platform import logins, oauth_pages
from wxbackend.simulators.wechat_platform.answers import (
    PlatformError,
    answer,
    check_app,
    check_busy,
    check_grant,
    error_answer,
)
from wxbackend.simulators.wechat_platform.logins import CodeRefusedError, WebSession
from wxbackend.simulators.wechat_platform.tokens import QuotaReachedError
from wxbackend.simulators.world import World

Work = Callable[[World], dict[str, object]]


def blueprint(world: World) -> Blueprint:
    """Everything that api.weixin.qq.com and open.weixin.qq.com answer here."""
    pages = Blueprint("wechat_platform", __name__)
    works: list[tuple[str, str, Work]] = [
        ("GET", "/sns/oauth2/access_token", _access_token),
        ("GET", "/sns/oauth2/refresh_token", _refresh_token),
        ("GET", "/sns/userinfo", _userinfo),
        ("GET", "/sns/auth", _auth),
        ("GET", "/sns/jscode2session", _jscode2session),
        ("GET", "/cgi-bin/token", _classic_token),
        ("POST", "/cgi-bin/stable_token", _stable_token),
        ("GET", "/cgi-bin/ticket/getticket", _jsapi_ticket),
        ("GET", "/cgi-bin/get_api_domain_ip", _api_domain_ip),
    ]
    for method, path, work in works:
        pages.add_url_rule(path, path.replace(".", "_"), _view(world, work), methods=[method])
    oauth_pages.add_to(pages, world)
    return pages


def _view(world: World, work: Work) -> Callable[[], Response]:
    def view() -> Response:
        try:
            check_busy(world)
            return answer(work(world))
        except (CodeRefusedError, QuotaReachedError) as refused:
            return error_answer(PlatformError(refused.errcode))
        except PlatformError as error:
            return error_answer(error)

    return view


def _access_token(world: World) -> dict[str, object]:
    app = check_app(world, request.args, "official_account")
    code = _code_given("code")
    check_grant(request, "authorization_code")
    redeemed = world.logins.redeem(code, kind=logins.OAUTH, appid=app.appid)
    return _session_view(world.logins.open_session(redeemed, _buyer(world, redeemed.buyer_id)))


def _refresh_token(world: World) -> dict[str, object]:
    appid = request.args.get("appid")
    if not appid:
        raise PlatformError(41002)
    check_grant(request, "refresh_token")
    token = request.args.get("refresh_token")
    if not token:
        raise PlatformError(41003)
    view = _session_view(world.logins.refresh(token, appid))
    view.pop("is_snapshotuser", None)
    return view


def _userinfo(world: World) -> dict[str, object]:
    session = _web_session(world)
    if session.scope != "snsapi_userinfo":
        raise PlatformError(48001)
    name = "微信用户" if session.snapshot else _buyer(world, session.buyer_id).name
    return {
        "openid": session.openid,
        "nickname": name,
        "sex": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "privilege": [],
    }


def _auth(world: World) -> dict[str, object]:
    _web_session(world)
    return {"errcode": 0, "errmsg": "ok"}


def _jscode2session(world: World) -> dict[str, object]:
    app = check_app(world, request.args, "mini_program")
    code = _code_given("js_code")
    check_grant(request, "authorization_code")
    redeemed = world.logins.redeem(code, kind=logins.MINI_PROGRAM, appid=app.appid)
    buyer = _buyer(world, redeemed.buyer_id)
    if buyer.risky:
        raise PlatformError(40226)
    if not world.logins.allow_mini_login(app.appid, buyer.id):
        raise PlatformError(45011)
    openid = buyer.openids[app.appid]
    return {"session_key": world.logins.new_session_key(app.appid, openid), "openid": openid}


def _classic_token(world: World) -> dict[str, object]:
    check_grant(request, "client_credential")
    app = check_app(world, request.args)
    value, expires_in = world.tokens.classic(app.appid)
    _dawdle(world)
    return {"access_token": value, "expires_in": expires_in}


def _stable_token(world: World) -> dict[str, object]:
    try:
        given = json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise PlatformError(47001) from error
    if not isinstance(given, dict):
        raise PlatformError(47001)
    if given.get("grant_type") != "client_credential":
        raise PlatformError(40002)
    force = given.get("force_refresh", False)
    if not isinstance(force, bool):
        raise PlatformError(47001)
    app = check_app(world, given)
    refused = world.mischief.take_platform("token_refused")
    if refused:
        raise PlatformError(int(refused.amount))
    value, expires_in = world.tokens.stable(app.appid, force=force)
    _dawdle(world)
    return {"access_token": value, "expires_in": expires_in}


def _dawdle(world: World) -> None:
    """The token is made, and its answer on the way for as long as the mischief `token_slow_s` says."""
    slow = world.mischief.take_platform("token_slow_s")
    if slow:
        time.sleep(slow.amount)


def _jsapi_ticket(world: World) -> dict[str, object]:
    token = request.args.get("access_token")
    errcode = world.tokens.verdict(token)
    if errcode:
        raise PlatformError(errcode)
    app = world.credentials.app(world.tokens.owner(str(token)))
    if app is None or app.kind != "official_account":
        raise PlatformError(48001)
    if request.args.get("type") != "jsapi":
        raise PlatformError(40097)
    value, expires_in = world.tokens.ticket(app.appid)
    return {"errcode": 0, "errmsg": "ok", "ticket": value, "expires_in": expires_in}


def _api_domain_ip(world: World) -> dict[str, object]:
    errcode = world.tokens.verdict(request.args.get("access_token"))
    if errcode:
        raise PlatformError(errcode)
    return {"ip_list": ["127.0.0.1"]}


def _code_given(name: str) -> str:
    code = request.args.get(name)
    if not code:
        raise PlatformError(41008)
    return code


def _web_session(world: World) -> WebSession:
    token = request.args.get("access_token")
    if not token:
        raise PlatformError(41001)
    return world.logins.session(token, request.args.get("openid", ""))


def _session_view(session: WebSession) -> dict[str, object]:
    view: dict[str, object] = {
        "access_token": session.access_token,
        "expires_in": logins.TOKEN_LIFETIME_S,
        "refresh_token": session.refresh_token,
        "openid": session.openid,
        "scope": session.scope,
    }
    if session.snapshot:
        view["is_snapshotuser"] = 1
    return view


def _buyer(world: World, buyer_id: str) -> Buyer:
    buyer = world.buyers.get(buyer_id)
    if buyer is None:
        raise PlatformError(40029)
    return buyer
