"""Short-lived shared values in a second SQLite file, so that they never queue behind money.

One connection for each process: a read takes microseconds, and nothing here is worth waiting for a
disk, so `synchronous` is NORMAL. Times end by the machine's clock, which all users of a file share.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wxbackend.domain.errors import CoordinationAway

BUSY_TIMEOUT_S: Final = 20
SWEEP_EVERY_WRITES: Final = 500
FILE_MODE: Final = 0o600
"""The file holds access tokens: nobody but the owner reads it."""

_PREPARE: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "CREATE TABLE IF NOT EXISTS coordination (key TEXT PRIMARY KEY, value TEXT NOT NULL, until_ms BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS ix_coordination_until_ms ON coordination (until_ms)",
)
_GET: Final = "SELECT value FROM coordination WHERE key = ? AND until_ms > ?"
_PUT: Final = (
    "INSERT INTO coordination (key, value, until_ms) VALUES (?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, until_ms = excluded.until_ms"
)
_ADD: Final = f"{_PUT} WHERE coordination.until_ms <= ? RETURNING key"
_REMOVE: Final = "DELETE FROM coordination WHERE key = ?"
_REMOVE_OWN: Final = "DELETE FROM coordination WHERE key = ? AND value = ?"
_SWEEP: Final = "DELETE FROM coordination WHERE until_ms <= ?"


class SqliteCoordination:
    """See `ports.coordination.Coordination`."""

    def __init__(self, path: str, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._writes = 0
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=FILE_MODE)
        self._connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        for statement in _PREPARE:
            self._connection.execute(statement)

    def get(self, key: str) -> str | None:
        """The value while its time lasts."""
        with self._asking() as connection:
            return self._value(connection, key)

    def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Keep a value."""
        with self._writing() as connection:
            connection.execute(_PUT, (key, value, self._until_ms(ttl_s)))

    def put_held(self, key: str, value: str, *, ttl_s: int, lease: str, holder: str) -> bool:
        """Keep a value while the lease is the holder's; nobody writes between the look and the change."""
        with self._writing() as connection:
            if self._value(connection, lease) != holder:
                return False
            connection.execute(_PUT, (key, value, self._until_ms(ttl_s)))
            return True

    def add(self, key: str, value: str, *, ttl_s: int) -> bool:
        """Keep a value unless one is there."""
        with self._writing() as connection:
            return bool(connection.execute(_ADD, (key, value, self._until_ms(ttl_s), self._clock_ms())).fetchall())

    def remove(self, key: str, *, value: str | None = None) -> None:
        """Forget it."""
        with self._writing() as connection:
            if value is None:
                connection.execute(_REMOVE, (key,))
            else:
                connection.execute(_REMOVE_OWN, (key, value))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _value(self, connection: sqlite3.Connection, key: str) -> str | None:
        row = connection.execute(_GET, (key, self._clock_ms())).fetchone()
        return None if row is None else str(row[0])

    def _until_ms(self, ttl_s: int) -> int:
        return self._clock_ms() + ttl_s * 1000

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise CoordinationAway(f"the coordination file gave no answer ({type(error).__name__})") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the file's write lock from its beginning."""
        with self._asking() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._writes += 1
                if self._writes % SWEEP_EVERY_WRITES == 0:
                    connection.execute(_SWEEP, (self._clock_ms(),))
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
