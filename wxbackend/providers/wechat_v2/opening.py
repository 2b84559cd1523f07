"""What opens an order of each product of API v2: the field its answer brings, how long that lasts, what to hand on.

`wire.TRADE_TYPES` says which product a terminal is; everything else about an order is the same for all of them
(reference: WeChat Pay API v2, unifiedorder, and the invocation of the cashier).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.next_action import QR_TEXT
from wxbackend.domain.observation import Opened
from wxbackend.providers.wechat_v2 import signing, wire

MARGIN_MS: Final = 60_000
"""What is shown to a buyer is good for at least this long."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When the parameters are signed, under which nonce, with which key, and how."""

    now_ms: int
    nonce: str
    key: str = field(repr=False)
    sign_type: str

    @property
    def timestamp(self) -> str:
        """Unix seconds, as text."""
        return str(self.now_ms // 1000)

    def sign(self, params: Mapping[str, str]) -> str:
        """The signature over what the front end is handed; its kind is the order's."""
        return signing.sign(params, key=self.key, sign_type=self.sign_type)


@dataclass(frozen=True, slots=True)
class Opening:
    """One product."""

    member: str
    lasts_ms: int
    hand_on: Callable[[Attempt, str, Stamp], Mapping[str, str]]


def read(attempt: Attempt, answer: Mapping[str, str], stamp: Stamp) -> Opened:
    """What the answer to an order opened; raises `UnreadableMessage`."""
    opening = OPENINGS[wire.TRADE_TYPES[attempt.terminal]]
    handle = wire.required_text(answer, opening.member)
    until = min(attempt.expires_ms, stamp.now_ms + opening.lasts_ms) - MARGIN_MS
    return Opened(handle, opening.hand_on(attempt, handle, stamp), until)


def _in_wechat(attempt: Attempt, handle: str, stamp: Stamp) -> dict[str, str]:
    """What getBrandWCPayRequest and wx.requestPayment take."""
    params = {
        "appId": attempt.app,
        "timeStamp": stamp.timestamp,
        "nonceStr": stamp.nonce,
        "package": f"prepay_id={handle}",
        "signType": stamp.sign_type,
    }
    return params | {"paySign": stamp.sign(params)}


def _in_app(attempt: Attempt, handle: str, stamp: Stamp) -> dict[str, str]:
    """What the OpenSDK's PayReq takes: all names in lower case, and no signature type among them."""
    params = {
        "appid": attempt.app,
        "partnerid": attempt.merchant,
        "prepayid": handle,
        "package": "Sign=WXPay",
        "noncestr": stamp.nonce,
        "timestamp": stamp.timestamp,
    }
    return params | {"sign": stamp.sign(params)}


def _as_code(_attempt: Attempt, handle: str, _stamp: Stamp) -> dict[str, str]:
    """The text of the QR code, for WeChat's scanner."""
    return {QR_TEXT: handle}


def _as_page(attempt: Attempt, handle: str, _stamp: Stamp) -> dict[str, str]:
    """WeChat's page for a browser outside WeChat, told where to send the buyer afterwards."""
    parts = urlsplit(handle)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UnreadableMessage("mweb_url is not a web address")
    if attempt.return_url is None:
        return {"url": handle}
    return {"url": f"{handle}{'&' if parts.query else '?'}redirect_url={quote(attempt.return_url, safe='')}"}


OPENINGS: Final = {
    "JSAPI": Opening("prepay_id", 7_200_000, _in_wechat),
    "APP": Opening("prepay_id", 7_200_000, _in_app),
    "NATIVE": Opening("code_url", 7_200_000, _as_code),
    "MWEB": Opening("mweb_url", 300_000, _as_page),
}
