"""Webhook endpoints: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.webhook_endpoints import schemas
from wxbackend.domain import ids, representation
from wxbackend.domain.endpoint import Endpoint
from wxbackend.flows.create_endpoint import CreateEndpoint, create_endpoint
from wxbackend.flows.delete_endpoint import delete_endpoint
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_endpoint import EndpointPage, find_endpoint, list_endpoints
from wxbackend.flows.once import Once
from wxbackend.flows.rotate_secret import rotate_secret
from wxbackend.flows.update_endpoint import UpdateEndpoint, update_endpoint
from wxbackend.ports.accounts import Actor

PATH: Final = "/v1/webhook_endpoints"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of webhook endpoints."""
    routes = Blueprint("webhook_endpoints", __name__, url_prefix=PATH, description="Webhook endpoints")

    require_key(routes, deps)

    _writing(routes, deps)
    _reading(routes, deps)
    return routes


def _writing(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post("")
    @routes.arguments(schemas.CREATE)
    @routes.response(200, schemas.ENDPOINT)
    def create(params: dict[str, Any]) -> Response:
        """Have events posted to an address. The answer alone shows the secret."""
        actor = authentication.merchant()
        command = CreateEndpoint(
            url=params["url"],
            enabled_events=tuple(params["enabled_events"]),
            description=params.get("description"),
            metadata={name: value for name, value in params.get("metadata", {}).items() if value},
        )
        return _answer(deps, actor, lambda once: create_endpoint(deps, actor, command, once=once), with_secret=True)

    @routes.post("/<endpoint_id>")
    @routes.arguments(schemas.UPDATE)
    @routes.response(200, schemas.ENDPOINT)
    def update(params: dict[str, Any], endpoint_id: str) -> Response:
        """Change a webhook endpoint. Disabling it ends what is on its way to it."""
        actor, names = authentication.merchant(), params.get("enabled_events")
        command = UpdateEndpoint(
            url=params.get("url"),
            enabled_events=tuple(names) if names is not None else None,
            disabled=params.get("disabled"),
            description=params.get("description"),
            metadata=params.get("metadata"),
        )
        return _answer(deps, actor, lambda once: update_endpoint(deps, actor, endpoint_id, command, once=once))

    @routes.post("/<endpoint_id>/rotate_secret")
    @routes.arguments(schemas.NONE)
    @routes.response(200, schemas.ENDPOINT)
    def rotate(_params: dict[str, Any], endpoint_id: str) -> Response:
        """Give it a new secret, shown in this answer alone. For 24 hours both secrets sign."""
        actor = authentication.merchant()
        return _answer(deps, actor, lambda once: rotate_secret(deps, actor, endpoint_id, once=once), with_secret=True)

    @routes.delete("/<endpoint_id>")
    @routes.response(200, schemas.DELETED)
    def delete(endpoint_id: str) -> Response:
        """Forget a webhook endpoint. What is on its way to it is canceled."""
        deleted = delete_endpoint(deps, authentication.merchant(), endpoint_id)
        return json_answer({"id": deleted, "object": "webhook_endpoint", "deleted": True})


def _reading(routes: Blueprint, deps: Dependencies) -> None:
    @routes.get("/<endpoint_id>")
    @routes.arguments(schemas.NONE, location="query")
    @routes.response(200, schemas.ENDPOINT)
    def retrieve(_params: dict[str, Any], endpoint_id: str) -> Response:
        """Read a webhook endpoint."""
        return json_answer(representation.webhook_endpoint(find_endpoint(deps, authentication.merchant(), endpoint_id)))

    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.ENDPOINT_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List webhook endpoints, newest first; those that stand in the settings come last."""
        actor = authentication.merchant()
        found, more = list_endpoints(deps, actor, EndpointPage(*pagination.cut_of(params)))
        data = [representation.webhook_endpoint(endpoint) for endpoint in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))


def _answer(
    deps: Dependencies, actor: Actor, run: Callable[[Once], Endpoint], *, with_secret: bool = False
) -> Response:
    def render(endpoint: Endpoint) -> dict[str, Any]:
        return representation.webhook_endpoint(endpoint, with_secret=with_secret)

    return answer_once(
        deps,
        once_of(request, actor),
        lambda claim: render(run(claim)),
        lambda number: render(find_endpoint(deps, actor, ids.render(ids.ENDPOINT, number))),
    )
