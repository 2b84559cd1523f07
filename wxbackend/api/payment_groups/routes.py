"""PaymentGroups: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, json_bytes, once_of
from wxbackend.api.payment_groups import schemas
from wxbackend.api.payment_intents import commands
from wxbackend.domain import group_representation, ids
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.payment_group import MEMBERS_MAX, PaymentGroup
from wxbackend.flows.cancel_group import cancel_group
from wxbackend.flows.choose_payer import CODE_PARAM
from wxbackend.flows.create_group import PARAM, CreateGroup, create_group
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_group import find_group
from wxbackend.flows.once import Once
from wxbackend.ports.accounts import Actor

PATH: Final = "/v1/payment_groups"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of PaymentGroups."""
    routes = Blueprint("payment_groups", __name__, url_prefix=PATH, description="PaymentGroups")

    require_key(routes, deps)

    @routes.post("")
    @routes.arguments(schemas.CREATE)
    @routes.response(200, schemas.GROUP)
    def create(params: dict[str, Any]) -> Response:
        """Order several PaymentIntents as one: the buyer pays all of them or none, in one go."""
        actor = authentication.merchant()
        command = _command(deps, actor, params)
        return _answer(deps, actor, lambda once: create_group(deps, actor, command, once=once))

    @routes.get("/<group_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.GROUP)
    def retrieve(_params: dict[str, Any], group_id: str) -> Response:
        """Read a PaymentGroup."""
        actor, number = authentication.merchant(), ids.parse(ids.GROUP, group_id)
        return json_answer(group_representation.payment_group(find_group(deps, actor, number)))

    @routes.post("/<group_id>/cancel")
    @routes.arguments(schemas.CANCEL)
    @routes.response(200, schemas.GROUP)
    def cancel(_params: dict[str, Any], group_id: str) -> Response:
        """Close the combined order at WeChat; its PaymentIntents stay and can be paid another way."""
        actor, number = authentication.merchant(), ids.parse(ids.GROUP, group_id)
        return _answer(deps, actor, lambda once: cancel_group(deps, actor, number, once=once))

    return routes


def _command(deps: Dependencies, actor: Actor, params: dict[str, Any]) -> CreateGroup:
    if commands.code_of(params) is not None:
        raise InvalidRequest(
            "A payment code pays one PaymentIntent at a time; leave payment_code out.",
            code="parameter_invalid",
            param=CODE_PARAM,
        )
    method = commands.method_of(deps, actor, params)
    assert method is not None, "payment_method_data is required"
    named = params["payment_intents"][: MEMBERS_MAX + 1]  # one too many is enough to refuse
    numbers = (ids.parse(ids.INTENT, text, param=f"{PARAM}[{place}]") for place, text in enumerate(named))
    return CreateGroup(tuple(numbers), method, return_url=params.get("return_url"))


def _answer(deps: Dependencies, actor: Actor, run: Callable[[Once], PaymentGroup]) -> Response:
    render = group_representation.payment_group
    once = once_of(request, actor)
    once.render = lambda shown: json_bytes(render(shown))
    return answer_once(
        deps, once, lambda claim: render(run(claim)), lambda group_id: render(find_group(deps, actor, group_id))
    )
