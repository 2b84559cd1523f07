"""The implementations that the suites run over: SQLite and PostgreSQL, each test with a database to itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support import postgresql
from wxbackend.store.unit import PostgresqlStore, SqliteStore, open_store

ENGINES: Final = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Database:
    """A migrated database and a store on it."""

    url: str
    store: SqliteStore | PostgresqlStore


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, migrated_sqlite: Path, tmp_path: Path) -> Iterator[str]:
    """A migrated database with nothing in it, once on each engine."""
    if request.param == "sqlite":
        path = tmp_path / "contract.db"
        shutil.copy(migrated_sqlite, path)
        yield f"sqlite:///{path}"
        return
    reused: postgresql.Reused = request.getfixturevalue("reused_postgresql")
    with reused.borrowed() as address:
        yield address


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The database and an open store on it."""
    store = open_store(url)
    yield Database(url, store)
    store.close()
