"""The code on a buyer's phone that a shop scans: it takes money, so it is held only until it was sent, and never shown.

WeChat's codes have 18 digits and begin with 10 to 15; each is good for about a minute and for one payment
(reference: WeChat Pay v2 micropay). What is kept of a code is a mark that tells whether the next one is the same.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from wxbackend.domain.errors import InvalidRequest

_PATTERN: Final = re.compile(r"1[0-5][0-9]{16}")

PIN_WAIT_S_MAX: Final = 45
"""How long a buyer may take to type the PIN before the payment is reversed; WeChat advises 30 to 45 s."""
CODE_LOOK_EVERY_S: Final = 5
"""The pause between two questions whether the buyer has paid; WeChat advises 5 to 10 s."""
REVERSE_AFTER_S_MIN: Final = 15
"""A reversal sent sooner after the charge can overtake it (reference: WeChat Pay v2 reverse)."""
SEND_WITHIN_S_MAX: Final = 15
"""A code that could not be sent within this time is not sent any more: the shop has given up waiting."""


@dataclass(frozen=True, slots=True)
class PaymentCode:
    """One code. Neither its text nor its representation shows the digits."""

    digits: str = field(repr=False)

    def __str__(self) -> str:
        return "(a payment code)"

    def mark(self, number: str) -> str:
        """What may be kept to know the same code again while its order with this number is not resolved."""
        return hmac.new(number.encode(), self.digits.encode(), "sha256").hexdigest()


def parse_code(text: str, *, param: str) -> PaymentCode:
    """The code in what a scanner read; `InvalidRequest` says what a code looks like, and never repeats this one."""
    if not _PATTERN.fullmatch(text):
        raise InvalidRequest(
            "payment_code must be the 18 digits that the scanner read from the buyer's WeChat payment code; "
            "they begin with 10 to 15.",
            code="parameter_invalid",
            param=param,
        )
    return PaymentCode(text)
