"""The port that carries events to the merchant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wxbackend.domain.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Parcel:
    """One try to hand over one event."""

    event_id: str
    endpoint: Endpoint
    body: bytes
    number: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the HTTP status and the beginning of the answer, or None with the reason why there was none."""

    status: int | None
    reason: str
    excerpt: str = ""

    @property
    def delivered(self) -> bool:
        """Only a 2xx counts."""
        return self.status is not None and 200 <= self.status < 300


class Courier(Protocol):
    """Posts signed events."""

    def deliver(self, parcel: Parcel) -> Outcome:
        """Try once. Never raises for anything that the endpoint or the network does."""
        ...

    def next_delay_s(self, tries: int) -> float | None:
        """How long to wait after that many failed tries; None when it was the last."""
        ...
