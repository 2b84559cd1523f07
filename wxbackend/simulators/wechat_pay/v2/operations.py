"""What API v2 does once a request has passed the gate, over the same orders, refunds and money as API v3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wxbackend.simulators.wechat_pay.operations import check_app_and_payer
from wxbackend.simulators.wechat_pay.order_request import OrderRequest, check_notify_url
from wxbackend.simulators.wechat_pay.orders import DESCRIPTIONS, Order
from wxbackend.simulators.wechat_pay.refund_operations import accept_refund
from wxbackend.simulators.wechat_pay.refund_request import AVAILABLE, RefundRequest
from wxbackend.simulators.wechat_pay.refunds import Refund
from wxbackend.simulators.wechat_pay.refusal import CAUSE_NONE, Refusal
from wxbackend.simulators.wechat_pay.v2.fields import lacking, malformed, read_moment
from wxbackend.simulators.wechat_pay.v2.gate import Asked
from wxbackend.simulators.wechat_pay.v2.views import order_fields, refund_fields
from wxbackend.simulators.world import World

# What belongs to one sending and not to what is asked for.
FRESH = ("nonce_str", "sign", "sign_type")
# The same refusals under the names that API v2 gives them.
CODES = {
    "ORDER_PAID": "ORDERPAID",
    "ORDER_CLOSED": "ORDERCLOSED",
    "ORDER_NOT_EXIST": "ORDERNOTEXIST",
    "RESOURCE_NOT_EXISTS": "ORDERNOTEXIST",
    "NOT_ENOUGH": "NOTENOUGH",
    "SYSTEM_ERROR": "SYSTEMERROR",
}
OVERDUE = "订单已超过可退款的最大期限"


@dataclass(frozen=True, slots=True)
class Told:
    """A success: the fields beside those that every answer has, and what it concerns if it made something."""

    fields: Mapping[str, str]
    out_trade_no: str | None = None
    out_refund_no: str | None = None


def code_of(refusal: Refusal) -> str:
    """The name of a refusal in API v2."""
    return "TRADE_OVERDUE" if refusal.message == OVERDUE else CODES.get(refusal.code, refusal.code)


def create_order(world: World, asked: Asked) -> Told:
    """Place an order for an official account page or a mini program."""
    _check_url(asked.get("notify_url"))
    wish = OrderRequest(
        appid=asked.get("appid"),
        mchid=asked.get("mch_id"),
        out_trade_no=asked.get("out_trade_no"),
        description=asked.get("body"),
        notify_url=asked.get("notify_url"),
        total=int(asked.get("total_fee")),
        openid=asked.get("openid"),
        trade_type=asked.get("trade_type"),
        lifetime_ends=read_moment(asked.fields, "time_expire"),
        attach=asked.get("attach") or None,
        device_id=asked.get("device_info") or None,
        body=_meant(asked),
        sign_type=asked.sign_type,
    )
    check_app_and_payer(world, wish)
    prepay = world.orders.place(wish)
    return Told({"trade_type": wish.trade_type, "prepay_id": prepay.prepay_id}, wish.out_trade_no)


def query_order(world: World, asked: Asked) -> Told:
    """An order by either number."""
    number, transaction = asked.get("out_trade_no"), asked.get("transaction_id")
    if not number and not transaction:
        raise lacking("out_trade_no")
    order = world.orders.get_by_transaction(transaction) if transaction else world.orders.get(number)
    _check_app(asked, order)
    return Told({**order_fields(order), "trade_state_desc": DESCRIPTIONS[order.state]})


def close_order(world: World, asked: Asked) -> Told:
    """Close an unpaid order."""
    number = asked.get("out_trade_no")
    _check_app(asked, world.orders.get(number))
    world.orders.close(number)
    return Told({}, number)


def create_refund(world: World, asked: Asked) -> Told:
    """Accept a refund, or say again that it was accepted."""
    if bool(asked.get("transaction_id")) == bool(asked.get("out_trade_no")):
        raise lacking("transaction_id")
    if asked.get("notify_url"):
        _check_url(asked.get("notify_url"))
    wish = RefundRequest(
        out_refund_no=asked.get("out_refund_no"),
        transaction_id=asked.get("transaction_id") or None,
        out_trade_no=asked.get("out_trade_no") or None,
        refund=int(asked.get("refund_fee")),
        total=int(asked.get("total_fee")),
        sources=(),
        funds_account=AVAILABLE,
        notify_url=asked.get("notify_url") or None,
        reason=asked.get("refund_desc") or None,
        body=_meant(asked),
        sign_type=asked.sign_type,
    )
    refund = accept_refund(world, wish, appid=asked.get("appid"))
    told = {
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "out_refund_no": wish.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_channel": refund.channel,
        "refund_fee": str(wish.refund),
        "total_fee": str(wish.total),
        "cash_fee": str(wish.total),
        "cash_refund_fee": str(wish.refund),
    }
    return Told(told, out_refund_no=wish.out_refund_no)


def query_refund(world: World, asked: Asked) -> Told:
    """Refunds by any of the four numbers."""
    found = _refunds(world, asked)
    if not found:
        raise Refusal(404, "REFUNDNOTEXIST", "退款订单查询失败", cause=CAUSE_NONE)
    order = world.orders.get(found[0].out_trade_no)
    _check_app(asked, order)
    told = {
        "transaction_id": found[0].transaction_id,
        "out_trade_no": found[0].out_trade_no,
        "total_fee": str(order.request.total),
        "fee_type": "CNY",
        "cash_fee": str(order.request.total),
        "refund_count": str(len(found)),
    }
    for number, refund in enumerate(found):
        told |= {f"{name}_{number}": value for name, value in refund_fields(refund).items()}
    return Told(told)


def _refunds(world: World, asked: Asked) -> list[Refund]:
    if asked.get("out_refund_no"):
        one = world.refunds.find(asked.get("out_refund_no"))
        return [one] if one else []
    everything = list(reversed(world.refunds.everything()))
    for name in ("refund_id", "transaction_id", "out_trade_no"):
        if asked.get(name):
            return [refund for refund in everything if getattr(refund, name) == asked.get(name)]
    raise lacking("out_refund_no")


def _meant(asked: Asked) -> dict[str, object]:
    """What tells a repeat from a changed request."""
    return {name: value for name, value in asked.fields.items() if value and name not in FRESH}


def _check_app(asked: Asked, order: Order) -> None:
    if asked.get("appid") != order.request.appid:
        raise Refusal(400, "PARAM_ERROR", "appid与订单不匹配", cause=CAUSE_NONE)


def _check_url(url: str) -> None:
    try:
        check_notify_url(url)
    except Refusal as refusal:
        raise malformed("notify_url") from refusal
