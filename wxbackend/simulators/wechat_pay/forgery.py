"""Made-up notices, to see what a receiver does with rightly signed lies, wrong signatures and garbage."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from wxbackend.simulators.credentials import OFFICIAL_ACCOUNT_APPID, RSA_BITS, RSA_EXPONENT
from wxbackend.simulators.wechat_pay.abroad_views import notice_view_abroad
from wxbackend.simulators.wechat_pay.certificates import SigningKey
from wxbackend.simulators.wechat_pay.delivery import Reply, Sender
from wxbackend.simulators.wechat_pay.notices import (
    PAID,
    Disguise,
    Topic,
    make_notice,
    notice_headers,
    signature_headers,
    tampered,
)
from wxbackend.simulators.wechat_pay.orders import Order, paid_copy, transaction_view
from wxbackend.simulators.wechat_pay.parties import merchant_members
from wxbackend.simulators.wechat_pay.refunds import PROCESSING, SUCCESS, TOPICS, WALLET, notice_view
from wxbackend.simulators.world import World

SIGNS = ("valid", "none", "wrong_key", "probe", "unknown_serial")
KEYS = ("any", "cert", "pubkey")
ENCRYPTIONS = ("valid", "wrong_key")
APIV3_KEY_BYTES = 32


class BadForgeryError(ValueError):
    """A wish for a forgery that makes no sense."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """What the forged notice shall be: about a refund where `out_refund_no` is given, else about a payment.

    `plaintext_overrides` are dotted paths; a value of null removes the member.
    """

    url: str
    sign: str = "valid"
    key: str = "any"
    encrypt: str = "valid"
    notice_id: str | None = None
    out_trade_no: str | None = None
    out_refund_no: str | None = None
    timestamp_offset_s: int = 0
    plaintext_overrides: Mapping[str, object] = field(default_factory=dict)
    envelope_overrides: Mapping[str, object] = field(default_factory=dict)
    raw_body: str | None = None
    tamper: bool = False

    def __post_init__(self) -> None:
        for value, known in ((self.sign, SIGNS), (self.key, KEYS), (self.encrypt, ENCRYPTIONS)):
            if value not in known:
                raise BadForgeryError(f"{value} is not one of {', '.join(known)}")


def forge(world: World, forgery: Forgery, sender: Sender) -> tuple[str, Reply]:
    """Send one forged notice and give its id and the receiver's answer; the world's own books do not change."""
    notice_id = forgery.notice_id or str(uuid4())
    body = _body(world, forgery, notice_id)
    disguise = Disguise(
        unsigned=forgery.sign == "none",
        probe=forgery.sign == "probe",
        unknown_serial=forgery.sign == "unknown_serial",
        timestamp_offset_s=forgery.timestamp_offset_s,
    )
    headers = signature_headers(_key(world, forgery), body, disguise)
    sent = tampered(body) if forgery.tamper else body
    return notice_id, sender.post(forgery.url, sent, notice_headers(headers))


def _key(world: World, forgery: Forgery) -> SigningKey:
    key = {
        "any": world.keys.for_notice,
        "cert": world.keys.certificate_key,
        "pubkey": world.keys.public_key,
    }[forgery.key]()
    if forgery.sign == "wrong_key":
        return SigningKey(key.serial, generate_private_key(RSA_EXPONENT, RSA_BITS))
    return key


def _body(world: World, forgery: Forgery, notice_id: str) -> bytes:
    if forgery.raw_body is not None:
        return forgery.raw_body.encode()
    about_refund = forgery.out_refund_no is not None
    resource = _refund_plaintext(world, forgery) if about_refund else _plaintext(world, forgery.out_trade_no)
    apiv3_key = _apiv3_key(world, resource)
    for path, value in forgery.plaintext_overrides.items():
        _override(resource, path, value)
    wrong = forgery.encrypt == "wrong_key"
    notice = make_notice(
        resource,
        url=forgery.url,
        apiv3_key=secrets.token_bytes(APIV3_KEY_BYTES) if wrong else apiv3_key,
        now=world.clock.now(),
        topic=_refund_topic(resource) if about_refund else PAID,
        event_id=notice_id,
    )
    if not forgery.envelope_overrides:
        return notice.body
    envelope = json.loads(notice.body)
    for path, value in forgery.envelope_overrides.items():
        _override(envelope, path, value)
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _apiv3_key(world: World, resource: Mapping[str, object]) -> bytes:
    """The key of who signed for what it is about, whatever is made up about it later."""
    number = resource.get("sp_mchid") or resource.get("mchid") or world.credentials.mchid
    return world.credentials.signs(str(number)).apiv3_key


def _plaintext(world: World, out_trade_no: str | None) -> dict[str, object]:
    order = world.orders.find(out_trade_no) if out_trade_no else None
    combined = world.combined.of(order) if order is not None else None
    if combined is not None:
        parts = world.combined.orders_of(combined)
        return world.combined.view(combined, [part if part.payment else _as_if_paid(world, part) for part in parts])
    if order is not None:
        return transaction_view(order if order.payment else _as_if_paid(world, order))
    openid = world.buyers.default().openids[OFFICIAL_ACCOUNT_APPID]
    return {
        "appid": OFFICIAL_ACCOUNT_APPID,
        "mchid": world.credentials.mchid,
        "out_trade_no": out_trade_no or f"forged{secrets.token_hex(8)}",
        "transaction_id": f"4200009999{secrets.randbelow(10**18):018d}",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "success_time": world.clock.view()["now"],
        "payer": {"openid": openid},
        "amount": {"total": 1, "payer_total": 1, "currency": "CNY", "payer_currency": "CNY"},
    }


def _refund_plaintext(world: World, forgery: Forgery) -> dict[str, object]:
    out_refund_no = forgery.out_refund_no or ""
    refund = world.refunds.find(out_refund_no)
    if refund is not None:
        if refund.status == PROCESSING:
            refund = replace(refund, status=SUCCESS, succeeded_at=world.clock.now())
        view = notice_view_abroad if refund.request.abroad else notice_view
        return view(refund, merchant_members(world.orders.get(refund.out_trade_no).request))
    return {
        "mchid": world.credentials.mchid,
        "transaction_id": f"4200009999{secrets.randbelow(10**18):018d}",
        "out_trade_no": forgery.out_trade_no or f"forged{secrets.token_hex(8)}",
        "refund_id": f"5030000{secrets.randbelow(10**22):022d}",
        "out_refund_no": out_refund_no,
        "refund_status": SUCCESS,
        "success_time": world.clock.view()["now"],
        "user_received_account": WALLET,
        "amount": {"total": 1, "refund": 1, "payer_total": 1, "payer_refund": 1},
    }


def _refund_topic(resource: Mapping[str, object]) -> Topic:
    return TOPICS.get(str(resource.get("refund_status")), TOPICS[SUCCESS])


def _as_if_paid(world: World, order: Order) -> Order:
    payer = order.payer or world.buyers.default().openids[order.request.appid]
    owner = world.buyers.owner(payer)
    return paid_copy(order, openid=payer, now=world.clock.now(), openids=owner[0].openids if owner else None)


def _override(target: dict[str, object], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for place, name in enumerate(parents):
        inner = target.setdefault(name, {})
        if isinstance(inner, list):
            number, *rest = [*parents[place + 1 :], last]
            if not rest or not number.isdigit() or int(number) >= len(inner):
                raise BadForgeryError(f"{path} does not lead into a member of the list {name}")
            _override(inner[int(number)], ".".join(rest), value)
            return
        if not isinstance(inner, dict):
            raise BadForgeryError(f"{path} does not lead into an object")
        target = inner
    if value is None:
        target.pop(last, None)
    else:
        target[last] = value
