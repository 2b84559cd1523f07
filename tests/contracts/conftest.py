"""The implementations that the suites run over: SQLite and PostgreSQL, each test with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support import postgresql
from wxbackend.store.migrate import migrate
from wxbackend.store.unit import PostgresqlStore, SqliteStore, open_store

ENGINES: Final = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Database:
    """A migrated database and a store on it."""

    url: str
    store: SqliteStore | PostgresqlStore


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database, once on each engine."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'contract.db'}"
        migrate(address)
        yield address
        return
    server_url, template = request.getfixturevalue("postgresql_template")
    with postgresql.database(server_url, template=template) as address:
        yield address


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The database and an open store on it."""
    store = open_store(url)
    yield Database(url, store)
    store.close()
