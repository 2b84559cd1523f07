"""What one merchant number abroad was registered with at WeChat Pay, beyond the keys that every number has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wxbackend.domain.money import MINOR_DIGITS

LIMIT_USD: Final = 50_000
"""The most that one order may be worth (seed document 004: largest transaction)."""
RATE_MILLIONTHS: Final = 1_000_000
"""A rate of one is written so."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What orders say beside themselves. Rates are millionths of a US dollar that one unit of a currency is worth."""

    merchant_category_code: str
    store_name: str
    store_address: str
    currencies: frozenset[str]
    usd_rates: Mapping[str, int] = field(default_factory=dict)

    def amount_max(self, currency: str) -> int | None:
        """The most that one order may be, in minor units; None where no rate says what a currency is worth."""
        rate = RATE_MILLIONTHS if currency == "USD" else self.usd_rates.get(currency)
        if rate is None:
            return None
        minor = int(LIMIT_USD * 10 ** MINOR_DIGITS[currency])
        return minor * RATE_MILLIONTHS // rate
