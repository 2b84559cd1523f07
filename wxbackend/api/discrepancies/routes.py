"""Discrepancies: list them, read one, and say of one that it is dealt with."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.discrepancies import schemas
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.domain import ids, representation
from wxbackend.domain.errors import InvalidRequest
from wxbackend.flows.bill_days import read_day
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.resolve_discrepancy import Wanted, find_discrepancy, list_discrepancies, resolve_discrepancy

PATH: Final = "/v1/discrepancies"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of Discrepancies."""
    routes = Blueprint("discrepancies", __name__, url_prefix=PATH, description="Money and bills that do not fit")

    require_key(routes, deps)

    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.LISTED)
    def list_all(params: dict[str, Any]) -> Response:
        """List discrepancies, newest first."""
        actor, page = authentication.merchant(), pagination.page_of(params, prefix=ids.DISCREPANCY)
        status, day, intent = (params.get(name) for name in ("status", "bill_date", "payment_intent"))
        wanted = Wanted(
            is_open=None if status is None else status == "open",
            kind=params.get("kind"),
            day=read_day(day, param="bill_date") if day else None,
            intent_id=ids.parse(ids.INTENT, intent, param="payment_intent") if intent else None,
        )
        found, more = list_discrepancies(deps, actor, page, wanted)
        data = [representation.kept_discrepancy(each) for each in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))

    @routes.get("/<discrepancy_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.SHOWN)
    def retrieve(_params: dict[str, Any], discrepancy_id: str) -> Response:
        """Read a discrepancy."""
        number = ids.parse(ids.DISCREPANCY, discrepancy_id)
        return json_answer(representation.kept_discrepancy(find_discrepancy(deps, authentication.merchant(), number)))

    @routes.post("/<discrepancy_id>/resolve")
    @routes.arguments(schemas.RESOLVE)
    @routes.response(200, schemas.SHOWN)
    def resolve(params: dict[str, Any], discrepancy_id: str) -> Response:
        """Say that it is dealt with, and how. Said again it stays as it was said first."""
        actor, number = authentication.merchant(), ids.parse(ids.DISCREPANCY, discrepancy_id)
        note: str = params["note"].strip()
        if not note:
            raise InvalidRequest("note must say what was found out.", code="parameter_missing", param="note")
        return answer_once(
            deps,
            once_of(request, actor),
            lambda once: representation.kept_discrepancy(resolve_discrepancy(deps, actor, number, note, once=once)),
            lambda known: representation.kept_discrepancy(find_discrepancy(deps, actor, known)),
        )

    return routes
