"""Where money that the buyer's account cannot take goes instead: a bank card, of the shop or of the buyer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Holder(Enum):
    """Whose card it is."""

    MERCHANT = "merchant"
    """The shop's own account at its bank; the shop then pays the buyer itself."""
    BUYER = "buyer"


@dataclass(frozen=True, slots=True)
class Card:
    """A card. What names a buyer's account is sent on, encrypted, and is never kept or logged."""

    holder: Holder
    bank: str | None = None
    number: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
