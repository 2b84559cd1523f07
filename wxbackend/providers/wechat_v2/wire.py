"""The XML of API v2: how our requests are spelled, and the one hardened door by which their messages come in.

A message is one element with children that hold text and nothing else. A document type, an entity, an
instruction, a comment, an attribute, a tag inside a value, the same tag twice: refused, never repaired, because the
signature covers values and would not notice which of two was meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from xml.parsers import expat

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.refund import Refund
from wxbackend.domain.terminal import Terminal

ORDER_PATH: Final = "/pay/unifiedorder"
QUERY_PATH: Final = "/pay/orderquery"
CLOSE_PATH: Final = "/pay/closeorder"
REFUND_PATH: Final = "/secapi/pay/refund"
REFUND_QUERY_PATH: Final = "/pay/refundquery"
CHARGE_CODE_PATH: Final = "/pay/micropay"
REVERSE_PATH: Final = "/secapi/pay/reverse"

MESSAGE_BYTES_MAX: Final = 64 * 1024
BODY_BYTES_MAX: Final = 128
REFUND_REASON_BYTES_MAX: Final = 80
AMOUNT_DIGITS_MAX: Final = 15
LASTS_MS_MIN: Final = 360_000
"""WeChat refuses an order that ends within five minutes; one that we let end sooner is closed by us."""
OUR_ADDRESS: Final = "127.0.0.1"
"""`spbill_create_ip`, which JSAPI orders must have and nobody compares with anything."""
BEIJING: Final = timezone(timedelta(hours=8))
REASONS: Final = {
    "duplicate": "重复支付",
    "fraudulent": "交易异常",
    "requested_by_customer": "买家申请退款",
    "resolved_dispute": "协商退款",
}
"""What the buyer reads in WeChat for the API's reasons."""
TRADE_TYPES: Final = {
    Terminal.OFFICIAL_ACCOUNT: "JSAPI",
    Terminal.MINI_PROGRAM: "JSAPI",
    Terminal.WEB: "NATIVE",
    Terminal.WAP: "MWEB",
    Terminal.APP: "APP",
}
H5_SCENE: Final = '{"h5_info":{"type":"Wap"}}'
"""A page in a browser, on whatever it runs; the other types of API v2 are for pages inside an app."""

Fields = dict[str, str]


def order_fields(attempt: Attempt, *, notify_url: str) -> Fields:
    """A unified order; the same attempt always gives the same (reference: API v2, unifiedorder)."""
    trade_type = TRADE_TYPES[attempt.terminal]
    fields = _sale_fields(attempt) | {
        "notify_url": notify_url,
        "trade_type": trade_type,
        "time_expire": compact_time(max(attempt.expires_ms, attempt.created_ms + LASTS_MS_MIN)),
    }
    if trade_type == "JSAPI":
        fields["openid"] = attempt.payer
    if trade_type == "NATIVE":
        fields["product_id"] = attempt.out_trade_no
    if trade_type == "MWEB":
        fields |= {"spbill_create_ip": attempt.client_ip or OUR_ADDRESS, "scene_info": H5_SCENE}
    return fields


def number_fields(attempt: Attempt) -> Fields:
    """An order by our number: to query, to close and to reverse it."""
    return {"appid": attempt.app, "mch_id": attempt.merchant, "out_trade_no": attempt.out_trade_no}


def refund_fields(refund: Refund, *, notify_url: str) -> Fields:
    """A refund; the same refund always gives the same (reference: API v2, refund)."""
    fields = {
        "appid": refund.app,
        "mch_id": refund.merchant,
        "transaction_id": refund.transaction,
        "out_refund_no": refund.out_refund_no,
        "total_fee": str(refund.total),
        "refund_fee": str(refund.money.amount),
        "refund_fee_type": refund.money.currency,
        "notify_url": notify_url,
    }
    if refund.reason:
        fields["refund_desc"] = _cut(REASONS.get(refund.reason, refund.reason), REFUND_REASON_BYTES_MAX)
    return fields


