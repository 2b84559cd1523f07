"""Saved PaymentMethods: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.customers.routes import list_of_methods
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.payment_methods import schemas
from wxbackend.domain import ids
from wxbackend.domain import mandate_representation as representation
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.end_mandate import end_mandate
from wxbackend.flows.find_setup import find_method, load_method

PATH: Final = "/v1/payment_methods"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of PaymentMethods."""
    routes = Blueprint("payment_methods", __name__, url_prefix=PATH, description="Saved PaymentMethods")

    require_key(routes, deps)

    @routes.get("/<method_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.METHOD)
    def retrieve(_params: dict[str, Any], method_id: str) -> Response:
        """Read a saved payment method."""
        found = find_method(deps, authentication.merchant(), ids.parse(ids.PAYMENT_METHOD, method_id))
        return json_answer(representation.payment_method(found))

    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.METHOD_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List what can be charged of a customer, newest first."""
        return list_of_methods(deps, params, params["customer"], param="customer", url=PATH)

    @routes.post("/<method_id>/detach")
    @routes.arguments(schemas.DETACH)
    @routes.response(200, schemas.METHOD)
    def detach(_params: dict[str, Any], method_id: str) -> Response:
        """End its mandate, here at once and at the provider. It is never charged again."""
        actor, number = authentication.merchant(), ids.parse(ids.PAYMENT_METHOD, method_id)
        return answer_once(
            deps,
            once_of(request, actor),
            lambda once: representation.payment_method(
                end_mandate(deps, lambda unit: load_method(unit, actor, number), object_id=number, once=once)
            ),
            lambda ended: representation.payment_method(find_method(deps, actor, ended)),
        )

    return routes
