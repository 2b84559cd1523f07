"""Events and the outbox of their deliveries."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from wxbackend.domain.event import Event
from wxbackend.ports.store import Delivery
from wxbackend.store import tables

_E = tables.events
_D = tables.deliveries
_INSERT_EVENT = insert(_E)
_INSERT_DELIVERY = insert(_D)
_DUE = (
    select(_D.c.id)
    .where(
        _D.c.state == "pending",
        _D.c.due_ms <= bindparam("now"),
        _D.c.endpoint_id.not_in(bindparam("busy", expanding=True)),
    )
    .order_by(_D.c.due_ms)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(_D)
    .where(_D.c.id.in_(_DUE.scalar_subquery()))
    .values(due_ms=bindparam("leased_until"))
    .returning(_D.c.id, _D.c.event_id, _D.c.endpoint_id, _D.c.tries)
)
_BODIES = select(_E.c.id, _E.c.body).where(_E.c.id.in_(bindparam("wanted", expanding=True)))
_DELIVERED = (
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
_FAILED = (
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


class Events:
    """See `ports.store.Events`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, event: Event, *, endpoint_ids: Sequence[str], delivery_ids: Sequence[int]) -> None:
        """Keep the event and what is to be delivered of it."""
        self._connection.execute(
            _INSERT_EVENT,
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
            self._connection.execute(
                _INSERT_DELIVERY,
                {
                    "id": delivery_id,
                    "event_id": event.id,
                    "endpoint_id": endpoint_id,
                    "state": "pending",
                    "due_ms": event.created_ms,
                    "tries": 0,
                },
            )

    def claim(
        self, *, now_ms: int, lease_ms: int, limit: int, busy_endpoints: Sequence[str] = ()
    ) -> Sequence[Delivery]:
        """A claim moves the due time to the end of the lease."""
        told = {"now": now_ms, "at_most": limit, "leased_until": now_ms + lease_ms, "busy": list(busy_endpoints)}
        rows = self._connection.execute(_CLAIM, told).all()
        if not rows:
            return []
        wanted = sorted({row.event_id for row in rows})
        bodies = {row.id: row.body for row in self._connection.execute(_BODIES, {"wanted": wanted})}
        return [
            Delivery(row.id, row.event_id, row.endpoint_id, row.tries, bodies[row.event_id])
            for row in sorted(rows, key=lambda row: row.id)
        ]

    def delivered(self, delivery_id: int, *, now_ms: int, tries: int, status: int) -> None:
        """It arrived."""
        told = {"of_delivery": delivery_id, "tried": tries, "answered": status, "now": now_ms}
        self._connection.execute(_DELIVERED, told)

    def failed(self, delivery_id: int, *, tries: int, status: int | None, reason: str, due_ms: int | None) -> None:
        """It did not."""
        self._connection.execute(
            _FAILED,
            {
                "of_delivery": delivery_id,
                "now_state": "pending" if due_ms is not None else "failed",
                "due": due_ms,
                "tried": tries,
                "answered": status,
                "because": reason,
            },
        )
