"""A blueprint as flask-smorest documents it, whose routes are called without its wrappers.

What a route is given was read and checked here; what it returns is an answer already.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import flask_smorest
from flask import Response
from flask.globals import request_ctx
from marshmallow import Schema

from wxbackend.api import authentication
from wxbackend.api.idempotency import kept_answer
from wxbackend.api.reading import parameters_as
from wxbackend.flows.dependencies import Dependencies

Route = Callable[..., Response]


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # flask-smorest ships no types
    """Routes of one resource."""

    def arguments(self, schema: Schema, *, location: str = "json", **told: Any) -> Callable[[Route], Route]:
        """Give the route its parameters as the schema has them; where they stand follows from the method."""
        document = super().arguments(schema, location=location, **told)

        def decorate(route: Route) -> Route:
            @wraps(route)
            def called(*args: Any, **kwargs: Any) -> Response:
                return route(parameters_as(schema), *args, **kwargs)

            vars(called)["_apidoc"] = vars(document(route))["_apidoc"]
            return called

        return decorate

    def response(self, status: int, schema: Schema | None = None, **told: Any) -> Callable[[Route], Route]:
        """Document the answer."""
        document = super().response(status, schema, **told)

        def decorate(route: Route) -> Route:
            vars(route)["_apidoc"] = vars(document(route))["_apidoc"]
            return route

        return decorate


def require_key(routes: Blueprint, deps: Dependencies) -> None:
    """Let nobody in without a key of ours; a request that was answered before is given the same answer."""

    @routes.before_request  # type: ignore[untyped-decorator] # flask-smorest ships no types
    def begin() -> Response | None:
        asked = request_ctx.request
        authentication.authenticate(asked, deps.accounts)
        return kept_answer(deps, asked) if asked.method == "POST" else None
