"""Delivers events when they are due."""

from __future__ import annotations

from functools import partial

import structlog

from wxbackend.flows.deliver_events import claim_deliveries, deliver_event
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Delivery
from wxbackend.work.crew import Crew


def tick(deps: Dependencies, crew: Crew) -> int:
    """How many were begun. A slow endpoint keeps its own hand busy and no other delivery waiting."""
    free = crew.free()
    deliveries = claim_deliveries(deps, at_most=free) if free else []
    for delivery in deliveries:
        crew.take(partial(_one, deps, delivery))
    return len(deliveries)


def _one(deps: Dependencies, delivery: Delivery) -> None:
    log = structlog.get_logger("worker")
    try:
        outcome = deliver_event(deps, delivery)
    except Exception:
        log.exception("delivery_failed", delivery_id=delivery.id)
        deps.counting.delivery(result="failed here")
        return
    deps.counting.delivery(result="delivered" if outcome.delivered else outcome.reason)
    log.info(
        "event_delivered" if outcome.delivered else "event_not_delivered",
        event_id=delivery.event_id,
        endpoint=delivery.endpoint_id,
        tries=delivery.tries + 1,
        result=outcome.reason,
    )
