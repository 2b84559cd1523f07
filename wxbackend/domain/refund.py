"""Money on its way back: a refund has one `out_refund_no` for ever, and holds its amount until it surely failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wxbackend.domain.money import Money

REFUNDS_PER_ORDER_MAX: Final = 50
REFUND_WITHIN_MS: Final = 365 * 86_400_000
"""WeChat's limits (reference: refund rules)."""


class RefundState(Enum):
    """Where the refund stands, as far as we know."""

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


RELEASED: Final = frozenset({RefundState.CLOSED, RefundState.DECLINED})
"""States in which the amount may be refunded again."""

UNRESOLVED: Final = frozenset(
    {
        RefundState.RECORDED,
        RefundState.UNCERTAIN,
        RefundState.SHORT,
        RefundState.PROCESSING,
        RefundState.ABNORMAL,
    }
)
UNSENT: Final = frozenset({RefundState.RECORDED, RefundState.UNCERTAIN, RefundState.SHORT})
"""States in which the same request is sent again, with the same number."""

PUBLIC_STATUS: Final = {
    RefundState.RECORDED: "pending",
    RefundState.UNCERTAIN: "pending",
    RefundState.SHORT: "pending",
    RefundState.PROCESSING: "pending",
    RefundState.ABNORMAL: "requires_action",
    RefundState.SUCCEEDED: "succeeded",
    RefundState.CLOSED: "failed",
    RefundState.DECLINED: "failed",
}


class Origin(Enum):
    """Who asked for the refund."""

    MERCHANT = "merchant"
    AUTOMATIC = "automatic"
    """Ourselves, for money that does not fit."""


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund of one attempt; times are Unix milliseconds, `total` is what the order was paid with."""

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

    def is_unresolved(self) -> bool:
        """Whether the provider still has to be asked about it."""
        return self.state in UNRESOLVED

    def reserves(self) -> int:
        """How much of the payment it holds, in minor units."""
        return 0 if self.state in RELEASED else self.money.amount
