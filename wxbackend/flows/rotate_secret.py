"""Give a webhook endpoint a new secret; the replaced one signs beside it for a day, so that nothing is lost."""

from __future__ import annotations

from wxbackend.domain.endpoint import Endpoint
from wxbackend.flows.create_endpoint import new_secret
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import load_for_change, number_in
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


def rotate_secret(deps: Dependencies, actor: Actor, endpoint_id: str, *, once: Once = Once()) -> Endpoint:
    """The endpoint with its new secret."""
    secret = new_secret(deps)

    def work(unit: Unit) -> Endpoint:
        # First the claim: what was answered is answered again, though the endpoint be gone by now.
        claim(unit, deps, once, object_id=number_in(endpoint_id))
        _, was = load_for_change(unit, deps, actor, endpoint_id)
        endpoint = was.rotated(secret, now_ms=deps.surroundings.now_ms())
        unit.endpoints.save(endpoint)
        return endpoint

    return deps.store.write(work)
