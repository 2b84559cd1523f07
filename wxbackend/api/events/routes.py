"""Events: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

import threading
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.errors import JSON_TYPE
from wxbackend.api.events import queries, rendering, schemas
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.domain import ids
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_event import await_events, deliveries_of, find_event, list_events
from wxbackend.flows.resend_event import resend_event

PATH: Final = "/v1/events"
WAITING_AT_ONCE_MAX: Final = 4
"""Requests that wait hold a thread; the others are answered at once."""


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of events."""
    routes = Blueprint("events", __name__, url_prefix=PATH, description="Events and their deliveries")

    require_key(routes, deps)

    _lists(routes, deps, threading.BoundedSemaphore(WAITING_AT_ONCE_MAX))
    _single(routes, deps)
    return routes


def _lists(routes: Blueprint, deps: Dependencies, places: threading.BoundedSemaphore) -> None:
    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.EVENT_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List events, newest first; with `wait`, as soon as there is one to show."""
        actor, query, wait_s = authentication.merchant(), queries.to_query(params), queries.wait_s(params)
        if wait_s and places.acquire(blocking=False):
            try:
                found, more = await_events(deps, actor, query, wait_s=wait_s)
            finally:
                places.release()
        else:
            found, more = list_events(deps, actor, query)
        data = [rendering.event_fragment(event) for event in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))


def _single(routes: Blueprint, deps: Dependencies) -> None:
    @routes.get("/<event_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.EVENT)
    def retrieve(_params: dict[str, Any], event_id: str) -> Response:
        """Read an event. `data` is what it was when the event happened."""
        found = find_event(deps, authentication.merchant(), ids.parse(ids.EVENT, event_id))
        return Response(rendering.event_bytes(found), content_type=JSON_TYPE)

    @routes.get("/<event_id>/deliveries")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.DELIVERY_LIST)
    def deliveries(_params: dict[str, Any], event_id: str) -> Response:
        """The newest deliveries of an event, with every try of each."""
        number = ids.parse(ids.EVENT, event_id)
        found = deliveries_of(deps, authentication.merchant(), number)
        url = f"{PATH}/{ids.render(ids.EVENT, number)}/deliveries"
        data = [rendering.delivery(kept) for kept in found]
        return json_answer(pagination.envelope(url, data, has_more=False))

    @routes.post("/<event_id>/resend")
    @routes.arguments(schemas.RESEND)
    @routes.response(200, schemas.EVENT)
    def resend(params: dict[str, Any], event_id: str) -> Response:
        """Deliver an event again: the same bytes, signed anew."""
        actor, number = authentication.merchant(), ids.parse(ids.EVENT, event_id)
        named = params.get("webhook_endpoint")
        return answer_once(
            deps,
            once_of(request, actor),
            lambda once: rendering.event(resend_event(deps, actor, number, endpoint_id=named, once=once)),
            lambda found: rendering.event(find_event(deps, actor, found)),
        )
