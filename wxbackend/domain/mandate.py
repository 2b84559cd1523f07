"""The buyer's permission to take money without asking again, as a contract at a provider; it has one number for ever.

Whether money may be taken is one question with one answer: `state is ACTIVE`. Everything else is no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from wxbackend.domain.money import Money
from wxbackend.domain.terminal import Terminal


class MandateState(Enum):
    """Where the contract stands, as far as we know."""

    RECORDED = "recorded"
    """Written here; whether the buyer can sign it is not known yet."""
    OPEN = "open"
    """The provider has a page on which the buyer can sign."""
    ACTIVE = "active"
    """Signed: money may be taken."""
    ENDING = "ending"
    """Nothing may be taken any more; the provider has not confirmed the end yet."""
    ENDED = "ended"
    LAPSED = "lapsed"
    """Nobody signed in time, or nobody shall sign any more; signed all the same, it is ended at once."""
    DECLINED = "declined"
    """The provider refused to let it be signed."""


PUBLIC_STATUS: Final = {
    MandateState.RECORDED: "pending",
    MandateState.OPEN: "pending",
    MandateState.ACTIVE: "active",
    MandateState.ENDING: "inactive",
    MandateState.ENDED: "inactive",
    MandateState.LAPSED: "inactive",
    MandateState.DECLINED: "inactive",
}
MANDATE_INACTIVE: Final = "mandate_inactive"
"""The decline code of a debit that failed because the contract is over at the provider."""
SIGNABLE: Final = frozenset({MandateState.RECORDED, MandateState.OPEN})


@dataclass(frozen=True, slots=True)
class DebitNotice:
    """What the buyer was told before a debit: how much at the most, and between which days (as the provider says)."""

    money: Money
    told_ms: int
    from_day: str | None = None
    until_day: str | None = None


@dataclass(frozen=True, slots=True)
class Mandate:
    """One contract with one buyer; times are Unix milliseconds."""

    id: int
    setup_id: int
    customer_id: int
    method_id: int
    account: str
    livemode: bool
    provider: str
    merchant: str
    app: str
    terminal: Terminal
    out_mandate_no: str
    payer: str = field(repr=False)
    method_type: str
    display_name: str
    created_ms: int
    sent_ms: int
    expires_ms: int
    """Until when it can be signed."""
    state: MandateState = MandateState.RECORDED
    handle: str | None = None
    client_params: Mapping[str, Any] | None = None
    presentable_until_ms: int | None = None
    signed_ms: int | None = None
    ended_ms: int | None = None
    notice: DebitNotice | None = None
    version: int = 0

    def is_chargeable(self) -> bool:
        """Whether money may be taken under it."""
        return self.state is MandateState.ACTIVE

    def is_signable(self) -> bool:
        """Whether the buyer can still sign it."""
        return self.state in SIGNABLE


@dataclass(frozen=True, slots=True)
class PageOpened:
    """The provider has a page to sign on; `client_params` lead the buyer there."""

    client_params: Mapping[str, Any]
    presentable_until_ms: int


@dataclass(frozen=True, slots=True)
class Signed:
    """The buyer signed. `payer` and `app` are as the provider states them, not yet compared with ours."""

    handle: str
    payer: str | None
    app: str | None
    signed_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The contract is over: by the buyer, by us, or by its time."""

    handle: str | None
    ended_ms: int


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Nobody signed while it was possible."""


@dataclass(frozen=True, slots=True)
class Told:
    """The provider told the buyer of a debit to come."""

    from_day: str | None
    until_day: str | None
