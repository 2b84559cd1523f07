"""A queue of things that are due, in a table of their own, so that the big tables stay untouched by polling.

A claim moves the due time to the end of the lease: a worker that dies gives its work back by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import Poll
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement


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
        keyed: dict[str, Any] = {"index_elements": [key.name], "set_": again}
        self._schedule = Statement(
            {
                "sqlite": sqlite_insert(table).values(plan).on_conflict_do_update(**keyed),
                "postgresql": postgresql_insert(table).values(plan).on_conflict_do_update(**keyed),
            }
        )
        self._unschedule = Statement(delete(table).where(key == bindparam("of_item")))
        self._hurry = Statement(
            update(table)
            .where(table.c.due_ms > bindparam("due"))
            .values(due_ms=bindparam("due"))
            .returning(key.label("item"))
        )
        due = (
            select(key)
            .where(table.c.due_ms <= bindparam("now"))
            .order_by(table.c.due_ms)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
        )
        self._claim = Statement(
            update(table)
            .where(key.in_(due.scalar_subquery()))
            .values(due_ms=bindparam("leased_until"))
            .returning(key.label("item"), table.c.tries)
        )
        self._take = Statement(
            update(table)
            .where(key == bindparam("of_item"), table.c.due_ms <= bindparam("now"))
            .values(due_ms=bindparam("leased_until"))
            .returning(key.label("item"), table.c.tries)
        )

    def schedule(self, link: Link, item: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look; gives a lease back."""
        told = {"of_item": item, "due": due_ms, "tried": tries}
        self._schedule.run(link, told)

    def unschedule(self, link: Link, item: int) -> None:
        """Plan none."""
        self._unschedule.run(link, {"of_item": item})

    def hurry(self, link: Link, *, due_ms: int) -> int:
        """Let everything that is planned later be due then; how many that are."""
        return len(self._hurry.all(link, {"due": due_ms}))

    def claim(self, link: Link, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        told = {"now": now_ms, "at_most": limit, "leased_until": now_ms + lease_ms}
        return [Poll(row.item, row.tries) for row in self._claim.all(link, told)]

    def take(self, link: Link, item: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one if it is due. Of two at a time the second waits for the first and finds it leased."""
        row = self._take.first(link, {"of_item": item, "now": now_ms, "leased_until": now_ms + lease_ms})
        return None if row is None else Poll(row.item, row.tries)
