"""What the merchant wants to collect. Its status is computed by `lifecycle` and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wxbackend.domain.money import Money
from wxbackend.domain.terminal import Terminal

METADATA_NAMES_MAX: Final = 50


class IntentStatus(Enum):
    """The statuses of the seed documents."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    """A debit is under way; its result comes later, and nobody can stop it."""
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


FINAL = frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """How the buyer wants to pay, as named by the merchant's server or the buyer's side."""

    id: int
    type: str
    created_ms: int
    terminal: Terminal | None = None
    app: str | None = None
    openid: str | None = None
    client_ip: str | None = None
    os_type: str | None = None
    hosted_oauth: bool = False
    """The merchant asked for a page of ours, which logs the buyer in and pays."""
    hosted_page: str | None = field(default=None, repr=False)
    """The address of that page up to the client secret, once the intent was sent there."""
    mandate_id: int | None = None
    """What lets us charge it without the buyer."""
    profit_sharing: bool = False
    """Whether what is paid is held back to be shared."""


@dataclass(frozen=True, slots=True)
class PaymentError:
    """Why the last attempt did not lead to money; shown to the merchant as `last_payment_error`."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class PaymentIntent:
    """What the merchant wants to collect; times are Unix milliseconds."""

    id: int
    account: str
    livemode: bool
    created_ms: int
    money: Money
    status: IntentStatus
    client_secret: str = field(repr=False)
    description: str | None = None
    merchant_order_id: str | None = None
    merchant_user_id: str | None = None
    customer: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_method: PaymentMethod | None = None
    last_payment_error: PaymentError | None = None
    attempt_id: int | None = None
    amount_received: int = 0
    cancel_requested_ms: int | None = None
    cancellation_reason: str | None = None
    canceled_ms: int | None = None
    version: int = 0

    def is_final(self) -> bool:
        """Whether nothing but money arriving late can still happen to it."""
        return self.status in FINAL
