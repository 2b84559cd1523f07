"""Customers: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.customers import schemas
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.payment_methods.schemas import METHOD_LIST
from wxbackend.domain import ids
from wxbackend.domain import mandate_representation as representation
from wxbackend.domain.customer import Customer
from wxbackend.flows.change_customer import CustomerWish, create_customer, update_customer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_customer import find_customer, list_customers
from wxbackend.flows.find_setup import list_methods
from wxbackend.flows.once import Once
from wxbackend.ports.accounts import Actor

PATH: Final = "/v1/customers"
_TEXTS: Final = ("merchant_user_id", "description")


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of Customers."""
    routes = Blueprint("customers", __name__, url_prefix=PATH, description="Customers")

    require_key(routes, deps)

    _writing(routes, deps)
    _reading(routes, deps)
    return routes


def _writing(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post("")
    @routes.arguments(schemas.PARAMETERS)
    @routes.response(200, schemas.CUSTOMER)
    def create(params: dict[str, Any]) -> Response:
        """Create a customer."""
        actor, wish = authentication.merchant(), _wish(params)
        return _answer(deps, actor, lambda once: create_customer(deps, actor, wish, once=once))

    @routes.post("/<customer_id>")
    @routes.arguments(schemas.PARAMETERS)
    @routes.response(200, schemas.CUSTOMER)
    def update(params: dict[str, Any], customer_id: str) -> Response:
        """Change a customer."""
        actor, wish = authentication.merchant(), _wish(params)
        number = ids.parse(ids.CUSTOMER, customer_id)
        return _answer(deps, actor, lambda once: update_customer(deps, actor, number, wish, once=once))


def _reading(routes: Blueprint, deps: Dependencies) -> None:
    @routes.get("/<customer_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.CUSTOMER)
    def retrieve(_params: dict[str, Any], customer_id: str) -> Response:
        """Read a customer."""
        found = find_customer(deps, authentication.merchant(), ids.parse(ids.CUSTOMER, customer_id))
        return json_answer(representation.customer(found))

    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.CUSTOMER_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List customers, newest first."""
        page = pagination.page_of(params, prefix=ids.CUSTOMER)
        found, more = list_customers(
            deps, authentication.merchant(), page, merchant_user_id=params.get("merchant_user_id")
        )
        data = [representation.customer(customer) for customer in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))

    @routes.get("/<customer_id>/payment_methods")
    @routes.arguments(schemas.METHODS, location="query")
    @routes.response(200, METHOD_LIST)
    def methods(params: dict[str, Any], customer_id: str) -> Response:
        """List what can be charged of a customer, newest first."""
        return list_of_methods(deps, params, customer_id, param="id", url=f"{PATH}/{customer_id}/payment_methods")


def list_of_methods(deps: Dependencies, params: dict[str, Any], customer_id: str, *, param: str, url: str) -> Response:
    """A page of a customer's payment methods; of a type that nobody can save there are none."""
    actor, number = authentication.merchant(), ids.parse(ids.CUSTOMER, customer_id, param=param)
    page = pagination.page_of(params, prefix=ids.PAYMENT_METHOD)
    found, more = list_methods(deps, actor, number, page, param=param)
    wanted = params.get("type")
    data = [representation.payment_method(mandate) for mandate in found if wanted in (None, mandate.method_type)]
    return json_answer(pagination.envelope(url, data, has_more=more))


def _wish(params: dict[str, Any]) -> CustomerWish:
    texts: dict[str, str | None] = {name: params[name] for name in _TEXTS if name in params}
    return CustomerWish(texts=texts, payers=params.get("openids"), metadata=params.get("metadata"))


def _answer(deps: Dependencies, actor: Actor, run: Callable[[Once], Customer]) -> Response:
    return answer_once(
        deps,
        once_of(request, actor),
        lambda claim: representation.customer(run(claim)),
        lambda number: representation.customer(find_customer(deps, actor, number)),
    )
