"""The requests of the global API in common mode: their fields, and the rules that reach beyond one field.

A merchant number of its own names itself alone; an institution's `sp_…` and `sub_…` members are illegal extra
parameters here (reference: cross-border; openapi `v3/global`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from wxbackend.simulators.wechat_pay import exchange
from wxbackend.simulators.wechat_pay.order_request import (
    MCHID,
    OUT_TRADE_NO,
    OrderRequest,
    check_client_ip,
    check_notify_url,
    read_time,
)
from wxbackend.simulators.wechat_pay.refund_request import (
    AVAILABLE,
    NOTIFY_URL_CHARACTERS_MAX,
    OUT_REFUND_NO,
    REASON_BYTES_MAX,
    RefundRequest,
)
from wxbackend.simulators.wechat_pay.refusal import CAUSE_OUT_OF_RANGE, Refusal, bad_parameter
from wxbackend.simulators.wechat_pay.validation import Many, Rule, Shape, Text, Whole, check

CURRENCY: Final = Text(16, choices=frozenset(exchange.YUAN_RATES))
_STORE: Final = Shape(required={"name": Text(256, 1), "address": Text(512, 1)}, optional={"id": Text(32)})
_SCENE: Final[Mapping[str, Rule]] = {
    "device_id": Text(32), "device_ip": Text(45), "operator_id": Text(32),
}  # fmt: skip
_GOODS: Final = Shape(
    required={"goods_id": Text(32, 1), "quantity": Whole(1), "price": Whole(0)},
    optional={"wxpay_goods_id": Text(32), "goods_name": Text(256)},
)
_REQUIRED: Final[Mapping[str, Rule]] = {
    "mchid": MCHID,
    "appid": Text(32, 1),
    "description": Text(127, 1),
    "notify_url": Text(255, 1),
    "out_trade_no": OUT_TRADE_NO,
    "trade_type": Text(16, 1),
    "merchant_category_code": Text(4, 4, pattern=re.compile(r"[0-9]{4}")),
    "amount": Shape(required={"total": Whole(1)}, optional={"currency": CURRENCY}),
}
_OPTIONAL: Final[Mapping[str, Rule]] = {
    "attach": Text(127),
    "goods_tag": Text(32),
    "limit_pay": Text(32, choices=frozenset({"no_credit", "no_balance"})),
    "time_start": Text(64, 1),
    "time_expire": Text(64, 1),
    "detail": Many(
        Shape(
            required={},
            optional={"cost_price": Whole(0), "receipt_id": Text(32), "goods_detail": Many(_GOODS)},
        )
    ),
}
_PAYER: Final = Shape(required={"openid": Text(128, 1)}, optional={})
_ANY_SCENE: Final = Shape(required={}, optional={**_SCENE, "payer_client_ip": Text(45, 1), "store_info": _STORE})
_PAGE_SCENE: Final = Shape(required={"payer_client_ip": Text(45, 1), "store_info": _STORE}, optional=_SCENE)


@dataclass(frozen=True, slots=True)
class ProductAbroad:
    """One way of ordering: the last part of its path, and what a body may hold."""

    trade_type: str
    shape: Shape


def _product(trade_type: str, required: Mapping[str, Rule], optional: Mapping[str, Rule]) -> ProductAbroad:
    return ProductAbroad(trade_type, Shape({**_REQUIRED, **required}, {**_OPTIONAL, **optional}))


PRODUCTS_ABROAD: Final = {
    "jsapi": _product("JSAPI", {"payer": _PAYER}, {"scene_info": _ANY_SCENE}),
    "native": _product("NATIVE", {}, {"scene_info": _ANY_SCENE}),
    "app": _product("APP", {}, {"scene_info": _ANY_SCENE}),
    "mweb": _product("MWEB", {"scene_info": _PAGE_SCENE}, {}),
}
REFUND: Final = Shape(
    required={
        "mchid": MCHID,
        "appid": Text(32, 1),
        "out_refund_no": OUT_REFUND_NO,
        "amount": Shape(required={"refund": Whole(1), "total": Whole(1), "currency": CURRENCY}, optional={}),
    },
    optional={
        "transaction_id": Text(32, 1),
        "out_trade_no": OUT_TRADE_NO,
        "reason": Text(REASON_BYTES_MAX, 1),
        "notify_url": Text(NOTIFY_URL_CHARACTERS_MAX, 1),
    },
)


def read_order_abroad(product: ProductAbroad, body: dict[str, object]) -> OrderRequest:
    """Check a parsed body field by field. Raises Refusal with the code a merchant would get."""
    check(body, product.shape)
    if body["trade_type"] != product.trade_type:
        raise bad_parameter("/trade_type", f"应为{product.trade_type}", value=body["trade_type"])
    amount = cast("dict[str, object]", body["amount"])
    total, currency = cast("int", amount["total"]), str(amount.get("currency", exchange.SETTLEMENT))
    if exchange.is_over_limit(total, currency):
        raise Refusal(403, "RULE_LIMIT", "订单金额超过单笔限额", cause=CAUSE_OUT_OF_RANGE)
    check_notify_url(str(body["notify_url"]))
    scene = cast("dict[str, str]", body.get("scene_info", {}))
    if product.trade_type == "MWEB":
        check_client_ip(scene["payer_client_ip"])
    read_time(body.get("time_start"), "/time_start")
    payer = cast("dict[str, str]", body.get("payer", {}))
    return OrderRequest(
        appid=str(body["appid"]),
        mchid=str(body["mchid"]),
        out_trade_no=str(body["out_trade_no"]),
        description=str(body["description"]),
        notify_url=str(body["notify_url"]),
        total=total,
        openid=payer.get("openid"),
        trade_type=product.trade_type,
        lifetime_ends=read_time(body.get("time_expire")),
        attach=cast("str | None", body.get("attach")),
        device_id=None,
        body=body,
        currency=currency,
        abroad=True,
    )


def read_refund_abroad(body: dict[str, object]) -> tuple[RefundRequest, str]:
    """Check a parsed body field by field; the refund, and the appid that it names. Raises Refusal."""
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
    wish = RefundRequest(
        out_refund_no=str(body["out_refund_no"]),
        transaction_id=cast("str | None", body.get("transaction_id")),
        out_trade_no=cast("str | None", body.get("out_trade_no")),
        refund=cast("int", amount["refund"]),
        total=cast("int", amount["total"]),
        sources=(),
        funds_account=AVAILABLE,
        notify_url=notify_url,
        reason=reason,
        body=body,
        currency=str(amount["currency"]),
        abroad=True,
    )
    return wish, str(body["appid"])
