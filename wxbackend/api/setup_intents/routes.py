"""SetupIntents: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, json_bytes, once_of
from wxbackend.api.payment_intents import commands
from wxbackend.api.payment_intents.routes import buyers_session, client_secret_of
from wxbackend.api.setup_intents import schemas
from wxbackend.domain import ids
from wxbackend.domain import mandate_representation as representation
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.terminal import NEEDS_PAYER
from wxbackend.flows.cancel_setup import cancel_setup
from wxbackend.flows.choose_payer import CODE_PARAM, TERMINAL_PARAM
from wxbackend.flows.confirm_intent import SHARING_PARAM
from wxbackend.flows.confirm_setup import ConfirmSetup, ShownSetup, confirm_setup
from wxbackend.flows.create_setup import CreateSetup, create_setup
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_setup import find_setup, find_setup_by_owner, list_setups
from wxbackend.flows.hosted_page import HOSTED_PARAM
from wxbackend.flows.once import Once
from wxbackend.ports.accounts import Actor, KeyKind

PATH: Final = "/v1/setup_intents"


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of SetupIntents."""
    routes = Blueprint("setup_intents", __name__, url_prefix=PATH, description="SetupIntents")

    require_key(routes, deps)

    _writing(routes, deps)
    _reading(routes, deps)
    return routes


def _writing(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post("")
    @routes.arguments(schemas.CREATE)
    @routes.response(200, schemas.SETUP)
    def create(params: dict[str, Any]) -> Response:
        """Create a SetupIntent, and ask for a page to sign on at once with `confirm`."""
        actor = authentication.merchant()
        command = CreateSetup(
            customer_id=ids.parse(ids.CUSTOMER, params["customer"], param="customer"),
            description=params.get("description"),
            return_url=params.get("return_url"),
            metadata={name: value for name, value in params.get("metadata", {}).items() if value != ""},
            method=_method_of(deps, actor, params),
            confirm=params.get("confirm", False),
        )
        return _answer(deps, actor, lambda once: create_setup(deps, actor, command, once=once))

    @routes.post("/<setup_id>/confirm")
    @routes.arguments(schemas.CONFIRM)
    @routes.response(200, schemas.SETUP)
    def confirm(params: dict[str, Any], setup_id: str) -> Response:
        """Ask WeChat for a page to sign on; the answer leads the buyer there. Publishable keys send Client-Secret."""
        actor, number = authentication.actor(), ids.parse(ids.SETUP, setup_id)
        command = ConfirmSetup(
            method=_method_of(deps, actor, params),
            return_url=params.get("return_url"),
            session=buyers_session(deps) if actor.kind is KeyKind.PUBLISHABLE else None,
            client_secret=client_secret_of(params),
        )
        return _answer(deps, actor, lambda once: confirm_setup(deps, actor, number, command, once=once))

    @routes.post("/<setup_id>/cancel")
    @routes.arguments(schemas.CANCEL)
    @routes.response(200, schemas.SETUP)
    def cancel(params: dict[str, Any], setup_id: str) -> Response:
        """Nobody shall sign any more; a contract that is signed all the same is ended by itself."""
        actor, number = authentication.merchant(), ids.parse(ids.SETUP, setup_id)
        reason = params.get("cancellation_reason")
        return _answer(deps, actor, lambda once: cancel_setup(deps, actor, number, reason=reason, once=once))


def _reading(routes: Blueprint, deps: Dependencies) -> None:
    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.SETUP_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List SetupIntents, newest first; `customer` narrows them to one."""
        actor, named = authentication.merchant(), params.get("customer")
        customer_id = ids.parse(ids.CUSTOMER, named, param="customer") if named else None
        page = pagination.page_of(params, prefix=ids.SETUP)
        found, more = list_setups(deps, actor, page, customer_id=customer_id)
        data = [representation.setup_intent(setup, mandate) for setup, mandate in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))

    @routes.get("/<setup_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.SETUP)
    def retrieve(params: dict[str, Any], setup_id: str) -> Response:
        """Read a SetupIntent. Publishable keys send Client-Secret and see a subset."""
        actor, number = authentication.actor(), ids.parse(ids.SETUP, setup_id)
        found = find_setup(deps, actor, number, client_secret=client_secret_of(params))
        return json_answer(_render(actor, ShownSetup(*found)))


def _method_of(deps: Dependencies, actor: Actor, params: dict[str, Any]) -> PaymentMethod | None:
    """Where the buyer signs; what says how an order is paid is not taken here."""
    method = commands.method_of(deps, actor, params)
    if method is None:
        return None
    stray = {
        CODE_PARAM: commands.code_of(params) is not None,
        SHARING_PARAM: method.profit_sharing,
        HOSTED_PARAM: method.hosted_oauth,
    }
    for param in (name for name, told in stray.items() if told):
        raise InvalidRequest(
            "This is for payments; a SetupIntent does not take it.", code="parameter_unknown", param=param
        )
    if method.terminal is not None and method.terminal not in NEEDS_PAYER:
        raise InvalidRequest(
            "A buyer signs in an official account or a mini program: use official_account or mini_program.",
            code="parameter_invalid_enum",
            param=TERMINAL_PARAM,
        )
    return method


def _answer(deps: Dependencies, actor: Actor, run: Callable[[Once], ShownSetup]) -> Response:
    once = once_of(request, actor)

    def recover(object_id: int) -> dict[str, Any]:
        return _render(actor, ShownSetup(*find_setup_by_owner(deps, object_id)))

    once.render = lambda shown: json_bytes(_render(actor, shown))
    return answer_once(deps, once, lambda claim: _render(actor, run(claim)), recover)


def _render(actor: Actor, shown: ShownSetup) -> dict[str, Any]:
    if actor.kind is KeyKind.PUBLISHABLE:
        return representation.buyers_setup_intent(shown.setup, shown.mandate)
    return representation.setup_intent(shown.setup, shown.mandate)
