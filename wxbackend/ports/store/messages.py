"""Events out and notices in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from wxbackend.domain.endpoint import Endpoint
from wxbackend.domain.event import Event, EventType
from wxbackend.ports.store.payments import Page


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

    def find(self, event_id: int) -> Event | None:
        """Read one."""
        ...

    def page(
        self, account: str, *, livemode: bool, page: Page, types: Sequence[EventType] = (), arrived: bool | None = None
    ) -> Sequence[Event]:
        """Up to `limit` + 1 of them, newest first: of some types, and only those that did or did not arrive."""
        ...

    def claim(
        self,
        *,
        now_ms: int,
        lease_ms: int,
        limit: int,
        room: Callable[[str], int] | None = None,
        load: Callable[[str], int] | None = None,
    ) -> Sequence[Sequence[Delivery]]:
        """Take due deliveries, so many loads at the most; others get them after the lease.

        Of each endpoint there are no more loads than there is `room` for. A load is for one endpoint and holds up to
        what `load` says of it, else one.
        """
        ...

    def take(self, delivery_id: int, *, now_ms: int, lease_ms: int) -> Delivery | None:
        """Take this delivery as `claim` does; None when it is not due, or another worker has it."""
        ...

    def give_back(self, delivery: Delivery, *, now_ms: int) -> None:
        """Let one that was taken and not tried be due again, unless somebody tried it meanwhile."""
        ...

    def delivered(self, delivery_id: int, *, now_ms: int, tries: int, status: int) -> None:
        """It arrived."""
        ...

    def failed(self, delivery_id: int, *, tries: int, status: int | None, reason: str, due_ms: int | None) -> None:
        """It did not; try again then, or never when `due_ms` is None."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryTry:
    """One try of a delivery: when it began, how long it took, and what the endpoint said."""

    id: int
    delivery_id: int
    number: int
    begun_ms: int
    duration_ms: int
    status: int | None
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class KeptDelivery:
    """A delivery and its tries; `state` is pending, delivered, failed or canceled."""

    id: int
    event_id: int
    endpoint_id: str
    state: str
    due_ms: int | None
    tries: tuple[DeliveryTry, ...]


class Deliveries(Protocol):
    """What became of the deliveries."""

    def note(self, tried: DeliveryTry) -> None:
        """Keep what one try brought."""
        ...

    def pending(self, event_ids: Sequence[int]) -> Mapping[int, int]:
        """How many deliveries of each event have not ended; events without one are left out."""
        ...

    def of_event(self, event_id: int, *, limit: int) -> Sequence[KeptDelivery]:
        """The event's deliveries with their tries, newest first."""
        ...

    def again(self, event_id: int, endpoint_id: str, *, delivery_id: int, now_ms: int) -> None:
        """Deliver it once more: the pending delivery at once, or a new one when none is pending."""
        ...

    def revive(self, delivery_id: int, *, now_ms: int) -> None:
        """Let one that failed begin anew."""
        ...

    def cancel_to(self, endpoint_id: str, *, reason: str) -> None:
        """End everything that is pending for an endpoint."""
        ...

    def cancel(self, delivery_id: int, *, reason: str) -> None:
        """End one delivery, unless it has ended."""
        ...

    def forget_tries(self, *, before_id: int) -> None:
        """Drop tries whose identifier is smaller."""
        ...


class Endpoints(Protocol):
    """Webhook endpoints that were made through the API."""

    def insert(self, endpoint: Endpoint) -> None:
        """Keep a new one."""
        ...

    def find(self, endpoint_id: int) -> Endpoint | None:
        """Read one."""
        ...

    def lock(self, endpoint_id: int) -> Endpoint | None:
        """Read one and keep others from changing it until the unit ends."""
        ...

    def save(self, endpoint: Endpoint) -> None:
        """Write one that `lock` gave in this unit."""
        ...

    def remove(self, endpoint_id: int) -> None:
        """Forget one."""
        ...

    def expect_of_account(self, account: str, *, livemode: bool) -> None:
        """Say that `of_account` comes in this unit, so that its answer is waited for together with others."""
        ...

    def of_account(self, account: str, *, livemode: bool) -> Sequence[Endpoint]:
        """All of them, newest first."""
        ...

    def lock_all(self, account: str, *, livemode: bool) -> Sequence[Endpoint]:
        """All of them, with nobody else adding one at the same time where there is one already."""
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


class Kept(IntEnum):
    """What keeping a notice found; true when it still has to be handled."""

    HANDLED = 0
    """The same notice was there already, and was handled."""
    LEFT = 1
    """It was there already, left behind by a crash or a defect."""
    NEW = 2


class Notices(Protocol):
    """The inbox."""

    def keep(self, notice: KeptNotice, *, verdict: str | None = None, now_ms: int | None = None) -> Kept:
        """Keep it once. A new one is kept with this verdict, which is for the same unit to make true or to correct."""
        ...

    def handled(self, notice: KeptNotice, *, verdict: str, now_ms: int) -> None:
        """What came of it."""
        ...

    def unhandled(self, *, before_ms: int, limit: int) -> Sequence[KeptNotice]:
        """Notices that were kept and not handled, oldest first; without those that failed and are not due again."""
        ...
