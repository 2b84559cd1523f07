"""Money: an integer of minor units and an upper-case currency. No float ever touches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wxbackend.domain.errors import InvalidRequest

AMOUNT_MINOR_UNITS_MAX: Final = 99_999_999
"""Eight digits, the limit that the seed documents' API states."""

MINOR_DIGITS: Final = {"CNY": 2, "EUR": 2, "GBP": 2, "HKD": 2, "USD": 2}
"""The currencies that the seed documents promise, with their number of decimal digits."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (fen, cents) of one currency; always positive and within the limit.

    Raises `InvalidRequest` naming `amount` or `currency` when it is not money.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise InvalidRequest(
                "amount must be an integer in the smallest unit of the currency (2000 means 20.00 CNY).",
                code="parameter_invalid_integer",
                param="amount",
            )
        if self.amount < 1:
            raise InvalidRequest(
                f"amount must be at least 1 (the smallest unit of the currency); it was {self.amount}.",
                code="amount_too_small",
                param="amount",
            )
        if self.amount > AMOUNT_MINOR_UNITS_MAX:
            raise InvalidRequest(
                f"amount must be at most {AMOUNT_MINOR_UNITS_MAX} minor units; it was {self.amount}.",
                code="amount_too_large",
                param="amount",
            )
        if self.currency not in MINOR_DIGITS:
            raise InvalidRequest(
                f"currency {self.currency!r} is not one of {', '.join(MINOR_DIGITS)}.",
                code="parameter_invalid_currency",
                param="currency",
            )

    def __str__(self) -> str:
        digits = MINOR_DIGITS[self.currency]
        text = str(self.amount).rjust(digits + 1, "0")
        return f"{text[:-digits]}.{text[-digits:]} {self.currency}"
