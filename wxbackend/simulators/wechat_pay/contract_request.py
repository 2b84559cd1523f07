"""Requests about auto-debit contracts: their fields, and the rules that need no book (reference: auto-debit)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from wxbackend.simulators.wechat_pay.order_request import (
    MCHID,
    NOTIFY_URL_CHARACTERS_MAX,
    OUT_TRADE_NO,
    OrderRequest,
    check_notify_url,
)
from wxbackend.simulators.wechat_pay.refusal import CAUSE_PARAMETER, Refusal, bad_parameter
from wxbackend.simulators.wechat_pay.validation import Shape, Text, Whole, check

PLANS = frozenset({100001})
OUT_CONTRACT_CODE = Text(32, 1, pattern=re.compile(r"[0-9A-Za-z_\-|*]+"))
SCENES = {"jsapi": "official_account", "mini-program": "mini_program"}

_AMOUNT = Shape(required={"total": Whole(1)}, optional={"currency": Text(16)})
SIGN = Shape(
    required={
        "appid": Text(32, 1),
        "plan_id": Whole(1),
        "out_contract_code": OUT_CONTRACT_CODE,
        "contract_display_account": Text(32, 1),
        "contract_notify_url": Text(NOTIFY_URL_CHARACTERS_MAX, 1),
    },
    optional={"openid": Text(128, 1), "out_user_code": Text(64, 1)},
)
TERMINATE = Shape(required={"contract_termination_remark": Text(256, 1)}, optional={})
DEBIT = Shape(
    required={
        "appid": Text(32, 1),
        "out_trade_no": OUT_TRADE_NO,
        "description": Text(127, 1),
        "transaction_notify_url": Text(NOTIFY_URL_CHARACTERS_MAX, 1),
        "contract_id": Text(64, 1),
        "amount": _AMOUNT,
    },
    optional={"goods_tag": Text(32), "attach": Text(128)},
)
SCHEDULE = Shape(required={"appid": Text(32, 1), "schedule_amount": _AMOUNT}, optional={})
NOTICE = Shape(
    required={
        "mchid": MCHID,
        "appid": Text(32, 1),
        "estimated_amount": Shape(required={"amount": Whole(1)}, optional={"currency": Text(16)}),
    },
    optional={"deduct_duration": Shape(required={"count": Whole(1, 3)}, optional={"unit": Text(16)})},
)


@dataclass(frozen=True, slots=True)
class SignRequest:
    """A well-formed wish for a page to sign on; `body` is kept whole to tell a repeat from a changed one."""

    scene: str
    appid: str
    openid: str | None
    plan_id: int
    code: str
    display_account: str
    notify_url: str
    user_code: str | None
    body: Mapping[str, object]


def read_sign(body: dict[str, object], scene: str) -> SignRequest:
    """Check a parsed body field by field. Raises Refusal with the code a merchant would get."""
    check(body, SIGN)
    check_notify_url(str(body["contract_notify_url"]))
    return SignRequest(
        scene=scene,
        appid=str(body["appid"]),
        openid=cast("str | None", body.get("openid")),
        plan_id=cast("int", body["plan_id"]),
        code=str(body["out_contract_code"]),
        display_account=str(body["contract_display_account"]),
        notify_url=str(body["contract_notify_url"]),
        user_code=cast("str | None", body.get("out_user_code")),
        body=body,
    )


def read_debit(body: dict[str, object], mchid: str) -> tuple[OrderRequest, str]:
    """Check a parsed body; the order that it makes, still without its payer, and the contract's number."""
    check(body, DEBIT)
    check_notify_url(str(body["transaction_notify_url"]))
    order = OrderRequest(
        appid=str(body["appid"]),
        mchid=mchid,
        out_trade_no=str(body["out_trade_no"]),
        description=str(body["description"]),
        notify_url=str(body["transaction_notify_url"]),
        total=_read_amount(body["amount"], "total"),
        openid="",
        trade_type="PAP",
        lifetime_ends=None,
        attach=cast("str | None", body.get("attach")),
        device_id=None,
        body=body,
    )
    return order, str(body["contract_id"])


def read_schedule(body: dict[str, object]) -> tuple[str, int]:
    """The app and the most that is to be charged, in fen."""
    check(body, SCHEDULE)
    return str(body["appid"]), _read_amount(body["schedule_amount"], "total")


def read_notice(body: dict[str, object], mchid: str) -> tuple[str, int]:
    """The same of the older notice."""
    check(body, NOTICE)
    if body["mchid"] != mchid:
        raise bad_parameter("/mchid", "mchid不匹配")
    return str(body["appid"]), _read_amount(body["estimated_amount"], "amount")


def _read_amount(value: object, name: str) -> int:
    amount = cast("dict[str, object]", value)
    if amount.get("currency", "CNY") != "CNY":
        raise Refusal(400, "INVALID_REQUEST", "暂不支持境外支付", cause=CAUSE_PARAMETER)
    return cast("int", amount[name])
