"""What the merchant wants to be allowed: a SetupIntent leads the buyer to a signed mandate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wxbackend.domain.intent import PaymentError, PaymentMethod


class SetupStatus(Enum):
    """Stripe's statuses of a SetupIntent."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


FINAL: Final = frozenset({SetupStatus.SUCCEEDED, SetupStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class SetupIntent:
    """One wish for a mandate; times are Unix milliseconds."""

    id: int
    account: str
    livemode: bool
    created_ms: int
    customer_id: int
    status: SetupStatus
    client_secret: str = field(repr=False)
    description: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_method: PaymentMethod | None = None
    last_setup_error: PaymentError | None = None
    mandate_id: int | None = None
    cancellation_reason: str | None = None
    canceled_ms: int | None = None
    version: int = 0

    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status in FINAL
