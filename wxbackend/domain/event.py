"""What we tell the merchant; frozen as bytes in the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class EventType(Enum):
    """The event types that endpoints can subscribe to."""

    INTENT_CREATED = "payment_intent.created"
    INTENT_REQUIRES_ACTION = "payment_intent.requires_action"
    INTENT_PROCESSING = "payment_intent.processing"
    INTENT_SUCCEEDED = "payment_intent.succeeded"
    INTENT_PAYMENT_FAILED = "payment_intent.payment_failed"
    INTENT_CANCELED = "payment_intent.canceled"
    INTENT_SETTLED = "payment_intent.settled"
    SHIPPING_UPLOADED = "shipping.uploaded"
    SHIPPING_REFUSED = "shipping.refused"
    REFUND_CREATED = "refund.created"
    REFUND_UPDATED = "charge.refund.updated"
    REFUND_CHANGED = "refund.updated"
    REFUND_FAILED = "refund.failed"
    REFUND_SUCCEEDED = "refund.succeeded"
    TRANSFER_CREATED = "transfer.created"
    TRANSFER_UPDATED = "transfer.updated"
    TRANSFER_PAID = "transfer.paid"
    TRANSFER_FAILED = "transfer.failed"
    TRANSFER_CANCELED = "transfer.canceled"
    SHARING_CREATED = "profit_sharing.created"
    SHARING_UPDATED = "profit_sharing.updated"
    RETURN_CREATED = "profit_sharing_return.created"
    RETURN_UPDATED = "profit_sharing_return.updated"
    DISCREPANCY_OPENED = "discrepancy.opened"
    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    SETUP_CREATED = "setup_intent.created"
    SETUP_REQUIRES_ACTION = "setup_intent.requires_action"
    SETUP_SUCCEEDED = "setup_intent.succeeded"
    SETUP_FAILED = "setup_intent.setup_failed"
    SETUP_CANCELED = "setup_intent.canceled"
    MANDATE_UPDATED = "mandate.updated"
    METHOD_ATTACHED = "payment_method.attached"
    METHOD_DETACHED = "payment_method.detached"
    DISCREPANCY_RESOLVED = "discrepancy.resolved"


BY_NAME_ONLY: Final = frozenset({EventType.REFUND_CHANGED, EventType.REFUND_FAILED, EventType.REFUND_SUCCEEDED})
"""They say once more what `charge.refund.updated` says: for endpoints that name them, not for those that want all."""


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
