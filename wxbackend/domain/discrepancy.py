"""Money that does not fit the books: late, double or wrong. Recorded first, never dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


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


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One such fact. `expected` and `observed` hold only the fields that differ, and no openid."""

    kind: DiscrepancyKind
    expected: Mapping[str, str | int]
    observed: Mapping[str, str | int]
    transaction: str
    amount: int
    currency: str