def refund_number_fields(refund: Refund) -> Fields:
    """A refund by our number."""
    return {"appid": refund.app, "mch_id": refund.merchant, "out_refund_no": refund.out_refund_no}


def charge_code_fields(attempt: Attempt, *, code: str) -> Fields:
    """A payment with the code that the buyer shows (reference: API v2, micropay).

    It names no end: WeChat takes none sooner than in a minute, and we reverse what is not paid before.
    """
    return _sale_fields(attempt) | {"auth_code": code}


def document(fields: Mapping[str, str]) -> bytes:
    """The fields as a message."""
    inner = "".join(f"<{name}>{_escape(value)}</{name}>" for name, value in fields.items() if value)
    return f"<xml>{inner}</xml>".encode()


def parse(body: bytes, *, root: str = "xml") -> Fields:
    """The fields of a message, or `UnreadableMessage`."""
    if len(body) > MESSAGE_BYTES_MAX:
        raise UnreadableMessage(f"the message is larger than {MESSAGE_BYTES_MAX} bytes")
    if b"\0" in body:  # by which XML recognises encodings of two bytes
        raise UnreadableMessage("the message is not XML in UTF-8")
    reader = _Reader(root)
    try:
        reader.parser.Parse(body.decode(), True)  # noqa: FBT003 - expat's own, by position
    except (UnicodeDecodeError, expat.ExpatError) as error:
        raise UnreadableMessage("the message is not XML in UTF-8") from error
    return reader.fields


def required_text(fields: Mapping[str, str], name: str) -> str:
    """The text of that name; `UnreadableMessage` names it when there is none."""
    value = fields.get(name, "")
    if not value:
        raise UnreadableMessage(f"the message has no {name}")
    return value


def required_amount(fields: Mapping[str, str], name: str) -> int:
    """The integer of that name; `UnreadableMessage` names it when it is not one."""
    value = fields.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) <= AMOUNT_DIGITS_MAX):
        raise UnreadableMessage(f"the message has no integer {name}")
    return int(value)


def compact_time(time_ms: int) -> str:
    """A moment as fourteen digits of Beijing time."""
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).astimezone(BEIJING).strftime("%Y%m%d%H%M%S")


def read_time_ms(value: str | None) -> int | None:
    """Unix milliseconds of a Beijing time, in fourteen digits or with dashes, or None when it is not one."""
    digits = "".join(character for character in value or "" if character not in "-: ")
    if len(digits) != len("yyyymmddhhmmss") or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
    except ValueError:
        return None
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000


def _sale_fields(attempt: Attempt) -> Fields:
    """What is sold, whichever way it is paid."""
    return {
        "appid": attempt.app,
        "mch_id": attempt.merchant,
        "body": _cut(attempt.description, BODY_BYTES_MAX),
        "out_trade_no": attempt.out_trade_no,
        "fee_type": attempt.money.currency,
        "total_fee": str(attempt.money.amount),
        "spbill_create_ip": OUR_ADDRESS,
    }


class _Reader:
    """Reads one message with expat; whatever is not a flat list of texts stops it."""

    def __init__(self, root: str) -> None:
        self.fields: Fields = {}
        self._root = root
        self._open: list[str] = []
        self._text: list[str] = []
        self.parser = parser = expat.ParserCreate("UTF-8")
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._hear
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse
        parser.CommentHandler = self._refuse

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        inside = len(self._open)
        if attributes or inside > 1 or (inside == 0 and name != self._root) or name in self.fields:
            raise UnreadableMessage("the message is not a flat list of values, each once")
        self._open.append(name)
        self._text.clear()

    def _hear(self, text: str) -> None:
        if len(self._open) == 1 and text.strip():
            raise UnreadableMessage("the message has text between its values")
        self._text.append(text)

    def _end(self, name: str) -> None:
        self._open.pop()
        if self._open:
            self.fields[name] = "".join(self._text)
        self._text.clear()

    def _refuse(self, *_: object) -> int:
        raise UnreadableMessage("the message has more in it than values")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, bytes_max: int) -> str:
    """As much of the text as fits, in whole characters."""
    return text.encode()[:bytes_max].decode(errors="ignore")
