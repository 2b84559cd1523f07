"""Mandates: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, json_bytes, once_of
from wxbackend.api.mandates import schemas
from wxbackend.domain import ids
from wxbackend.domain import mandate_representation as representation
from wxbackend.domain.money import Money
from wxbackend.flows.announce_debit import announce_debit
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.end_mandate import end_mandate
from wxbackend.flows.find_setup import allowed, find_mandate

PATH: Final = "/v1/mandates"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of Mandates."""
    routes = Blueprint("mandates", __name__, url_prefix=PATH, description="Mandates")

    require_key(routes, deps)

    @routes.get("/<mandate_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.MANDATE)
    def retrieve(_params: dict[str, Any], mandate_id: str) -> Response:
        """Read a mandate."""
        found = find_mandate(deps, authentication.merchant(), ids.parse(ids.MANDATE, mandate_id))
        return json_answer(representation.mandate(found))

    @routes.post("/<mandate_id>/revoke")
    @routes.arguments(schemas.REVOKE)
    @routes.response(200, schemas.MANDATE)
    def revoke(_params: dict[str, Any], mandate_id: str) -> Response:
        """End it, here at once and at the provider. Its payment method is never charged again."""
        actor, number = authentication.merchant(), ids.parse(ids.MANDATE, mandate_id)
        return answer_once(
            deps,
            once_of(request, actor),
            lambda once: representation.mandate(
                end_mandate(
                    deps,
                    lambda unit: allowed(unit.mandates.find(number), actor, mandate_id),
                    object_id=number,
                    once=once,
                )
            ),
            lambda ended: representation.mandate(find_mandate(deps, actor, ended)),
        )

    @routes.post("/<mandate_id>/announce_debit")
    @routes.arguments(schemas.ANNOUNCE)
    @routes.response(200, schemas.MANDATE)
    def announce(params: dict[str, Any], mandate_id: str) -> Response:
        """Let WeChat tell the buyer of a debit to come, which has to precede every debit but the first."""
        actor, number = authentication.merchant(), ids.parse(ids.MANDATE, mandate_id)
        money = Money(params["amount"], params["currency"].upper())
        once = once_of(request, actor)
        once.render = lambda mandate: json_bytes(representation.mandate(mandate))
        return answer_once(
            deps,
            once,
            lambda claim: representation.mandate(announce_debit(deps, actor, number, money, once=claim)),
            lambda told: representation.mandate(find_mandate(deps, actor, told)),
        )

    return routes
