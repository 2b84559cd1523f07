"""Change a webhook endpoint. One that is disabled is told nothing more, not even what was on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from wxbackend.domain.endpoint import Endpoint
from wxbackend.flows.create_endpoint import require_reachable
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import load_for_change, number_in
from wxbackend.flows.once import Once, claim
from wxbackend.flows.update_intent import merged_metadata
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class UpdateEndpoint:
    """What to change, None for what stays; an empty description unsets it."""

    url: str | None = None
    enabled_events: tuple[str, ...] | None = None
    disabled: bool | None = None
    description: str | None = None
    metadata: Mapping[str, str] | None = None


def update_endpoint(
    deps: Dependencies, actor: Actor, endpoint_id: str, command: UpdateEndpoint, *, once: Once = Once()
) -> Endpoint:
    """The changed endpoint."""
    if command.url is not None:
        require_reachable(deps, actor, command.url)

    def work(unit: Unit) -> Endpoint:
        # First the claim: what was answered is answered again, though the endpoint be gone by now.
        claim(unit, deps, once, object_id=number_in(endpoint_id))
        _, was = load_for_change(unit, deps, actor, endpoint_id)
        endpoint = replace(
            was,
            url=was.url if command.url is None else command.url,
            enabled_events=was.enabled_events if command.enabled_events is None else command.enabled_events,
            disabled=was.disabled if command.disabled is None else command.disabled,
            description=was.description if command.description is None else command.description or None,
            metadata=merged_metadata(was.metadata, command.metadata),
        )
        unit.endpoints.save(endpoint)
        if endpoint.disabled:
            unit.deliveries.cancel_to(endpoint.id, reason="the endpoint was disabled")
        return endpoint

    return deps.store.write(work)
