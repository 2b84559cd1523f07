"""Sharings and returns as the merchant sees them: answers and events say the same."""

from __future__ import annotations

from typing import Any

from wxbackend.domain import ids
from wxbackend.domain.profit_sharing import RETURN_STATUS, SHARING_STATUS, Part, ProfitSharing, SharingReturn
from wxbackend.domain.representation import seconds_only


def profit_sharing(shown: ProfitSharing) -> dict[str, Any]:
    """A ProfitSharing; fields that are not set are left out. Receivers' names are not shown."""
    fields: dict[str, Any] = {
        "id": ids.render(ids.SHARING, shown.id),
        "object": "profit_sharing",
        "amount": sum(part.amount for part in shown.parts),
        "created": seconds_only(shown.created_ms),
        "currency": shown.currency,
        "description": shown.description,
        "finish": shown.finish,
        "livemode": shown.livemode,
        "metadata": dict(shown.metadata) or None,
        "payment_intent": ids.render(ids.INTENT, shown.intent_id),
        "receivers": [_part(part) for part in shown.parts],
        "status": SHARING_STATUS[shown.state],
        "failure_reason": shown.failure,
        "finished_at": shown.finished_ms,
        "out_order_no": shown.out_order_no,
    }
    return {name: value for name, value in fields.items() if value is not None}


def sharing_return(shown: SharingReturn) -> dict[str, Any]:
    """A ProfitSharingReturn; fields that are not set are left out."""
    fields: dict[str, Any] = {
        "id": ids.render(ids.SHARING_RETURN, shown.id),
        "object": "profit_sharing_return",
        "amount": shown.money.amount,
        "created": seconds_only(shown.created_ms),
        "currency": shown.money.currency,
        "description": shown.description,
        "livemode": shown.livemode,
        "metadata": dict(shown.metadata) or None,
        "payment_intent": ids.render(ids.INTENT, shown.intent_id),
        "profit_sharing": ids.render(ids.SHARING, shown.sharing_id),
        "receiver": shown.party,
        "status": RETURN_STATUS[shown.state],
        "failure_reason": shown.failure,
        "returned_at": shown.returned_ms,
        "out_return_no": shown.out_return_no,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _part(part: Part) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "type": part.kind.value,
        "account": part.party,
        "amount": part.amount,
        "description": part.description,
        "status": part.state.value,
        "failure_reason": part.failure,
    }
    return {name: value for name, value in fields.items() if value is not None}
