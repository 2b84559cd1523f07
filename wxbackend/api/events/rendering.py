"""Events and deliveries as JSON; an event's own bytes go out as they were frozen."""

from __future__ import annotations

from typing import Any

import orjson

from wxbackend.domain import ids, representation
from wxbackend.flows.find_event import PendingEvent
from wxbackend.ports.store import DeliveryTry, KeptDelivery


def event(shown: PendingEvent) -> dict[str, Any]:
    """An event as a value, for answers that are kept."""
    found: dict[str, Any] = orjson.loads(event_bytes(shown))
    return found


def event_bytes(shown: PendingEvent) -> bytes:
    """An event's bytes."""
    return representation.event_with_pending(shown.event.body, shown.pending)


def event_fragment(shown: PendingEvent) -> orjson.Fragment:
    """The same inside a list."""
    return orjson.Fragment(event_bytes(shown))


def delivery(kept: KeptDelivery) -> dict[str, Any]:
    """A delivery with its tries, oldest first."""
    fields: dict[str, Any] = {
        "id": ids.render(ids.DELIVERY, kept.id),
        "object": "delivery",
        "event": ids.render(ids.EVENT, kept.event_id),
        "webhook_endpoint": kept.endpoint_id,
        "status": kept.state,
        "next_attempt_at": kept.due_ms if kept.state == "pending" else None,
        "attempts": [_attempt(tried) for tried in kept.tries],
    }
    return {name: value for name, value in fields.items() if value is not None}


def _attempt(tried: DeliveryTry) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "number": tried.number,
        "created": tried.begun_ms,
        "duration_ms": tried.duration_ms,
        "status": tried.status,
        "reason": tried.reason,
        "response_excerpt": tried.excerpt or None,
    }
    return {name: value for name, value in fields.items() if value is not None}
