"""Read events and what became of their deliveries, within the key's account and mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wxbackend.domain import ids
from wxbackend.domain.errors import NotFound
from wxbackend.domain.event import Event, EventType
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import KeptDelivery, Page, Unit

LOOK_EVERY_S: Final = 0.25
DELIVERIES_SHOWN_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events: none of `types` means all; `arrived` None means whether or not they arrived everywhere."""

    page: Page
    types: tuple[EventType, ...] = ()
    arrived: bool | None = None


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event, and how many of its deliveries have not ended."""

    event: Event
    pending: int


def load_event(unit: Unit, actor: Actor, event_id: int) -> Event:
    """The event, if the key may see it."""
    event = unit.events.find(event_id)
    if event is None or event.account != actor.account or event.livemode != actor.livemode:
        raise NotFound(f"No such event: {ids.render(ids.EVENT, event_id)}.", code="resource_missing", param="id")
    return event


def pending_event(unit: Unit, event: Event) -> PendingEvent:
    """The event with what is pending of it."""
    return PendingEvent(event, unit.deliveries.pending([event.id]).get(event.id, 0))


def find_event(deps: Dependencies, actor: Actor, event_id: int) -> PendingEvent:
    """One event."""
    return deps.store.read(lambda unit: pending_event(unit, load_event(unit, actor, event_id)))


def list_events(deps: Dependencies, actor: Actor, query: EventQuery) -> tuple[Sequence[PendingEvent], bool]:
    """A page, newest first, and whether there are more in that direction."""

    def work(unit: Unit) -> tuple[Sequence[PendingEvent], bool]:
        found = unit.events.page(
            actor.account, livemode=actor.livemode, page=query.page, types=query.types, arrived=query.arrived
        )
        shown, more = query.page.cut(found)
        pending = unit.deliveries.pending([event.id for event in shown]) if shown else {}
        return [PendingEvent(event, pending.get(event.id, 0)) for event in shown], more

    return deps.store.read(work)


def await_events(
    deps: Dependencies, actor: Actor, query: EventQuery, *, wait_s: int
) -> tuple[Sequence[PendingEvent], bool]:
    """The same, as soon as the page is not empty, or after the wait."""
    until_ms = deps.surroundings.now_ms() + wait_s * 1000
    while True:
        found, more = list_events(deps, actor, query)
        if found or deps.surroundings.now_ms() >= until_ms:
            return found, more
        deps.surroundings.wait(LOOK_EVERY_S)


def deliveries_of(deps: Dependencies, actor: Actor, event_id: int) -> Sequence[KeptDelivery]:
    """The event's newest deliveries, each with all its tries."""

    def work(unit: Unit) -> Sequence[KeptDelivery]:
        event = load_event(unit, actor, event_id)
        return unit.deliveries.of_event(event.id, limit=DELIVERIES_SHOWN_MAX)

    return deps.store.read(work)
