"""Statements that are compiled once for each database and then run by the driver itself.

SQLAlchemy's Core writes the SQL; running it through Core as well costs more than most of these
statements do. Values are text, whole numbers, truth, bytes and None, which both drivers take as they are.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Boolean, Executable, Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.visitors import iterate

from wxbackend.store.batch import Write
from wxbackend.store.links import Link

NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The statement as one database wants it."""

    order: tuple[str, ...] | None
    """Names of the values where they go by place, else None."""
    fixed: Mapping[str, Any]
    asked: int
    row: Callable[[Sequence[Any]], Any] | None
    write: Write

    def values(self, told: Mapping[str, Any]) -> Any:
        if len(told) != self.asked:
            raise TypeError(f"{self.asked} values are wanted, {len(told)} were given: {self.write.text}")
        named = {**self.fixed, **told} if self.fixed else told
        return named if self.order is None else [named[name] for name in self.order]


class Statement:
    """One statement, or the same one as each database spells it. `told` names all its values, every time.

    `once` is for a write that must touch a row, and says what is wrong when it touches none.
    """

    __slots__ = ("_clauses", "_once", "_prepared")

    def __init__(self, clause: Executable | Mapping[str, Executable], *, once: str | None = None) -> None:
        self._clauses = clause
        self._once = once
        self._prepared: dict[str, _Prepared] = {}

    def run(self, link: Link, told: Mapping[str, Any] = NOTHING) -> None:
        """Write; what is wrong with it may come out with a later statement, at the COMMIT at the latest."""
        prepared = self._for(link, told)
        link.write(prepared.write, prepared.values(told))

    def ahead(self, link: Link, told: Mapping[str, Any] = NOTHING) -> None:
        """Ask for the rows that the same unit reads with the same values soon."""
        prepared = self._for(link, told)
        link.ahead(prepared.write, prepared.values(told))

    def value(self, link: Link, told: Mapping[str, Any] = NOTHING) -> Any:
        """Run it and read the only column of the only row."""
        prepared = self._for(link, told)
        found = link.row(prepared.write, prepared.values(told))
        assert found is not None
        return found[0]

    def first(self, link: Link, told: Mapping[str, Any] = NOTHING) -> Any | None:
        """Run it and read the first row, with its columns as attributes."""
        prepared = self._for(link, told)
        found = link.row(prepared.write, prepared.values(told))
        assert prepared.row is not None
        return None if found is None else prepared.row(found)

    def all(self, link: Link, told: Mapping[str, Any] = NOTHING) -> list[Any]:
        """Run it and read all rows, with their columns as attributes."""
        prepared = self._for(link, told)
        assert prepared.row is not None
        return [prepared.row(found) for found in link.rows(prepared.write, prepared.values(told))]

    def _for(self, link: Link, told: Mapping[str, Any]) -> _Prepared:
        prepared = self._prepared.get(link.dialect.name)
        if prepared is None:
            prepared = self._prepared[link.dialect.name] = _prepare(self._clauses, link.dialect, told, self._once)
        return prepared


def _prepare(
    clauses: Executable | Mapping[str, Executable], dialect: Dialect, told: Mapping[str, Any], once: str | None
) -> _Prepared:
    clause: Any = clauses[dialect.name] if isinstance(clauses, Mapping) else clauses
    columns_told = [name for name in told if name in clause.table.c] if clause.is_insert else None
    if dialect.name == "postgresql":
        dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    compiled = clause.compile(dialect=dialect, column_keys=columns_told or None)
    assert not compiled.post_compile_params, "a list of unknown length needs Core to run it"
    wanted = {name for bind, name in compiled.bind_names.items() if bind.required}
    columns = tuple(clause.exported_columns)
    text = str(compiled)
    named_tables = frozenset(part.name for part in (*iterate(clause), *_target(clause)) if isinstance(part, Table))
    return _Prepared(
        order=tuple(compiled.positiontup) if compiled.positional else None,
        fixed={name: value for name, value in compiled.params.items() if name not in wanted},
        asked=len(wanted),
        row=_row_reader(columns, dialect) if columns else None,
        write=Write(text, named_tables, inserts=clause.is_insert and " ON CONFLICT " not in text, once=once),
    )


def _target(clause: Any) -> tuple[Any, ...]:
    return (clause.table,) if clause.is_dml else ()


def _row_reader(columns: Sequence[Any], dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    row = namedtuple("Row", [str(column.name) for column in columns], rename=True)  # type: ignore[misc]  # noqa: PYI024
    truths = [place for place, column in enumerate(columns) if isinstance(column.type, Boolean)]
    if dialect.supports_native_boolean or not truths:
        return row._make

    def read(found: Sequence[Any]) -> Any:
        values = list(found)
        for place in truths:
            if values[place] is not None:
                values[place] = bool(values[place])
        return row._make(values)

    return read
