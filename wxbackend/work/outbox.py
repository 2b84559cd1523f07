"""Delivers events when they are due; an endpoint that hangs keeps no other endpoint waiting."""

from __future__ import annotations

from functools import partial
from typing import Final

import structlog

from wxbackend.flows.deliver_events import claim_deliveries, deliver_event
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Delivery, Work
from wxbackend.work.crew import Crew
from wxbackend.work.failing import failed
from wxbackend.work.lanes import Lanes

HANDS: Final = 32


class Outbox:
    """The deliveries that are under way, by endpoint."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._lanes = Lanes(HANDS)

    def tick(self, deps: Dependencies) -> int:
        """How many were begun. A slow endpoint keeps a few hands busy at the most."""
        free = self._crew.free()
        if not free:
            return 0
        self._lanes.open_round()
        deliveries = claim_deliveries(deps, at_most=free, room=self._lanes.room)
        for delivery in deliveries:
            self._lanes.begin(delivery.endpoint_id)
            self._crew.take(partial(_one, deps, delivery, self._lanes))
        return len(deliveries)


def _one(deps: Dependencies, delivery: Delivery, lanes: Lanes) -> None:
    well = False
    try:
        well = deliver(deps, delivery)
    finally:
        lanes.end(delivery.endpoint_id, well=well)


def deliver(deps: Dependencies, delivery: Delivery) -> bool:
    """Try one that was claimed, and whether it arrived; a failure is told and goes no further."""
    log = structlog.get_logger("worker")
    try:
        outcome = deliver_event(deps, delivery)
    except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
        failed(deps, Work.DELIVERY, delivery.id, error, tries=delivery.tries)
        deps.counting.delivery(result="failed here")
        return False
    deps.counting.delivery(result="delivered" if outcome.delivered else outcome.reason)
    log.info(
        "event_delivered" if outcome.delivered else "event_not_delivered",
        event_id=delivery.event_id,
        endpoint=delivery.endpoint_id,
        tries=delivery.tries + 1,
        result=outcome.reason,
    )
    return outcome.delivered
