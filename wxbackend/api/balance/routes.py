"""The balance and its transactions, read from the journal."""

from __future__ import annotations

from typing import Any, Final

from flask import Response

from wxbackend.api import authentication, pagination
from wxbackend.api.answers import json_answer
from wxbackend.api.balance import schemas
from wxbackend.api.blueprint import Blueprint, require_key
from wxbackend.domain import ids, representation
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.read_books import list_transfers, read_balances

TRANSACTIONS_PATH: Final = "/v1/balance_transactions"


def blueprint(deps: Dependencies) -> Blueprint:
    """`/v1/balance` and `/v1/balance_transactions`."""
    routes = Blueprint("balance", __name__, url_prefix="/v1", description="What the books say")

    require_key(routes, deps)

    @routes.get("/balance")
    @routes.arguments(schemas.QUERY, location="query")
    @routes.response(200, schemas.BALANCE)
    def balance(_params: dict[str, Any]) -> Response:
        """What is at the providers by our books, and what is reserved for refunds."""
        actor = authentication.merchant()
        return json_answer(representation.balance(read_balances(deps, actor), livemode=actor.livemode))

    @routes.get("/balance_transactions")
    @routes.arguments(schemas.LIST, location="query")
    @routes.response(200, schemas.TRANSACTIONS)
    def transactions(params: dict[str, Any]) -> Response:
        """Every movement of money at a provider, newest first."""
        actor = authentication.merchant()
        found, more = list_transfers(deps, actor, pagination.page_of(params, prefix=ids.TRANSACTION))
        data = [representation.balance_transaction(row.id, row.created_ms, row.transfer) for row in found]
        return json_answer(pagination.envelope(TRANSACTIONS_PATH, data, has_more=more))

    return routes
