"""The product's own seams, each crossing counted: at one of them the process dies, or a COMMIT goes wrong.

A crossing is a COMMIT of the store, an exchange with WeChat or a webhook. Commits are met at the
database's own door: before the COMMIT is sent, and after it is durable and before anybody hears of it.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, BinaryIO, Final, TypeVar

from sqlalchemy import Pool, event

from wxbackend.ports.bills import Download, FileTransport
from wxbackend.ports.delivery import Courier, Outcome, Parcel
from wxbackend.ports.provider import Exchange
from wxbackend.ports.store import Unit
from wxbackend.store.links import CURSOR
from wxbackend.store.postgresql_cursor import PostgresqlCursor
from wxbackend.store.unit import open_store

T = TypeVar("T")


class How(Enum):
    """What goes wrong at a crossing."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    REFUSED = "refused"
    """The database is gone before the COMMIT reached it: nothing happened, and the process hears an error."""
    UNHEARD = "unheard"
    """The COMMIT happened, and the process hears an error all the same."""


COMMIT: Final = "commit"
SOCKET: Final = "socket"
DEADLY: Final = (How.DIES_BEFORE, How.DIES_AFTER)
HOWS: Final = {COMMIT: tuple(How), SOCKET: DEADLY}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and at which crossing, counted from 1."""

    at: int
    how: How


def die() -> None:
    """kill -9, nothing is finished and nothing is told."""
    os.kill(os.getpid(), signal.SIGKILL)


class Seams:
    """Counts crossings once they are watched, and names the one at which something goes wrong."""

    def __init__(self, fault: Fault | None, tell: Callable[[str, str], None]) -> None:
        self._fault = fault
        self._tell = tell
        self._watched = False
        self._crossed = 0
        self._lock = threading.Lock()

    def watch(self) -> None:
        """What is crossed from now on counts."""
        self._watched = True

    def cross(self, kind: str, name: str) -> How | None:
        """Count one crossing; what goes wrong at it."""
        if not self._watched:
            return None
        with self._lock:
            self._crossed += 1
            self._tell(kind, name)
            fault = self._fault
            return fault.how if fault is not None and fault.at == self._crossed else None


class WatchedStore:
    """A store whose every COMMIT is a crossing."""

    def __init__(self, url: str, seams: Seams) -> None:
        self._seams = seams
        self._about_to_commit = threading.local()
        event.listen(Pool, "connect", self._watch)
        self._store = open_store(url)

    def write(self, work: Callable[[Unit], T]) -> T:
        """Run the unit; the crossing is counted when the COMMIT is all that is left to do."""
        met: list[How | None] = []
        name = _name_of(work)

        def counted(unit: Unit) -> T:
            result = work(unit)
            met.append(self._seams.cross(COMMIT, name))
            self._about_to_commit.how = met[-1]
            return result

        result = self._store.write(counted)
        if met[-1] is How.DIES_AFTER:
            die()
        return result

    def read(self, work: Callable[[Unit], T]) -> T:
        """Reading crosses nothing."""
        return self._store.read(work)

    def look(self, work: Callable[[Unit], T]) -> T:
        """Nor does looking."""
        return self._store.look(work)

    def pending_revision(self) -> str | None:
        """As the store says."""
        return self._store.pending_revision()

    def close(self) -> None:
        """Look no longer, and close the store."""
        self._store.close()
        event.remove(Pool, "connect", self._watch)

    def _watch(self, driver: Any, record: Any) -> None:
        """Every connection of the store is given a cursor that knows what a COMMIT shall meet."""
        real = driver.cursor() if isinstance(driver, sqlite3.Connection) else PostgresqlCursor(driver)
        record.info[CURSOR] = _WatchedCursor(real, driver, self._about_to_commit)


def _name_of(work: Callable[[Unit], T]) -> str:
    code = (work.func if isinstance(work, partial) else work).__code__
    return f"{code.co_qualname.partition('.')[0]}, line {code.co_firstlineno}"


class _WatchedCursor:
    """A driver's cursor on which a COMMIT may go wrong, on the thread that sends it."""

    def __init__(self, cursor: Any, driver: Any, about_to_commit: threading.local) -> None:
        self._cursor = cursor
        self._driver = driver
        self._about_to_commit = about_to_commit

    def execute(self, text: str, values: Any) -> Any:
        """As the driver does it, but for a COMMIT that shall go wrong."""
        if text == "COMMIT":
            how: How | None = getattr(self._about_to_commit, "how", None)
            self._about_to_commit.how = None
            if how is How.DIES_BEFORE:
                die()
            if how in (How.REFUSED, How.UNHEARD):
                self._break(committed=how is How.UNHEARD)
        return self._cursor.execute(text, values)

    def __getattr__(self, name: str) -> Any:
        """All else as the cursor does it."""
        return getattr(self._cursor, name)

    def _break(self, *, committed: bool) -> None:
        """Let the COMMIT fail as its own driver would let it fail, after it happened or before."""
        if isinstance(self._driver, sqlite3.Connection):
            self._cursor.execute("COMMIT" if committed else "ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        if committed:
            self._cursor.execute("COMMIT")
            self._cursor.end_pipeline()  # which waits until everything is answered
        self._driver.close()  # the COMMIT that is sent now finds the connection gone


class WatchedTransport:
    """A transport whose every exchange is a crossing."""

    def __init__(self, transport: FileTransport, seams: Seams) -> None:
        self._transport = transport
        self._seams = seams

    def send(self, exchange: Exchange[T]) -> T:
        """Send it, or die before, or after the other side did the work."""
        how = self._seams.cross(SOCKET, exchange.purpose)
        if how is How.DIES_BEFORE:
            die()
        try:
            return self._transport.send(exchange)
        finally:
            if how is How.DIES_AFTER:
                die()

    def fetch(self, download: Download) -> BinaryIO:
        """Fetch it, or die before, or after it is there."""
        how = self._seams.cross(SOCKET, download.purpose)
        if how is How.DIES_BEFORE:
            die()
        try:
            return self._transport.fetch(download)
        finally:
            if how is How.DIES_AFTER:
                die()


class WatchedCourier:
    """A courier whose every webhook is a crossing."""

    def __init__(self, courier: Courier, seams: Seams) -> None:
        self._courier = courier
        self._seams = seams

    def deliver(self, parcel: Parcel) -> Outcome:
        """Deliver it, or die before, or after the merchant has it."""
        how = self._seams.cross(SOCKET, "webhook")
        if how is How.DIES_BEFORE:
            die()
        outcome = self._courier.deliver(parcel)
        if how is How.DIES_AFTER:
            die()
        return outcome

    def next_delay_s(self, tries: int) -> float | None:
        """As the courier says."""
        return self._courier.next_delay_s(tries)
