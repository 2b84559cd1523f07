"""Events out and notices in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wxbackend.domain.event import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: int
    event_id: int
    endpoint_id: str
    tries: int
    body: bytes


class Events(Protocol):
    """Events and their deliveries: the outbox."""

    def insert(self, event: Event, *, endpoint_ids: Sequence[str], delivery_ids: Sequence[int]) -> None:
        """Keep the event and one delivery for each endpoint, due at once."""
        ...

    def claim(
        self, *, now_ms: int, lease_ms: int, limit: int, busy_endpoints: Sequence[str] = ()
    ) -> Sequence[Delivery]:
        """Take due deliveries, except those to busy endpoints; another worker gets them only after the lease."""
        ...

    def delivered(self, delivery_id: int, *, now_ms: int, tries: int, status: int) -> None:
        """It arrived."""
        ...

    def failed(self, delivery_id: int, *, tries: int, status: int | None, reason: str, due_ms: int | None) -> None:
        """It did not; try again then, or never when `due_ms` is None."""
        ...


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A proven notice as it came."""

    id: int
    provider: str
    merchant: str
    notice_id: str
    kind: str
    out_trade_no: str | None
    received_ms: int
    headers: str
    body: bytes


class Notices(Protocol):
    """The inbox."""

    def keep(self, notice: KeptNotice) -> bool:
        """Keep it unless the same notice is there already and was handled; whether it still has to be."""
        ...

    def handled(self, notice: KeptNotice, *, verdict: str, now_ms: int) -> None:
        """What came of it."""
        ...

    def unhandled(self, *, before_ms: int, limit: int) -> Sequence[KeptNotice]:
        """Notices that were kept and not handled, oldest first."""
        ...
