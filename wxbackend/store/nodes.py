"""Identifiers that are unique across processes and machines: the node part is leased from the database.

Process numbers collide across hosts and after a fork, so every process takes a node for an hour
and renews it while it is making identifiers. A node whose lease ran out is not used again before
the former holder has certainly stopped: a holder stops using it a minute before its lease ends.

A lease may have to be taken in the middle of a unit, by whoever needs an identifier first. On
SQLite that would wait for the very transaction that asks, so there the leases have a file of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Engine, bindparam, make_url, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.domain import ids
from wxbackend.domain.errors import WxbackendError
from wxbackend.store import tables
from wxbackend.store.engines import is_sqlite, reading_engine, sqlite_writing_engine
from wxbackend.store.reachable import away_told_apart

LEASE_MS: Final = 3_600_000
RENEW_BEFORE_MS: Final = 1_800_000
STOP_BEFORE_MS: Final = 60_000

_T = tables.id_nodes
_TAKEN = select(_T.c.node).where(_T.c.leased_until_ms >= bindparam("now"), _T.c.holder != bindparam("me"))
_FREE = or_(_T.c.leased_until_ms < bindparam("now"), _T.c.holder == bindparam("me"))
_LEASE: Final[dict[str, Any]] = {"holder": bindparam("me"), "leased_until_ms": bindparam("until")}
_INSERT = {"node": bindparam("number")} | _LEASE
_TAKE = {
    "sqlite": sqlite_insert(_T)
    .values(_INSERT)
    .on_conflict_do_update(index_elements=["node"], set_=_LEASE, where=_FREE)
    .returning(_T.c.node),
    "postgresql": postgresql_insert(_T)
    .values(_INSERT)
    .on_conflict_do_update(index_elements=["node"], set_=_LEASE, where=_FREE)
    .returning(_T.c.node),
}


def nodes_engine(database_url: str) -> Engine:
    """Where the leases of a database's processes are kept: `<file>.nodes` beside a SQLite file, else the database."""
    if not is_sqlite(database_url):
        return reading_engine(database_url)
    url = make_url(database_url)
    engine = sqlite_writing_engine(url.set(database=f"{url.database}.nodes").render_as_string(hide_password=False))
    with engine.begin() as connection:
        _T.create(connection, checkfirst=True)
    return engine


class NoNodeFree(WxbackendError):
    """All 1024 node numbers are leased: far too many processes share this database."""


class NodeLease:
    """A node number of this process."""

    def __init__(self, engine: Engine, holder: str) -> None:
        self._engine = engine
        self._holder = holder
        self._node: int | None = None
        self._until_ms = 0
        self._lock = threading.Lock()

    def node(self, now_ms: int) -> int:
        """The number, taken or renewed when it is time."""
        if self._node is not None and now_ms < self._until_ms - RENEW_BEFORE_MS:
            return self._node
        with self._lock:
            if self._node is None or now_ms >= self._until_ms - RENEW_BEFORE_MS:
                with away_told_apart():
                    self._take(now_ms)
            assert self._node is not None
            return self._node

    def _take(self, now_ms: int) -> None:
        until = now_ms + LEASE_MS
        with self._engine.begin() as connection:
            take = _TAKE[connection.dialect.name]
            told = {"me": self._holder, "now": now_ms, "until": until}
            taken = {row.node for row in connection.execute(_TAKEN, told)}
            preferred = [self._node] if self._node is not None and now_ms < self._until_ms - STOP_BEFORE_MS else []
            for number in [*preferred, *(n for n in range(ids.NODES_MAX) if n not in taken)]:
                if connection.execute(take, told | {"number": number}).all():
                    self._node, self._until_ms = number, until
                    return
        raise NoNodeFree("all node numbers for identifiers are leased; is a process restarting in a loop?")


class Identifiers:
    """Makes identifiers; the same process never makes one twice, even when its clock steps back."""

    def __init__(self, lease: NodeLease, clock_ms: Callable[[], int]) -> None:
        self._lease = lease
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._last_ms = 0
        self._sequence = 0

    def new(self) -> int:
        """The next identifier."""
        with self._lock:
            now = max(self._clock_ms(), self._last_ms)
            if now == self._last_ms:
                self._sequence += 1
                if self._sequence == ids.SEQUENCE_MAX:
                    now, self._sequence = now + 1, 0
            else:
                self._sequence = 0
            self._last_ms = now
            return ids.compose(now, self._lease.node(now), self._sequence)
