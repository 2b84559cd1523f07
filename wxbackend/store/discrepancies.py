"""Money that does not fit, and bills that do not: each recorded once, with what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind, DiscrepancyState, KeptDiscrepancy
from wxbackend.ports.store import Page, RecordedDiscrepancy
from wxbackend.store import tables
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.statement import Statement

_T = tables.discrepancies
_OPEN: Final = DiscrepancyState.OPEN.value
# A literal, exactly that of the indexes: SQLite uses a partial index for nothing else.
_IS_OPEN: Final = _T.c.state == literal_column("'open'")
_INSERT = Statement(
    {
        "sqlite": sqlite_insert(_T).on_conflict_do_nothing().returning(_T.c.id),
        "postgresql": postgresql_insert(_T).on_conflict_do_nothing().returning(_T.c.id),
    }
)
_AGAIN: Final = ("intent_id", "attempt_id", "amount", "currency", "expected", "observed", "bill_id", "day", "seen_ms")


def _put(insert: Any) -> Any:
    """What was mended is open again, and no other is touched."""
    changed = {name: insert.excluded[name] for name in _AGAIN}
    changed |= {"state": insert.excluded.state, "resolved_ms": None, "note": None}
    keyed = [_T.c.account, _T.c.kind, _T.c.transaction_id]
    mended = _T.c.state == DiscrepancyState.MENDED.value
    return insert.on_conflict_do_update(index_elements=keyed, set_=changed, where=mended).returning(_T.c.id)


_PUT = Statement({"sqlite": _put(sqlite_insert(_T)), "postgresql": _put(postgresql_insert(_T))})
_SAME = (
    _T.c.account == bindparam("of_account"),
    _T.c.kind == bindparam("of_kind"),
    _T.c.transaction_id == bindparam("of_transaction"),
)
_KNOWN = Statement(select(_T.c.id).where(*_SAME))
_SEEN = Statement(
    update(_T)
    .where(*_SAME, _T.c.seen_ms < bindparam("seen"))
    .values(seen_ms=bindparam("seen"), bill_id=bindparam("in_bill"), day=bindparam("on_day"))
)
_FIND = Statement(select(_T).where(_T.c.id == bindparam("of_discrepancy")))
_CLOSE = Statement(
    update(_T)
    .where(_T.c.id == bindparam("of_discrepancy"), _T.c.state == _OPEN)
    .values(state=bindparam("new_state"), note=bindparam("new_note"), resolved_ms=bindparam("now"))
    .returning(_T.c.id)
)
_GIVEN_BACK = Statement(
    update(_T)
    .where(_T.c.id == bindparam("of_discrepancy"), _T.c.state == DiscrepancyState.SETTLED.value)
    .values(state=DiscrepancyState.REFUNDED.value)
)
_UNSEEN = Statement(
    select(_T.c.id)
    .where(
        _T.c.bill_id == bindparam("in_bill"),
        _IS_OPEN,
        _T.c.seen_ms < bindparam("since"),
        _T.c.id > bindparam("after"),
    )
    .order_by(_T.c.id)
    .limit(bindparam("at_most"))
)
_COUNT = Statement(select(func.count()).select_from(_T).where(_T.c.state == "open"))
_OPEN_OF = Statement(select(func.count()).select_from(_T).where(_T.c.bill_id == bindparam("in_bill"), _IS_OPEN))


class Discrepancies:
    """See `ports.store.Discrepancies`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, recorded: RecordedDiscrepancy) -> int:
        """The same money is one discrepancy, however often and by whichever door it is told."""
        if _INSERT.all(self._link, _row(recorded, seen_ms=None)):
            return recorded.id
        return int(_KNOWN.value(self._link, _named(recorded)))

    def put(self, recorded: RecordedDiscrepancy, *, seen_ms: int) -> int | None:
        """The same finding is one discrepancy, however many looks find it."""
        new = _PUT.all(self._link, _row(recorded, seen_ms=seen_ms))
        if new:
            return int(new[0].id)
        in_bill = {"seen": seen_ms, "in_bill": recorded.bill_id, "on_day": recorded.day}
        _SEEN.run(self._link, _named(recorded) | in_bill)
        return None

    def find(self, discrepancy_id: int) -> KeptDiscrepancy | None:
        """Read one."""
        row = _FIND.first(self._link, {"of_discrepancy": discrepancy_id})
        return None if row is None else _kept_from(row)

    def close(self, discrepancy_id: int, *, state: DiscrepancyState, note: str | None, now_ms: int) -> bool:
        """Only an open one; but money that went back is told as such, also after a person spoke."""
        told = {"of_discrepancy": discrepancy_id, "new_state": state.value, "new_note": note, "now": now_ms}
        if _CLOSE.all(self._link, told):
            return True
        if state is DiscrepancyState.REFUNDED:
            _GIVEN_BACK.run(self._link, {"of_discrepancy": discrepancy_id})
        return False

    def unseen(self, bill_id: int, *, since_ms: int, after_id: int, limit: int) -> Sequence[int]:
        """By the index of open ones."""
        told = {"in_bill": bill_id, "since": since_ms, "after": after_id, "at_most": limit}
        return [row.id for row in _UNSEEN.all(self._link, told)]

    def of_day(self, account: str, *, livemode: bool, day: str, after_id: int, limit: int) -> Sequence[KeptDiscrepancy]:
        """In the order in which they were found."""
        query = (
            select(_T)
            .where(_T.c.account == account, _T.c.livemode == livemode, _T.c.day == day, _T.c.id > after_id)
            .order_by(_T.c.id)
            .limit(limit)
        )
        return [_kept_from(row) for row in self._link.core.execute(query)]

    def open_of(self, bill_id: int) -> int:
        """How many."""
        return int(_OPEN_OF.value(self._link, {"in_bill": bill_id}))

    def page(
        self,
        account: str,
        *,
        livemode: bool,
        page: Page,
        is_open: bool | None = None,
        kind: str | None = None,
        day: str | None = None,
        intent_id: int | None = None,
    ) -> Sequence[KeptDiscrepancy]:
        """Newest first, one more than asked."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        if is_open is not None:
            query = query.where(_T.c.state == _OPEN if is_open else _T.c.state != _OPEN)
        for column, wanted in ((_T.c.kind, kind), (_T.c.day, day), (_T.c.intent_id, intent_id)):
            if wanted is not None:
                query = query.where(column == wanted)
        return [_kept_from(row) for row in paged(self._link.core, query, _T, page)]

    def count_open(self) -> int:
        """How many wait for a person."""
        return int(_COUNT.value(self._link))


def _named(recorded: RecordedDiscrepancy) -> dict[str, Any]:
    found = recorded.found
    return {"of_account": recorded.account, "of_kind": found.kind.value, "of_transaction": found.transaction}


def _row(recorded: RecordedDiscrepancy, *, seen_ms: int | None) -> dict[str, Any]:
    found = recorded.found
    return {
        "id": recorded.id,
        "account": recorded.account,
        "livemode": recorded.livemode,
        "kind": found.kind.value,
        "state": _OPEN,
        "intent_id": recorded.intent_id,
        "attempt_id": recorded.attempt_id,
        "transaction_id": found.transaction,
        "amount": found.amount,
        "currency": found.currency,
        "expected": to_text(dict(found.expected)) or "{}",
        "observed": to_text(dict(found.observed)) or "{}",
        "created_ms": recorded.created_ms,
        "bill_id": recorded.bill_id,
        "day": recorded.day,
        "seen_ms": seen_ms,
    }


def _kept_from(row: Any) -> KeptDiscrepancy:
    found = Discrepancy(
        kind=DiscrepancyKind(row.kind),
        expected=from_text(row.expected) or {},
        observed=from_text(row.observed) or {},
        transaction=row.transaction_id,
        amount=row.amount,
        currency=row.currency,
    )
    return KeptDiscrepancy(
        id=row.id,
        account=row.account,
        livemode=bool(row.livemode),
        state=DiscrepancyState(row.state),
        created_ms=row.created_ms,
        found=found,
        intent_id=row.intent_id,
        attempt_id=row.attempt_id,
        bill_id=row.bill_id,
        day=row.day,
        resolved_ms=row.resolved_ms,
        note=row.note,
    )
