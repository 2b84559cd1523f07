"""What became of each delivery: its tries, and what is still pending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update

from wxbackend.ports.store.messages import DeliveryTry, KeptDelivery
from wxbackend.store import tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_D = tables.deliveries
_A = tables.delivery_attempts
_IS_PENDING = _D.c.state == literal_column("'pending'")  # as the index says it
_NOTE = Statement(insert(_A))
_PENDING = (
    select(_D.c.event_id, func.count().label("pending"))
    .where(_D.c.event_id.in_(bindparam("wanted", expanding=True)), _IS_PENDING)
    .group_by(_D.c.event_id)
)
_OF_EVENT = Statement(
    select(_D).where(_D.c.event_id == bindparam("of_event")).order_by(_D.c.id.desc()).limit(bindparam("at_most"))
)
_TRIES = select(_A).where(_A.c.delivery_id.in_(bindparam("wanted", expanding=True))).order_by(_A.c.id)
_CANCEL: dict[str, Any] = {"state": "canceled", "due_ms": None, "last_reason": bindparam("because")}
_CANCEL_TO = Statement(update(_D).where(_D.c.endpoint_id == bindparam("of_endpoint"), _IS_PENDING).values(_CANCEL))
_CANCEL_ONE = Statement(update(_D).where(_D.c.id == bindparam("of_delivery"), _IS_PENDING).values(_CANCEL))
_REVIVE = Statement(
    update(_D)
    .where(_D.c.id == bindparam("of_delivery"), _D.c.state == "failed")
    .values(state="pending", due_ms=bindparam("now"), tries=0)
)
_HASTEN = Statement(
    update(_D)
    .where(
        _D.c.event_id == bindparam("of_event"),
        _D.c.endpoint_id == bindparam("of_endpoint"),
        _IS_PENDING,
    )
    .values(due_ms=bindparam("now"))
    .returning(_D.c.id)
)
_INSERT = Statement(insert(_D))
_FORGET = Statement(delete(_A).where(_A.c.id < bindparam("first_kept")))


class Deliveries:
    """See `ports.store.Deliveries`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def note(self, tried: DeliveryTry) -> None:
        """Keep what one try brought."""
        _NOTE.run(
            self._link,
            {
                "id": tried.id,
                "delivery_id": tried.delivery_id,
                "number": tried.number,
                "begun_ms": tried.begun_ms,
                "duration_ms": tried.duration_ms,
                "status": tried.status,
                "reason": tried.reason,
                "excerpt": tried.excerpt,
            },
        )

    def pending(self, event_ids: Sequence[int]) -> Mapping[int, int]:
        """How many deliveries of each event have not ended; events without one are left out."""
        rows = self._link.core.execute(_PENDING, {"wanted": list(event_ids)})
        return {row.event_id: row.pending for row in rows}

    def of_event(self, event_id: int, *, limit: int) -> Sequence[KeptDelivery]:
        """The event's deliveries with their tries, newest first."""
        rows = _OF_EVENT.all(self._link, {"of_event": event_id, "at_most": limit})
        tries: dict[int, list[DeliveryTry]] = {row.id: [] for row in rows}
        for row in self._link.core.execute(_TRIES, {"wanted": list(tries)}):
            tries[row.delivery_id].append(
                DeliveryTry(
                    id=row.id,
                    delivery_id=row.delivery_id,
                    number=row.number,
                    begun_ms=row.begun_ms,
                    duration_ms=row.duration_ms,
                    status=row.status,
                    reason=row.reason,
                    excerpt=row.excerpt,
                )
            )
        return [
            KeptDelivery(row.id, row.event_id, row.endpoint_id, row.state, row.due_ms, tuple(tries[row.id]))
            for row in rows
        ]

    def again(self, event_id: int, endpoint_id: str, *, delivery_id: int, now_ms: int) -> None:
        """Deliver it once more: the pending delivery at once, or a new one when none is pending."""
        told = {"of_event": event_id, "of_endpoint": endpoint_id, "now": now_ms}
        if _HASTEN.all(self._link, told):
            return
        _INSERT.run(
            self._link,
            {
                "id": delivery_id,
                "event_id": event_id,
                "endpoint_id": endpoint_id,
                "state": "pending",
                "due_ms": now_ms,
                "tries": 0,
            },
        )

    def revive(self, delivery_id: int, *, now_ms: int) -> None:
        """Pending again, with no tries."""
        _REVIVE.run(self._link, {"of_delivery": delivery_id, "now": now_ms})

    def cancel_to(self, endpoint_id: str, *, reason: str) -> None:
        """End everything that is pending for an endpoint."""
        _CANCEL_TO.run(self._link, {"of_endpoint": endpoint_id, "because": reason})

    def cancel(self, delivery_id: int, *, reason: str) -> None:
        """End one delivery, unless it has ended."""
        _CANCEL_ONE.run(self._link, {"of_delivery": delivery_id, "because": reason})

    def forget_tries(self, *, before_id: int) -> None:
        """Drop tries whose identifier is smaller."""
        _FORGET.run(self._link, {"first_kept": before_id})
