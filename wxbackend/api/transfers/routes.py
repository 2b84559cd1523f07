"""Transfers to people: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, once_of
from wxbackend.api.transfers import schemas
from wxbackend.domain import ids
from wxbackend.domain.merchant_transfer import MerchantTransfer, ReportInfo
from wxbackend.domain.money import Money
from wxbackend.domain.transfer_representation import transfer as render
from wxbackend.flows.cancel_transfer import cancel_transfer
from wxbackend.flows.create_transfer import CreateTransfer, create_transfer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_transfer import find_transfer, list_transfers, update_transfer
from wxbackend.flows.once import Once
from wxbackend.ports.accounts import Actor

PATH: Final = "/v1/transfers"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of Transfers."""
    routes = Blueprint("transfers", __name__, url_prefix=PATH, description="Transfers")

    require_key(routes, deps)

    _writing(routes, deps)
    _reading(routes, deps)
    return routes


def _writing(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post("")
    @routes.arguments(schemas.CREATE)
    @routes.response(200, schemas.TRANSFER)
    def create(params: dict[str, Any]) -> Response:
        """Give money to a person, who confirms it in WeChat. The same Idempotency-Key never gives it twice."""
        actor, command = authentication.merchant(), _command(params)
        return _answer(deps, actor, lambda once: create_transfer(deps, actor, command, once=once))

    @routes.post("/<transfer_id>")
    @routes.arguments(schemas.UPDATE)
    @routes.response(200, schemas.TRANSFER)
    def update(params: dict[str, Any], transfer_id: str) -> Response:
        """Change a transfer's metadata."""
        actor, number = authentication.merchant(), ids.parse(ids.TRANSFER, transfer_id)
        metadata: dict[str, str] = params["metadata"]
        return _answer(deps, actor, lambda once: update_transfer(deps, actor, number, metadata, once=once))

    @routes.post("/<transfer_id>/cancel")
    @routes.arguments(schemas.CANCEL)
    @routes.response(200, schemas.TRANSFER)
    def cancel(_params: dict[str, Any], transfer_id: str) -> Response:
        """Take a transfer back before it is confirmed. WeChat Pay says when it is `canceled`."""
        actor, number = authentication.merchant(), ids.parse(ids.TRANSFER, transfer_id)
        return _answer(deps, actor, lambda once: cancel_transfer(deps, actor, number, once=once))


def _reading(routes: Blueprint, deps: Dependencies) -> None:
    @routes.get("/<transfer_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.TRANSFER)
    def retrieve(_params: dict[str, Any], transfer_id: str) -> Response:
        """Read a transfer."""
        return json_answer(render(find_transfer(deps, authentication.merchant(), ids.parse(ids.TRANSFER, transfer_id))))

    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.TRANSFER_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List transfers, newest first."""
        page = pagination.page_of(params, prefix=ids.TRANSFER)
        found, more = list_transfers(deps, authentication.merchant(), page)
        return json_answer(pagination.envelope(PATH, [render(each) for each in found], has_more=more))


def _command(params: dict[str, Any]) -> CreateTransfer:
    destination: dict[str, str] = params["destination"]
    return CreateTransfer(
        money=Money(params["amount"], params["currency"].upper()),
        openid=destination["openid"],
        app=destination.get("app_id"),
        name=destination.get("name"),
        description=params["description"],
        scene=params["scene"],
        reports=tuple(ReportInfo(info["type"], info["content"]) for info in params["scene_report"]),
        perception=params.get("perception"),
        metadata={name: value for name, value in params.get("metadata", {}).items() if value},
    )


def _answer(deps: Dependencies, actor: Actor, run: Callable[[Once], MerchantTransfer]) -> Response:
    return answer_once(
        deps,
        once_of(request, actor),
        lambda claim: render(run(claim)),
        lambda transfer_id: render(find_transfer(deps, actor, transfer_id)),
    )
