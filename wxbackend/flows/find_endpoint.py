"""Read webhook endpoints, those of the settings and those made through the API, within the key's account and mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wxbackend.domain import ids
from wxbackend.domain.endpoint import Endpoint
from wxbackend.domain.errors import Conflict, InvalidRequest, NotFound
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class EndpointPage:
    """Which part of the list; `after` and `before` are identifiers as the API shows them."""

    limit: int
    after: str | None = None
    before: str | None = None


def listeners(unit: Unit, deps: Dependencies, account: str, *, livemode: bool) -> list[Endpoint]:
    """All endpoints, newest first; those of the settings are the oldest."""
    named = deps.accounts.endpoints(account, livemode=livemode)
    return [*unit.endpoints.of_account(account, livemode=livemode), *named]


def reach(unit: Unit, deps: Dependencies, endpoint_id: str) -> Endpoint | None:
    """The endpoint that a delivery is for, as it is now; None when it is gone."""
    named = deps.accounts.endpoint(endpoint_id)
    if named is not None:
        return named
    number = number_in(endpoint_id)
    return None if number is None else unit.endpoints.find(number)


def number_in(endpoint_id: str) -> int | None:
    """The number of an endpoint that was made through the API; None for what only the settings may know."""
    try:
        return ids.parse(ids.ENDPOINT, endpoint_id)
    except NotFound:
        return None


def load(unit: Unit, deps: Dependencies, actor: Actor, endpoint_id: str, *, param: str = "id") -> Endpoint:
    """The endpoint, if the key may see it."""
    return _seen(reach(unit, deps, endpoint_id), actor, endpoint_id, param=param)


def load_for_change(unit: Unit, deps: Dependencies, actor: Actor, endpoint_id: str) -> tuple[int, Endpoint]:
    """The endpoint and its number, locked; raises `Conflict` for one of the settings."""
    if not load(unit, deps, actor, endpoint_id).is_changeable:
        raise Conflict(
            f"{endpoint_id} stands in the settings and can only be changed there.", code="webhook_endpoint_read_only"
        )
    number = ids.parse(ids.ENDPOINT, endpoint_id)
    return number, _seen(unit.endpoints.lock(number), actor, endpoint_id)


def find_endpoint(deps: Dependencies, actor: Actor, endpoint_id: str) -> Endpoint:
    """One endpoint."""
    return deps.store.read(lambda unit: load(unit, deps, actor, endpoint_id))


def list_endpoints(deps: Dependencies, actor: Actor, page: EndpointPage) -> tuple[Sequence[Endpoint], bool]:
    """A page, newest first, and whether there are more in that direction."""
    everything = deps.store.read(lambda unit: listeners(unit, deps, actor.account, livemode=actor.livemode))
    if page.before is not None:
        ahead = everything[: _place(everything, page.before, "ending_before")]
        return ahead[-page.limit :], len(ahead) > page.limit
    first = 0 if page.after is None else _place(everything, page.after, "starting_after") + 1
    rest = everything[first:]
    return rest[: page.limit], len(rest) > page.limit


def _place(everything: Sequence[Endpoint], endpoint_id: str, param: str) -> int:
    for place, endpoint in enumerate(everything):
        if endpoint.id == endpoint_id:
            return place
    raise InvalidRequest(
        f"There is no webhook endpoint {endpoint_id[:64]!r} to page from.", code="resource_missing", param=param
    )


def _seen(endpoint: Endpoint | None, actor: Actor, endpoint_id: str, *, param: str = "id") -> Endpoint:
    if endpoint is None or endpoint.account != actor.account or endpoint.livemode != actor.livemode:
        raise NotFound(f"No such webhook endpoint: {endpoint_id[:64]!r}.", code="resource_missing", param=param)
    return endpoint
