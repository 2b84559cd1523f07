"""Refunds: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.refunds import schemas
from wxbackend.domain import ids, representation
from wxbackend.domain.card import Card, Holder
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.money import Money
from wxbackend.domain.refund import Refund
from wxbackend.flows.cancel_refund import cancel_refund
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_refund import find_refund, list_refunds, update_refund
from wxbackend.flows.once import Once
from wxbackend.flows.send_refund_to_card import send_refund_to_card
from wxbackend.ports.accounts import Actor

PATH: Final = "/v1/refunds"
CARD_NUMBER: Final = re.compile("[0-9]{8,32}")


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of Refunds."""
    routes = Blueprint("refunds", __name__, url_prefix=PATH, description="Refunds")

    require_key(routes, deps)

    @routes.post("")
    @routes.arguments(schemas.CREATE)
    @routes.response(200, schemas.REFUND)
    def create(params: dict[str, Any]) -> Response:
        """Give all or a part of a payment back. The same Idempotency-Key never refunds twice."""
        actor = authentication.merchant()
        amount = params.get("amount")
        if amount is not None:
            Money(amount, "CNY")  # the amount's own limits, before the payment is known
        command = CreateRefund(
            intent_id=ids.parse(ids.INTENT, params["payment_intent"], param="payment_intent"),
            amount=amount,
            reason=params.get("reason"),
            metadata={name: value for name, value in params.get("metadata", {}).items() if value},
        )
        return _answer(deps, actor, lambda once: create_refund(deps, actor, command, once=once))

    @routes.post("/<refund_id>")
    @routes.arguments(schemas.UPDATE)
    @routes.response(200, schemas.REFUND)
    def update(params: dict[str, Any], refund_id: str) -> Response:
        """Change a refund's metadata."""
        actor, number = authentication.merchant(), ids.parse(ids.REFUND, refund_id)
        metadata: dict[str, str] = params["metadata"]
        return _answer(deps, actor, lambda once: update_refund(deps, actor, number, metadata, once=once))

    @routes.get("/<refund_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.REFUND)
    def retrieve(_params: dict[str, Any], refund_id: str) -> Response:
        """Read a refund."""
        found = find_refund(deps, authentication.merchant(), ids.parse(ids.REFUND, refund_id))
        return json_answer(representation.refund(found))

    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.REFUND_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List refunds, newest first; `payment_intent` narrows them to one payment, `status` to one status."""
        actor, named = authentication.merchant(), params.get("payment_intent")
        intent_id = ids.parse(ids.INTENT, named, param="payment_intent") if named else None
        page = pagination.page_of(params, prefix=ids.REFUND)
        found, more = list_refunds(deps, actor, page, intent_id=intent_id, status=params.get("status"))
        data = [representation.refund(refund) for refund in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))

    _ways_out(routes, deps)
    return routes


def _ways_out(routes: Blueprint, deps: Dependencies) -> None:
    """What a merchant may do about a refund that has not gone through."""

    @routes.post("/<refund_id>/cancel")
    @routes.arguments(schemas.CANCEL)
    @routes.response(200, schemas.REFUND)
    def cancel(_params: dict[str, Any], refund_id: str) -> Response:
        """Take a refund back that is queued; one that was sent can't be."""
        actor, number = authentication.merchant(), ids.parse(ids.REFUND, refund_id)
        return _answer(deps, actor, lambda once: cancel_refund(deps, actor, number, once=once))

    @routes.post("/<refund_id>/send_to_card")
    @routes.arguments(schemas.SEND_TO_CARD)
    @routes.response(200, schemas.REFUND)
    def send_to_card(params: dict[str, Any], refund_id: str) -> Response:
        """Send a refund that is `requires_action` to a bank card: the buyer's account can't take it."""
        actor, number = authentication.merchant(), ids.parse(ids.REFUND, refund_id)
        card = _card(params)
        return _answer(deps, actor, lambda once: send_refund_to_card(deps, actor, number, card, once=once))


def _card(params: dict[str, Any]) -> Card:
    """The card that is named; a buyer's needs all its parts, the shop's own needs none."""
    holder = Holder(params["holder"])
    for name in ("bank", "number", "name"):
        if holder is Holder.BUYER and name not in params:
            raise InvalidRequest(
                f"{name}: This parameter is needed for a buyer's card.", code="parameter_missing", param=name
            )
        if holder is Holder.MERCHANT and name in params:
            raise InvalidRequest(
                f"{name}: WeChat Pay knows the shop's own card; leave this out.", code="parameter_invalid", param=name
            )
    number = params.get("number")
    if number is not None and not CARD_NUMBER.fullmatch(number):
        raise InvalidRequest("number: This must be 8 to 32 digits.", code="parameter_invalid", param="number")
    bank = params.get("bank")
    return Card(holder, bank.upper() if bank else None, number, params.get("name"))


def _answer(deps: Dependencies, actor: Actor, run: Callable[[Once], Refund]) -> Response:
    return answer_once(
        deps,
        once_of(request, actor),
        lambda claim: representation.refund(run(claim)),
        lambda refund_id: representation.refund(find_refund(deps, actor, refund_id)),
    )
