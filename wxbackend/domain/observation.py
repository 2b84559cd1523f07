"""What a provider said about one order, in our words; an unknown word of theirs is `Pending`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """By which door the observation came."""

    REPLY = "reply"
    QUERY = "query"
    NOTICE = "notice"
    OURSELVES = "ourselves"


@dataclass(frozen=True, slots=True)
class Opened:
    """The provider took the order; the buyer can pay it with `client_params`."""

    handle: str
    client_params: Mapping[str, str]
    presentable_until_ms: int


@dataclass(frozen=True, slots=True)
class PayersShare:
    """What left the buyer's wallet where that is another currency than the order's; it decides nothing.

    `amount` is in minor units, `rate` the provider's rate of exchange in hundred-millionths, if it told one.
    """

    amount: int
    currency: str
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The buyer paid. Amounts are minor units as the provider states them, not yet compared with ours."""

    transaction: str
    amount: int
    currency: str
    payer: str | None
    app: str | None
    merchant: str | None
    paid_ms: int
    share: PayersShare | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The order exists and is not paid yet, or the provider used a word that we do not know."""

    word: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The order can no longer be paid."""

    word: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider refused to open the order; no order exists. `operator_hint` is never shown to buyers."""

    code: str
    decline_code: str
    message: str
    operator_hint: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider does not know the order. It may still be on its way there."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A call may have arrived and its result is not known."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took a debit and will tell its result later; accepted is not paid."""

    word: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider tried to take the money and could not; none was moved and none will be."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unreversed:
    """The provider refuses for good to reverse the order, and it is paid: the payment stands."""

    paid: Paid


Observation = Opened | Paid | Pending | Closed | Declined | Absent | Uncertain | Accepted | Failed | Unreversed


@dataclass(frozen=True, slots=True)
class RefundProcessing:
    """The provider took the refund; the money is on its way."""

    handle: str


@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    """The buyer has the money back."""

    handle: str
    succeeded_ms: int


@dataclass(frozen=True, slots=True)
class RefundClosed:
    """The refund failed; the money is still the merchant's."""

    handle: str


@dataclass(frozen=True, slots=True)
class RefundAbnormal:
    """The buyer's account cannot take the money; a person has to follow up at the provider."""

    handle: str


@dataclass(frozen=True, slots=True)
class RefundShort:
    """The merchant's balance at the provider is too low; nothing was moved."""


RefundObservation = (
    RefundProcessing
    | RefundSucceeded
    | RefundClosed
    | RefundAbnormal
    | RefundShort
    | Declined
    | Pending
    | Absent
    | Uncertain
)
