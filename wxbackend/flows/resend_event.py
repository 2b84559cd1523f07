"""Deliver an event again, with the bytes that it was frozen in."""

from __future__ import annotations

from wxbackend.domain.endpoint import Endpoint
from wxbackend.domain.errors import Conflict
from wxbackend.domain.event import Event
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import listeners, load
from wxbackend.flows.find_event import PendingEvent, load_event, pending_event
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def resend_event(
    deps: Dependencies, actor: Actor, event_id: int, *, endpoint_id: str | None = None, once: Once = Once()
) -> PendingEvent:
    """To the named endpoint, or to all that want it now; what is pending already is only made due at once."""

    def work(unit: Unit) -> PendingEvent:
        event = load_event(unit, actor, event_id)
        claim(unit, deps, once, object_id=event.id)
        for endpoint in _chosen(unit, deps, actor, event, endpoint_id):
            unit.deliveries.again(
                event.id,
                endpoint.id,
                delivery_id=deps.surroundings.new_id(),
                now_ms=deps.surroundings.now_ms(),
            )
        return pending_event(unit, event)

    return deps.store.write(work)


def _chosen(unit: Unit, deps: Dependencies, actor: Actor, event: Event, endpoint_id: str | None) -> list[Endpoint]:
    if endpoint_id is not None:
        endpoint = load(unit, deps, actor, endpoint_id, param="webhook_endpoint")
        if endpoint.disabled:
            raise Conflict(
                f"{endpoint.id} is disabled; enable it first.",
                code="webhook_endpoint_disabled",
                param="webhook_endpoint",
            )
        return [endpoint]
    wanting = [
        endpoint
        for endpoint in listeners(unit, deps, actor.account, livemode=actor.livemode)
        if endpoint.wants(event.type)
    ]
    if not wanting:
        raise Conflict(
            f"No webhook endpoint wants {event.type.value} now; name one in webhook_endpoint.",
            code="webhook_endpoint_missing",
        )
    return wanting
