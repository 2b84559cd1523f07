"""The query of a list of events becomes what the flow is asked for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from wxbackend.api import pagination
from wxbackend.api.events.schemas import TYPES_MAX, WAIT_S_MAX
from wxbackend.domain import ids
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.flows.find_event import EventQuery


def to_query(params: dict[str, Any]) -> EventQuery:
    """Which events are asked for."""
    return EventQuery(
        page=pagination.page_of(params, prefix=ids.EVENT),
        types=_types(params),
        arrived=params.get("delivery_success"),
    )


def wait_s(params: dict[str, Any]) -> int:
    """How long the caller will wait for one."""
    asked: int = params.get("wait", 0)
    if not 0 <= asked <= WAIT_S_MAX:
        raise InvalidRequest(f"wait must be 0 to {WAIT_S_MAX}.", code="parameter_invalid_integer", param="wait")
    return asked


def _types(params: dict[str, Any]) -> tuple[EventType, ...]:
    named, listed = params.get("type"), params.get("types")
    if named is not None and listed is not None:
        raise InvalidRequest("Use type or types, not both.", code="parameters_exclusive", param="types")
    if listed is not None and not 1 <= len(listed) <= TYPES_MAX:
        raise InvalidRequest(f"types takes 1 to {TYPES_MAX} types.", code="parameter_invalid", param="types")
    param = "type" if named is not None else "types"
    wanted = [named] if named is not None else listed or []
    return tuple(dict.fromkeys(kind for name in wanted for kind in _matching(name, param)))


def _matching(name: str, param: str) -> list[EventType]:
    """A type, or all of a group: `payment_intent.*`, or `*` for all."""
    is_group = name == "*" or (name.endswith(".*") and "*" not in name[:-2] and "[" not in name and "?" not in name)
    found = [kind for kind in EventType if kind.value == name or (is_group and fnmatchcase(kind.value, name))]
    if not found:
        known = ", ".join(kind.value for kind in EventType)
        raise InvalidRequest(
            f"{name[:80]!r} is no type of event. There are: {known}.", code="parameter_invalid_enum", param=param
        )
    return found
