"""Reads JSON bodies at the desk; what is not understood is refused by name, so that no typo passes for a wish."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite

from flask import Response, request


class DeskError(Exception):
    """A wish the desk cannot fulfil, with the HTTP status to say so."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def read_wish(known: Iterable[str]) -> dict[str, object]:
    """The JSON object of this request; an absent body is an empty wish. Raises DeskError."""
    raw = request.get_data()
    if not raw:
        return {}
    try:
        wish = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DeskError("the body is not JSON") from error
    if not isinstance(wish, dict):
        raise DeskError("the body must be a JSON object")
    unknown = set(wish) - set(known)
    if unknown:
        raise DeskError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return wish


def text(wish: Mapping[str, object], name: str, default: str | None = None) -> str:
    """A string member. Raises DeskError if it is absent without a default, or no string."""
    value = wish.get(name, default)
    if not isinstance(value, str):
        raise DeskError(f"{name} must be a string")
    return value


def whole(wish: Mapping[str, object], name: str, default: int) -> int:
    """An integer member that is not negative. Raises DeskError."""
    value = wish.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DeskError(f"{name} must be an integer, 0 or more")
    return value


def number(wish: Mapping[str, object], name: str, default: float) -> float:
    """A number. Raises DeskError."""
    value = wish.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise DeskError(f"{name} must be a finite number")
    return value


def flag(wish: Mapping[str, object], name: str) -> bool:
    """A boolean member, false if absent. Raises DeskError."""
    value = wish.get(name, False)
    if not isinstance(value, bool):
        raise DeskError(f"{name} must be true or false")
    return value


def mapping(wish: Mapping[str, object], name: str) -> dict[str, object]:
    """An object member, empty if absent. Raises DeskError."""
    value = wish.get(name, {})
    if not isinstance(value, dict):
        raise DeskError(f"{name} must be an object")
    return value


def show(body: object, status: int = 200) -> Response:
    """A JSON answer in UTF-8."""
    text = json.dumps(body, ensure_ascii=False, indent=2) + "\n"
    return Response(
        text.encode("utf-8", "backslashreplace"),
        status,
        content_type="application/json; charset=utf-8",
    )
