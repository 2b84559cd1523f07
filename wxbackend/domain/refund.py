"""Money on its way back: a refund has one `out_refund_no` for ever, and holds its amount until it surely failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wxbackend.domain.money import Money

REFUNDS_PER_ORDER_MAX: Final = 50
REFUND_WITHIN_MS: Final = 365 * 86_400_000
"""WeChat's limits (doc/v3/merchant/4012791862)."""


class RefundState(Enum):
    """Where the refund stands, as far as we know."""

    QUEUED = "queued"
    """Reserved here; it waits for its turn at its order and was never sent."""
    RECORDED = "recorded"
    """Reserved here; whether it was sent is not known yet."""
    UNCERTAIN = "uncertain"
    """Sent; whether the provider took it is not known."""
    SHORT = "short"
    """The merchant's balance is too low; sent again, with the same number, after a top-up."""
    PROCESSING = "processing"
    """The provider took it; the money is on its way."""
    ABNORMAL = "abnormal"
    """The buyer's account cannot take it; a person has to follow up at the provider."""
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    """It failed; the money is still the merchant's."""
    DECLINED = "declined"
    """The provider refused it; nothing was moved."""
    CANCELED = "canceled"
    """Taken back before it was sent; nothing was moved."""


RELEASED: Final = frozenset({RefundState.CLOSED, RefundState.DECLINED, RefundState.CANCELED})
"""States in which the amount may be refunded again."""

UNRESOLVED: Final = frozenset(
    {
        RefundState.QUEUED,
        RefundState.RECORDED,
        RefundState.UNCERTAIN,
        RefundState.SHORT,
        RefundState.PROCESSING,
        RefundState.ABNORMAL,
    }
)
UNSENT: Final = frozenset({RefundState.RECORDED, RefundState.UNCERTAIN, RefundState.SHORT})
"""States in which the same request is sent again, with the same number."""
NEVER_SENT: Final = frozenset({RefundState.QUEUED, RefundState.CANCELED})
NEVER_TAKEN: Final = frozenset({RefundState.CANCELED, RefundState.DECLINED})
"""States in which the provider does not count it among the order's refunds."""

PUBLIC_STATUS: Final = {
    RefundState.QUEUED: "pending",
    RefundState.RECORDED: "pending",
    RefundState.UNCERTAIN: "pending",
    RefundState.SHORT: "pending",
    RefundState.PROCESSING: "pending",
    RefundState.ABNORMAL: "requires_action",
    RefundState.SUCCEEDED: "succeeded",
    RefundState.CLOSED: "failed",
    RefundState.DECLINED: "failed",
    RefundState.CANCELED: "canceled",
}


class Origin(Enum):
    """Who asked for the refund."""

    MERCHANT = "merchant"
    AUTOMATIC = "automatic"
    """Ourselves, for money that does not fit."""


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund of one attempt; times are Unix milliseconds, `total` is what the order was paid with.

    `sent_ms` is when it was sent last, and while it is queued when its turn comes.
    """

    id: int
    intent_id: int
    attempt_id: int
    account: str
    livemode: bool
    provider: str
    merchant: str
    transaction: str
    out_refund_no: str
    money: Money
    total: int
    created_ms: int
    sent_ms: int
    origin: Origin = Origin.MERCHANT
    reason: str | None = None
    description: str | None = None
    discrepancy_id: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    state: RefundState = RefundState.RECORDED
    handle: str | None = None
    failure: str | None = None
    succeeded_ms: int | None = None
    version: int = 0
    app: str = ""
    """Where the order was made; some providers want to be told again."""

    def is_unresolved(self) -> bool:
        """Whether the provider still has to be asked about it."""
        return self.state in UNRESOLVED

    def reserves(self) -> int:
        """How much of the payment it holds, in minor units."""
        return 0 if self.state in RELEASED else self.money.amount
