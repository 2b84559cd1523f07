"""Forget a webhook endpoint; what was on its way to it is canceled in the same unit."""

from __future__ import annotations

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import load_for_change
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def delete_endpoint(deps: Dependencies, actor: Actor, endpoint_id: str) -> str:
    """Its identifier."""

    def work(unit: Unit) -> str:
        number, endpoint = load_for_change(unit, deps, actor, endpoint_id)
        unit.endpoints.remove(number)
        unit.deliveries.cancel_to(endpoint.id, reason="the endpoint was deleted")
        return endpoint.id

    return deps.store.write(work)
