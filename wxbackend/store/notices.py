"""The inbox: proven notices as they came, each once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import Kept, KeptNotice
from wxbackend.store import failures, tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = tables.notices
_F = failures.TABLE
_SEEN_AGAIN = {"times_seen": _T.c.times_seen + 1}
_ONCE = ["merchant", "notice_id", "provider"]
_KEEP = Statement(
    {
        "sqlite": sqlite_insert(_T)
        .on_conflict_do_update(index_elements=_ONCE, set_=_SEEN_AGAIN)
        .returning(_T.c.handled_ms, _T.c.times_seen),
        "postgresql": postgresql_insert(_T)
        .on_conflict_do_update(index_elements=_ONCE, set_=_SEEN_AGAIN)
        .returning(_T.c.handled_ms, _T.c.times_seen),
    }
)
_HANDLED = Statement(
    update(_T)
    .where(
        _T.c.provider == bindparam("of_provider"),
        _T.c.merchant == bindparam("of_merchant"),
        _T.c.notice_id == bindparam("of_notice"),
    )
    .values(verdict=bindparam("said"), handled_ms=bindparam("now"))
)
_UNHANDLED = Statement(
    select(_T)
    .where(
        _T.c.handled_ms.is_(None),
        _T.c.received_ms < bindparam("before"),
        # Those that failed wait for their turn, so that they never stand before the others.
        ~exists().where(_F.c.kind == "notice", _F.c.item == _T.c.id, _F.c.again_ms > bindparam("before")),
    )
    .order_by(_T.c.received_ms)
    .limit(bindparam("at_most"))
)


class Notices:
    """See `ports.store.Notices`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def keep(self, notice: KeptNotice, *, verdict: str | None = None, now_ms: int | None = None) -> Kept:
        """Keep it once and count how often it came."""
        row = _KEEP.first(
            self._link,
            {
                "id": notice.id,
                "provider": notice.provider,
                "merchant": notice.merchant,
                "notice_id": notice.notice_id,
                "kind": notice.kind,
                "out_trade_no": notice.out_trade_no,
                "received_ms": notice.received_ms,
                "headers": notice.headers,
                "body": notice.body,
                "times_seen": 1,
                "verdict": verdict,
                "handled_ms": now_ms if verdict is not None else None,
            },
        )
        assert row is not None
        if row.times_seen == 1:
            return Kept.NEW
        return Kept.LEFT if row.handled_ms is None else Kept.HANDLED

    def handled(self, notice: KeptNotice, *, verdict: str, now_ms: int) -> None:
        """What came of it."""
        _HANDLED.run(
            self._link,
            {
                "of_provider": notice.provider,
                "of_merchant": notice.merchant,
                "of_notice": notice.notice_id,
                "said": verdict,
                "now": now_ms,
            },
        )

    def unhandled(self, *, before_ms: int, limit: int) -> Sequence[KeptNotice]:
        """Those that a crash or a defect left behind."""
        rows = _UNHANDLED.all(self._link, {"before": before_ms, "at_most": limit})
        return [
            KeptNotice(
                id=row.id,
                provider=row.provider,
                merchant=row.merchant,
                notice_id=row.notice_id,
                kind=row.kind,
                out_trade_no=row.out_trade_no,
                received_ms=row.received_ms,
                headers=row.headers,
                body=row.body,
            )
            for row in rows
        ]
