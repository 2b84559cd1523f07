"""The grounds, once for each test process, and the databases of both engines."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.crashes.ground import Database, Grounds, believe_wechat, opened, postgresql_databases, sqlite_databases
from tests.support import postgresql

MEMORY: Final = Path("/dev/shm")


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: a process that dies takes nothing along that it had written."""
    folder = Path(tempfile.mkdtemp(prefix="wxbackend-crashes-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def grounds() -> Iterator[tuple[Grounds, Path]]:
    """The processes, and their folder."""
    with quick_folder() as folder, opened(folder) as found:
        yield found, folder


@pytest.fixture(scope="session")
def emptied_database(grounds: tuple[Grounds, Path], postgresql_template: tuple[str, str]) -> Iterator[Database]:
    """A migrated PostgreSQL database that holds WeChat's certificates, and nothing else when a case begins."""
    server_url, template = postgresql_template
    with postgresql.database(server_url, template=template) as url:
        believe_wechat(grounds[0].stack, url)
        yield postgresql_databases(url)


@pytest.fixture
def databases(request: pytest.FixtureRequest, grounds: tuple[Grounds, Path], tmp_path: Path) -> Database:
    """Fresh databases of an engine."""
    if request.param == "sqlite":
        return sqlite_databases(grounds[1] / "wxbackend.db", grounds[1])
    found: Database = request.getfixturevalue("emptied_database")
    return found
