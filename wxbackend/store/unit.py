"""Opens and closes transactions. On SQLite one thread at a time writes, many units to a COMMIT.

Callers of `write` wait until the COMMIT that carries their unit has returned, so an answer given
after it is durable. A unit that raises is undone alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing, nullcontext
from typing import Any, Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from wxbackend.ports import store as ports
from wxbackend.store.api_keys import ApiKeys
from wxbackend.store.attempts import Attempts
from wxbackend.store.bills import Bills
from wxbackend.store.certificates import Certificates
from wxbackend.store.customers import Customers
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
from wxbackend.store.mandates import Mandates
from wxbackend.store.merchant_transfers import MerchantTransfers
from wxbackend.store.notices import Notices
from wxbackend.store.profit_sharings import ProfitSharings, SharingLooks
from wxbackend.store.pushes import Pushes
from wxbackend.store.refunds import Refunds
from wxbackend.store.schema import missing_revision
from wxbackend.store.setups import Setups
from wxbackend.store.sharing_returns import SharingReturns
from wxbackend.store.shippings import Shippings

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
    def bills(self) -> Bills:
        """Bills, and our side of them."""
        return Bills(self._link)

    @property
    def refunds(self) -> Refunds:
        """Refunds and when to look at them."""
        return Refunds(self._link)

    @property
    def customers(self) -> Customers:
        """Customers."""
        return Customers(self._link)

    @property
    def setups(self) -> Setups:
        """SetupIntents."""
        return Setups(self._link)

    @property
    def mandates(self) -> Mandates:
        """Mandates and when to look at them."""
        return Mandates(self._link)

    @property
    def merchant_transfers(self) -> MerchantTransfers:
        """Transfers to people and when to look at them."""
        return MerchantTransfers(self._link)

    @property
    def profit_sharings(self) -> ProfitSharings:
        """Sharings of paid orders."""
        return ProfitSharings(self._link)

    @property
    def sharing_returns(self) -> SharingReturns:
        """Returns of what was shared."""
        return SharingReturns(self._link)

    @property
    def sharing_looks(self) -> SharingLooks:
        """When to look at sharings and returns."""
        return SharingLooks(self._link)

    @property
    def shippings(self) -> Shippings:
        """What was shipped, and when to look at it."""
        return Shippings(self._link)

    @property
    def pushes(self) -> Pushes:
        """The inbox of pushes."""
        return Pushes(self._link)

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


class _Job:
    """A unit that a caller waits for, and what came of it."""

    __slots__ = ("ended", "failure", "result", "work")

    def __init__(self, work: Callable[[ports.Unit], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.failure: BaseException | None = None
        self.ended = False

    def end(self, result: Any, failure: BaseException | None) -> None:
        """Nothing more happens to it."""
        self.result, self.failure, self.ended = result, failure, True


class GroupWriter:
    """The one writing connection of a process to a SQLite file: one thread at a time uses it, for all that wait.

    Whoever's turn it is runs its own unit and those that others handed over meanwhile, in one transaction, and
    they find theirs ended when their turn comes. So nobody is woken for a unit that could be run at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._link = Link(engine)
        self._waiting: deque[_Job] = deque()
        self._turn = threading.Lock()
        self._runs: int | None = None

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Run the unit with others that wait; returns after the COMMIT that carries it."""
        assert self._runs != threading.get_ident(), "a unit must not open another unit"
        job = _Job(work)
        self._waiting.append(job)
        with self._turn:
            while not job.ended:
                self._run(self._group())
        if job.failure is not None:
            raise job.failure
        result: T = job.result
        return result

    def close(self) -> None:
        """Finish what was handed over, then stop."""
        with self._turn:
            while group := self._group():
                self._run(group)
            self._link.close()

    def _group(self) -> list[_Job]:
        """Those that wait, the longest first; more than one group holds have their turn next."""
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_UNITS_MAX))]

    def _run(self, group: list[_Job]) -> None:
        """All in one transaction; if one of them raises, each in its own, so that it is undone alone."""
        self._runs = threading.get_ident()
        try:
            if not self._commit(group):
                for job in group:
                    self._commit([job])
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits, this thread among them
            for job in group:
                if not job.ended:
                    job.end(None, error)
        finally:
            self._runs = None

    def _commit(self, group: list[_Job]) -> bool:
        """Whether what became of them is known; else one of several raised, and nothing has happened."""
        results: list[Any] = []
        try:
            with transaction(self._link, "BEGIN IMMEDIATE"):
                results.extend(job.work(Unit(self._link)) for job in group)
        except Exception as error:  # noqa: BLE001 - it belongs to the callers that wait
            if len(group) > 1 and len(results) < len(group):
                return False
            failed = error.error if isinstance(error, CommitUnknown) else error
            for job in group:
                job.end(None, failed)
            return True
        for job, result in zip(group, results, strict=True):
            job.end(result, None)
        return True


class SqliteStore:
    """The embedded default."""

    def __init__(self, url: str) -> None:
        self._engine = sqlite_links(url)
        self._readers = Links(self._engine)
        self._writer = GroupWriter(self._engine)

    def write(self, work: Callable[[ports.Unit], T]) -> T:
        """Run a unit, with others that wait, on the writing connection."""
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
