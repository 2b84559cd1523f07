"""Tells a database that is away from a defect of ours, in the domain's words: no caller knows a driver's errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import psycopg
from psycopg.errors import PipelineAborted
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from wxbackend.domain.errors import DatabaseAway
from wxbackend.ports import store as ports

T = TypeVar("T")
POSTGRESQL_AWAY: Final = ("08", "53", "57P")
"""How its codes begin: no connection; no room for one, or on the disk; it stops, starts or has crashed."""
SQLITE_AWAY: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)
PRIMARY_CODE: Final = 0xFF
"""SQLite's finer codes carry the plain one in their lowest byte."""


class ClosableStore(ports.Store, Protocol):
    """A store as it was opened."""

    def close(self) -> None:
        """Finish and close."""
        ...


class Reachable:
    """A store whose units raise `DatabaseAway` when the database does not answer."""

    def __init__(self, store: ClosableStore) -> None:
        self._store = store

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit that is durable when this returns."""
        with away_told_apart():
            return self._store.write(work)

    def read(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit that only reads."""
        with away_told_apart():
            return self._store.read(work)

    def look(self, work: Callable[[ports.Unit], T]) -> T:
        """Run one statement."""
        with away_told_apart():
            return self._store.look(work)

    def pending_revision(self) -> str | None:
        """What the schema lacks."""
        with away_told_apart():
            return self._store.pending_revision()

    def close(self) -> None:
        """Finish and close."""
        self._store.close()


@contextmanager
def away_told_apart() -> Iterator[None]:
    """Raise `DatabaseAway` for what says that the database is away, and everything else as it is."""
    try:
        yield
    except (DBAPIError, NoConnectionFree, psycopg.OperationalError) as error:
        if not _is_away(error):
            raise
        raise DatabaseAway(f"the database gave no answer ({_kind(error)})") from error


def _is_away(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _driver_says_away(error.orig)
    return isinstance(error, NoConnectionFree) or _driver_says_away(error)


def _driver_says_away(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        code: Any = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & PRIMARY_CODE in SQLITE_AWAY
    if isinstance(error, PipelineAborted):  # a statement before it failed, and the server told why
        return False
    if isinstance(error, psycopg.OperationalError):  # without a code: no connection, or it broke
        return error.sqlstate is None or error.sqlstate.startswith(POSTGRESQL_AWAY)
    return False


def _kind(error: Exception) -> str:
    orig = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return type(orig).__name__
