"""Money that does not fit the books: late, double or wrong. Recorded first, never dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class DiscrepancyKind(Enum):
    """Why the money does not fit."""

    LATE = "late"
    """Paid after the intent was canceled."""
    DOUBLE = "double"
    """Paid although another attempt of the same intent had been paid."""
    WRONG = "wrong"
    """Paid, but the amount, currency, app, merchant or payer differs from the order."""
    UNMATCHED = "unmatched"
    """A proven notice about an order that we never made."""
    MISSING_HERE = "missing_here"
    """In the provider's bill, and not here."""
    MISSING_THERE = "missing_there"
    """Paid or refunded here that day, and not in the provider's bill."""
    AMOUNT = "amount"
    """The bill and we have different amounts of it."""
    STATUS = "status"
    """The bill and we disagree about what became of it."""
    FEE = "fee"
    """The fee is not the one that was booked, or not what the bill's own rate gives."""


MISPLACED: Final = frozenset(
    {DiscrepancyKind.LATE, DiscrepancyKind.DOUBLE, DiscrepancyKind.WRONG, DiscrepancyKind.UNMATCHED}
)
"""Money that does not fit; the other kinds are differences between a bill and our books."""


class DiscrepancyState(Enum):
    """Whether somebody still has to look at it."""

    OPEN = "open"
    REFUNDED = "refunded"
    """The money went back."""
    MENDED = "mended"
    """A later look found that it fits now."""
    SETTLED = "settled"
    """A person looked at it, and said so."""


NOTE_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One such fact. `expected` and `observed` hold only the fields that differ, and no openid."""

    kind: DiscrepancyKind
    expected: Mapping[str, str | int]
    observed: Mapping[str, str | int]
    transaction: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class KeptDiscrepancy:
    """A discrepancy as it is on record, with what became of it."""

    id: int
    account: str
    livemode: bool
    state: DiscrepancyState
    created_ms: int
    found: Discrepancy
    intent_id: int | None = None
    attempt_id: int | None = None
    bill_id: int | None = None
    day: str | None = None
    """The day of the bill that it was found in; None for money that does not fit."""
    resolved_ms: int | None = None
    note: str | None = None
