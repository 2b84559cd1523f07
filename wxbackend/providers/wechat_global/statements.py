"""Statements of the global API: one file a day whose SHA-1 stands in a header that the signature covers.

There is no asking first, no sum at the end and no fund flow. Amounts stand in whole units with decimals; one without a
decimal point is not read, since it could be either (docs: Downloading Reconciliation).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

import orjson

from wxbackend.domain.bill import BillRow, Told
from wxbackend.domain.errors import ProviderUnknown, UnreadableBill
from wxbackend.domain.money import MINOR_DIGITS
from wxbackend.ports.bills import BillAnswer, BillOffer
from wxbackend.ports.provider import Reply
from wxbackend.providers.wechat_bills import REFUND_STATES, TRADE_STATES

DIGEST_HEADER: Final = "wechatpay-statement-sha1"
ROWS_AT_ONCE: Final = 1_000
ROW_BYTES_MAX: Final = 64 * 1024
UNIT_DIGITS: Final = 5
"""Amounts are read in hundred-thousandths, which is what fees are told in; all five currencies have two decimals."""
UNITS_OF_MINOR: Final = 1_000
_SHA1: Final = re.compile(r"[0-9a-fA-F]{40}")
_AMOUNT: Final = re.compile(rb"(-?)(\d{1,13})\.(\d{1,5})")
_NOTHING: Final = re.compile(rb"-?0*")
_RATE: Final = re.compile(rb"(\d{1,3})(?:\.(\d{1,4}))?%")
_COLUMNS: Final = {
    "transaction": "微信订单号",
    "out_trade_no": "商户订单号",
    "trade_state": "交易状态",
    "refund_id": "微信退款单号",
    "out_refund_no": "商户退款单号",
    "refund_state": "退款状态",
    "fee": "手续费",
    "rate": "费率",
    "currency": "标价币种",
    "ordered": "订单金额(标价币种)",
    "settlement_currency": "结算币种",
    "settled": "应结订单金额",
    "refunded": "申请退款金额",
}


def target(day: str, *, path: str, mchid: str) -> str:
    """Path and query of a day's statement."""
    return f"{path}?date={day.replace('-', '')}&mchid={mchid}"


def signed_part(reply: Reply) -> bytes:
    """What the signature of a statement covers in the place of its body."""
    return orjson.dumps({"sha1": reply.headers.get(DIGEST_HEADER, "")})


def offer(reply: Reply, target: str) -> BillAnswer:
    """What a proven answer offers: the same again, to be fetched whole and held against its SHA-1."""
    digest = reply.headers.get(DIGEST_HEADER, "")
    if not _SHA1.fullmatch(digest):
        raise ProviderUnknown("the statement's hash is no SHA-1")
    return BillOffer(digest.lower(), target)


def read(file: BinaryIO) -> Iterator[list[BillRow]]:
    """The rows in lists. Raises `UnreadableBill`; that the file is whole was proven by its SHA-1."""
    places, width = _header(file)
    rows: list[BillRow] = []
    for number, line in enumerate(_lines(file), start=1):
        values = line.removeprefix(b"`").split(b",`")
        if len(values) != width:
            raise UnreadableBill(f"its row {number} has {len(values)} values for {width} columns; it is cut")
        rows.append(_row({name: values[place].strip() for name, place in places.items()}))
        if len(rows) >= ROWS_AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows


def _header(file: BinaryIO) -> tuple[Mapping[str, int], int]:
    try:
        names = next(_lines(file), b"").removeprefix(b"\xef\xbb\xbf").decode().split(",")
    except UnicodeDecodeError:
        raise UnreadableBill("its first line is not UTF-8") from None
    names = [name.strip("` \t").replace("\uff08", "(").replace("\uff09", ")") for name in names]
    missing = [column for column in _COLUMNS.values() if column not in names]
    if missing:
        raise UnreadableBill(f"it has no column {missing[0]}")
    return {name: names.index(column) for name, column in _COLUMNS.items()}, len(names)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(ROW_BYTES_MAX):
        if len(line) >= ROW_BYTES_MAX:
            raise UnreadableBill(f"it has a row of more than {ROW_BYTES_MAX} bytes")
        if line.strip():
            yield line.strip()


def _row(value: Mapping[str, bytes]) -> BillRow:
    state, refund_state = value["trade_state"], value["refund_state"]
    if state == b"REFUND" or (state == b"REVOKED" and refund_state in REFUND_STATES):
        told = REFUND_STATES.get(refund_state, Told.REFUND_UNKNOWN)
    else:
        told = TRADE_STATES.get(state, Told.UNKNOWN)
    return BillRow(
        told=told,
        out_trade_no=_text(value["out_trade_no"]),
        transaction=_text(value["transaction"]),
        out_refund_no=_text(value["out_refund_no"]),
        refund_transaction=_text(value["refund_id"]),
        ordered=_minor(value["ordered"]),
        refunded=_minor(value["refunded"]),
        fee_units=_units(value["fee"]),
        settled=_minor(value["settled"]),
        rate_millionths=_rate(value["rate"]),
        currency=_currency(value["currency"]),
        fee_currency=_currency(value["settlement_currency"]),
    )


def _units(spelled: bytes) -> int:
    if _NOTHING.fullmatch(spelled):
        return 0
    found = _AMOUNT.fullmatch(spelled)
    if found is None:
        raise UnreadableBill(f"{_shown(spelled)} is not an amount with a decimal point")
    sign, whole, fraction = found.groups(b"")
    return int(whole + fraction.ljust(UNIT_DIGITS, b"0")) * (-1 if sign else 1)


def _minor(spelled: bytes) -> int:
    minor, rest = divmod(_units(spelled), UNITS_OF_MINOR)
    if rest:
        raise UnreadableBill(f"{_shown(spelled)} is not a whole number of the smallest unit")
    return minor


def _rate(spelled: bytes) -> int:
    found = _RATE.fullmatch(spelled)
    return -1 if found is None else int(found[1] + (found[2] or b"").ljust(4, b"0"))


def _currency(spelled: bytes) -> str:
    currency = _text(spelled)
    if currency not in MINOR_DIGITS:
        raise UnreadableBill(f"{_shown(spelled)} is none of {', '.join(MINOR_DIGITS)}")
    return currency


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise UnreadableBill(f"{_shown(value)} is not a number or a code") from None


def _shown(value: bytes | Sequence[bytes]) -> str:
    return repr(bytes(value[:40]).decode("utf-8", "replace")) if isinstance(value, bytes) else repr(value)
