"""The requests of combined orders (合单支付): their fields, and the rules that reach beyond one field.

Reference: WeChat Pay v3 combine orders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from wxbackend.simulators.wechat_pay.order_request import (
    H5_INFO,
    IDENTITY,
    MCHID,
    NOTIFY_URL_CHARACTERS_MAX,
    OUT_TRADE_NO,
    OrderRequest,
    check_client_ip,
    check_notify_url,
    read_time,
)
from wxbackend.simulators.wechat_pay.refusal import CAUSE_OPENID_MISSING, CAUSE_PARAMETER, Refusal, bad_parameter
from wxbackend.simulators.wechat_pay.validation import Flag, Many, Rule, Shape, Text, Whole, check

ORDERS_LEAST = 2
ORDERS_MOST = 50
COMBINED_NUMBER = Text(32, 2, pattern=re.compile(r"[0-9A-Za-z_\-|*]+"))
_AMOUNT = Shape(required={"total_amount": Whole(1), "currency": Text(16, 1)}, optional={})
_SUB_ORDER = Shape(
    required={
        "mchid": MCHID,
        "attach": Text(128, 1),
        "amount": _AMOUNT,
        "out_trade_no": OUT_TRADE_NO,
        "description": Text(127, 1),
    },
    optional={
        "detail": Text(6000),
        "goods_tag": Text(32),
        "settle_info": Shape(required={}, optional={"profit_sharing": Flag()}),
    },
)
_REQUIRED: Mapping[str, Rule] = {
    "combine_appid": Text(32, 1),
    "combine_mchid": MCHID,
    "combine_out_trade_no": COMBINED_NUMBER,
    "sub_orders": Many(_SUB_ORDER),
    "notify_url": Text(NOTIFY_URL_CHARACTERS_MAX, 1),
}
_OPTIONAL: Mapping[str, Rule] = {
    "time_start": Text(64, 1),
    "time_expire": Text(64, 1),
    "limit_pay": Many(Text(32, choices=frozenset({"no_balance", "no_debit", "balance_only"}))),
}
_SCENE = Shape(required={"payer_client_ip": Text(45, 1)}, optional={"device_id": Text(32)})
_PAYER = Shape(required={}, optional={"openid": Text(128, 1), "identity": IDENTITY})
_NOBODY = Shape(required={}, optional={"identity": IDENTITY})

JSAPI = Shape(
    required={**_REQUIRED, "combine_payer_info": _PAYER},
    optional={**_OPTIONAL, "scene_info": _SCENE},
)
NATIVE = Shape(required=_REQUIRED, optional={**_OPTIONAL, "scene_info": _SCENE, "combine_payer_info": _NOBODY})
H5 = Shape(
    required={
        **_REQUIRED,
        "scene_info": Shape(
            required={"device_id": Text(32, 1), "payer_client_ip": Text(45, 1), "h5_info": H5_INFO}, optional={}
        ),
    },
    optional={**_OPTIONAL, "combine_payer_info": _NOBODY},
)
SHAPES = {"jsapi": (JSAPI, "JSAPI"), "native": (NATIVE, "NATIVE"), "h5": (H5, "MWEB"), "app": (NATIVE, "APP")}
CLOSE = Shape(
    required={
        "combine_appid": Text(32, 1),
        "sub_orders": Many(Shape(required={"mchid": MCHID, "out_trade_no": OUT_TRADE_NO}, optional={})),
    },
    optional={},
)


@dataclass(frozen=True, slots=True)
class CombinedRequest:
    """A well-formed combined order; `body` is kept whole to tell a repeat from a changed one."""

    appid: str
    mchid: str
    number: str
    trade_type: str
    orders: tuple[OrderRequest, ...]
    body: Mapping[str, object]


def read_combined(product: str, body: dict[str, object]) -> CombinedRequest:
    """Check a parsed body field by field. Raises Refusal with the code a merchant would get."""
    shape, trade_type = SHAPES[product]
    check(body, shape)
    listed = cast("list[dict[str, object]]", body["sub_orders"])
    _check_number_of(listed)
    payer = cast("dict[str, str]", body.get("combine_payer_info", {}))
    if trade_type == "JSAPI" and "openid" not in payer:
        raise bad_parameter("/combine_payer_info/openid", "JSAPI支付必须传openid", cause=CAUSE_OPENID_MISSING)
    check_notify_url(str(body["notify_url"]))
    scene = cast("dict[str, str]", body.get("scene_info", {}))
    if trade_type == "MWEB":
        check_client_ip(scene["payer_client_ip"])
    read_time(body.get("time_start"), "/time_start")
    ends = read_time(body.get("time_expire"))
    orders = tuple(_order(each, body, trade_type, payer.get("openid"), ends) for each in listed)
    return CombinedRequest(
        appid=str(body["combine_appid"]),
        mchid=str(body["combine_mchid"]),
        number=str(body["combine_out_trade_no"]),
        trade_type=trade_type,
        orders=orders,
        body=body,
    )


def read_close(body: dict[str, object]) -> tuple[str, list[tuple[str, str]]]:
    """The app, and merchant and number of each order, in a request that closes a combined order."""
    check(body, CLOSE)
    listed = cast("list[dict[str, str]]", body["sub_orders"])
    return str(body["combine_appid"]), [(each["mchid"], each["out_trade_no"]) for each in listed]


def _check_number_of(listed: list[dict[str, object]]) -> None:
    if not ORDERS_LEAST <= len(listed) <= ORDERS_MOST:
        raise bad_parameter("/sub_orders", f"子单数量应在{ORDERS_LEAST}到{ORDERS_MOST}之间")
    numbers = [(each["mchid"], each["out_trade_no"]) for each in listed]
    if len(set(numbers)) < len(numbers):
        raise bad_parameter("/sub_orders", "子单商户订单号重复")
    for place, each in enumerate(listed):
        if cast("dict[str, object]", each["amount"])["currency"] != "CNY":
            message = f"暂不支持境外支付: /sub_orders/{place}/amount/currency"
            raise Refusal(400, "INVALID_REQUEST", message, cause=CAUSE_PARAMETER)


def _order(
    listed: dict[str, object], body: dict[str, object], trade_type: str, openid: str | None, ends: float | None
) -> OrderRequest:
    """One of them as an order like any other: refunds and bills see no difference."""
    return OrderRequest(
        appid=str(body["combine_appid"]),
        mchid=str(listed["mchid"]),
        out_trade_no=str(listed["out_trade_no"]),
        description=str(listed["description"]),
        notify_url=str(body["notify_url"]),
        total=cast("int", cast("dict[str, object]", listed["amount"])["total_amount"]),
        openid=openid,
        trade_type=trade_type,
        lifetime_ends=ends,
        attach=str(listed["attach"]),
        device_id=None,
        body=listed,
        combined_in=str(body["combine_out_trade_no"]),
    )
