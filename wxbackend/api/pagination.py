"""Lists: newest first, cursors by identifier, and the four fields that SDKs page by."""

from __future__ import annotations

from typing import Any, Final

from wxbackend.api.field_types import Ignored, Part, Strict, Whole, Words
from wxbackend.domain import ids
from wxbackend.domain.errors import InvalidRequest
from wxbackend.ports.store import Page

LIMIT_DEFAULT: Final = 10
LIMIT_MAX: Final = 100
MILLISECONDS_FROM: Final = 100_000_000_000
"""A moment from this number on is in milliseconds, below it in seconds."""


class CreatedFilter(Strict):
    """`created[gte]` and its kin."""

    gt = Whole()
    gte = Whole()
    lt = Whole()
    lte = Whole()


class ListQuery(Strict):
    """What every list takes."""

    limit = Whole()
    starting_after = Words(64)
    ending_before = Words(64)
    created = Part(CreatedFilter())
    expand = Ignored()


def page_of(query: dict[str, Any], *, prefix: str, merchant_order_id: str | None = None) -> Page:
    """The page that a query asks for."""
    limit = query.get("limit", LIMIT_DEFAULT)
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidRequest(f"limit must be 1 to {LIMIT_MAX}.", code="parameter_invalid_integer", param="limit")
    after, before = query.get("starting_after"), query.get("ending_before")
    if after is not None and before is not None:
        raise InvalidRequest(
            "Use starting_after or ending_before, not both.", code="parameters_exclusive", param="ending_before"
        )
    created = query.get("created", {})
    return Page(
        limit=limit,
        after=ids.parse(prefix, after, param="starting_after") if after else None,
        before=ids.parse(prefix, before, param="ending_before") if before else None,
        created_from_ms=_bound(created, "gte", "gt", +1),
        created_until_ms=_bound(created, "lte", "lt", -1),
        merchant_order_id=merchant_order_id,
    )


def _bound(created: dict[str, int], inclusive: str, exclusive: str, step: int) -> int | None:
    if inclusive in created:
        moment, offset = created[inclusive], 0
    elif exclusive in created:
        moment, offset = created[exclusive], step
    else:
        return None
    if abs(moment) >= MILLISECONDS_FROM:
        return moment + offset
    # A whole second is meant, and `created` is kept to the millisecond.
    first = moment * 1000
    if inclusive == "gte":
        return first + (1000 if offset else 0)
    return first - 1 if offset else first + 999


def envelope(url: str, data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A list as every list looks."""
    return {"object": "list", "url": url, "has_more": has_more, "data": data}
