"""Opens and closes transactions. On SQLite one thread of the process writes, many units to a COMMIT.

Callers of `write` wait until the COMMIT that carries their unit has returned, so an answer given
after it is durable. A unit that raises is undone alone, by its savepoint.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from wxbackend.ports import store as ports
from wxbackend.store.api_keys import ApiKeys
from wxbackend.store.attempts import Attempts
from wxbackend.store.certificates import Certificates
from wxbackend.store.deliveries import Deliveries
from wxbackend.store.discrepancies import Discrepancies
from wxbackend.store.endpoints import Endpoints
from wxbackend.store.engines import is_sqlite
from wxbackend.store.events import Events
from wxbackend.store.failures import Failures
from wxbackend.store.gauges import Gauges
from wxbackend.store.handover import Handover
from wxbackend.store.idempotency import Idempotency
from wxbackend.store.intents import Intents
from wxbackend.store.ledger import Ledger
from wxbackend.store.links import (
    CommitUnknown,
    Link,
    Links,
    asks_for_another_try,
    postgresql_links,
    sqlite_links,
    transaction,
)
from wxbackend.store.logins import Logins
from wxbackend.store.notices import Notices
from wxbackend.store.refunds import Refunds
from wxbackend.store.schema import missing_revision

T = TypeVar("T")
GROUP_UNITS_MAX: Final = 64
TRIES_MAX: Final = 5


class Unit:
    """One transaction on one connection."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def intents(self) -> Intents:
        """PaymentIntents."""
        return Intents(self._link)

    @property
    def attempts(self) -> Attempts:
        """Attempts and when to look at them."""
        return Attempts(self._link)

    @property
    def events(self) -> Events:
        """Events and the outbox."""
        return Events(self._link)

    @property
    def deliveries(self) -> Deliveries:
        """What became of deliveries."""
        return Deliveries(self._link)

    @property
    def endpoints(self) -> Endpoints:
        """Webhook endpoints."""
        return Endpoints(self._link)

    @property
    def notices(self) -> Notices:
        """The inbox."""
        return Notices(self._link)

    @property
    def discrepancies(self) -> Discrepancies:
        """Money that does not fit."""
        return Discrepancies(self._link)

    @property
    def refunds(self) -> Refunds:
        """Refunds and when to look at them."""
        return Refunds(self._link)

    @property
    def ledger(self) -> Ledger:
        """The journal."""
        return Ledger(self._link)

    @property
    def logins(self) -> Logins:
        """Login sessions."""
        return Logins(self._link)

    @property
    def idempotency(self) -> Idempotency:
        """Kept replies."""
        return Idempotency(self._link)

    @property
    def certificates(self) -> Certificates:
        """Providers' certificates."""
        return Certificates(self._link)

    @property
    def api_keys(self) -> ApiKeys:
        """API keys that are kept in the database."""
        return ApiKeys(self._link)

    @property
    def failures(self) -> Failures:
        """Work that failed here."""
        return Failures(self._link)

    @property
    def gauges(self) -> Gauges:
        """Unfinished things."""
        return Gauges(self._link)

    @property
    def handover(self) -> Handover:
        """The queues, to look at."""
        return Handover(self._link)


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[ports.Unit], Any]
    done: Future[Any]


class GroupWriter:
    """The writing thread of one process for one SQLite file."""

    def __init__(self, engine: Engine) -> None:
        self._link = Link(engine)
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
        self._link.close()

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
            with transaction(self._link, "BEGIN IMMEDIATE"):
                outcomes.extend(self._run_one(job) for job in group)
        except BaseException as error:  # noqa: BLE001 - the COMMIT failed: nothing in the group happened
            failed = error.error if isinstance(error, CommitUnknown) else error
            for job in group:
                job.done.set_exception(failed)
            return
        for job, result, failure in outcomes:
            if failure is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(failure)

    def _run_one(self, job: _Job) -> tuple[_Job, Any, BaseException | None]:
        self._link.execute("SAVEPOINT unit")
        try:
            result = job.work(Unit(self._link))
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller that waits
            self._link.execute("ROLLBACK TO unit")
            return job, None, error
        finally:
            self._link.execute("RELEASE unit")
        return job, result, None


class SqliteStore:
    """The embedded default."""

    def __init__(self, url: str) -> None:
        self._engine = sqlite_links(url)
        self._readers = Links(self._engine)
        self._writer = GroupWriter(self._engine)

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit on the writing thread."""
        return self._writer.write(work)

    def read(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit on a reading connection of this thread."""
        link = self._readers.take()
        try:
            with transaction(link, "BEGIN"):
                return work(Unit(link))
        finally:
            self._readers.give_back(link)

    def look(self, work: Callable[[ports.Unit], T]) -> T:
        """Run one statement."""
        link = self._readers.take()
        try:
            return work(Unit(link))
        finally:
            self._readers.give_back(link)

    def pending_revision(self) -> str | None:
        """What the schema lacks."""
        return _pending_revision(self._engine)

    def close(self) -> None:
        """Finish and close."""
        self._writer.close()
        self._readers.close()


class PostgresqlStore:
    """Production: every thread has its own transaction, repeated when the database asks for it."""

    def __init__(self, url: str) -> None:
        self._engine = postgresql_links(url)
        self._links = Links(self._engine)

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit in a transaction of its own."""
        return self._until_undisturbed("BEGIN", work)

    def read(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit that only reads. It has one view: by default each statement would have a new one."""
        return self._until_undisturbed("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work)

    def look(self, work: Callable[[ports.Unit], T]) -> T:
        """Run one statement."""
        return self._until_undisturbed(None, work)

    def _until_undisturbed(self, begin: str | None, work: Callable[[ports.Unit], T]) -> T:
        """Run it; once more when the database asks for that, or when the connection turns out to be gone.

        A connection may have died in the pool since it was used last. Before the COMMIT is sent nothing can have
        happened, so the unit may be run anew; when the COMMIT itself gets no answer, that is the caller's to resolve.
        """
        for left in reversed(range(TRIES_MAX)):
            try:
                return self._run(begin, work)
            except CommitUnknown as unknown:
                raise unknown.error from None
            except DBAPIError as error:
                if not left or not (error.connection_invalidated or asks_for_another_try(error)):
                    raise
                if error.connection_invalidated:
                    self._links.doubt()
        raise AssertionError("the last try returns or raises")

    def _run(self, begin: str | None, work: Callable[[ports.Unit], T]) -> T:
        link = self._links.take()
        try:
            with transaction(link, begin) if begin else nullcontext():
                return work(Unit(link))
        finally:
            self._links.give_back(link)

    def pending_revision(self) -> str | None:
        """What the schema lacks."""
        return _pending_revision(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._links.close()


def _pending_revision(engine: Engine) -> str | None:
    with closing(Link(engine)) as link:
        return missing_revision(link.core)


def open_store(url: str) -> SqliteStore | PostgresqlStore:
    """The store that the URL names."""
    return SqliteStore(url) if is_sqlite(url) else PostgresqlStore(url)
