"""What an order of each terminal is asked for and what opens it: where to post, how long it lasts, what to hand on.

JSAPI (official accounts and mini programs), Native, H5 and App orders differ in one member of the request and one of
the answer (doc/v3/merchant/4012791856, 4012525171, 4012525153); the rest of their lives is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.next_action import QR_TEXT
from wxbackend.domain.observation import Opened
from wxbackend.domain.terminal import Terminal
from wxbackend.providers.wechat_v3 import signing, wire

MARGIN_MS: Final = 60_000
"""What is shown to a buyer is good for at least this long."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When the parameters are signed, under which nonce, with which key, and whose key that is."""

    now_ms: int
    nonce: str
    key: RSAPrivateKey
    signer: str

    @property
    def timestamp(self) -> str:
        """Unix seconds, as text."""
        return str(self.now_ms // 1000)


@dataclass(frozen=True, slots=True)
class Opening:
    """One product: the member that its answer holds, how long that lasts, and what the front end is handed."""

    member: str
    lasts_ms: int
    hand_on: Callable[[Attempt, str, Stamp], Mapping[str, str]]


def read(
    attempt: Attempt, answer: dict[str, Any], stamp: Stamp, *, openings: Mapping[Terminal, Opening] | None = None
) -> Opened:
    """What the answer to an order opened; raises `UnreadableMessage`. The global API has `openings` of its own."""
    opening = (openings or OPENINGS)[attempt.terminal]
    handle = wire.required_text(answer, opening.member)
    until = min(attempt.expires_ms, stamp.now_ms + opening.lasts_ms) - MARGIN_MS
    return Opened(handle, opening.hand_on(attempt, handle, stamp), until)


def _in_wechat(attempt: Attempt, handle: str, stamp: Stamp) -> dict[str, str]:
    """What getBrandWCPayRequest and wx.requestPayment take (doc/v3/merchant/4012365341)."""
    package = f"prepay_id={handle}"
    return {
        "appId": attempt.app,
        "timeStamp": stamp.timestamp,
        "nonceStr": stamp.nonce,
        "package": package,
        "signType": "RSA",
        "paySign": _signature(attempt, package, stamp),
    }


def _in_app(attempt: Attempt, handle: str, stamp: Stamp) -> dict[str, str]:
    """What the OpenSDK's PayReq takes; the bare prepay_id is signed (doc/v3/merchant/4012365341)."""
    return {
        "appid": attempt.app,
        "partnerid": stamp.signer,
        "prepayid": handle,
        "package": "Sign=WXPay",
        "noncestr": stamp.nonce,
        "timestamp": stamp.timestamp,
        "sign": _signature(attempt, handle, stamp),
    }


def _signature(attempt: Attempt, package: str, stamp: Stamp) -> str:
    return signing.cashier_signature(
        stamp.key, appid=attempt.app, timestamp=stamp.timestamp, nonce=stamp.nonce, package=package
    )


def _as_code(_attempt: Attempt, handle: str, _stamp: Stamp) -> dict[str, str]:
    """The text of the QR code, for WeChat's scanner (doc/v3/merchant/4012525171)."""
    return {QR_TEXT: handle}


def _as_page(attempt: Attempt, handle: str, _stamp: Stamp) -> dict[str, str]:
    """WeChat's page, told where to send the buyer afterwards (doc/v3/merchant/4012525153)."""
    parts = urlsplit(handle)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UnreadableMessage("the page's address is not a web address")
    if attempt.return_url is None:
        return {"url": handle}
    return {"url": f"{handle}{'&' if parts.query else '?'}redirect_url={quote(attempt.return_url, safe='')}"}


_IN_WECHAT: Final = Opening("prepay_id", 7_200_000, _in_wechat)
OPENINGS: Final = {
    Terminal.OFFICIAL_ACCOUNT: _IN_WECHAT,
    Terminal.MINI_PROGRAM: _IN_WECHAT,
    Terminal.WEB: Opening("code_url", 7_200_000, _as_code),
    Terminal.WAP: Opening("h5_url", 300_000, _as_page),
    Terminal.APP: Opening("prepay_id", 7_200_000, _in_app),
}
