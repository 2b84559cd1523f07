"""The inbox of pushes: proven ones with their content, each once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import KeptPush
from wxbackend.store import failures, shipping_tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = shipping_tables.pushes
_F = failures.TABLE
_SEEN_AGAIN = {"times_seen": _T.c.times_seen + 1}
_ONCE = ["appid", "push_id"]
_KEEP = Statement(
    {
        "sqlite": sqlite_insert(_T)
        .on_conflict_do_update(index_elements=_ONCE, set_=_SEEN_AGAIN)
        .returning(_T.c.handled_ms),
        "postgresql": postgresql_insert(_T)
        .on_conflict_do_update(index_elements=_ONCE, set_=_SEEN_AGAIN)
        .returning(_T.c.handled_ms),
    }
)
_HANDLED = Statement(
    update(_T)
    .where(_T.c.appid == bindparam("of_app"), _T.c.push_id == bindparam("of_push"))
    .values(verdict=bindparam("said"), handled_ms=bindparam("now"))
)
_UNHANDLED = Statement(
    select(_T)
    .where(
        _T.c.handled_ms.is_(None),
        _T.c.received_ms < bindparam("before"),
        # Those that failed wait for their turn, so that they never stand before the others.
        ~exists().where(_F.c.kind == "push", _F.c.item == _T.c.id, _F.c.again_ms > bindparam("before")),
    )
    .order_by(_T.c.received_ms)
    .limit(bindparam("at_most"))
)
_FORGET = Statement(delete(_T).where(_T.c.handled_ms.is_not(None), _T.c.received_ms < bindparam("before")))


class Pushes:
    """See `ports.store.Pushes`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def keep(self, push: KeptPush) -> bool:
        """Keep it once and count how often it came."""
        row = _KEEP.all(
            self._link,
            {
                "id": push.id,
                "appid": push.appid,
                "push_id": push.push_id,
                "kind": push.kind,
                "event": push.event,
                "sealed": push.sealed,
                "received_ms": push.received_ms,
                "content": push.content,
                "times_seen": 1,
            },
        )
        return row[0].handled_ms is None

    def handled(self, push: KeptPush, *, verdict: str, now_ms: int) -> None:
        """What came of it."""
        _HANDLED.run(self._link, {"of_app": push.appid, "of_push": push.push_id, "said": verdict, "now": now_ms})

    def unhandled(self, *, before_ms: int, limit: int) -> Sequence[KeptPush]:
        """Those that a crash or a defect left behind."""
        rows = _UNHANDLED.all(self._link, {"before": before_ms, "at_most": limit})
        return [
            KeptPush(
                id=row.id,
                appid=row.appid,
                push_id=row.push_id,
                kind=row.kind,
                event=row.event,
                sealed=row.sealed,
                received_ms=row.received_ms,
                content=row.content,
            )
            for row in rows
        ]

    def forget(self, *, received_before_ms: int) -> None:
        """Drop old ones."""
        _FORGET.run(self._link, {"before": received_before_ms})
