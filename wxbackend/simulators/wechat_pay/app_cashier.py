"""The cashier that an app of the merchant's opens through the OpenSDK: seven parameters, answered by a number."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wxbackend.simulators.buyers import Buyer
from wxbackend.simulators.wechat_pay.cashier import (
    BAD_PREPAY,
    BAD_SIGNATURE,
    CashierClosedError,
    Channel,
    Settlement,
    failed,
    settle_order,
)
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.signing import cashier_message, verify
from wxbackend.simulators.wechat_pay.v2.signing import fits
from wxbackend.simulators.world import World

# The SDK answers errCode 0, -1 or -2 (reference: WeChat Pay invocation results).
APP = Channel(
    ok="errCode:0",
    cancel="errCode:-2",
    fail="errCode:-1",
    time_field="timestamp",
    passes_appid=True,
    numeric_time=False,
    detail_in_message=False,
)
NAMES = ("appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign")
PACKAGE = "Sign=WXPay"
TIMESTAMP = re.compile(r"[0-9]{10}")


def settle_app(world: World, *, buyer: Buyer, params: Mapping[str, object], outcome: str) -> Settlement:
    """Check what the app handed over and do as the buyer wants."""
    try:
        order = _open(world, params)
    except CashierClosedError as closed:
        return failed(APP, closed)
    return settle_order(world, buyer=buyer, channel=APP, order=order, outcome=outcome)


def _open(world: World, params: Mapping[str, object]) -> Order:
    unknown = sorted(set(params) - set(NAMES))
    if unknown:
        raise CashierClosedError(f"多余的参数 {unknown[0]}")
    given: dict[str, str] = {}
    for name in NAMES:
        value = params.get(name)
        if not isinstance(value, str) or not value:
            raise CashierClosedError(f"缺少参数 {name}")
        given[name] = value
    prepay = world.orders.live_prepay(given["prepayid"])
    order = world.orders.find(prepay.out_trade_no) if prepay else None
    if order is None or order.request.trade_type != "APP" or order.request.appid != given["appid"]:
        raise CashierClosedError(BAD_PREPAY)
    right = given["partnerid"] == order.request.signed_by and given["package"] == PACKAGE
    if not right or not TIMESTAMP.fullmatch(given["timestamp"]):
        raise CashierClosedError(BAD_SIGNATURE, order)
    if not _signed(world, given, order):
        raise CashierClosedError(BAD_SIGNATURE, order)
    return order


def _signed(world: World, given: Mapping[str, str], order: Order) -> bool:
    """Whether the merchant signed what the app handed over, in the way in which the order was signed."""
    sign_type = order.request.sign_type
    if sign_type is not None:
        return fits(given, world.credentials.apiv2_key, sign_type)
    message = cashier_message(
        appid=given["appid"], timestamp=given["timestamp"], nonce=given["noncestr"], package=given["prepayid"]
    )
    return verify(world.credentials.signs(order.request.signed_by).public_key, message, given["sign"])
