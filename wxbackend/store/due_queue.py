"""A queue of things that are due, in a table of their own, so that the big tables stay untouched by polling.

A claim moves the due time to the end of the lease: a worker that dies gives its work back by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import Poll


class DueQueue:
    """The statements for one table `(<key>, due_ms, tries)`, built once."""

    def __init__(self, table: Table) -> None:
        key = next(iter(table.primary_key))
        plan: dict[str, Any] = {
            key.name: bindparam("of_item"),
            "due_ms": bindparam("due"),
            "tries": bindparam("tried"),
        }
        again: dict[str, Any] = {"due_ms": bindparam("due"), "tries": bindparam("tried")}
        self._schedule = {
            "sqlite": sqlite_insert(table).values(plan).on_conflict_do_update(index_elements=[key.name], set_=again),
            "postgresql": postgresql_insert(table)
            .values(plan)
            .on_conflict_do_update(index_elements=[key.name], set_=again),
        }
        self._unschedule = delete(table).where(key == bindparam("of_item"))
        self._hurry = update(table).where(table.c.due_ms > bindparam("due")).values(due_ms=bindparam("due"))
        due = (
            select(key)
            .where(table.c.due_ms <= bindparam("now"))
            .order_by(table.c.due_ms)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
        )
        self._claim = (
            update(table)
            .where(key.in_(due.scalar_subquery()))
            .values(due_ms=bindparam("leased_until"))
            .returning(key.label("item"), table.c.tries)
        )
        self._take = (
            update(table)
            .where(key == bindparam("of_item"), table.c.due_ms <= bindparam("now"))
            .values(due_ms=bindparam("leased_until"))
            .returning(key.label("item"), table.c.tries)
        )

    def schedule(self, connection: Connection, item: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look; gives a lease back."""
        told = {"of_item": item, "due": due_ms, "tried": tries}
        connection.execute(self._schedule[connection.dialect.name], told)

    def unschedule(self, connection: Connection, item: int) -> None:
        """Plan none."""
        connection.execute(self._unschedule, {"of_item": item})

    def hurry(self, connection: Connection, *, due_ms: int) -> int:
        """Let everything that is planned later be due then; how many that are."""
        return connection.execute(self._hurry, {"due": due_ms}).rowcount

    def claim(self, connection: Connection, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        told = {"now": now_ms, "at_most": limit, "leased_until": now_ms + lease_ms}
        return [Poll(row.item, row.tries) for row in connection.execute(self._claim, told).all()]

    def take(self, connection: Connection, item: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one if it is due. Of two at a time the second waits for the first and finds it leased."""
        told = {"of_item": item, "now": now_ms, "leased_until": now_ms + lease_ms}
        row = connection.execute(self._take, told).first()
        return None if row is None else Poll(row.item, row.tries)
