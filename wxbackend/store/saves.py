"""Writes a row that was read under its lock: only the columns that changed, and only over the version that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, update

from wxbackend.store.links import Link
from wxbackend.store.statement import Statement


class Saves:
    """The updates of one table, a statement for each set of columns that ever changed together."""

    def __init__(self, table: Table, changing: Sequence[str], *, unlocked: str) -> None:
        self._table = table
        self._changing = tuple(changing)
        self._unlocked = unlocked
        self._statements: dict[tuple[str, ...], Statement] = {}

    def run(self, link: Link, row: Mapping[str, Any], was: Mapping[str, Any] | None) -> None:
        """Write the row with its next version; without `was` all columns that can change."""
        names = self._changing
        if was is not None:
            names = tuple(name for name in names if row[name] != was[name])
        values = {f"new_{name}": row[name] for name in names}
        values |= {"row_id": row["id"], "was_version": row["version"], "new_version": row["version"] + 1}
        self._statement(names).run(link, values)

    def _statement(self, names: tuple[str, ...]) -> Statement:
        found = self._statements.get(names)
        if found is None:
            table = self._table
            changed: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*names, "version")}
            found = self._statements[names] = Statement(
                update(table)
                .where(table.c.id == bindparam("row_id"), table.c.version == bindparam("was_version"))
                .values(changed),
                once=self._unlocked,
            )
        return found
