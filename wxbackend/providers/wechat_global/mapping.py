"""From the global API's words to ours, where they differ from those of API v3 (openapi `v3/global`).

WeChat's number of an order is `id`, a failed refund is `REFUNDCLOSE`, and what the buyer paid is told in another
currency than what was ordered.
"""

from __future__ import annotations

from typing import Any

from wxbackend.domain.observation import (
    Closed,
    Observation,
    Paid,
    PayersShare,
    Pending,
    RefundAbnormal,
    RefundClosed,
    RefundObservation,
    RefundProcessing,
    RefundSucceeded,
    Uncertain,
)
from wxbackend.domain.refund import Refund
from wxbackend.providers.wechat_v3 import wire
from wxbackend.providers.wechat_v3.mapping import CLOSED_STATES, PAID_STATES


def of_transaction(order: dict[str, Any]) -> Observation:
    """What an order, as a query or a notice shows it, means; raises `UnreadableMessage`.

    A currency that is not told is no currency: there is none to be taken for granted here.
    """
    state = wire.required_text(order, "trade_state")
    if state in PAID_STATES:
        return Paid(
            transaction=wire.required_text(order, "id"),
            amount=wire.required_amount(order, "amount", "total"),
            currency=wire.required_text(order, "amount", "currency"),
            payer=wire.text(order, "payer", "openid"),
            app=wire.text(order, "appid"),
            merchant=wire.text(order, "mchid"),
            paid_ms=wire.read_time_ms(wire.text(order, "success_time")) or 0,
            share=_share(order),
        )
    if state in CLOSED_STATES:
        return Closed(state)
    return Pending(state)


def _share(order: dict[str, Any]) -> PayersShare | None:
    """What left the buyer's wallet. It decides nothing, so what cannot be read is left out."""
    told = order.get("amount")
    amount = told.get("payer_total") if isinstance(told, dict) else None
    currency = wire.text(order, "amount", "payer_currency")
    exchange = told.get("exchange_rate") if isinstance(told, dict) else None
    rate = exchange.get("rate") if isinstance(exchange, dict) else None
    if type(amount) is not int or not 0 <= amount < 2**53 or currency is None or len(currency) != 3:
        return None
    usable = type(rate) is int and 0 < rate < 2**53
    return PayersShare(amount, currency, rate if usable else None)


def of_accepted_refund(answer: dict[str, Any], refund: Refund) -> RefundObservation:
    """The answer to a refund says that it was accepted and nothing of its end; raises `UnreadableMessage`."""
    handle = wire.required_text(answer, "id")
    return _disagreement(answer, refund) or RefundProcessing(handle)


def of_refund(answer: dict[str, Any], refund: Refund) -> RefundObservation:
    """What a queried refund means; raises `UnreadableMessage`. One of another amount proves nothing about ours."""
    state = wire.required_text(answer, "status")
    handle = wire.text(answer, "id") or ""
    wrong = _disagreement(answer, refund)
    if wrong is not None:
        return wrong
    match state:
        case "PROCESSING":
            return RefundProcessing(handle)
        case "SUCCESS":
            return RefundSucceeded(handle, wire.read_time_ms(wire.text(answer, "success_time")) or 0)
        case "REFUNDCLOSE" | "CLOSED":
            return RefundClosed(handle)
        case "ABNORMAL":
            return RefundAbnormal(handle)
    return Pending(state)


def _disagreement(answer: dict[str, Any], refund: Refund) -> Uncertain | None:
    if wire.required_text(answer, "out_refund_no") != refund.out_refund_no:
        return Uncertain("the answer is about another refund")
    amount = wire.required_amount(answer, "amount", "refund")
    currency = wire.text(answer, "amount", "currency") or refund.money.currency
    if (amount, currency) != (refund.money.amount, refund.money.currency):
        return Uncertain(f"the provider has this refund with {amount} {currency}")
    return None
