"""Connections: what SQLite and PostgreSQL each need to be durable, and nothing above this file differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool

from wxbackend.domain.errors import WxbackendError

SQLITE_BUSY_TIMEOUT_S: Final = 20
SQLITE_STATEMENTS_KEPT_MAX: Final = 1_000
SQLITE_CACHE_KIB: Final = 8 * 1024
SQLITE_CHECKPOINT_PAGES: Final = 4_000
"""A page that many payments change goes into the file once for all of them; the log grows to some 16 MB between."""
POOL_CONNECTIONS_MAX: Final = 16
POOL_WAIT_S: Final = 10
_EXAMPLES: Final = "sqlite:///path or postgresql+psycopg://…"


class UnsupportedDatabase(WxbackendError):
    """The database URL names an engine that this product is not tested on."""


# Whoever keeps connections open itself wants no second pool.
_KEPT_BY_US: Final[dict[str, Any]] = {"poolclass": NullPool, "pool_reset_on_return": None}


def is_sqlite(url: str) -> bool:
    """Whether the URL names the embedded default."""
    return _parsed(url).get_backend_name() == "sqlite"


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The text is not repeated: it may hold a password.
        raise UnsupportedDatabase(f"database_url is not a database URL; use {_EXAMPLES}") from None


def reading_engine(url: str) -> Engine:
    """Connections that read; on PostgreSQL also those that write."""
    if not is_sqlite(url):
        return postgresql_engine(url)
    return sqlite_engine(url, connections=POOL_CONNECTIONS_MAX, begin="BEGIN", synchronous="FULL")


def sqlite_writing_engine(url: str, *, synchronous: str = "FULL") -> Engine:
    """The one connection of this process that writes to a SQLite file."""
    return sqlite_engine(url, connections=1, begin="BEGIN IMMEDIATE", synchronous=synchronous)


def sqlite_engine(url: str, *, connections: int, begin: str | None, synchronous: str) -> Engine:
    """A pool of connections to a file; without `begin` nothing opens a transaction but whoever uses them."""
    parsed = make_url(url)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed,
        **(_pooled(connections) if begin else _KEPT_BY_US),
        hide_parameters=True,
        connect_args={
            "timeout": SQLITE_BUSY_TIMEOUT_S,
            "check_same_thread": False,
            "cached_statements": SQLITE_STATEMENTS_KEPT_MAX,
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={SQLITE_CHECKPOINT_PAGES}")
        cursor.close()

    if begin is None:
        return engine

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _pooled(connections: int) -> dict[str, Any]:
    return {"poolclass": QueuePool, "pool_size": connections, "max_overflow": 0, "pool_timeout": POOL_WAIT_S}


def postgresql_engine(url: str, *, managed: bool = True) -> Engine:
    """A pool of connections to a server; `managed` ones are tried before use, and what is open is undone after it."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise UnsupportedDatabase(f"database_url names {parsed.get_backend_name()!r}; use {_EXAMPLES}")
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        **(_pooled(POOL_CONNECTIONS_MAX) | {"pool_pre_ping": True} if managed else _KEPT_BY_US),
        hide_parameters=True,
    )
