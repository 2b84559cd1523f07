"""Shippings: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.shipping import schemas
from wxbackend.domain import ids, representation
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.shipping import Logistics, Parcel, Shipping, Telling
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_shipping import find_shipping, list_shippings
from wxbackend.flows.once import Once
from wxbackend.flows.remind_receipt import remind_receipt
from wxbackend.flows.upload_shipping import upload_shipping
from wxbackend.ports.accounts import Actor

OF_INTENT: Final = "/payment_intents/<intent_id>/shipping"
PATH: Final = "/v1/shippings"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of shippings."""
    routes = Blueprint("shipping", __name__, url_prefix="/v1", description="What WeChat is told was shipped")

    require_key(routes, deps)

    @routes.post(OF_INTENT)
    @routes.arguments(schemas.UPLOAD)
    @routes.response(200, schemas.SHIPPING)
    def upload(params: dict[str, Any], intent_id: str) -> Response:
        """Tell WeChat what was shipped of a mini program's payment, which frees its money."""
        actor, number = authentication.merchant(), ids.parse(ids.INTENT, intent_id)
        telling = _telling(params)
        return _answer(deps, actor, number, lambda once: upload_shipping(deps, actor, number, telling, once=once))

    @routes.post(f"{OF_INTENT}/remind")
    @routes.arguments(schemas.REMIND)
    @routes.response(200, schemas.SHIPPING)
    def remind(params: dict[str, Any], intent_id: str) -> Response:
        """Let WeChat remind the buyer to confirm the receipt; it does so once."""
        actor, number = authentication.merchant(), ids.parse(ids.INTENT, intent_id)
        received_ms = _moment(params.get("received_at"))
        return _answer(
            deps,
            actor,
            number,
            lambda once: remind_receipt(deps, actor, number, received_ms=received_ms, once=once),
        )

    @routes.get(OF_INTENT)
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.SHIPPING)
    def retrieve(_params: dict[str, Any], intent_id: str) -> Response:
        """Read what was shipped of a payment."""
        found = find_shipping(deps, authentication.merchant(), ids.parse(ids.INTENT, intent_id))
        return json_answer(representation.shipping(found))

    @routes.get("/shippings")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.SHIPPING_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List shippings, newest first; `overdue` shows what WeChat will not wait for much longer."""
        actor = authentication.merchant()
        page = pagination.page_of(params, prefix=ids.SHIPPING)
        found, more = list_shippings(
            deps, actor, page, status=params.get("status"), overdue=params.get("overdue", False)
        )
        data = [representation.shipping(shipping) for shipping in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))

    return routes


def _telling(params: dict[str, Any]) -> Telling:
    split = params.get("delivery_mode") == "split"
    if split and "all_shipped" not in params:
        raise InvalidRequest(
            "all_shipped: with delivery_mode split, say whether these parcels are the last ones.",
            code="parameter_missing",
            param="all_shipped",
        )
    return Telling(
        logistics=Logistics(params["logistics_type"]),
        split=split,
        complete=params.get("all_shipped", True),
        parcels=tuple(Parcel(**item) for item in params["items"]),
    )


def _moment(received_at: int | None) -> int | None:
    if received_at is None:
        return None
    received_ms = received_at if received_at >= pagination.MILLISECONDS_FROM else received_at * 1000
    if received_ms <= 0:
        raise InvalidRequest(
            "received_at must be a moment after 1970.", code="parameter_invalid_integer", param="received_at"
        )
    return received_ms


def _answer(deps: Dependencies, actor: Actor, intent_id: int, run: Callable[[Once], Shipping]) -> Response:
    return answer_once(
        deps,
        once_of(request, actor),
        lambda claim: representation.shipping(run(claim)),
        lambda _object_id: representation.shipping(find_shipping(deps, actor, intent_id)),
    )
