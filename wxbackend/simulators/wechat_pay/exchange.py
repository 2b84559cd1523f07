"""What money is worth at the simulated border: made-up rates, fixed for ever, in whole numbers.

Orders of the global API are priced in one of five currencies, paid in yuan and settled in one currency that the
merchant chose when it registered (reference: cross-border).
"""

from __future__ import annotations

from typing import Final

YUAN: Final = "CNY"
SETTLEMENT: Final = "HKD"
RATE_UNITS: Final = 100_000_000
"""A rate of one is written so."""
YUAN_RATES: Final = {
    "CNY": 100_000_000,
    "HKD": 92_000_000,
    "GBP": 931_000_000,
    "USD": 718_000_000,
    "EUR": 785_000_000,
}
"""How many yuan one unit of a currency is worth."""
LIMIT_USD_CENTS: Final = 5_000_000
"""The most that one order may be worth."""


def in_yuan(amount: int, currency: str) -> int:
    """Fen for an amount in minor units, rounded half up, and never nothing."""
    return max(1, (amount * YUAN_RATES[currency] + RATE_UNITS // 2) // RATE_UNITS)


def settlement_rate(currency: str) -> int:
    """How much of the settlement currency one unit is worth."""
    return YUAN_RATES[currency] * RATE_UNITS // YUAN_RATES[SETTLEMENT]


def settled(amount: int, currency: str) -> int:
    """Minor units of the settlement currency for an amount, rounded half up."""
    return (amount * settlement_rate(currency) + RATE_UNITS // 2) // RATE_UNITS


def in_yuan_of_part(part: int, total: int, currency: str) -> int:
    """Fen for a part of an order; all parts together are never more than the buyer paid."""
    return part * in_yuan(total, currency) // total


def is_over_limit(amount: int, currency: str) -> bool:
    """Whether it is worth more than one order may be."""
    return amount * YUAN_RATES[currency] > LIMIT_USD_CENTS * YUAN_RATES["USD"]
