"""Lists: newest first, cursors by identifier, and the four fields that SDKs page by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from wxbackend.api.field_types import Ignored, Part, Strict, Whole, Words
from wxbackend.domain import ids
from wxbackend.domain.errors import InvalidRequest
from wxbackend.ports.store import Page

LIMIT_DEFAULT: Final = 10
LIMIT_MAX: Final = 100
MILLISECONDS_FROM: Final = 100_000_000_000
"""A moment from this number on is in milliseconds, below it in seconds."""
_MOMENT: Final = {"description": "Unix milliseconds, or seconds.", "example": 1_686_189_348_000}
LIMIT_METADATA: Final = {"minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT, "description": "How many."}


class CreatedFilter(Strict):
    """`created[gte]` and its kin."""

    gt = Whole(metadata=_MOMENT)
    gte = Whole(metadata=_MOMENT)
    lt = Whole(metadata=_MOMENT)
    lte = Whole(metadata=_MOMENT)


class Created(Part):
    """Bounds of `created`, or one moment that it must show (`created=1686189348`)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, partial: Any = None, **kwargs: Any) -> Any:
        if isinstance(value, dict):
            return super()._deserialize(value, attr, data, partial, **kwargs)
        moment = Whole().deserialize(value)
        return {"gte": moment, "lte": moment}


class ListQuery(Strict):
    """What every list takes."""

    limit = Whole(metadata=LIMIT_METADATA)
    starting_after = Words(64, metadata={"description": "The `id` that the page begins after: older ones."})
    ending_before = Words(64, metadata={"description": "The `id` that the page ends before: newer ones."})
    created = Created(CreatedFilter())
    expand = Ignored()


def page_of(
    query: dict[str, Any], *, prefix: str, merchant_order_id: str | None = None, after_param: str = "starting_after"
) -> Page:
    """The page that a query asks for."""
    limit, after, before = cut_of(query, after_param=after_param)
    created_from_ms, created_until_ms = _window(query.get("created", {}))
    return Page(
        limit=limit,
        after=ids.parse(prefix, after, param=after_param) if after else None,
        before=ids.parse(prefix, before, param="ending_before") if before else None,
        created_from_ms=created_from_ms,
        created_until_ms=created_until_ms,
        merchant_order_id=merchant_order_id,
    )


def cut_of(query: dict[str, Any], *, after_param: str = "starting_after") -> tuple[int, str | None, str | None]:
    """How many, and after or before which identifier."""
    limit = query.get("limit", LIMIT_DEFAULT)
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidRequest(f"limit must be 1 to {LIMIT_MAX}.", code="parameter_invalid_integer", param="limit")
    after, before = query.get(after_param), query.get("ending_before")
    if after is not None and before is not None:
        raise InvalidRequest(
            "Use starting_after or ending_before, not both.", code="parameters_exclusive", param="ending_before"
        )
    return limit, after, before


def _window(created: dict[str, int]) -> tuple[int | None, int | None]:
    """The first and last moment that all bounds allow.

    They speak of `created` as it is shown, in whole seconds, while it is kept to the millisecond.
    """
    bounds = {name: _milliseconds(moment) for name, moment in created.items()}
    first = [_second_from(bounds["gte"])] if "gte" in bounds else []
    first += [_second_from(bounds["gt"] + 1)] if "gt" in bounds else []
    past = [_second_from(bounds["lt"])] if "lt" in bounds else []
    past += [_second_from(bounds["lte"] + 1)] if "lte" in bounds else []
    return max(first, default=None), min(past) - 1 if past else None


def _milliseconds(moment: int) -> int:
    return moment if abs(moment) >= MILLISECONDS_FROM else moment * 1000


def _second_from(moment_ms: int) -> int:
    """The first whole second from a moment on."""
    return -(-moment_ms // 1000) * 1000


def envelope(url: str, data: Sequence[Any], *, has_more: bool) -> dict[str, Any]:
    """A list as every list looks."""
    return {"object": "list", "url": url, "has_more": has_more, "data": data}
