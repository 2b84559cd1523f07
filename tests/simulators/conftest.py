"""One set of keys per run, one fresh world per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.console import downloads
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.world import World

from .merchant import Files, Merchant
from .receiver import Receiver
from .routes import client_of


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """Keys made once."""
    return downloads(tmp_path_factory.mktemp("simulator") / "credentials")


@pytest.fixture(scope="session")
def files(credentials: Credentials) -> Files:
    """The merchant's downloads."""
    return Files(credentials.directory)


@pytest.fixture
def world(credentials: Credentials) -> Iterator[World]:
    """A world that carries notices."""
    made = World(credentials)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def merchant(world: World, files: Files) -> Merchant:
    """A merchant in pubkey-by-request habit, speaking to the world in-process."""
    return Merchant(files, client_of(world))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A notice address."""
    listening = Receiver()
    yield listening
    listening.close()
