"""Make a webhook endpoint: from the next event on it is told, and its secret is shown this once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from wxbackend.domain import ids
from wxbackend.domain.endpoint import ENDPOINTS_MAX, EVERYTHING, SECRET_PREFIX, Endpoint
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.public_address import is_public
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor
from wxbackend.ports.store import Unit


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """What the merchant's server asks for."""

    url: str
    enabled_events: tuple[str, ...] = (EVERYTHING,)
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def create_endpoint(deps: Dependencies, actor: Actor, command: CreateEndpoint, *, once: Once = Once()) -> Endpoint:
    """The new endpoint."""
    require_reachable(deps, actor, command.url)
    number, secret = deps.surroundings.new_id(), new_secret(deps)

    def work(unit: Unit) -> Endpoint:
        claim(unit, deps, once, object_id=number)
        present = unit.endpoints.lock_all(actor.account, livemode=actor.livemode)
        if len(present) >= ENDPOINTS_MAX:
            raise Conflict(
                f"There are {len(present)} webhook endpoints in this mode already, and {ENDPOINTS_MAX} are the most.",
                code="webhook_endpoints_too_many",
            )
        endpoint = Endpoint(
            id=ids.render(ids.ENDPOINT, number),
            account=actor.account,
            livemode=actor.livemode,
            url=command.url,
            secret=secret,
            enabled_events=command.enabled_events,
            description=command.description,
            metadata=command.metadata,
            created_ms=deps.surroundings.now_ms(),
        )
        unit.endpoints.insert(endpoint)
        return endpoint

    return deps.store.write(work)


def new_secret(deps: Dependencies) -> str:
    """A secret that signs."""
    return SECRET_PREFIX + deps.surroundings.token()


def require_reachable(deps: Dependencies, actor: Actor, url: str) -> None:
    """Refuse what could never be delivered to; a name is looked up, and checked, at each delivery."""
    parts = urlsplit(url)
    if actor.livemode and parts.scheme != "https":
        raise InvalidRequest("url must begin with https:// in live mode.", code="url_invalid", param="url")
    if deps.policy.allow_private_webhooks:
        return
    host = (parts.hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost") or (_is_address(host) and not is_public(host)):
        raise InvalidRequest(
            "url must lead to a public address; private ones can be allowed by server.allow_private_webhooks.",
            code="url_invalid",
            param="url",
        )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
