"""Events and the outbox of their deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, exists, func, insert, literal_column, select, update

from wxbackend.domain.event import Event, EventType
from wxbackend.ports.store import Delivery, Page
from wxbackend.store import tables
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.statement import Statement

_E = tables.events
_D = tables.deliveries
_INSERT_EVENT = Statement(insert(_E))
_INSERT_DELIVERY = Statement(insert(_D))
_FIND = Statement(select(_E).where(_E.c.id == bindparam("named_event")))
PENDING = _D.c.state == literal_column("'pending'")  # as the index says it
# One step into the index for each endpoint that has something pending, however much that is.
_FIRST = select(func.min(_D.c.endpoint_id).label("endpoint_id")).where(PENDING).cte("waiting", recursive=True)
_NEXT = select(func.min(_D.c.endpoint_id)).where(PENDING, _D.c.endpoint_id > _FIRST.c.endpoint_id).scalar_subquery()
_WAITING = _FIRST.union_all(select(_NEXT).where(_FIRST.c.endpoint_id.is_not(None)))
_EARLIEST = select(func.min(_D.c.due_ms)).where(PENDING, _D.c.endpoint_id == _WAITING.c.endpoint_id).scalar_subquery()
_WAITING_SINCE = Statement(
    select(_WAITING.c.endpoint_id, _EARLIEST.label("due_ms")).where(_WAITING.c.endpoint_id.is_not(None))
)
_DUE = (
    select(_D.c.id)
    .where(PENDING, _D.c.endpoint_id == bindparam("of_endpoint"), _D.c.due_ms <= bindparam("now"))
    .order_by(_D.c.due_ms)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = Statement(
    update(_D)
    .where(_D.c.id.in_(_DUE.scalar_subquery()))
    .values(due_ms=bindparam("leased_until"))
    .returning(_D.c.id, _D.c.event_id, _D.c.endpoint_id, _D.c.tries)
)
_TAKE = Statement(
    update(_D)
    .where(PENDING, _D.c.id == bindparam("of_delivery"), _D.c.due_ms <= bindparam("now"))
    .values(due_ms=bindparam("leased_until"))
    .returning(_D.c.id, _D.c.event_id, _D.c.endpoint_id, _D.c.tries)
)
_GIVE_BACK = Statement(
    update(_D)
    .where(PENDING, _D.c.id == bindparam("of_delivery"), _D.c.tries == bindparam("tried"))
    .values(due_ms=bindparam("now"))
)
_BODIES = select(_E.c.id, _E.c.body).where(_E.c.id.in_(bindparam("wanted", expanding=True)))
_DELIVERED = Statement(
    update(_D)
    .where(_D.c.id == bindparam("of_delivery"))
    .values(
        state="delivered",
        due_ms=None,
        tries=bindparam("tried"),
        last_status=bindparam("answered"),
        last_reason=None,
        delivered_ms=bindparam("now"),
    )
)
_FAILED = Statement(
    update(_D)
    # A delivery that another worker brought home meanwhile stays delivered.
    .where(_D.c.id == bindparam("of_delivery"), _D.c.state == "pending")
    .values(
        state=bindparam("now_state"),
        due_ms=bindparam("due"),
        tries=bindparam("tried"),
        last_status=bindparam("answered"),
        last_reason=bindparam("because"),
    )
)


_LATER = _D.alias("later")
# A delivery that has not arrived, and none after it to the same endpoint has.
_MISSING = exists().where(
    _D.c.event_id == _E.c.id,
    _D.c.state.in_(["pending", "failed"]),
    ~exists().where(
        _LATER.c.event_id == _D.c.event_id,
        _LATER.c.endpoint_id == _D.c.endpoint_id,
        _LATER.c.id > _D.c.id,
        _LATER.c.state == "delivered",
    ),
)


class Events:
    """See `ports.store.Events`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, event: Event, *, endpoint_ids: Sequence[str], delivery_ids: Sequence[int]) -> None:
        """Keep the event and what is to be delivered of it."""
        _INSERT_EVENT.run(
            self._link,
            {
                "id": event.id,
                "account": event.account,
                "livemode": event.livemode,
                "type": event.type.value,
                "created_ms": event.created_ms,
                "subject_id": event.subject_id,
                "body": event.body,
            },
        )
        for delivery_id, endpoint_id in zip(delivery_ids, endpoint_ids, strict=True):
            _INSERT_DELIVERY.run(
                self._link,
                {
                    "id": delivery_id,
                    "event_id": event.id,
                    "endpoint_id": endpoint_id,
                    "state": "pending",
                    "due_ms": event.created_ms,
                    "tries": 0,
                },
            )

    def find(self, event_id: int) -> Event | None:
        """Read one."""
        row = _FIND.first(self._link, {"named_event": event_id})
        return None if row is None else _event_from(row)

    def page(
        self, account: str, *, livemode: bool, page: Page, types: Sequence[EventType] = (), arrived: bool | None = None
    ) -> Sequence[Event]:
        """Newest first, one more than asked."""
        query = select(_E).where(_E.c.account == account, _E.c.livemode == livemode)
        if types:
            query = query.where(_E.c.type.in_([kind.value for kind in types]))
        if arrived is not None:
            query = query.where(~_MISSING if arrived else _MISSING)
        return [_event_from(row) for row in paged(self._link.core, query, _E, page)]

    def claim(
        self,
        *,
        now_ms: int,
        lease_ms: int,
        limit: int,
        room: Callable[[str], int] | None = None,
        load: Callable[[str], int] | None = None,
    ) -> Sequence[Sequence[Delivery]]:
        """A claim moves the due time to the end of the lease."""
        taken: list[list[Any]] = []
        for endpoint_id, hands in shares(self._link, now_ms=now_ms, limit=limit, room=room).items():
            at_most = hands if load is None else hands * load(endpoint_id)
            told = {"now": now_ms, "at_most": at_most, "leased_until": now_ms + lease_ms, "of_endpoint": endpoint_id}
            rows = sorted(_CLAIM.all(self._link, told), key=lambda row: row.id)
            taken += [rows[hand::hands] for hand in range(min(hands, len(rows)))]
        full = {delivery.id: delivery for delivery in self._with_bodies([row for rows in taken for row in rows])}
        return [[full[row.id] for row in rows] for rows in taken]

    def take(self, delivery_id: int, *, now_ms: int, lease_ms: int) -> Delivery | None:
        """Take this one."""
        told = {"of_delivery": delivery_id, "now": now_ms, "leased_until": now_ms + lease_ms}
        taken = self._with_bodies(_TAKE.all(self._link, told))
        return taken[0] if taken else None

    def _with_bodies(self, rows: Sequence[Any]) -> list[Delivery]:
        if not rows:
            return []
        wanted = sorted({row.event_id for row in rows})
        bodies = {row.id: row.body for row in self._link.core.execute(_BODIES, {"wanted": wanted})}
        return [Delivery(row.id, row.event_id, row.endpoint_id, row.tries, bodies[row.event_id]) for row in rows]

    def give_back(self, delivery: Delivery, *, now_ms: int) -> None:
        """Due again, as it was."""
        _GIVE_BACK.run(self._link, {"of_delivery": delivery.id, "tried": delivery.tries, "now": now_ms})

    def delivered(self, delivery_id: int, *, now_ms: int, tries: int, status: int) -> None:
        """It arrived."""
        told = {"of_delivery": delivery_id, "tried": tries, "answered": status, "now": now_ms}
        _DELIVERED.run(self._link, told)

    def failed(self, delivery_id: int, *, tries: int, status: int | None, reason: str, due_ms: int | None) -> None:
        """It did not."""
        _FAILED.run(
            self._link,
            {
                "of_delivery": delivery_id,
                "now_state": "pending" if due_ms is not None else "failed",
                "due": due_ms,
                "tried": tries,
                "answered": status,
                "because": reason,
            },
        )


def shares(link: Link, *, now_ms: int, limit: int, room: Callable[[str], int] | None) -> dict[str, int]:
    """How many to take of which endpoint: in turns, so that one with a long queue leaves room for the others."""
    waiting = [row for row in _WAITING_SINCE.all(link) if row.due_ms <= now_ms]
    waiting.sort(key=lambda row: row.due_ms)
    rooms = {row.endpoint_id: limit if room is None else room(row.endpoint_id) for row in waiting}
    shares = dict.fromkeys(rooms, 0)
    left = limit
    while left and any(shares[name] < rooms[name] for name in rooms):
        for name, most in rooms.items():
            if left and shares[name] < most:
                shares[name] += 1
                left -= 1
    return {name: share for name, share in shares.items() if share}


def _event_from(row: Any) -> Event:
    return Event(
        id=row.id,
        account=row.account,
        livemode=row.livemode,
        type=EventType(row.type),
        created_ms=row.created_ms,
        subject_id=row.subject_id,
        body=row.body,
    )
