"""Refunds as the API's tests need them: of a payment that arrived, queued for long, or abnormal at WeChat."""

from __future__ import annotations

from typing import Any, Final

from tests.journeys.reckoning import change
from tests.support.stack import RunningStack

REFUNDS: Final = "/v1/refunds"
HOUR_MS: Final = 3_600_000


def paid_intent(stack: RunningStack) -> dict[str, Any]:
    """An intent that the default buyer has paid."""
    intent = stack.confirmed_intent()
    stack.pay(intent)
    return stack.wait_status(intent["id"], "succeeded")


def refund_of(stack: RunningStack, intent: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A refund that is taken."""
    return stack.api("POST", REFUNDS, {"payment_intent": intent["id"], **fields})


def wait_refund(stack: RunningStack, refund: dict[str, Any], status: str) -> dict[str, Any]:
    """Wait until a refund has that status."""
    return stack.wait_for(
        lambda: found if (found := stack.api("GET", f"{REFUNDS}/{refund['id']}"))["status"] == status else None,
        f"{refund['id']} to be {status}",
    )


def ended(stack: RunningStack, refund: dict[str, Any], outcome: str = "SUCCESS") -> dict[str, Any]:
    """The refund after WeChat has carried it out, which it is told to do now."""
    stack.desk("POST", f"/refunds/{refund['id'].removeprefix('re_')}/settle", {"outcome": outcome})
    return wait_refund(stack, refund, {"SUCCESS": "succeeded", "ABNORMAL": "requires_action"}[outcome])


def queued_refund(stack: RunningStack, intent: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A refund that waits an hour for its turn: as if the payment's first one were sent only then."""
    intent = intent or paid_intent(stack)
    first = ended(stack, refund_of(stack, intent, amount=100))
    number = int(first["id"].removeprefix("re_"))
    change(stack, f"UPDATE refunds SET sent_ms = sent_ms + {HOUR_MS} WHERE id = ?", number)
    queued = refund_of(stack, intent, **({"amount": 200} | fields))
    assert queued["pending_reason"] == "queued"
    return queued


def abnormal_refund(stack: RunningStack) -> dict[str, Any]:
    """A refund that the buyer's account could not take."""
    return ended(stack, refund_of(stack, paid_intent(stack), amount=700), "ABNORMAL")
