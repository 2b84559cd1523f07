"""Carry due events to the merchant's endpoints, at least once, until a 2xx or the end of the schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wxbackend.domain import ids
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import reach
from wxbackend.ports.delivery import Outcome, Parcel
from wxbackend.ports.store import Delivery, DeliveryTry, Unit

DELETED: Final = "the endpoint is no longer there"
DISABLED: Final = "the endpoint is disabled"


def claim_deliveries(deps: Dependencies, *, at_most: int, room: Callable[[str], int] | None = None) -> list[Delivery]:
    """Deliveries that are due, leased to this worker; of each endpoint no more than there is room for."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return list(
        deps.store.write(lambda unit: unit.events.claim(now_ms=now_ms, lease_ms=lease_ms, limit=at_most, room=room))
    )


def claim_delivery(deps: Dependencies, delivery_id: int) -> Delivery | None:
    """This delivery, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.events.take(delivery_id, now_ms=now_ms, lease_ms=lease_ms))


def deliver_event(deps: Dependencies, delivery: Delivery) -> Outcome:
    """Try one delivery and note what came of it. The endpoint is read anew for every try."""
    endpoint = deps.store.read(lambda unit: reach(unit, deps, delivery.endpoint_id))
    if endpoint is None or endpoint.disabled:
        reason = DELETED if endpoint is None else DISABLED
        deps.store.write(lambda unit: unit.deliveries.cancel(delivery.id, reason=reason))
        return Outcome(None, reason)
    tries, begun_ms = delivery.tries + 1, deps.surroundings.now_ms()
    parcel = Parcel(
        event_id=ids.render(ids.EVENT, delivery.event_id),
        endpoint=endpoint,
        body=delivery.body,
        number=tries,
        now_ms=begun_ms,
    )
    outcome = deps.courier.deliver(parcel)
    ended_ms = deps.surroundings.now_ms()
    tried = DeliveryTry(
        id=deps.surroundings.new_id(),
        delivery_id=delivery.id,
        number=tries,
        begun_ms=begun_ms,
        duration_ms=max(0, ended_ms - begun_ms),
        status=outcome.status,
        reason=outcome.reason,
        excerpt=outcome.excerpt,
    )
    delay_s = None if outcome.delivered else deps.courier.next_delay_s(tries)
    due_ms = None if delay_s is None else ended_ms + round(delay_s * 1000)
    deps.store.write(lambda unit: _note(unit, tried, delivered=outcome.delivered, due_ms=due_ms))
    return outcome


def _note(unit: Unit, tried: DeliveryTry, *, delivered: bool, due_ms: int | None) -> None:
    unit.deliveries.note(tried)
    if delivered:
        ended_ms = tried.begun_ms + tried.duration_ms
        unit.events.delivered(tried.delivery_id, now_ms=ended_ms, tries=tried.number, status=tried.status or 200)
    else:
        unit.events.failed(
            tried.delivery_id, tries=tried.number, status=tried.status, reason=tried.reason, due_ms=due_ms
        )
