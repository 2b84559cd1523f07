"""Sign a page's address, so that WeChat's JS-SDK works on it: only for pages of ours and of the app's list."""

from __future__ import annotations

from dataclasses import dataclass

from wxbackend.domain.errors import InvalidRequest, Unavailable
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.choose_app import choose_app
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.start_oauth import check_return_url
from wxbackend.ports.accounts import Actor
from wxbackend.ports.identity import AppMisconfigured, QuotaReached


@dataclass(frozen=True, slots=True)
class SignedPage:
    """What `wx.config` wants; the time is in Unix seconds, as WeChat wants it."""

    app_id: str
    url: str
    timestamp_s: int
    nonce: str
    signature: str


def sign_page(deps: Dependencies, actor: Actor, *, url: str, app_id: str | None) -> SignedPage:
    """The parameters for one page; raises `InvalidRequest` for an address that is nobody's here."""
    app = choose_app(deps, actor, AppKind.OFFICIAL_ACCOUNT, app_id)
    check_return_url(deps, app, url, param="url")
    page, _, _ = url.partition("#")
    nonce, timestamp_s = deps.surroundings.nonce(), deps.surroundings.now_ms() // 1000
    try:
        signature = deps.identity.sign_page(app, url=page, nonce=nonce, timestamp_s=timestamp_s)
    except AppMisconfigured as error:
        raise InvalidRequest(
            f"WeChat refuses the app {app.appid} (errcode {error.errcode}). The shop has to check its settings.",
            code="app_misconfigured",
        ) from error
    except QuotaReached as error:
        raise Unavailable(
            f"WeChat lets the app {app.appid} ask no more for now (errcode {error.errcode}).",
            code="wechat_quota_reached",
        ) from error
    return SignedPage(app.appid, page, timestamp_s, nonce, signature)
