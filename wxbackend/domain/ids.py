"""Identifiers: a time-ordered 63-bit number inside, prefix and 19 digits at the edge (`pi_1666625039547498496`).

The number is milliseconds since the epoch below (41 bits), the node that made it (10 bits) and a
sequence (12 bits), so that identifiers sort by time and the seed documents' own identifiers decode
to the `created` printed beside them.
"""

from __future__ import annotations

from typing import Final

from wxbackend.domain.errors import NotFound

EPOCH_MS: Final = 1_288_834_974_657
NODE_BITS: Final = 10
SEQUENCE_BITS: Final = 12
NODES_MAX: Final = 1 << NODE_BITS
SEQUENCE_MAX: Final = 1 << SEQUENCE_BITS
DIGITS: Final = 19
NUMBER_MAX: Final = (1 << 63) - 1
"""What a database's bigint holds; nineteen digits can say more."""

INTENT: Final = "pi"
PAYMENT_METHOD: Final = "pm"
REFUND: Final = "re"
TRANSFER: Final = "tr"
SHARING: Final = "ps"
SHARING_RETURN: Final = "psr"
TRANSACTION: Final = "txn"
EVENT: Final = "evt"
ENDPOINT: Final = "we"
DELIVERY: Final = "dlv"
DISCREPANCY: Final = "dsc"
SHIPPING: Final = "shp"
REQUEST: Final = "req"
API_KEY: Final = "key"
CUSTOMER: Final = "cus"
SETUP: Final = "seti"
MANDATE: Final = "mandate"
GROUP: Final = "pg"


def compose(time_ms: int, node: int, sequence: int) -> int:
    """The number for a moment (Unix milliseconds), a node and a place in that millisecond."""
    assert 0 <= node < NODES_MAX
    assert 0 <= sequence < SEQUENCE_MAX
    return (time_ms - EPOCH_MS) << (NODE_BITS + SEQUENCE_BITS) | node << SEQUENCE_BITS | sequence


def created_ms(number: int) -> int:
    """The moment in Unix milliseconds at which the number was made."""
    return (number >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS


def render(prefix: str, number: int) -> str:
    """The identifier as the API shows it."""
    return f"{prefix}_{number:0{DIGITS}d}"


def parse(prefix: str, text: str, *, param: str = "id") -> int:
    """The number inside an identifier; `NotFound` when the text cannot be one of ours."""
    head, _, digits = text.partition("_")
    fitting = len(digits) == DIGITS and digits.isascii() and digits.isdigit()
    if head != prefix or not fitting or int(digits) > NUMBER_MAX:
        raise NotFound(
            f"No such object: {text[:80]!r} (an identifier here is {prefix}_ and {DIGITS} digits).",
            code="resource_missing",
            param=param,
        )
    return int(digits)
