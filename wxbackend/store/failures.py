"""What failed here. The table holds nothing else, so it is empty in good times and read as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Integer, Table, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import Failure, Work
from wxbackend.store import tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

TABLE: Final = Table(
    "failures",
    tables.metadata,
    Column("kind", Text, primary_key=True),
    Column("item", tables.Number, primary_key=True, autoincrement=False),
    Column("failures", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_ms", tables.Number, nullable=False),
    Column("last_ms", tables.Number, nullable=False),
    Column("again_ms", tables.Number),
)
_T = TABLE
_VALUES: dict[str, Any] = {column.name: bindparam(f"new_{column.name}") for column in _T.c}
_KEYED: dict[str, Any] = {
    "index_elements": ["kind", "item"],
    "set_": {name: value for name, value in _VALUES.items() if name not in ("kind", "item")},
}
_PUT = Statement(
    {
        "sqlite": sqlite_insert(_T).values(_VALUES).on_conflict_do_update(**_KEYED),
        "postgresql": postgresql_insert(_T).values(_VALUES).on_conflict_do_update(**_KEYED),
    }
)
_NAMED = (_T.c.kind == bindparam("of_kind"), _T.c.item == bindparam("of_item"))
_FIND = Statement(select(_T).where(*_NAMED))
_REMOVE = Statement(delete(_T).where(*_NAMED))
_OFTEN = _T.c.failures >= bindparam("at_least")
_PARKED = Statement(select(_T).where(_OFTEN).order_by(_T.c.first_ms, _T.c.kind, _T.c.item))
_COUNT = Statement(select(_T.c.kind, func.count().label("found")).where(_OFTEN).group_by(_T.c.kind))
_FORGET = Statement(delete(_T).where(_T.c.last_ms < bindparam("before")))


class Failures:
    """See `ports.store.Failures`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def find(self, work: Work, item: int) -> Failure | None:
        """Read one."""
        row = _FIND.first(self._link, {"of_kind": work.value, "of_item": item})
        return None if row is None else _failure(row)

    def put(self, failure: Failure) -> None:
        """Keep one."""
        told = {
            "kind": failure.work.value,
            "item": failure.item,
            "failures": failure.failures,
            "reason": failure.reason,
            "first_ms": failure.first_ms,
            "last_ms": failure.last_ms,
            "again_ms": failure.again_ms,
        }
        _PUT.run(self._link, {f"new_{name}": value for name, value in told.items()})

    def remove(self, work: Work, item: int) -> None:
        """Drop one."""
        _REMOVE.run(self._link, {"of_kind": work.value, "of_item": item})

    def parked(self, *, failures: int) -> Sequence[Failure]:
        """Those that failed often."""
        return [_failure(row) for row in _PARKED.all(self._link, {"at_least": failures})]

    def count(self, *, failures: int) -> Mapping[str, int]:
        """How many of each kind."""
        return {row.kind: row.found for row in _COUNT.all(self._link, {"at_least": failures})}

    def forget(self, *, last_before_ms: int) -> None:
        """Drop old ones."""
        _FORGET.run(self._link, {"before": last_before_ms})


def _failure(row: Any) -> Failure:
    return Failure(Work(row.kind), row.item, row.failures, row.reason, row.first_ms, row.last_ms, row.again_ms)
