"""What a provider said about one transfer to a person, in our words; an unknown word of theirs is `Pending`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain


@dataclass(frozen=True, slots=True)
class TransferAccepted:
    """The provider took it; nothing is for the person to do yet."""

    handle: str


@dataclass(frozen=True, slots=True)
class TransferAwaiting:
    """The person has to confirm, with `client_params` where this answer holds them."""

    handle: str
    until_ms: int
    client_params: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TransferMoving:
    """The person confirmed; how it ends is not known yet."""

    handle: str


@dataclass(frozen=True, slots=True)
class TransferPaid:
    """The person has the money. The amount is as the provider states it, not yet compared with ours."""

    handle: str
    paid_ms: int
    amount: int


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """It ended, and the money is still the merchant's."""

    handle: str
    reason: str


@dataclass(frozen=True, slots=True)
class TransferCanceling:
    """The provider is taking it back."""

    handle: str


@dataclass(frozen=True, slots=True)
class TransferCanceled:
    """The provider took it back; the money is still the merchant's."""

    handle: str


@dataclass(frozen=True, slots=True)
class TransferShort:
    """The merchant's balance at the provider is too low; nothing was moved."""


TransferObservation = (
    TransferAccepted
    | TransferAwaiting
    | TransferMoving
    | TransferPaid
    | TransferFailed
    | TransferCanceling
    | TransferCanceled
    | TransferShort
    | Declined
    | Pending
    | Absent
    | Uncertain
)
