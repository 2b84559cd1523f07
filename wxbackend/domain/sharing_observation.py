"""What a provider said about a sharing or a return, in our words; an unknown word of theirs is `Pending`."""

from __future__ import annotations

from dataclasses import dataclass

from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.profit_sharing import PartState, PartyKind


@dataclass(frozen=True, slots=True)
class PartResult:
    """What became of one receiver's part; the amount is as the provider states it."""

    kind: PartyKind
    party: str
    amount: int
    state: PartState
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class SharingProcessing:
    """The provider took it; some receivers may have their parts already."""

    handle: str
    results: tuple[PartResult, ...] = ()


@dataclass(frozen=True, slots=True)
class SharingFinished:
    """The provider is done with it."""

    handle: str
    results: tuple[PartResult, ...] = ()


SharingObservation = SharingProcessing | SharingFinished | Declined | Pending | Absent | Uncertain


@dataclass(frozen=True, slots=True)
class ReturnProcessing:
    """The provider took the return."""

    handle: str


@dataclass(frozen=True, slots=True)
class ReturnSucceeded:
    """The money is the merchant's again. The amount is as the provider states it."""

    handle: str
    returned_ms: int
    amount: int


@dataclass(frozen=True, slots=True)
class ReturnFailed:
    """Nothing came back."""

    handle: str
    reason: str


ReturnObservation = ReturnProcessing | ReturnSucceeded | ReturnFailed | Declined | Pending | Absent | Uncertain
