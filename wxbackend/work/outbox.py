"""Delivers events when they are due."""

from __future__ import annotations

from functools import partial

import structlog

from wxbackend.flows.deliver_events import claim_deliveries, deliver_event
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Delivery
from wxbackend.work.crew import Crew
from wxbackend.work.lanes import Lanes


def tick(deps: Dependencies, crew: Crew, lanes: Lanes) -> int:
    """How many were begun. A slow endpoint keeps a few hands busy at the most, and no other endpoint waiting."""
    free = crew.free()
    if not free:
        return 0
    lanes.open_round()
    deliveries = claim_deliveries(deps, at_most=free, room=lanes.room)
    for delivery in deliveries:
        lanes.begin(delivery.endpoint_id)
        crew.take(partial(_one, deps, delivery, lanes))
    return len(deliveries)


def _one(deps: Dependencies, delivery: Delivery, lanes: Lanes) -> None:
    log = structlog.get_logger("worker")
    well = False
    try:
        outcome = deliver_event(deps, delivery)
        well = outcome.delivered
    except Exception:
        log.exception("delivery_failed", delivery_id=delivery.id)
        return
    finally:
        lanes.end(delivery.endpoint_id, well=well)
    log.info(
        "event_delivered" if outcome.delivered else "event_not_delivered",
        event_id=delivery.event_id,
        endpoint=delivery.endpoint_id,
        tries=delivery.tries + 1,
        result=outcome.reason,
    )
