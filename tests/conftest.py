"""Fixtures for all tests: one stack of real processes for each test process, and fresh ones on demand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import node as node_js
from tests.support.stack import RunningStack, running


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that many tests share; ask for `stack`, which sees to it that it behaves."""
    yield from running(tmp_path_factory.mktemp("stack"))


@pytest.fixture
def stack(shared_stack: RunningStack) -> RunningStack:
    """The shared stack, without anybody's mischief."""
    shared_stack.behave()
    return shared_stack


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of the test's own: for killing processes and other things that others would feel."""
    yield from running(tmp_path / "stack")


@pytest.fixture(scope="session")
def node() -> node_js.Node:
    """Node.js with the packages that the mini program's checks and the Node SDK need."""
    return node_js.ready()
