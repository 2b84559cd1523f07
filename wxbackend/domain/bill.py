"""What a provider's bill of one day says, in our words. Amounts are integer minor units, fees thousandths of one.

Rows are named tuples and come in lists: a busy day has hundreds of thousands of them, and a dataclass for each
costs more than reading the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

FEE_UNITS: Final = 1_000
"""So many units of a bill's fee are one minor unit of money: bills tell fees more finely than money moves."""


class BillKind(Enum):
    """Which bill of a day."""

    PAYMENTS = "payments"
    """Every payment and refund."""
    FUNDS = "funds"
    """Every movement of the merchant's account."""


class Subject(Enum):
    """What a row or a finding is about."""

    PAYMENT = "payment"
    REFUND = "refund"


class Told(Enum):
    """What became of a payment or refund, as a bill tells it."""

    PAID = "paid"
    REVERSED = "reversed"
    REFUNDED = "succeeded"
    REFUNDING = "processing"
    REFUND_FAILED = "failed"
    REFUND_ABNORMAL = "abnormal"
    UNKNOWN = "unknown"
    """A word of theirs that we do not know, about a payment."""
    REFUND_UNKNOWN = "unknown refund"

    @property
    def subject(self) -> Subject:
        """Whether it is told of a payment or of a refund."""
        return Subject.PAYMENT if self in OF_PAYMENTS else Subject.REFUND


OF_PAYMENTS: Final = frozenset({Told.PAID, Told.REVERSED, Told.UNKNOWN})


class BillRow(NamedTuple):
    """One payment or refund. The refund's numbers are empty in a row about a payment."""

    told: Told
    out_trade_no: str
    transaction: str
    out_refund_no: str
    refund_transaction: str
    ordered: int
    refunded: int
    fee_units: int
    """In thousandths of a minor unit; negative for what is given back."""
    settled: int
    """What the fee is reckoned of."""
    rate_millionths: int
    """The rate of the fee as the bill names it; -1 where it names none, or says that another one holds."""
    currency: str
    fee_currency: str = "CNY"
    """Of the fee and of what it is reckoned of; another one than the order's where the provider settles in that."""

    @property
    def number(self) -> str:
        """The number that we gave."""
        return self.out_trade_no if self.told.subject is Subject.PAYMENT else self.out_refund_no

    @property
    def provider_number(self) -> str:
        """The number that the provider gave."""
        return self.transaction if self.told.subject is Subject.PAYMENT else self.refund_transaction

    @property
    def amount(self) -> int:
        """The money that this row is about."""
        return self.ordered if self.told.subject is Subject.PAYMENT else self.refunded


class Movement(Enum):
    """Why the merchant's account moved."""

    PAYMENT = "payment"
    REFUND = "refund"
    FEE = "fee"
    OTHER = "other"
    """A withdrawal, a top-up, or a word of theirs that we do not know: counted, and matched with nothing."""


class FundsRow(NamedTuple):
    """One movement of the merchant's account; `amount` is negative for money that left."""

    movement: Movement
    transaction: str
    amount: int


@dataclass(frozen=True, slots=True)
class Bill:
    """One bill of one merchant and day, and how far we are with it; `day` is YYYY-MM-DD where the provider is."""

    id: int
    account: str
    livemode: bool
    provider: str
    merchant: str
    kind: BillKind
    day: str
    created_ms: int
    state: BillState
    reason: str = ""
    rows: int = 0
    digest: str = ""
    checked_ms: int | None = None
    version: int = 0


class BillState(Enum):
    """How far we are with a bill."""

    PLANNED = "planned"
    NOT_READY = "not_ready"
    """The provider has not made it yet, or gave no usable answer."""
    UNREADABLE = "unreadable"
    """It came, and cannot be believed; nothing of it was used."""
    EMPTY = "empty"
    """The provider says that nothing happened that day."""
    CHECKED = "checked"
