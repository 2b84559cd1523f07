"""Connections as a unit uses them: the driver's own, kept open, in a transaction that we begin and end.

Nothing of SQLAlchemy runs between a unit and its driver but what a query built on the spot needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import Connection, Engine, PoolProxiedConnection, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from wxbackend.store import engines
from wxbackend.store.batch import Batch, Write
from wxbackend.store.postgresql_cursor import PostgresqlCursor

CURSOR: Final = "wxbackend_cursor"
"""Under this name the pool's record of a connection keeps the cursor that all its links use."""
SERIALIZATION_FAILURES: Final = frozenset({"40001", "40P01"})


class CommitUnknown(Exception):
    """The COMMIT got no answer, so nobody knows what it did. `error` is what came instead."""

    def __init__(self, error: DBAPIError) -> None:
        super().__init__(str(error))
        self.error = error


class Link:
    """One connection, which one unit at a time uses."""

    __slots__ = (
        "_ahead",
        "_batch",
        "_core",
        "_engine",
        "_proxied",
        "_reasons",
        "_spoilt",
        "cursor",
        "dialect",
        "in_transaction",
    )

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._proxied: PoolProxiedConnection = _connect(engine)
        self._batch = Batch()
        self._ahead: dict[tuple[Any, ...], tuple[int, frozenset[str]]] = {}
        self._reasons: list[str] = []
        self._core: Connection | None = None
        self._spoilt = False
        self.in_transaction = False
        self.dialect: Dialect = engine.dialect
        cursor = self._proxied.info.get(CURSOR)
        if cursor is None:
            driver: Any = self._proxied.dbapi_connection
            cursor = PostgresqlCursor(driver) if self.dialect.name == "postgresql" else driver.cursor()
            self._proxied.info[CURSOR] = cursor
        self.cursor: Any = cursor

    @property
    def core(self) -> Connection:
        """The same connection for a query that is built on the spot; the transaction stays ours."""
        self.flush()
        self._ahead.clear()
        self.end_pipeline()  # Core looks at each answer at once
        if self._core is None:
            self._core = Connection(self._engine, self._proxied)
        return self._core

    def execute(self, text: str, values: Any = ()) -> Any:
        """Run it; the driver's cursor. Raises SQLAlchemy's `DBAPIError`, as everything here."""
        try:
            return self.cursor.execute(text, values)
        except self.dialect.loaded_dbapi.Error as error:
            raise self._as_core_says_it(text, error) from error

    def write(self, write: Write, values: Sequence[Any]) -> None:
        """Write. On PostgreSQL it waits for others, to be sent together with them."""
        assert self.in_transaction, "what looks without a transaction must not write"
        if self.dialect.name == "postgresql":
            if not self._batch.takes(write):
                self.flush()
            self._batch.add(write, values)
            if self._ahead:
                self._ahead = {key: told for key, told in self._ahead.items() if told[1].isdisjoint(write.tables)}
            return
        written = self.execute(write.text, values)
        if write.once is not None and written.rowcount == 0:
            raise AssertionError(write.once)

    def flush(self) -> None:
        """Send the writes that wait."""
        if not self._batch:
            return
        text, values, reasons = self._batch.statement()
        self._batch.clear()
        self._reasons += reasons
        self.execute(text, values)

    def ahead(self, asked: Write, values: Sequence[Any]) -> None:
        """Ask already for what is read later in this unit, so that several answers are waited for at once."""
        if self.dialect.name != "postgresql" or not self.in_transaction:
            return
        self._flush_for(asked)
        self._ahead[(asked.text, *values)] = self.cursor.ask(asked.text, values), asked.tables

    def row(self, asked: Write, values: Sequence[Any] = ()) -> Sequence[Any] | None:
        """The first row of an answer, after the writes that it could tell of."""
        found: Sequence[Any] | None = self._answer(asked, values, many=False)
        return found

    def rows(self, asked: Write, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """All rows of an answer, after the writes that it could tell of."""
        found: list[Sequence[Any]] = self._answer(asked, values, many=True)
        return found

    def _answer(self, asked: Write, values: Sequence[Any], *, many: bool) -> Any:
        known = self._ahead.pop((asked.text, *values), None) if self._ahead else None
        try:
            if known is None:
                self._flush_for(asked)
                answered = self.cursor.execute(asked.text, values)
            else:
                answered = self.cursor.recall(known[0])
            return answered.fetchall() if many else answered.fetchone()
        except self.dialect.loaded_dbapi.Error as error:
            raise self._as_core_says_it(asked.text, error) from error

    def _flush_for(self, asked: Write) -> None:
        if self._batch and self._batch.touches(asked.tables):
            self.flush()

    def begin_pipeline(self) -> None:
        """Send statements without waiting for their answers until one is read; PostgreSQL only."""
        if self.dialect.name == "postgresql":
            self.cursor.begin_pipeline()

    def end_pipeline(self) -> None:
        """Wait for all answers. Raises the first error among them."""
        if self.dialect.name != "postgresql":
            return
        try:
            self.cursor.end_pipeline()
        except psycopg.Error as error:
            raise self._as_core_says_it("", error) from error

    def renew(self) -> bool:
        """Whether it is as good as new for another unit.

        With a transaction still open it is not, and neither after an error on PostgreSQL: statements that were
        skipped then are not prepared.
        """
        self._core = None
        self._batch.clear()
        self._ahead.clear()
        self._reasons.clear()
        self.in_transaction = False
        return bool(self._proxied.is_valid and not self._spoilt and not self._is_busy())

    def close(self) -> None:
        """Close the connection, which undoes what is open."""
        self._proxied.close()

    def _is_busy(self) -> bool:
        driver: Any = self._proxied.dbapi_connection
        if self.dialect.name == "postgresql":
            return bool(driver.pgconn.transaction_status != TransactionStatus.IDLE)
        return bool(driver.in_transaction)

    def _as_core_says_it(self, text: str, error: Exception) -> DBAPIError:
        """A connection that is gone is given up, as Core does it.

        Raises AssertionError for a write that had to touch a row and did not.
        """
        driver: Any = self._proxied.driver_connection
        self._spoilt = self.dialect.name == "postgresql"
        if self._reasons and isinstance(error, psycopg.errors.DivisionByZero):
            raise AssertionError("; or ".join(self._reasons)) from error
        gone = self.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
        if gone:
            self._proxied.invalidate(error)
        return _as_core_says_it(self.dialect, text, error, gone=gone)


def _connect(engine: Engine) -> PoolProxiedConnection:
    try:
        return engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:
        raise _as_core_says_it(engine.dialect, "", error, gone=False) from error


def _as_core_says_it(dialect: Dialect, text: str, error: Exception, *, gone: bool) -> DBAPIError:
    """The error that Core would raise."""
    told = DBAPIError.instance(
        text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=gone,
        dialect=dialect,
    )
    assert isinstance(told, DBAPIError)
    return told


class Links:
    """Up to so many links, each used by one unit after the other; who finds none free waits a while.

    The one used last is used next: what it knows of the database is still at hand.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places: SimpleQueue[None] = SimpleQueue()
        self._free: list[Link] = []
        self._good: set[Link] = set()
        for _ in range(engines.POOL_CONNECTIONS_MAX):
            self._places.put(None)

    def take(self) -> Link:
        """A link for one unit. Raises SQLAlchemy's `TimeoutError` when none gets free, `DBAPIError` when none opens."""
        try:
            self._places.get(timeout=engines.POOL_WAIT_S)
        except Empty:
            raise NoConnectionFree(f"no connection got free within {engines.POOL_WAIT_S} s") from None
        try:
            link = self._freed()
            if link is not None and link in self._good:
                return link
            if link is not None:
                link.close()
            link = Link(self._engine)
        except BaseException:
            self._places.put(None)
            raise
        self._good.add(link)
        return link

    def give_back(self, link: Link) -> None:
        """The unit is done with it."""
        if link.renew() and link in self._good:
            self._free.append(link)
        else:
            self._good.discard(link)
            link.close()
        self._places.put(None)

    def doubt(self) -> None:
        """One connection turned out to be gone, so all others are opened anew before they are used again."""
        self._good.clear()

    def close(self) -> None:
        """Close those that nobody uses; the others are closed when they are given back."""
        self._good.clear()
        while (link := self._freed()) is not None:
            link.close()

    def _freed(self) -> Link | None:
        try:
            return self._free.pop()
        except IndexError:
            return None


@contextmanager
def transaction(link: Link, begin: str) -> Iterator[None]:
    """A transaction that is committed at the end, or undone when something is raised.

    Raises `CommitUnknown` when it is the COMMIT that failed.
    """
    link.begin_pipeline()
    try:
        link.execute(begin)
        link.in_transaction = True
        yield
        commit(link)
    except BaseException:
        with suppress(DBAPIError):
            link.end_pipeline()
        with suppress(DBAPIError):
            link.execute("ROLLBACK")
        raise


def commit(link: Link) -> None:
    """Make it durable. Every transaction of a unit ends here."""
    link.flush()
    try:
        committed = link.execute("COMMIT")
        link.end_pipeline()
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error) and not error.connection_invalidated:
            raise  # PostgreSQL told why it refused, or that a statement sent before had failed
        raise CommitUnknown(error) from error
    # PostgreSQL answers COMMIT with ROLLBACK, and no error, when a statement before it had failed.
    assert getattr(committed, "statusmessage", "COMMIT") == "COMMIT", "a unit went on after a statement had failed"


def asks_for_another_try(error: DBAPIError) -> bool:
    """Whether the database undid the transaction because another one was in its way."""
    return getattr(error.orig, "sqlstate", None) in SERIALIZATION_FAILURES


def postgresql_links(url: str) -> Engine:
    """Opens connections that leave transactions to us."""
    engine = engines.postgresql_engine(url, managed=False)

    @event.listens_for(engine, "connect")
    def prepare(driver: psycopg.Connection[Any], _record: Any) -> None:
        driver.autocommit = True  # no BEGIN but ours
        # One width for all numbers, else every mixture of small and large ones is a statement of its own.
        driver.adapters.register_dumper(int, Int8Dumper)

    return engine


def sqlite_links(url: str) -> Engine:
    """Opens connections that leave transactions to us."""
    return engines.sqlite_engine(url, connections=1, begin=None, synchronous="FULL")
