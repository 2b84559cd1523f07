"""A PaymentGroup as the merchant sees it."""

from __future__ import annotations

from typing import Any

from wxbackend.domain import ids
from wxbackend.domain.next_action import cashier
from wxbackend.domain.payment_group import PaymentGroup
from wxbackend.domain.representation import seconds_only


def payment_group(group: PaymentGroup) -> dict[str, Any]:
    """A PaymentGroup; fields that are not set are left out."""
    first, money, error = group.first, group.money, group.error
    shown: dict[str, Any] = {
        "id": ids.render(ids.GROUP, group.id),
        "object": "payment_group",
        "created": seconds_only(first.created_ms),
        "livemode": first.livemode,
        "currency": money.currency,
        "amount": money.amount,
        "status": group.status.value,
        "payment_intents": [ids.render(ids.INTENT, each.intent.id) for each in group.members],
        "orders": [
            {
                "payment_intent": ids.render(ids.INTENT, each.intent.id),
                "amount": each.attempt.money.amount,
                "out_trade_no": each.attempt.out_trade_no,
                "status": each.intent.status.value,
            }
            for each in group.members
        ],
        "next_action": cashier(first) if group.is_payable() else None,
        "expires_at": first.expires_ms,
    }
    if error is not None:
        told = {"code": error.code, "message": error.message, "decline_code": error.decline_code}
        shown["last_payment_error"] = {name: value for name, value in told.items() if value is not None}
    return {name: value for name, value in shown.items() if value is not None}
