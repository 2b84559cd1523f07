"""Orders and refunds of the common books as API v2 spells them."""

from __future__ import annotations

from datetime import datetime

from wxbackend.simulators.clock import BEIJING, compact
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.refunds import ABNORMAL, CLOSED, Refund

REFUND_STATES = {ABNORMAL: "CHANGE", CLOSED: "REFUNDCLOSE"}


def order_fields(order: Order) -> dict[str, str]:
    """An order as queries tell it, without the words for its state."""
    told = {"out_trade_no": order.request.out_trade_no, "trade_state": order.state}
    return told | payment_fields(order) if order.payment is not None else told


def payment_fields(order: Order) -> dict[str, str]:
    """A paid order as queries and notices tell it."""
    request, payment = order.request, order.payment
    if payment is None:
        raise ValueError(f"order {request.out_trade_no} is not paid")
    told = {
        "openid": payment.openid,
        "is_subscribe": "N",
        "trade_type": request.trade_type,
        "bank_type": payment.bank_type,
        "total_fee": str(request.total),
        "settlement_total_fee": str(request.total),
        "fee_type": "CNY",
        "cash_fee": str(request.total),
        "cash_fee_type": "CNY",
        "transaction_id": payment.transaction_id,
        "out_trade_no": request.out_trade_no,
        "time_end": compact(payment.paid_at),
    }
    extra = {"attach": request.attach, "device_info": request.device_id}
    return told | {name: value for name, value in extra.items() if value}


def refund_state(refund: Refund) -> str:
    """Where a refund stands, in API v2's words."""
    return REFUND_STATES.get(refund.status, refund.status)


def spelled(moment: float) -> str:
    """A moment as refunds write it."""
    return datetime.fromtimestamp(int(moment), BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def refund_fields(refund: Refund) -> dict[str, str]:
    """A refund as queries tell it, before its place in the list is added to each name."""
    told = {
        "out_refund_no": refund.request.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_channel": refund.channel,
        "refund_fee": str(refund.request.refund),
        "settlement_refund_fee": str(refund.request.refund),
        "refund_status": refund_state(refund),
        "refund_account": "REFUND_SOURCE_RECHARGE_FUNDS",
        "refund_recv_accout": refund.received_account,
    }
    if refund.succeeded_at is not None:
        told["refund_success_time"] = spelled(refund.succeeded_at)
    return told
