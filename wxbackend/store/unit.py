"""Opens and closes transactions. On SQLite one thread of the process writes, many units to a COMMIT.

Callers of `write` wait until the COMMIT that carries their unit has returned, so an answer given
after it is durable. A unit that raises is undone alone, by its savepoint.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from wxbackend.ports import store as ports
from wxbackend.store.api_keys import ApiKeys
from wxbackend.store.attempts import Attempts
from wxbackend.store.certificates import Certificates
from wxbackend.store.deliveries import Deliveries
from wxbackend.store.discrepancies import Discrepancies
from wxbackend.store.endpoints import Endpoints
from wxbackend.store.engines import is_sqlite, reading_engine, sqlite_writing_engine
from wxbackend.store.events import Events
from wxbackend.store.gauges import Gauges
from wxbackend.store.handover import Handover
from wxbackend.store.idempotency import Idempotency
from wxbackend.store.intents import Intents
from wxbackend.store.ledger import Ledger
from wxbackend.store.logins import Logins
from wxbackend.store.notices import Notices
from wxbackend.store.refunds import Refunds
from wxbackend.store.schema import missing_revision

T = TypeVar("T")
GROUP_UNITS_MAX: Final = 64
CONFLICT_TRIES_MAX: Final = 5
SERIALIZATION_FAILURES: Final = frozenset({"40001", "40P01"})


class Unit:
    """One transaction on one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def intents(self) -> Intents:
        """PaymentIntents."""
        return Intents(self._connection)

    @property
    def attempts(self) -> Attempts:
        """Attempts and when to look at them."""
        return Attempts(self._connection)

    @property
    def events(self) -> Events:
        """Events and the outbox."""
        return Events(self._connection)

    @property
    def deliveries(self) -> Deliveries:
        """What became of deliveries."""
        return Deliveries(self._connection)

    @property
    def endpoints(self) -> Endpoints:
        """Webhook endpoints."""
        return Endpoints(self._connection)

    @property
    def notices(self) -> Notices:
        """The inbox."""
        return Notices(self._connection)

    @property
    def discrepancies(self) -> Discrepancies:
        """Money that does not fit."""
        return Discrepancies(self._connection)

    @property
    def refunds(self) -> Refunds:
        """Refunds and when to look at them."""
        return Refunds(self._connection)

    @property
    def ledger(self) -> Ledger:
        """The journal."""
        return Ledger(self._connection)

    @property
    def logins(self) -> Logins:
        """Login sessions."""
        return Logins(self._connection)

    @property
    def idempotency(self) -> Idempotency:
        """Kept replies."""
        return Idempotency(self._connection)

    @property
    def certificates(self) -> Certificates:
        """Providers' certificates."""
        return Certificates(self._connection)

    @property
    def api_keys(self) -> ApiKeys:
        """API keys that are kept in the database."""
        return ApiKeys(self._connection)

    @property
    def gauges(self) -> Gauges:
        """Unfinished things."""
        return Gauges(self._connection)

    @property
    def handover(self) -> Handover:
        """The queues, to look at."""
        return Handover(self._connection)


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[ports.Unit], Any]
    done: Future[Any]


class GroupWriter:
    """The writing thread of one process for one SQLite file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Hand the unit to the writing thread and wait for its COMMIT."""
        assert threading.current_thread() is not self._thread, "a unit must not open another unit"
        job = _Job(work, Future())
        self._jobs.put(job)
        result: T = job.done.result()
        return result

    def close(self) -> None:
        """Finish what was handed over, then stop."""
        self._jobs.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        going = True
        while going:
            group: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                group.append(job)
                if len(group) == GROUP_UNITS_MAX or self._jobs.empty():
                    break
                job = self._jobs.get()
            going = job is not None
            if group:
                self._commit(group)

    def _commit(self, group: list[_Job]) -> None:
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            with self._engine.begin() as connection:
                outcomes.extend(self._run_one(connection, job) for job in group)
        except BaseException as error:  # noqa: BLE001 - the COMMIT failed: nothing in the group happened
            for job in group:
                job.done.set_exception(error)
            return
        for job, result, failure in outcomes:
            if failure is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(failure)

    @staticmethod
    def _run_one(connection: Connection, job: _Job) -> tuple[_Job, Any, BaseException | None]:
        savepoint = connection.begin_nested()
        try:
            result = job.work(Unit(connection))
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller that waits
            savepoint.rollback()
            return job, None, error
        savepoint.commit()
        return job, result, None


class SqliteStore:
    """The embedded default."""

    def __init__(self, url: str) -> None:
        self._readers = reading_engine(url)
        self._writer = GroupWriter(sqlite_writing_engine(url))

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit on the writing thread."""
        return self._writer.write(work)

    def read(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit on a reading connection of this thread."""
        with self._readers.begin() as connection:
            return work(Unit(connection))

    def pending_revision(self) -> str | None:
        """What the schema lacks."""
        with self._readers.begin() as connection:
            return missing_revision(connection)

    def close(self) -> None:
        """Finish and close."""
        self._writer.close()
        self._readers.dispose()


class PostgresqlStore:
    """Production: every thread has its own transaction, repeated when the database asks for it."""

    def __init__(self, url: str) -> None:
        self._engine = reading_engine(url)
        # One view for the whole unit: the default isolation takes a new one for each statement.
        self._readers = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit in a transaction of its own."""
        tries = 0
        while True:
            tries += 1
            try:
                with self._engine.begin() as connection:
                    return work(Unit(connection))
            except OperationalError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state not in SERIALIZATION_FAILURES or tries == CONFLICT_TRIES_MAX:
                    raise

    def read(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit that only reads."""
        with self._readers.begin() as connection:
            return work(Unit(connection))

    def pending_revision(self) -> str | None:
        """What the schema lacks."""
        with self._readers.begin() as connection:
            return missing_revision(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def open_store(url: str) -> SqliteStore | PostgresqlStore:
    """The store that the URL names."""
    return SqliteStore(url) if is_sqlite(url) else PostgresqlStore(url)
