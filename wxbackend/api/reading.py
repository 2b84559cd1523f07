"""Parameters through a schema: what comes out is checked, what does not fit is named in bracket notation."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Request, g
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from wxbackend.api import parameters
from wxbackend.domain.errors import InvalidRequest


class ParameterParser(FlaskParser):
    """flask-smorest's `arguments` with our own reading of bodies and queries, and our own refusals."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": None, "query": None}  # noqa: RUF012 - the schema decides

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body, whichever encoding it has."""
        return raw_parameters(req)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The query."""
        return raw_parameters(req)

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **kwargs: Any) -> NoReturn:
        """The first refusal; webargs has put all of them below the place that it read."""
        messages: Any = error.messages
        raise refusal(messages[next(iter(messages))])


def raw_parameters(request: Request) -> dict[str, Any]:
    """The parameters as they came, read once for each request."""
    if "parameters" not in g:
        g.parameters = parameters.of_request(request)
    found: dict[str, Any] = g.parameters
    return found


def refusal(messages: Any) -> InvalidRequest:
    """The first thing that is wrong, of marshmallow's messages."""
    path, told = _first(messages, [])
    code, _, message = told.partition("|")
    if not message:
        code, message = "parameter_invalid", told
    param = bracketed(path)
    return InvalidRequest(f"{param}: {message}" if param else message, code=code, param=param or None)


def bracketed(path: list[str]) -> str:
    """`["a", "b", "c"]` as `a[b][c]`."""
    if not path:
        return ""
    return path[0] + "".join(f"[{name}]" for name in path[1:])


def _first(messages: Any, path: list[str]) -> tuple[list[str], str]:
    if isinstance(messages, dict):
        name, inner = next(iter(messages.items()))
        return _first(inner, path if name == "_schema" else [*path, str(name)[:80]])
    if isinstance(messages, list):
        return _first(messages[0], path)
    return path, str(messages)
