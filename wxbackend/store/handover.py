"""Reads the queues for the dispatcher, without taking anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from sqlalchemy import Table, bindparam, select

from wxbackend.ports.store import Due, Kind
from wxbackend.store import events, mandate_tables, merchant_transfers, profit_sharings, shipping_tables, tables
from wxbackend.store.links import Link


class _Looks:
    """The statements for one table `(<key>, due_ms, tries)`, built once."""

    def __init__(self, table: Table) -> None:
        key = next(iter(table.primary_key))
        found = select(key.label("item"), table.c.tries, table.c.due_ms)
        self.due = (
            found.where(table.c.due_ms <= bindparam("now"), key.not_in(bindparam("besides", expanding=True)))
            .order_by(table.c.due_ms)
            .limit(bindparam("at_most"))
        )
        self.waiting = found.where(key.in_(bindparam("items", expanding=True)))


_LOOKS: Final = {
    Kind.LOOK: _Looks(tables.poll_queue),
    Kind.REFUND_LOOK: _Looks(tables.refund_queue),
    Kind.MANDATE_LOOK: _Looks(mandate_tables.mandate_queue),
    Kind.TRANSFER_LOOK: _Looks(merchant_transfers.QUEUE),
    Kind.SHARING_LOOK: _Looks(profit_sharings.QUEUE),
    Kind.SHIPPING_LOOK: _Looks(shipping_tables.shipping_queue),
}
_D = tables.deliveries
_FOUND = select(_D.c.id.label("item"), _D.c.tries, _D.c.due_ms, _D.c.endpoint_id.label("lane")).where(events.PENDING)
_DUE = (
    _FOUND.where(
        _D.c.endpoint_id == bindparam("of_endpoint"),
        _D.c.due_ms <= bindparam("now"),
        _D.c.id.not_in(bindparam("besides", expanding=True)),
    )
    .order_by(_D.c.due_ms)
    .limit(bindparam("at_most"))
)
_WAITING = _FOUND.where(_D.c.id.in_(bindparam("items", expanding=True)))


class Handover:
    """See `ports.store.Handover`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def due(
        self,
        kind: Kind,
        *,
        now_ms: int,
        limit: int,
        besides: Collection[int] = (),
        room: Callable[[str], int] | None = None,
    ) -> Sequence[Due]:
        """What is due, longest first."""
        told: dict[str, Any] = {"now": now_ms, "besides": list(besides)}
        if kind is not Kind.DELIVERY:
            rows = self._link.core.execute(_LOOKS[kind].due, told | {"at_most": limit}).all()
            return [Due(row.item, row.tries, row.due_ms) for row in rows]
        found: list[Due] = []
        for endpoint_id, share in events.shares(self._link, now_ms=now_ms, limit=limit, room=room).items():
            of_one = told | {"at_most": share, "of_endpoint": endpoint_id}
            found += map(_delivery_from, self._link.core.execute(_DUE, of_one))
        return sorted(found, key=lambda due: due.item)

    def waiting(self, kind: Kind, items: Collection[int]) -> Sequence[Due]:
        """Those that still wait."""
        told = {"items": list(items)}
        if kind is not Kind.DELIVERY:
            rows = self._link.core.execute(_LOOKS[kind].waiting, told).all()
            return [Due(row.item, row.tries, row.due_ms) for row in rows]
        return [_delivery_from(row) for row in self._link.core.execute(_WAITING, told)]


def _delivery_from(row: Any) -> Due:
    return Due(row.item, row.tries, row.due_ms, row.lane)
