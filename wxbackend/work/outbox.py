"""Delivers events when they are due; an endpoint that hangs keeps no other endpoint waiting."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from typing import Final

import structlog

from wxbackend.flows.deliver_events import claim_deliveries, deliver_event
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.store import Delivery
from wxbackend.work.crew import Crew

HANDS: Final = 32
CLAIMED_AT_ONCE_MAX: Final = 8
BUSY_FROM: Final = 8
"""With so many deliveries under way an endpoint gets no more of them begun: never half of the hands."""


class Outbox:
    """The deliveries that are under way, by endpoint."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()

    def tick(self, deps: Dependencies) -> int:
        """How many were begun."""
        at_most = min(self._crew.free(), CLAIMED_AT_ONCE_MAX)
        if at_most == 0:
            return 0
        deliveries = claim_deliveries(deps, at_most=at_most, busy_endpoints=self._busy())
        for delivery in deliveries:
            with self._lock:
                self._under_way[delivery.endpoint_id] += 1
            self._crew.take(partial(self._carry, deps, delivery))
        return len(deliveries)

    def _busy(self) -> list[str]:
        with self._lock:
            return [endpoint for endpoint, count in self._under_way.items() if count >= BUSY_FROM]

    def _carry(self, deps: Dependencies, delivery: Delivery) -> None:
        try:
            _one(deps, delivery)
        finally:
            with self._lock:
                self._under_way[delivery.endpoint_id] -= 1


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
