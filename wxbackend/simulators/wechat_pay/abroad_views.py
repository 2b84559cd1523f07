"""Refunds as the global API tells them: `id`, `recv_account` and states of its own, and what the buyer got in yuan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.wechat_pay import exchange
from wxbackend.simulators.wechat_pay.refunds import CLOSED, Refund

STATES: Final = {CLOSED: "REFUNDCLOSE"}
FUND_SOURCE: Final = "REFUND_SOURCE_UNSETTLED_FUNDS"


def accepted_view(refund: Refund) -> dict[str, object]:
    """The answer to a refund: that it was accepted, and nothing about its end."""
    return {
        "id": refund.refund_id,
        "out_refund_no": refund.request.out_refund_no,
        "create_time": rfc3339(refund.created_at),
        "amount": _amount(refund),
    }


def refund_view_abroad(refund: Refund) -> dict[str, object]:
    """The answer to a query."""
    return {
        **accepted_view(refund),
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "channel": refund.channel,
        "recv_account": refund.received_account,
        "fund_source": FUND_SOURCE,
        "status": _state(refund),
        **_ended(refund),
    }


def notice_view_abroad(refund: Refund, merchant: Mapping[str, object]) -> dict[str, object]:
    """The content of a notice; the names of its members are a choice of ours where nothing is published."""
    return {
        **merchant,
        "id": refund.refund_id,
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "out_refund_no": refund.request.out_refund_no,
        "refund_status": _state(refund),
        "recv_account": refund.received_account,
        "fund_source": FUND_SOURCE,
        "amount": _amount(refund),
        **_ended(refund),
    }


def _state(refund: Refund) -> str:
    return STATES.get(refund.status, refund.status)


def _ended(refund: Refund) -> dict[str, object]:
    return {} if refund.succeeded_at is None else {"success_time": rfc3339(refund.succeeded_at)}


def _amount(refund: Refund) -> dict[str, object]:
    request = refund.request
    return {
        "refund": request.refund,
        "currency": request.currency,
        "payer_refund": exchange.in_yuan_of_part(request.refund, request.total, request.currency),
        "payer_currency": exchange.YUAN,
        "exchange_rate": {"type": "SETTLEMENT_RATE", "rate": exchange.settlement_rate(request.currency)},
    }
