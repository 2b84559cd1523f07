"""Delivers events when they are due."""

from __future__ import annotations

from concurrent.futures import Executor

import structlog

from wxbackend.flows.deliver_events import claim_deliveries, deliver_event
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Delivery


def tick(deps: Dependencies, executor: Executor) -> int:
    """How many were due."""
    deliveries = claim_deliveries(deps)
    list(executor.map(lambda delivery: _one(deps, delivery), deliveries))
    return len(deliveries)


def _one(deps: Dependencies, delivery: Delivery) -> None:
    log = structlog.get_logger("worker")
    try:
        outcome = deliver_event(deps, delivery)
    except Exception:
        log.exception("delivery_failed", delivery_id=delivery.id)
        return
    log.info(
        "event_delivered" if outcome.delivered else "event_not_delivered",
        event_id=delivery.event_id,
        endpoint=delivery.endpoint_id,
        tries=delivery.tries + 1,
        result=outcome.reason,
    )
