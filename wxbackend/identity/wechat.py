"""OAuth of official accounts, `wx.login` of mini programs, and the signature of JS-SDK pages.

wechatpy spells the authorize URL; the code exchange is ours, because wechatpy's has no time limit.
Secrets travel in the query, as WeChat demands, so no URL of this room is ever logged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

from wechatpy.oauth import WeChatOAuth

from wxbackend.domain.errors import ProviderUnknown
from wxbackend.identity.answers import read_object, tell
from wxbackend.identity.errcodes import Policy, policy_of
from wxbackend.identity.jssdk import JsapiTickets, page_signature
from wxbackend.identity.tokens import platform_hosts
from wxbackend.ports.accounts import App
from wxbackend.ports.identity import Identity, LoginRefused
from wxbackend.ports.order_shipping import OrderDesk
from wxbackend.ports.provider import Exchange, Reply, Transport
from wxbackend.ports.pushes import PushReader

AUTHORIZE_URL: Final = "https://open.weixin.qq.com"
SCOPES: Final = ("snsapi_base", "snsapi_userinfo")

# errcode → our code and what the developer can do about it (reference: WeChat platform errcodes).
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    40029: ("code_invalid", "WeChat does not know this code. Start the log-in again for a new one."),
    40163: ("code_used", "This code was used before. Start the log-in again for a new one."),
    42003: ("code_expired", "This code is older than five minutes. Start the log-in again."),
    41008: ("code_missing", "No code was sent."),
    40226: ("user_blocked", "WeChat blocks this user for risk; nobody but WeChat can change that."),
    45011: ("too_many_logins", "This user logs in too often; wait a minute."),
    40013: ("app_misconfigured", "WeChat does not know the app. The shop has to check its settings."),
    40125: ("app_misconfigured", "The app's secret is wrong. The shop has to check its settings."),
    41002: ("app_misconfigured", "The appid is missing. The shop has to check its settings."),
    41004: ("app_misconfigured", "The app's secret is missing. The shop has to check its settings."),
    40164: ("app_misconfigured", "This server's address is not on the app's IP list at WeChat."),
}
_BUSY: Final = -1


class WeChatIdentity:
    """See `ports.identity.IdentityProvider`."""

    def __init__(
        self,
        transport: Transport,
        tickets: JsapiTickets,
        *,
        orders: OrderDesk | None = None,
        pushes: PushReader | None = None,
    ) -> None:
        self._transport = transport
        self._tickets = tickets
        self._orders = orders
        self._pushes = pushes

    @property
    def orders(self) -> OrderDesk:
        """Order management of mini programs."""
        assert self._orders is not None, "put together without order management"
        return self._orders

    @property
    def pushes(self) -> PushReader:
        """What the platform pushes."""
        assert self._pushes is not None, "put together without pushes"
        return self._pushes

    def authorize_url(self, app: App, *, callback_url: str, scope: str, state: str) -> str:
        """The page at WeChat; the order of its parameters matters there, and wechatpy keeps it."""
        oauth = WeChatOAuth(app.appid, app.secret, callback_url, scope=scope, state=state)
        url: str = oauth.authorize_url
        assert url.startswith(AUTHORIZE_URL)
        return (app.authorize_url or AUTHORIZE_URL) + url.removeprefix(AUTHORIZE_URL)

    def exchange_oauth_code(self, app: App, code: str) -> Identity:
        """`GET /sns/oauth2/access_token`."""
        asked = {"appid": app.appid, "secret": app.secret, "code": code, "grant_type": "authorization_code"}
        return self._login(app, "oauth_code", "/sns/oauth2/access_token", asked)

    def exchange_mini_program_code(self, app: App, code: str) -> Identity:
        """`GET /sns/jscode2session`; the session_key in its answer is dropped here."""
        asked = {
            "appid": app.appid,
            "secret": app.secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        return self._login(app, "mini_program_code", "/sns/jscode2session", asked)

    def sign_page(self, app: App, *, url: str, nonce: str, timestamp_s: int) -> str:
        """Sign with the ticket that all processes share."""
        return page_signature(self._tickets.ticket(app), nonce=nonce, timestamp_s=timestamp_s, url=url)

    def _login(self, app: App, purpose: str, path: str, asked: Mapping[str, str]) -> Identity:
        hosts = platform_hosts(app)
        target = f"{path}?{urlencode(asked)}"
        read: Callable[[Reply], Identity] = partial(_read_identity, purpose, app.appid)
        return self._transport.send(Exchange(purpose, "GET", hosts, target, {"Accept": "application/json"}, b"", read))


def _read_identity(purpose: str, appid: str, reply: Reply) -> Identity:
    answer = read_object(reply, "a log-in")
    errcode = answer.get("errcode", 0)
    if errcode == _BUSY:
        raise ProviderUnknown("WeChat is busy (errcode -1)")
    if errcode:
        refused = ("login_refused", f"WeChat refused the log-in (errcode {errcode}).")
        if policy_of(errcode) is Policy.FATAL:
            tell(errcode, str(answer.get("errmsg", "")), purpose=purpose, appid=appid)
            refused = (
                "app_misconfigured",
                f"WeChat refuses the app (errcode {errcode}). The shop has to look into it.",
            )
        code, message = _REFUSALS.get(errcode, refused)
        raise LoginRefused(code, message, errcode=errcode)
    openid = answer.get("openid")
    if not isinstance(openid, str) or not openid:
        raise ProviderUnknown("WeChat's answer names no openid")
    unionid = answer.get("unionid")
    return Identity(
        openid=openid,
        unionid=unionid if isinstance(unionid, str) else None,
        is_snapshot=answer.get("is_snapshotuser") == 1,
    )
