"""A transfer to a person as the merchant sees it: answers and events say the same."""

from __future__ import annotations

from typing import Any, Final

from wxbackend.domain import ids
from wxbackend.domain.merchant_transfer import CONFIRMABLE, PUBLIC_STATUS, MerchantTransfer, MerchantTransferState
from wxbackend.domain.representation import seconds_only

NEXT_ACTION: Final = "wechat_pay_request_merchant_transfer"
_PENDING_REASON: Final = {
    MerchantTransferState.RECORDED: "processing",
    MerchantTransferState.UNCERTAIN: "processing",
    MerchantTransferState.SHORT: "insufficient_funds",
    MerchantTransferState.ACCEPTED: "in_review",
    MerchantTransferState.MOVING: "processing",
}


def transfer(shown: MerchantTransfer) -> dict[str, Any]:
    """A Transfer; fields that are not set are left out. The recipient's name is not shown."""
    fields: dict[str, Any] = {
        "id": ids.render(ids.TRANSFER, shown.id),
        "object": "transfer",
        "amount": shown.money.amount,
        "created": seconds_only(shown.created_ms),
        "currency": shown.money.currency,
        "description": shown.description,
        "destination": {"type": "wechat_pay", "app_id": shown.app, "openid": shown.payee},
        "livemode": shown.livemode,
        "metadata": dict(shown.metadata) or None,
        "next_action": next_action(shown),
        "scene": shown.scene,
        "status": PUBLIC_STATUS[shown.state],
        "pending_reason": _PENDING_REASON.get(shown.state),
        "failure_reason": shown.failure,
        "confirm_until": seconds_only(shown.confirm_until_ms) if shown.confirm_until_ms else None,
        "paid_at": shown.paid_ms,
        "out_bill_no": shown.out_bill_no,
    }
    return {name: value for name, value in fields.items() if value is not None}


def next_action(shown: MerchantTransfer) -> dict[str, Any] | None:
    """What the recipient's front end hands to wx.requestMerchantTransfer, while there is something to confirm."""
    if shown.state not in CONFIRMABLE or not shown.client_params or shown.cancel_requested_ms is not None:
        return None
    return {"type": NEXT_ACTION, NEXT_ACTION: dict(shown.client_params)}
