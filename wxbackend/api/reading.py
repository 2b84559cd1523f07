"""Parameters through a schema: what comes out is checked, what does not fit is named in bracket notation."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from flask import Request, g
from flask.globals import request_ctx
from marshmallow import Schema, ValidationError

from wxbackend.api import parameters
from wxbackend.domain.errors import InvalidRequest

SCHEMAS_MAX: Final = 1_000


def parameters_as(schema: Schema) -> dict[str, Any]:
    """The parameters of this request as the schema has them; where they stand follows from the method."""
    told = raw_parameters(request_ctx.request)
    if not told and (nothing := _of_nothing(schema)) is not None:
        return dict(nothing)
    try:
        found: dict[str, Any] = schema.load(told)
    except ValidationError as error:
        raise refusal(error.messages) from None
    return found


@lru_cache(maxsize=SCHEMAS_MAX)
def _of_nothing(schema: Schema) -> dict[str, Any] | None:
    """What the schema makes of no parameters, found once; None when that is a refusal or may be changed."""
    try:
        found: dict[str, Any] = schema.load({})
    except ValidationError:
        return None
    return found if all(isinstance(value, str | int | None) for value in found.values()) else None


def raw_parameters(request: Request) -> dict[str, Any]:
    """The parameters as they came, read once for each request."""
    found: dict[str, Any] | None = g.get("parameters")
    if found is None:
        found = g.parameters = parameters.of_request(request)
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
