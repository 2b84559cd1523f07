"""What we tell the merchant; frozen as bytes in the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class EventType(Enum):
    """The event types that endpoints can subscribe to."""

    INTENT_CREATED = "payment_intent.created"
    INTENT_REQUIRES_ACTION = "payment_intent.requires_action"
    INTENT_SUCCEEDED = "payment_intent.succeeded"
    INTENT_PAYMENT_FAILED = "payment_intent.payment_failed"
    INTENT_CANCELED = "payment_intent.canceled"
    REFUND_CREATED = "refund.created"
    REFUND_UPDATED = "charge.refund.updated"
    DISCREPANCY_OPENED = "discrepancy.opened"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `body` is the exact bytes that every delivery of it carries."""

    id: int
    account: str
    livemode: bool
    type: EventType
    created_ms: int
    subject_id: int
    body: bytes
