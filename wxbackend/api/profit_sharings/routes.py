"""Profit sharing: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.profit_sharings import schemas
from wxbackend.domain import ids
from wxbackend.domain.money import Money
from wxbackend.domain.profit_sharing import Part, PartyKind
from wxbackend.domain.sharing_representation import profit_sharing, sharing_return
from wxbackend.flows.change_party import add_party, named_app, remove_party
from wxbackend.flows.create_sharing import CreateReturn, CreateSharing, create_return, create_sharing
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_sharing import find_return, find_sharing, list_returns, list_sharings
from wxbackend.ports.accounts import Actor
from wxbackend.ports.profit_sharing import Party

SHARINGS: Final = "/profit_sharings"
RETURNS: Final = "/profit_sharing_returns"
RECEIVERS: Final = "/profit_sharing_receivers"
PREFIX: Final = "/v1"
RELEASED: Final = "解冻剩余资金"
"""What WeChat Pay's bills say of a release that nobody described."""
SHARED: Final = "分账"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of profit sharing."""
    routes = Blueprint("profit_sharings", __name__, url_prefix=PREFIX, description="Profit sharing")

    require_key(routes, deps)

    _sharings(routes, deps)
    _returns(routes, deps)
    _receivers(routes, deps)
    return routes


def _sharings(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post(SHARINGS)
    @routes.arguments(schemas.CREATE)
    @routes.response(200, schemas.SHARING)
    def create(params: dict[str, Any]) -> Response:
        """Share a payment's money with others, or release what remains. One Idempotency-Key never does it twice."""
        actor, command = authentication.merchant(), _sharing(params)
        return answer_once(
            deps,
            once_of(request, actor),
            lambda claim: profit_sharing(create_sharing(deps, actor, command, once=claim)),
            lambda number: profit_sharing(find_sharing(deps, actor, number)),
        )

    @routes.get(f"{SHARINGS}/<sharing_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.SHARING)
    def retrieve(_params: dict[str, Any], sharing_id: str) -> Response:
        """Read a sharing, with what became of each receiver's part."""
        actor, number = authentication.merchant(), ids.parse(ids.SHARING, sharing_id)
        return json_answer(profit_sharing(find_sharing(deps, actor, number)))

    @routes.get(SHARINGS)
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.SHARING_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List sharings, newest first; `payment_intent` narrows them to one payment."""
        actor, named = authentication.merchant(), params.get("payment_intent")
        intent_id = ids.parse(ids.INTENT, named, param="payment_intent") if named else None
        page = pagination.page_of(params, prefix=ids.SHARING)
        found, more = list_sharings(deps, actor, page, intent_id=intent_id)
        data = [profit_sharing(each) for each in found]
        return json_answer(pagination.envelope(PREFIX + SHARINGS, data, has_more=more))


def _returns(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post(RETURNS)
    @routes.arguments(schemas.CREATE_RETURN)
    @routes.response(200, schemas.RETURN)
    def create_one(params: dict[str, Any]) -> Response:
        """Bring a merchant's part back, all or some of it; a refund of shared money needs that first."""
        actor, command = authentication.merchant(), _return(params)
        return answer_once(
            deps,
            once_of(request, actor),
            lambda claim: sharing_return(create_return(deps, actor, command, once=claim)),
            lambda number: sharing_return(find_return(deps, actor, number)),
        )

    @routes.get(f"{RETURNS}/<return_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.RETURN)
    def retrieve_one(_params: dict[str, Any], return_id: str) -> Response:
        """Read a return."""
        actor, number = authentication.merchant(), ids.parse(ids.SHARING_RETURN, return_id)
        return json_answer(sharing_return(find_return(deps, actor, number)))

    @routes.get(RETURNS)
    @routes.arguments(schemas.LIST_RETURNS, location="query")
    @routes.response(200, schemas.RETURN_LIST)
    def list_every(params: dict[str, Any]) -> Response:
        """List returns, newest first; `profit_sharing` narrows them to one sharing."""
        actor, named = authentication.merchant(), params.get("profit_sharing")
        sharing_id = ids.parse(ids.SHARING, named, param="profit_sharing") if named else None
        page = pagination.page_of(params, prefix=ids.SHARING_RETURN)
        found, more = list_returns(deps, actor, page, sharing_id=sharing_id)
        data = [sharing_return(each) for each in found]
        return json_answer(pagination.envelope(PREFIX + RETURNS, data, has_more=more))


def _receivers(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post(RECEIVERS)
    @routes.arguments(schemas.ADD)
    @routes.response(200, schemas.RECEIVER)
    def add(params: dict[str, Any]) -> Response:
        """Allow sharing with somebody; WeChat Pay keeps the list. Doing it again changes nothing."""
        actor = authentication.merchant()
        party = _party(deps, actor, params)
        shown = _receiver(actor, party) | {"relation": party.relation}
        if party.custom_relation is not None:
            shown["custom_relation"] = party.custom_relation

        def run(claim: Any) -> dict[str, Any]:
            add_party(deps, actor, party, once=claim)
            return shown

        return answer_once(deps, once_of(request, actor), run)

    @routes.post(f"{RECEIVERS}/remove")
    @routes.arguments(schemas.REMOVE)
    @routes.response(200, schemas.RECEIVER)
    def remove(params: dict[str, Any]) -> Response:
        """Allow sharing with somebody no longer. Doing it again changes nothing."""
        actor = authentication.merchant()
        party = _party(deps, actor, params)

        def run(claim: Any) -> dict[str, Any]:
            remove_party(deps, actor, party, once=claim)
            return _receiver(actor, party) | {"removed": True}

        return answer_once(deps, once_of(request, actor), run)


def _sharing(params: dict[str, Any]) -> CreateSharing:
    receivers: list[dict[str, Any]] = params.get("receivers", [])
    for each in receivers:
        Money(each["amount"], "CNY")  # the amount's own limits, before the payment is known
    return CreateSharing(
        intent_id=ids.parse(ids.INTENT, params["payment_intent"], param="payment_intent"),
        parts=tuple(
            Part(PartyKind(each["type"]), each["account"], each["amount"], each["description"], each.get("name"))
            for each in receivers
        ),
        finish=params.get("finish", False),
        description=params.get("description") or (SHARED if receivers else RELEASED),
        metadata=_metadata(params),
    )


def _return(params: dict[str, Any]) -> CreateReturn:
    Money(params["amount"], "CNY")
    return CreateReturn(
        sharing_id=ids.parse(ids.SHARING, params["profit_sharing"], param="profit_sharing"),
        party=params["receiver"],
        amount=params["amount"],
        description=params["description"],
        metadata=_metadata(params),
    )


def _party(deps: Dependencies, actor: Actor, params: dict[str, Any]) -> Party:
    return Party(
        app=named_app(deps, actor, params.get("app_id")),
        kind=PartyKind(params["type"]),
        party=params["account"],
        relation=params.get("relation", ""),
        custom_relation=params.get("custom_relation"),
        name=params.get("name"),
    )


def _receiver(actor: Actor, party: Party) -> dict[str, Any]:
    return {
        "object": "profit_sharing_receiver",
        "type": party.kind.value,
        "account": party.party,
        "app_id": party.app,
        "livemode": actor.livemode,
    }


def _metadata(params: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in params.get("metadata", {}).items() if value}
