"""Fixtures for all tests: one stack of real processes for each test process, and fresh ones on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url
from xdist.scheduler import LoadFileScheduling

from tests.support import node as node_js
from tests.support import postgresql, redis
from tests.support.stack import RunningStack, running
from wxbackend.store.migrate import migrate


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    """A file stays in one test process, or the stack that its tests share would be started in each."""
    config.option.loadscopereorder = False  # as collected: the long files come first, the short ones fill the end
    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that many tests share; ask for `stack`, which sees to it that it behaves."""
    yield from running(tmp_path_factory.mktemp("stack"))


@pytest.fixture
def stack(shared_stack: RunningStack) -> Iterator[RunningStack]:
    """The shared stack, without anybody's mischief, and with a clock that nobody turns: it never goes back."""
    shared_stack.behave()
    yield shared_stack
    assert shared_stack.desk("GET", "/clock")["offset_s"] == 0, "who turns the clock needs a stack of their own"


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of the test's own: for killing processes and other things that others would feel."""
    yield from running(tmp_path / "stack")


@pytest.fixture(scope="session")
def node() -> node_js.Node:
    """Node.js with the packages that the mini program's checks and the Node SDK need."""
    return node_js.ready()


@pytest.fixture
def own_redis() -> Iterator[redis.RedisServer]:
    """A Redis of the test's own: for killing it."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(redis.own_server())
        except redis.RedisMissing as missing:
            pytest.fail(str(missing), pytrace=False)
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis that many tests share, each with keys of its own."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(redis.any_server())
        except redis.RedisMissing as missing:
            pytest.fail(str(missing), pytrace=False)
        yield url


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[tuple[str, str]]:
    """A server, and the name of a migrated database on it that others are copied from."""
    with ExitStack() as stack:
        try:
            server_url = stack.enter_context(postgresql.server())
        except postgresql.PostgresqlMissing as missing:
            pytest.fail(str(missing), pytrace=False)
        url = stack.enter_context(postgresql.database(server_url))
        migrate(url)
        yield server_url, make_url(url).database or ""


@pytest.fixture(scope="session")
def reused_postgresql(postgresql_template: tuple[str, str]) -> Iterator[postgresql.Reused]:
    """One database for all tests of this process that leave the schema alone."""
    server_url, template = postgresql_template
    with postgresql.database(server_url, template=template) as url:
        reused = postgresql.Reused(url)
        yield reused
        reused.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database that others are copied from."""
    path = tmp_path_factory.mktemp("migrated") / "wxbackend.db"
    migrate(f"sqlite:///{path}")
    return path
