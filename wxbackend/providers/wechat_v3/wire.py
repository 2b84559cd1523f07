"""The JSON of API v3: how our order is spelled, and how their answers are read. Words stay theirs here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.refund import Refund
from wxbackend.domain.terminal import NEEDS_PAYER, Terminal

if TYPE_CHECKING:
    from wxbackend.providers.wechat_v3.roles import Role

REFUND_PATH: Final = "/v3/refund/domestic/refunds"
REASONS: Final = {
    "duplicate": "重复支付",
    "fraudulent": "交易异常",
    "requested_by_customer": "买家申请退款",
    "resolved_dispute": "协商退款",
}
"""What the buyer reads in WeChat for the API's reasons; at most 80 bytes (reference: refund fields)."""
PRODUCTS: Final = {
    Terminal.OFFICIAL_ACCOUNT: "jsapi",
    Terminal.MINI_PROGRAM: "jsapi",
    Terminal.WEB: "native",
    Terminal.WAP: "h5",
    Terminal.APP: "app",
}
H5_TYPES: Final = {"ios": "iOS", "android": "Android"}
H5_TYPE_OTHER: Final = "Wap"
STORE_CHARACTERS_MAX: Final = 32
BEIJING: Final = timezone(timedelta(hours=8))
JSON_DEPTH_BYTES_MAX: Final = 1024 * 1024


def order_target(attempt: Attempt, role: Role) -> str:
    """Path of an order, by where the buyer stands."""
    return f"{role.orders}/{PRODUCTS[attempt.terminal]}"


def order_body(attempt: Attempt, role: Role, *, notify_url: str) -> bytes:
    """The body of an order; the same attempt always gives the same bytes."""
    body: dict[str, Any] = {
        **role.order(attempt.merchant, attempt.app),
        "description": attempt.description,
        "out_trade_no": attempt.out_trade_no,
        "time_expire": rfc3339(attempt.expires_ms),
        "notify_url": notify_url,
        "amount": {"total": attempt.money.amount, "currency": attempt.money.currency},
    }
    if attempt.terminal in NEEDS_PAYER:
        body["payer"] = role.payer(attempt.app, attempt.payer)
    if attempt.terminal is Terminal.WAP:
        browser = H5_TYPES.get((attempt.os_type or "").lower(), H5_TYPE_OTHER)
        body["scene_info"] = {"payer_client_ip": attempt.client_ip, "h5_info": {"type": browser}}
    if attempt.profit_sharing:
        body["settle_info"] = {"profit_sharing": True}
    return orjson.dumps(body)


def query_target(attempt: Attempt, role: Role) -> str:
    """Path and query that ask for an order by our number."""
    return f"{_numbered(attempt, role)}?{urlencode(role.merchants(attempt.merchant))}"


def close_target(attempt: Attempt, role: Role) -> str:
    """Path that closes an order."""
    return f"{_numbered(attempt, role)}/close"


def close_body(attempt: Attempt, role: Role) -> bytes:
    """The body that closes an order."""
    return orjson.dumps(role.merchants(attempt.merchant))


def charge_target(role: Role) -> str:
    """Path that charges a payment code."""
    return f"{role.orders}/codepay"


def charge_body(attempt: Attempt, code: PaymentCode, role: Role) -> bytes:
    """The body that charges a payment code; it names no address for notices, since none are sent."""
    body: dict[str, Any] = {
        **role.order(attempt.merchant, attempt.app),
        "description": attempt.description,
        "out_trade_no": attempt.out_trade_no,
        "amount": {"total": attempt.money.amount, "currency": attempt.money.currency},
        "payer": {"auth_code": code.digits},
        "scene_info": {"store_info": {"out_id": attempt.account[:STORE_CHARACTERS_MAX]}},
    }
    if attempt.profit_sharing:
        body["settle_info"] = {"profit_sharing": True}
    return orjson.dumps(body)


def reverse_target(attempt: Attempt, role: Role) -> str:
    """Path that reverses a charge."""
    return f"{_numbered(attempt, role)}/reverse"


def reverse_body(attempt: Attempt, role: Role) -> bytes:
    """The body that reverses a charge."""
    return orjson.dumps(role.order(attempt.merchant, attempt.app))


def refund_body(refund: Refund, role: Role, *, notify_url: str) -> bytes:
    """The body of a refund; the same refund always gives the same bytes."""
    body: dict[str, Any] = {
        **role.beside(refund.merchant),
        "transaction_id": refund.transaction,
        "out_refund_no": refund.out_refund_no,
        "notify_url": notify_url,
        "amount": {"refund": refund.money.amount, "total": refund.total, "currency": refund.money.currency},
    }
    if refund.reason:
        body["reason"] = REASONS.get(refund.reason, refund.reason)
    return orjson.dumps(body)


def refund_target(refund: Refund, role: Role) -> str:
    """Path and query that ask for a refund by our number."""
    beside = urlencode(role.beside(refund.merchant))
    return f"{REFUND_PATH}/{_part(refund.out_refund_no)}{'?' if beside else ''}{beside}"


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object, or `UnreadableMessage`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableMessage("the message is not JSON") from error
    if not isinstance(value, dict):
        raise UnreadableMessage("the message is not a JSON object")
    return value


def text(source: dict[str, Any], *path: str) -> str | None:
    """The text at a path, or None when it is absent or not text."""
    value: Any = source
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value if isinstance(value, str) else None


def required_text(source: dict[str, Any], *path: str) -> str:
    """The text at a path; `UnreadableMessage` names it when there is none."""
    value = text(source, *path)
    if not value:
        raise UnreadableMessage(f"the message has no {'.'.join(path)}")
    return value


def required_amount(source: dict[str, Any], *path: str) -> int:
    """The integer at a path; `UnreadableMessage` names it when it is not one."""
    value: Any = source
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if type(value) is not int:
        raise UnreadableMessage(f"the message has no integer {'.'.join(path)}")
    return value


def rfc3339(time_ms: int) -> str:
    """A moment as WeChat writes it, in Beijing time and whole seconds."""
    moment = datetime.fromtimestamp(time_ms // 1000, tz=UTC).astimezone(BEIJING)
    return moment.isoformat(timespec="seconds")


def read_time_ms(value: str | None) -> int | None:
    """Unix milliseconds of an RFC 3339 time, or None when there is none or it is not one."""
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _numbered(attempt: Attempt, role: Role) -> str:
    return f"{role.orders}/out-trade-no/{_part(attempt.out_trade_no)}"


def _part(value: str) -> str:
    return quote(value, safe="")
