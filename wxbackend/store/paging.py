"""One page of a table by identifier: newest first, whichever direction the cursor points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Table

from wxbackend.ports.store import Page


def paged(connection: Connection, query: Select[Any], table: Table, page: Page) -> Sequence[Row[Any]]:
    """Up to `limit` + 1 rows, newest first; the one too many tells the caller that there are more."""
    number, created = table.c.id, table.c.created_ms
    if page.created_from_ms is not None:
        query = query.where(created >= page.created_from_ms)
    if page.created_until_ms is not None:
        query = query.where(created <= page.created_until_ms)
    if page.after is not None:
        query = query.where(number < page.after)
    if page.before is not None:
        query = query.where(number > page.before).order_by(number.asc()).limit(page.limit + 1)
        return list(reversed(connection.execute(query).all()))
    return connection.execute(query.order_by(number.desc()).limit(page.limit + 1)).all()
