"""Made-up notices of API v2: lies under the right key, and truths under a wrong one or none."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wxbackend.simulators.clock import compact
from wxbackend.simulators.credentials import OFFICIAL_ACCOUNT_APPID
from wxbackend.simulators.wechat_pay.delivery import Reply, Sender
from wxbackend.simulators.wechat_pay.notices import xml_headers
from wxbackend.simulators.wechat_pay.orders import paid_copy
from wxbackend.simulators.wechat_pay.refunds import PROCESSING, SUCCESS
from wxbackend.simulators.wechat_pay.signing import make_nonce
from wxbackend.simulators.wechat_pay.v2.notices import (
    ANOTHER_KEY,
    NONCE_CHARACTERS,
    payment_content,
    refund_body,
    refund_content,
)
from wxbackend.simulators.wechat_pay.v2.signing import MD5, SIGN_TYPES, signed
from wxbackend.simulators.wechat_pay.v2.xml import document
from wxbackend.simulators.world import World

SIGNS = ("valid", "none", "wrong_key")


@dataclass(frozen=True, slots=True)
class ForgeryV2:
    """What the forged notice shall be: about a refund where `out_refund_no` is given, else about a payment.

    `overrides` go into what is signed or sealed; an empty text removes a field. A refund's notice has no signature:
    there `sign` says under which key it is sealed.
    """

    url: str
    sign: str = "valid"
    sign_type: str = MD5
    out_trade_no: str = ""
    out_refund_no: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    raw_body: str | None = None

    def __post_init__(self) -> None:
        if self.sign not in SIGNS or self.sign_type not in SIGN_TYPES:
            raise ValueError(f"sign is one of {', '.join(SIGNS)}, sign_type one of {', '.join(sorted(SIGN_TYPES))}")


def forge(world: World, forgery: ForgeryV2, sender: Sender) -> Reply:
    """Send one forged notice and give the receiver's answer; the world's own books do not change."""
    return sender.post(forgery.url, _body(world, forgery), xml_headers())


def _body(world: World, forgery: ForgeryV2) -> bytes:
    if forgery.raw_body is not None:
        return forgery.raw_body.encode()
    key = ANOTHER_KEY if forgery.sign == "wrong_key" else world.credentials.apiv2_key
    if forgery.out_refund_no:
        content = _changed(_refund(world, forgery), forgery)
        return refund_body(content, _appid(world, forgery), world.credentials, key=key)
    fields = _changed(_payment(world, forgery), forgery)
    return document(fields if forgery.sign == "none" else signed(fields, key, forgery.sign_type))


def _changed(fields: Mapping[str, str], forgery: ForgeryV2) -> dict[str, str]:
    return {name: value for name, value in {**fields, **forgery.overrides}.items() if value}


def _appid(world: World, forgery: ForgeryV2) -> str:
    refund = world.refunds.find(forgery.out_refund_no)
    return world.orders.get(refund.out_trade_no).request.appid if refund else OFFICIAL_ACCOUNT_APPID


def _payment(world: World, forgery: ForgeryV2) -> dict[str, str]:
    order = world.orders.find(forgery.out_trade_no)
    if order is not None:
        paid = order if order.paid else paid_copy(order, openid=order.request.openid or "", now=world.clock.now())
        return payment_content(paid, world.credentials)
    return {
        "return_code": "SUCCESS",
        "result_code": "SUCCESS",
        "appid": OFFICIAL_ACCOUNT_APPID,
        "mch_id": world.credentials.mchid,
        "nonce_str": make_nonce(NONCE_CHARACTERS),
        "openid": world.buyers.default().openids[OFFICIAL_ACCOUNT_APPID],
        "trade_type": "JSAPI",
        "total_fee": "1",
        "fee_type": "CNY",
        "transaction_id": f"4200009999{secrets.randbelow(10**18):018d}",
        "out_trade_no": forgery.out_trade_no or f"forged{secrets.token_hex(8)}",
        "time_end": compact(world.clock.now()),
    }


def _refund(world: World, forgery: ForgeryV2) -> dict[str, str]:
    refund = world.refunds.find(forgery.out_refund_no)
    if refund is None:
        made_up = f"5030000{secrets.randbelow(10**22):022d}"
        return {"out_refund_no": forgery.out_refund_no, "refund_id": made_up, "refund_status": SUCCESS}
    if refund.status == PROCESSING:
        refund = replace(refund, status=SUCCESS, succeeded_at=world.clock.now())
    return refund_content(refund)
