"""PaymentIntents: each route authenticates, parses, calls one flow and renders."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.api.idempotency import answer_once, json_bytes, once_of
from wxbackend.api.payment_intents import commands, schemas
from wxbackend.domain import ids, representation
from wxbackend.domain.errors import InvalidRequest
from wxbackend.flows.cancel_intent import Cancel, cancel_intent
from wxbackend.flows.confirm_intent import Confirm, Shown, confirm_intent
from wxbackend.flows.create_intent import create_intent
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_intent import find_intent, find_intent_by_owner, list_intents
from wxbackend.flows.once import Once
from wxbackend.flows.open_session import find_session
from wxbackend.flows.update_intent import update_intent
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import LoginSession

SESSION_HEADER: Final = "Wx-Session"
SESSION_COOKIE: Final = "wx_session"
CLIENT_SECRET_HEADER: Final = "Client-Secret"  # noqa: S105 - a header's name
PATH: Final = "/v1/payment_intents"
_SEARCH: Final = re.compile(r"""\s*merchant_order_id\s*:\s*(['"])(?P<value>[^'"]{1,128})\1\s*""")


def blueprint(deps: Dependencies) -> Blueprint:
    """All routes of PaymentIntents."""
    routes = Blueprint("payment_intents", __name__, url_prefix=PATH, description="PaymentIntents")

    require_key(routes, deps)

    _writing(routes, deps)
    _reading(routes, deps)
    return routes


def _writing(routes: Blueprint, deps: Dependencies) -> None:
    @routes.post("")
    @routes.arguments(schemas.CREATE)
    @routes.response(200, schemas.INTENT)
    def create(params: dict[str, Any]) -> Response:
        """Create a PaymentIntent, and confirm it at once with `confirm`."""
        actor = authentication.merchant()
        command = commands.to_create(deps, actor, params)
        return _answer(deps, actor, lambda once: create_intent(deps, actor, command, once=once))

    @routes.post("/<intent_id>")
    @routes.arguments(schemas.UPDATE)
    @routes.response(200, schemas.INTENT)
    def update(params: dict[str, Any], intent_id: str) -> Response:
        """Change a PaymentIntent."""
        actor, number = authentication.merchant(), ids.parse(ids.INTENT, intent_id)
        command = commands.to_update(deps, actor, params)
        return _answer(deps, actor, lambda once: update_intent(deps, actor, number, command, once=once))

    @routes.post("/<intent_id>/confirm")
    @routes.arguments(schemas.CONFIRM)
    @routes.response(200, schemas.INTENT)
    def confirm(params: dict[str, Any], intent_id: str) -> Response:
        """Order at WeChat; the answer holds what opens the cashier. Publishable keys send Client-Secret."""
        actor, number = authentication.actor(), ids.parse(ids.INTENT, intent_id)
        by_buyer = actor.kind is KeyKind.PUBLISHABLE
        command = Confirm(
            method=commands.method_of(deps, actor, params, buyers_address=request.remote_addr if by_buyer else None),
            return_url=params.get("return_url"),
            session=buyers_session(deps) if by_buyer else None,
            client_secret=client_secret_of(params),
            code=commands.code_of(params),
            off_session=params.get("off_session", False),
        )
        return _answer(deps, actor, lambda once: confirm_intent(deps, actor, number, command, once=once))

    @routes.post("/<intent_id>/cancel")
    @routes.arguments(schemas.CANCEL)
    @routes.response(200, schemas.INTENT)
    def cancel(params: dict[str, Any], intent_id: str) -> Response:
        """Close the order at WeChat, then cancel. What was paid meanwhile stays paid and is answered 400."""
        actor, number = authentication.merchant(), ids.parse(ids.INTENT, intent_id)
        command = Cancel(params.get("cancellation_reason"))
        return _answer(deps, actor, lambda once: cancel_intent(deps, actor, number, command, once=once))


def _reading(routes: Blueprint, deps: Dependencies) -> None:
    @routes.get("/search")
    @routes.arguments(schemas.SEARCH, location="query")
    @routes.response(200, schemas.INTENT_SEARCH)
    def search(params: dict[str, Any]) -> Response:
        """Find PaymentIntents by `merchant_order_id:'…'`."""
        actor = authentication.merchant()
        matched = _SEARCH.fullmatch(params["query"])
        if matched is None:
            raise InvalidRequest(
                "query must look like merchant_order_id:'order1234'.", code="parameter_invalid", param="query"
            )
        page = pagination.page_of(params, prefix=ids.INTENT, merchant_order_id=matched["value"], after_param="page")
        found, more = list_intents(deps, actor, page)
        data = [representation.payment_intent(intent, attempt) for intent, attempt in found]
        answer = pagination.envelope(f"{PATH}/search", data, has_more=more)
        return json_answer(answer | {"object": "search_result", "next_page": data[-1]["id"] if more and data else None})

    @routes.get("")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.INTENT_LIST)
    def list_all(params: dict[str, Any]) -> Response:
        """List PaymentIntents, newest first."""
        actor = authentication.merchant()
        page = pagination.page_of(params, prefix=ids.INTENT, merchant_order_id=params.get("merchant_order_id"))
        found, more = list_intents(deps, actor, page)
        data = [representation.payment_intent(intent, attempt) for intent, attempt in found]
        return json_answer(pagination.envelope(PATH, data, has_more=more))

    @routes.get("/<intent_id>")
    @routes.arguments(schemas.RETRIEVE, location="query")
    @routes.response(200, schemas.INTENT)
    def retrieve(params: dict[str, Any], intent_id: str) -> Response:
        """Read a PaymentIntent. Publishable keys send Client-Secret and see a subset."""
        actor, number = authentication.actor(), ids.parse(ids.INTENT, intent_id)
        found = find_intent(deps, actor, number, client_secret=client_secret_of(params))
        return json_answer(_render(actor, Shown(*found)))


def _answer(deps: Dependencies, actor: Actor, run: Callable[[Once], Shown]) -> Response:
    once = once_of(request, actor)

    def recover(object_id: int) -> dict[str, Any]:
        return _render(actor, Shown(*find_intent_by_owner(deps, object_id)))

    once.render = lambda shown: json_bytes(_render(actor, shown))
    return answer_once(deps, once, lambda claim: _render(actor, run(claim)), recover)


def _render(actor: Actor, shown: Shown) -> dict[str, Any]:
    if actor.kind is KeyKind.PUBLISHABLE:
        return representation.buyers_payment_intent(shown.intent, shown.attempt)
    return representation.payment_intent(shown.intent, shown.attempt)


def client_secret_of(params: dict[str, Any]) -> str | None:
    """The client secret that came with a request."""
    header = request.headers.get(CLIENT_SECRET_HEADER)
    return header if header is not None else params.get("client_secret")


def buyers_session(deps: Dependencies) -> LoginSession | None:
    """Who logged in with us, as the request says."""
    token = request.headers.get(SESSION_HEADER) or request.cookies.get(SESSION_COOKIE)
    return find_session(deps, token)
