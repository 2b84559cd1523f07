"""The authorize page a buyer's browser visits in WeChat: it redirects with a code, asks first, or shows an error."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Response, request
from markupsafe import escape

from wxbackend.simulators.buyers import Buyer
from wxbackend.simulators.wechat_platform.logins import OAUTH, SCOPES
from wxbackend.simulators.world import World

BUYER_COOKIE = "sim_buyer"
PATH = "/connect/oauth2/authorize"
# WeChat matches the query by its order (reference: WeChat web OAuth).
PARAMETERS = ("appid", "redirect_uri", "response_type", "scope", "state")
OPTIONAL = ("forcePopup", "forceSnapShot", "connect_redirect")
STATE = re.compile(r"[a-zA-Z0-9]{0,128}")
# Page errors: reference, WeChat web OAuth error pages.
ERRORS = {
    10003: "redirect_uri域名与后台配置不一致",
    10005: "该公众号没有这些scope的权限",
    10010: "scope不能为空",
    10011: "redirect_uri不能为空",
    10012: "appid不能为空",
    10013: "state不能为空或格式错误",
    10016: "不支持微信开放平台的AppID，请使用公众号AppID",
    -1: "参数错误，请检查参数的顺序和取值",
}
PAGE = (
    "<!doctype html><html lang=zh-CN><meta charset=utf-8><title>微信登录（模拟）</title>"
    "<meta name=viewport content='width=device-width'><body>{}</body></html>"
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A well-formed visit to the authorize page."""

    appid: str
    redirect_uri: str
    scope: str
    state: str


class PageError(Exception):
    """The page shows an error instead of going on."""

    def __init__(self, number: int) -> None:
        super().__init__(str(number))
        self.number = number


def add_to(pages: Blueprint, world: World) -> None:
    """Add the authorize page to the platform's paths."""

    @pages.route(PATH, methods=["GET", "POST"])
    def authorize() -> Response:
        try:
            visit = read_visit(world, request.query_string.decode("ascii", "replace"))
        except PageError as error:
            text = ERRORS[error.number]
            number = "" if error.number < 0 else f"（错误码 {error.number}）"
            return _page(f"<h1>{escape(text)}{number}</h1>")
        buyer = logged_in(world, request.cookies)
        if visit.scope == "snsapi_base":
            return _send_back(world, visit, buyer)
        if request.method == "GET":
            return _consent_page(visit, buyer)
        if request.form.get("decision") == "allow":
            return _send_back(world, visit, buyer)
        return _page("<h1>你已拒绝授权</h1>")


def read_visit(world: World, query: str) -> Visit:
    """Check a query string as the page does. Raises PageError."""
    pairs = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in pairs]
    given = dict(pairs)
    missing = {"appid": 10012, "redirect_uri": 10011, "scope": 10010}
    for name, number in missing.items():
        if not given.get(name):
            raise PageError(number)
    known = [name for name in names if name in PARAMETERS]
    expected = [name for name in PARAMETERS if name in given]
    others = [name for name in names if name not in PARAMETERS]
    if known != expected or not set(others) <= set(OPTIONAL) or len(given) != len(pairs):
        raise PageError(-1)
    if given.get("response_type") != "code":
        raise PageError(-1)
    if not STATE.fullmatch(given.get("state", "")):
        raise PageError(10013)
    app = world.credentials.app(given["appid"])
    if app is None or app.kind != "official_account":
        raise PageError(10016 if app else -1)
    if given["scope"] not in SCOPES or given["scope"] not in world.oauth_rights.scopes(app.appid):
        raise PageError(10005)
    if not _domain_fits(given["redirect_uri"], world.oauth_rights.domain(app.appid)):
        raise PageError(10003)
    return Visit(app.appid, given["redirect_uri"], given["scope"], given.get("state", ""))


def logged_in(world: World, cookies: Mapping[str, str]) -> Buyer:
    """The buyer whose WeChat this browser is: the cookie's, else the default one."""
    return world.buyers.get(cookies.get(BUYER_COOKIE, "")) or world.buyers.default()


def _domain_fits(redirect_uri: str, domain: str | None) -> bool:
    try:
        parts = urlsplit(redirect_uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        return False
    if domain is not None:
        return host == domain.lower() and port in (None, 80, 443)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _send_back(world: World, visit: Visit, buyer: Buyer) -> Response:
    snapshot = buyer.snapshot or world.mischief.take_platform("oauth_snapshot") is not None
    code = world.logins.issue(kind=OAUTH, appid=visit.appid, buyer=buyer, scope=visit.scope, snapshot=snapshot)
    base, _, fragment = visit.redirect_uri.partition("#")
    joint = "&" if "?" in base else "?"
    url = f"{base}{joint}code={code}&state={visit.state}" + (f"#{fragment}" if fragment else "")
    world.logins.remember_callback(url)
    return Response(b"", 302, headers={"Location": url, "Cache-Control": "no-store"})


def _consent_page(visit: Visit, buyer: Buyer) -> Response:
    return _page(
        f"<h1>申请获得你的公开信息</h1><p>{escape(visit.appid)}</p><p>{escape(buyer.name)}</p>"
        "<form method=post>"
        "<button name=decision value=allow>允许</button> "
        "<button name=decision value=deny>拒绝</button></form>"
    )


def _page(body: str) -> Response:
    return Response(PAGE.format(body), 200, content_type="text/html; charset=utf-8")
