"""Parameters through a schema: what comes out is checked, what does not fit is named in bracket notation."""

from __future__ import annotations

from typing import Any

from flask import Request, g, request
from marshmallow import ValidationError
from webargs.flaskparser import FlaskParser

from wxbackend.api import parameters
from wxbackend.domain.errors import InvalidRequest


class ParameterParser(FlaskParser):
    """flask-smorest's `arguments` with our own reading of bodies and queries, and our own refusals."""

    def parse(self, argmap: Any, req: Request | None = None, **_: Any) -> Any:
        """The parameters of a request as the schema `argmap` has them; where they stand follows from the method."""
        try:
            return argmap.load(raw_parameters(req or request))
        except ValidationError as error:
            raise refusal(error.messages) from None


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
