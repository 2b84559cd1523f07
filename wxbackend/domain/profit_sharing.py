"""Money of a paid order that goes on to others: sharings and returns have one number each, for ever.

A sharing holds the amounts of all its receivers until each surely got or did not get its part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wxbackend.domain.money import Money

RECEIVERS_MAX: Final = 50
SHARINGS_PER_ORDER_MAX: Final = 50
"""WeChat's limits (reference: profit sharing)."""


class PartyKind(Enum):
    """Who can be given a part."""

    MERCHANT = "merchant"
    PERSON = "person"


class PartState(Enum):
    """Where a receiver's part stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    """It did not get it; the money is still the merchant's."""


@dataclass(frozen=True, slots=True)
class Part:
    """One receiver of a sharing, and what became of its part. `name` is kept only while it may be sent."""

    kind: PartyKind
    party: str = field(repr=False)
    amount: int
    description: str
    name: str | None = field(default=None, repr=False)
    state: PartState = PartState.PENDING
    failure: str | None = None

    def holds(self) -> int:
        """How much of the order it holds or took, in minor units."""
        return 0 if self.state is PartState.CLOSED else self.amount


class SharingState(Enum):
    """Where a sharing stands, as far as we know."""

    RECORDED = "recorded"
    UNCERTAIN = "uncertain"
    """Sent; whether the provider took it is not known."""
    PROCESSING = "processing"
    FINISHED = "finished"
    """Every receiver got its part or did not; `parts` say which."""
    DECLINED = "declined"
    """The provider refused it; nothing was moved."""


SHARING_UNSENT: Final = frozenset({SharingState.RECORDED, SharingState.UNCERTAIN})
SHARING_ENDED: Final = frozenset({SharingState.FINISHED, SharingState.DECLINED})
SHARING_STATUS: Final = {
    SharingState.RECORDED: "pending",
    SharingState.UNCERTAIN: "pending",
    SharingState.PROCESSING: "processing",
    SharingState.FINISHED: "finished",
    SharingState.DECLINED: "failed",
}


@dataclass(frozen=True, slots=True)
class ProfitSharing:
    """One request to share; times are Unix milliseconds. With `finish` what remains of the order is released."""

    id: int
    intent_id: int
    attempt_id: int
    account: str
    livemode: bool
    provider: str
    merchant: str
    app: str
    transaction: str
    out_order_no: str
    currency: str
    parts: tuple[Part, ...]
    finish: bool
    description: str
    created_ms: int
    sent_ms: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    state: SharingState = SharingState.RECORDED
    handle: str | None = None
    failure: str | None = None
    finished_ms: int | None = None
    version: int = 0

    def is_unresolved(self) -> bool:
        """Whether the provider still has to be asked about it."""
        return self.state not in SHARING_ENDED

    def holds(self) -> int:
        """How much of the order it holds or gave away, in minor units."""
        return 0 if self.state is SharingState.DECLINED else sum(part.holds() for part in self.parts)

    def part_of(self, party: str) -> Part | None:
        """The part of one receiver."""
        return next((part for part in self.parts if part.party == party), None)


class ReturnState(Enum):
    """Where the return of a shared part stands, as far as we know."""

    RECORDED = "recorded"
    UNCERTAIN = "uncertain"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DECLINED = "declined"


RETURN_UNSENT: Final = frozenset({ReturnState.RECORDED, ReturnState.UNCERTAIN})
RETURN_RELEASED: Final = frozenset({ReturnState.FAILED, ReturnState.DECLINED})
RETURN_ENDED: Final = RETURN_RELEASED | {ReturnState.SUCCEEDED}
RETURN_STATUS: Final = {
    ReturnState.RECORDED: "pending",
    ReturnState.UNCERTAIN: "pending",
    ReturnState.PROCESSING: "pending",
    ReturnState.SUCCEEDED: "succeeded",
    ReturnState.FAILED: "failed",
    ReturnState.DECLINED: "failed",
}


@dataclass(frozen=True, slots=True)
class SharingReturn:
    """A shared part, or some of it, on its way back from a merchant."""

    id: int
    sharing_id: int
    intent_id: int
    account: str
    livemode: bool
    provider: str
    merchant: str
    out_order_no: str
    out_return_no: str
    party: str
    money: Money
    description: str
    created_ms: int
    sent_ms: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    state: ReturnState = ReturnState.RECORDED
    handle: str | None = None
    failure: str | None = None
    returned_ms: int | None = None
    version: int = 0

    def is_unresolved(self) -> bool:
        """Whether the provider still has to be asked about it."""
        return self.state not in RETURN_ENDED

    def holds(self) -> int:
        """How much of the part it holds or brought back, in minor units."""
        return 0 if self.state in RETURN_RELEASED else self.money.amount

    def brought(self) -> int:
        """How much surely came back, in minor units."""
        return self.money.amount if self.state is ReturnState.SUCCEEDED else 0
