"""What API v2 does once a request has passed the gate, over the same orders, refunds and money as API v3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wxbackend.simulators.wechat_pay.operations import check_app_and_payer
from wxbackend.simulators.wechat_pay.orders import DESCRIPTIONS, Order
from wxbackend.simulators.wechat_pay.parties import Parties, check_owner
from wxbackend.simulators.wechat_pay.refund_operations import accept_refund
from wxbackend.simulators.wechat_pay.refund_request import AVAILABLE, RefundRequest
from wxbackend.simulators.wechat_pay.refunds import Refund
from wxbackend.simulators.wechat_pay.refusal import CAUSE_NONE, CAUSE_ONLY_REVERSIBLE, Refusal
from wxbackend.simulators.wechat_pay.v2.fields import lacking
from wxbackend.simulators.wechat_pay.v2.gate import Asked
from wxbackend.simulators.wechat_pay.v2.order_reading import check_url, meant, read_order
from wxbackend.simulators.wechat_pay.v2.views import order_fields, refund_fields
from wxbackend.simulators.world import World

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
    if refusal.cause == CAUSE_ONLY_REVERSIBLE:
        return "TRADE_STATE_ERROR"
    return "TRADE_OVERDUE" if refusal.message == OVERDUE else CODES.get(refusal.code, refusal.code)


def create_order(world: World, asked: Asked, origin: str) -> Told:
    """Place an order of any product; `origin` is where this WeChat's own pages are."""
    wish = read_order(asked)
    check_app_and_payer(world, wish)
    prepay = world.orders.place(wish)
    told = {"trade_type": wish.trade_type, "prepay_id": prepay.prepay_id}
    if wish.trade_type == "NATIVE":
        told["code_url"] = world.entrances.open_code(wish.out_trade_no)
    if wish.trade_type == "MWEB":
        told["mweb_url"] = world.entrances.open_page(origin, prepay)
    return Told(told, wish.out_trade_no)


def query_order(world: World, asked: Asked) -> Told:
    """An order by either number."""
    number, transaction = asked.get("out_trade_no"), asked.get("transaction_id")
    if not number and not transaction:
        raise lacking("out_trade_no")
    order = world.orders.get_by_transaction(transaction) if transaction else world.orders.get(number)
    check_order_app(asked, order)
    return Told({**order_fields(order), "trade_state_desc": DESCRIPTIONS[order.state]})


def close_order(world: World, asked: Asked) -> Told:
    """Close an unpaid order."""
    number = asked.get("out_trade_no")
    check_order_app(asked, world.orders.get(number))
    world.orders.close(number)
    return Told({}, number)


def create_refund(world: World, asked: Asked) -> Told:
    """Accept a refund, or say again that it was accepted."""
    if bool(asked.get("transaction_id")) == bool(asked.get("out_trade_no")):
        raise lacking("transaction_id")
    if asked.get("notify_url"):
        check_url(asked.get("notify_url"))
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
        body=meant(asked),
        sign_type=asked.sign_type,
    )
    refund = accept_refund(world, wish, parties=_named(asked), appid=asked.get("appid"))
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
    check_order_app(asked, order, unknown="REFUNDNOTEXIST")
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


def check_order_app(asked: Asked, order: Order, *, unknown: str = "ORDER_NOT_EXIST") -> None:
    """Refuse an order of another merchant number's, and an app that did not order it."""
    check_owner(order.request, _named(asked), unknown=unknown)
    if asked.get("appid") != order.request.appid:
        raise Refusal(400, "PARAM_ERROR", "appid与订单不匹配", cause=CAUSE_NONE)


def _named(asked: Asked) -> Parties:
    return Parties(asked.get("mch_id"), "")
