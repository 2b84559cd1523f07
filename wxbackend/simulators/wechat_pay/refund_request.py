"""The refund request and the rescue of an abnormal refund: their fields, and the rules that need no order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from wxbackend.simulators.wechat_pay.order_request import OUT_TRADE_NO, check_notify_url
from wxbackend.simulators.wechat_pay.parties import NUMBER, SUB_MCHID
from wxbackend.simulators.wechat_pay.refusal import bad_parameter
from wxbackend.simulators.wechat_pay.validation import Many, Shape, Text, Whole, check

OUT_REFUND_NO = Text(64, 1, pattern=re.compile(r"[0-9A-Za-z_\-|*@]+"))
REASON_BYTES_MAX = 80
NOTIFY_URL_CHARACTERS_MAX = 256
AVAILABLE, UNAVAILABLE, UNSETTLED = "AVAILABLE", "UNAVAILABLE", "UNSETTLED"
USER_BANK_CARD, MERCHANT_BANK_CARD = "USER_BANK_CARD", "MERCHANT_BANK_CARD"
DEBIT_CARDS = frozenset(
    f"{bank}_DEBIT"
    for bank in (
        "ICBC", "ABC", "CCB", "BOC", "COMM", "CMB", "PSBC", "SPDB", "CITIC", "CEB", "CMBC", "CIB", "GDB", "PAB", "NBCB",
    )
)  # fmt: skip
CARD_MEMBERS = ("bank_type", "bank_account", "real_name")

_GOODS = Shape(
    required={
        "merchant_goods_id": Text(32, 1),
        "unit_price": Whole(0),
        "refund_amount": Whole(0),
        "refund_quantity": Whole(1),
    },
    optional={"wechatpay_goods_id": Text(32), "goods_name": Text(256)},
)
_SOURCE = Shape(
    required={"account": Text(32, choices=frozenset({AVAILABLE, UNAVAILABLE})), "amount": Whole(1)},
    optional={},
)

# Field limits: reference, WeChat Pay v3 domestic refunds.
REFUND = Shape(
    required={
        "out_refund_no": OUT_REFUND_NO,
        "amount": Shape(
            required={"refund": Whole(1), "total": Whole(1), "currency": Text(16, choices=frozenset({"CNY"}))},
            optional={"from": Many(_SOURCE)},
        ),
    },
    optional={
        SUB_MCHID: NUMBER,
        "transaction_id": Text(32, 1),
        "out_trade_no": OUT_TRADE_NO,
        "reason": Text(REASON_BYTES_MAX, 1),
        "notify_url": Text(NOTIFY_URL_CHARACTERS_MAX, 1),
        "funds_account": Text(32, choices=frozenset({AVAILABLE, UNSETTLED})),
        "goods_detail": Many(_GOODS),
    },
)
RESCUE = Shape(
    required={
        "out_refund_no": OUT_REFUND_NO,
        "type": Text(32, choices=frozenset({USER_BANK_CARD, MERCHANT_BANK_CARD})),
    },
    optional={
        SUB_MCHID: NUMBER,
        "bank_type": Text(32, choices=DEBIT_CARDS),
        "bank_account": Text(1024, 1),
        "real_name": Text(1024, 1),
    },
)


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A well-formed refund request, amounts in fen; `body` is kept whole to tell a repeat from a changed one."""

    out_refund_no: str
    transaction_id: str | None
    out_trade_no: str | None
    refund: int
    total: int
    sources: tuple[tuple[str, int], ...]
    funds_account: str
    notify_url: str | None
    reason: str | None
    body: Mapping[str, object]
    sign_type: str | None = None
    """How it was signed where it came by API v2, and its notice goes there."""
    currency: str = "CNY"
    abroad: bool = False
    """Whether it came by the global API."""


@dataclass(frozen=True, slots=True)
class RescueRequest:
    """A well-formed request to send an abnormal refund to a bank card; card members are still encrypted."""

    out_refund_no: str
    kind: str
    bank_type: str | None
    encrypted: Mapping[str, str]


def read_refund(body: dict[str, object]) -> RefundRequest:
    """Check a parsed body field by field. Raises Refusal with the code a merchant would get."""
    check(body, REFUND)
    if ("transaction_id" in body) == ("out_trade_no" in body):
        raise bad_parameter("/transaction_id", "transaction_id与out_trade_no应二选一")
    reason = cast("str | None", body.get("reason"))
    if reason is not None and len(reason.encode()) > REASON_BYTES_MAX:
        raise bad_parameter("/reason", f"不得超过{REASON_BYTES_MAX}字节")
    notify_url = cast("str | None", body.get("notify_url"))
    if notify_url is not None:
        check_notify_url(notify_url)
    amount = cast("dict[str, object]", body["amount"])
    refund = cast("int", amount["refund"])
    return RefundRequest(
        out_refund_no=str(body["out_refund_no"]),
        transaction_id=cast("str | None", body.get("transaction_id")),
        out_trade_no=cast("str | None", body.get("out_trade_no")),
        refund=refund,
        total=cast("int", amount["total"]),
        sources=_read_sources(amount.get("from"), refund),
        funds_account=str(body.get("funds_account", AVAILABLE)),
        notify_url=notify_url,
        reason=reason,
        body=body,
    )


def read_rescue(body: dict[str, object]) -> RescueRequest:
    """Check a parsed body. Raises Refusal; a user's card needs its bank, number and owner."""
    check(body, RESCUE)
    kind = str(body["type"])
    if kind == USER_BANK_CARD:
        for name in CARD_MEMBERS:
            if name not in body:
                raise bad_parameter(f"/{name}", "退款至用户银行卡时必填")
    return RescueRequest(
        out_refund_no=str(body["out_refund_no"]),
        kind=kind,
        bank_type=cast("str | None", body.get("bank_type")),
        encrypted={name: str(body[name]) for name in CARD_MEMBERS[1:] if name in body},
    )


def _read_sources(value: object, refund: int) -> tuple[tuple[str, int], ...]:
    if value is None:
        return ()
    listed = cast("list[dict[str, object]]", value)
    sources = tuple((str(item["account"]), cast("int", item["amount"])) for item in listed)
    if len({account for account, _ in sources}) != len(sources):
        raise bad_parameter("/amount/from", "出资账户类型不能重复")
    if sum(amount for _, amount in sources) != refund:
        raise bad_parameter("/amount/from", "出资金额之和应等于退款金额")
    return sources
