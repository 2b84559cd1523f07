"""Carry due events to the merchant's endpoints, at least once, until a 2xx or the end of the schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wxbackend.domain import ids
from wxbackend.domain.endpoint import Endpoint
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import reach
from wxbackend.ports.delivery import Outcome, Parcel
from wxbackend.ports.store import Delivery, DeliveryTry, Unit

DELETED: Final = "the endpoint is no longer there"
DISABLED: Final = "the endpoint is disabled"


@dataclass(frozen=True, slots=True)
class Tried:
    """A try that ended and is not noted yet; `due_ms` None ends the delivery."""

    delivery: Delivery
    outcome: Outcome
    attempt: DeliveryTry
    due_ms: int | None


def claim_deliveries(
    deps: Dependencies, *, at_most: int, room: Callable[[str], int] | None = None, load: Callable[[str], int]
) -> list[Sequence[Delivery]]:
    """Loads of deliveries that are due, leased to this worker; of each endpoint no more than there is room for."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return list(
        deps.store.write(
            lambda unit: unit.events.claim(now_ms=now_ms, lease_ms=lease_ms, limit=at_most, room=room, load=load)
        )
    )


def claim_delivery(deps: Dependencies, delivery_id: int) -> Delivery | None:
    """This delivery, leased to this worker, if it is due and nobody else has it."""
    now_ms, lease_ms = deps.surroundings.now_ms(), deps.policy.lease_ms
    return deps.store.write(lambda unit: unit.events.take(delivery_id, now_ms=now_ms, lease_ms=lease_ms))


def find_reachable(deps: Dependencies, endpoint_id: str) -> tuple[Endpoint | None, str]:
    """The endpoint as it is now, or why nothing may be sent there. Ask after the claim, for each load anew."""
    endpoint = deps.store.look(lambda unit: reach(unit, deps, endpoint_id))
    if endpoint is None:
        return None, DELETED
    return (None, DISABLED) if endpoint.disabled else (endpoint, "")


def try_delivery(deps: Dependencies, delivery: Delivery, endpoint: Endpoint) -> Tried:
    """Try one delivery; what came of it has to be noted."""
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
    attempt = DeliveryTry(
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
    return Tried(delivery, outcome, attempt, None if delay_s is None else ended_ms + round(delay_s * 1000))


def note_tries(deps: Dependencies, ended: Sequence[Tried], *, untried: Sequence[Delivery] = ()) -> None:
    """Keep what came of them, all in one unit; what was claimed with them and not tried is due again."""
    now_ms = deps.surroundings.now_ms()

    def work(unit: Unit) -> None:
        for tried in ended:
            _note(unit, tried)
        for delivery in untried:
            unit.events.give_back(delivery, now_ms=now_ms)

    deps.store.write(work)


def cancel_deliveries(deps: Dependencies, deliveries: Sequence[Delivery], *, reason: str) -> None:
    """End them, because nothing may be sent there."""

    def work(unit: Unit) -> None:
        for delivery in deliveries:
            unit.deliveries.cancel(delivery.id, reason=reason)

    deps.store.write(work)


def _note(unit: Unit, tried: Tried) -> None:
    attempt = tried.attempt
    unit.deliveries.note(attempt)
    if tried.outcome.delivered:
        ended_ms = attempt.begun_ms + attempt.duration_ms
        unit.events.delivered(attempt.delivery_id, now_ms=ended_ms, tries=attempt.number, status=attempt.status or 200)
    else:
        unit.events.failed(
            attempt.delivery_id,
            tries=attempt.number,
            status=attempt.status,
            reason=attempt.reason,
            due_ms=tried.due_ms,
        )
