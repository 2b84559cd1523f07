"""Carry due events to the merchant's endpoints, at least once, until a 2xx or the end of the schedule."""

from __future__ import annotations

from collections.abc import Sequence

from wxbackend.domain import ids
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.delivery import Outcome, Parcel
from wxbackend.ports.store import Delivery, Unit

LEASE_MS = 30_000
"""Longer than one try may last, so that a delivery is not tried twice at a time."""


def claim_deliveries(deps: Dependencies, *, at_most: int, busy_endpoints: Sequence[str] = ()) -> list[Delivery]:
    """Deliveries that are due, leased to this worker; none to an endpoint that has its share of it already."""
    now_ms = deps.surroundings.now_ms()
    return list(
        deps.store.write(
            lambda unit: unit.events.claim(
                now_ms=now_ms, lease_ms=LEASE_MS, limit=at_most, busy_endpoints=busy_endpoints
            )
        )
    )


def deliver_event(deps: Dependencies, delivery: Delivery) -> Outcome:
    """Try one delivery and note what came of it."""
    endpoint = deps.accounts.endpoint(delivery.endpoint_id)
    tries = delivery.tries + 1
    if endpoint is None:
        outcome = Outcome(None, "the endpoint is no longer in the settings")
        deps.store.write(lambda unit: _note(unit, delivery, outcome, tries, None))
        return outcome
    now_ms = deps.surroundings.now_ms()
    parcel = Parcel(
        event_id=ids.render(ids.EVENT, delivery.event_id),
        endpoint=endpoint,
        body=delivery.body,
        number=tries,
        now_ms=now_ms,
    )
    outcome = deps.courier.deliver(parcel)
    if outcome.delivered:
        status, done_ms = outcome.status or 200, deps.surroundings.now_ms()
        deps.store.write(lambda unit: unit.events.delivered(delivery.id, now_ms=done_ms, tries=tries, status=status))
        return outcome
    delay_s = deps.courier.next_delay_s(tries)
    due_ms = None if delay_s is None else deps.surroundings.now_ms() + round(delay_s * 1000)
    deps.store.write(lambda unit: _note(unit, delivery, outcome, tries, due_ms))
    return outcome


def _note(unit: Unit, delivery: Delivery, outcome: Outcome, tries: int, due_ms: int | None) -> None:
    unit.events.failed(delivery.id, tries=tries, status=outcome.status, reason=outcome.reason, due_ms=due_ms)
