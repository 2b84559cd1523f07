"""What processes share for a short time: one suite over the SQLite file and over a real Redis."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.support.redis import RedisServer
from tests.support.stack import free_port
from wxbackend.coordination.opening import open_coordination
from wxbackend.domain.errors import CoordinationAway
from wxbackend.ports.coordination import Coordination
from wxbackend.surroundings import clock_ms

KINDS: Final = ("sqlite", "redis")
ROOT: Final = Path(__file__).resolve().parents[2]
LONG_S: Final = 600
WAIT_S_MAX: Final = 30.0
CROWD: Final = 16
ALMOST_A_SECOND_S: Final = 0.95
"""How long what is kept for a second is there at least; clocks differ, and a busy machine only makes it longer."""


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'coordination.db'}"
    found: str = request.getfixturevalue("redis_url")
    return found


@pytest.fixture
def shared(url: str) -> Iterator[Coordination]:
    """One process's view."""
    with closing(open_coordination(url, clock_ms)) as coordination:
        yield coordination


@pytest.fixture
def other(url: str) -> Iterator[Coordination]:
    """Another's view of the same."""
    with closing(open_coordination(url, clock_ms)) as coordination:
        yield coordination


@pytest.fixture
def key() -> str:
    """A key that no other test uses."""
    return f"test:{uuid4().hex}"


def wait_until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not look():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.05)


def test_what_one_keeps_the_other_reads(shared: Coordination, other: Coordination, key: str) -> None:
    assert other.get(key) is None
    shared.put(key, "值 1", ttl_s=LONG_S)
    assert other.get(key) == "值 1"
    other.put(key, "2", ttl_s=LONG_S)
    assert shared.get(key) == "2"


def test_a_value_ends_with_its_time(shared: Coordination, key: str) -> None:
    put_s = time.monotonic()
    shared.put(key, "short", ttl_s=1)
    wait_until(lambda: shared.get(key) is None, "the value to end")
    assert time.monotonic() - put_s > ALMOST_A_SECOND_S, "not before its time"
    assert shared.add(key, "next", ttl_s=LONG_S)


def test_a_longer_time_replaces_a_shorter_one(shared: Coordination, key: str) -> None:
    witness = f"{key}:witness"
    shared.put(key, "short", ttl_s=1)
    shared.put(key, "long", ttl_s=LONG_S)
    shared.put(witness, "short", ttl_s=1)
    wait_until(lambda: shared.get(witness) is None, "the witness to end")
    assert shared.get(key) == "long"


def test_adding_keeps_what_is_there(shared: Coordination, other: Coordination, key: str) -> None:
    assert shared.add(key, "first", ttl_s=LONG_S)
    assert not other.add(key, "second", ttl_s=LONG_S)
    assert not shared.add(key, "first", ttl_s=LONG_S)
    assert other.get(key) == "first"


def test_a_lease_goes_to_one_of_many_who_come_at_once(url: str, key: str) -> None:
    barrier = threading.Barrier(CROWD)

    def come(number: int) -> bool:
        with closing(open_coordination(url, clock_ms)) as coordination:
            barrier.wait(WAIT_S_MAX)
            return coordination.add(key, str(number), ttl_s=LONG_S)

    with ThreadPoolExecutor(CROWD) as pool:
        assert sum(pool.map(come, range(CROWD))) == 1


def test_many_threads_share_one_view(shared: Coordination, key: str) -> None:
    def use(number: int) -> bool:
        mine = f"{key}:{number}"
        shared.put(mine, str(number), ttl_s=LONG_S)
        return shared.get(mine) == str(number) and shared.add(f"{mine}:lease", "x", ttl_s=LONG_S)

    with ThreadPoolExecutor(CROWD) as pool:
        assert all(pool.map(use, range(CROWD * 8)))


def test_a_lease_gives_back_only_itself(shared: Coordination, other: Coordination, key: str) -> None:
    assert shared.add(key, "mine", ttl_s=LONG_S)
    other.remove(key, value="theirs")
    assert shared.get(key) == "mine"
    shared.remove(key, value="mine")
    assert other.add(key, "theirs", ttl_s=LONG_S)
    shared.remove(key, value="mine")
    assert other.get(key) == "theirs"


def test_without_a_value_anything_is_forgotten(shared: Coordination, key: str) -> None:
    shared.put(key, "1", ttl_s=LONG_S)
    shared.remove(key)
    shared.remove(key)
    assert shared.get(key) is None


def test_only_the_holder_of_a_lease_may_put(shared: Coordination, other: Coordination, key: str) -> None:
    lease = f"{key}:lease"
    assert not shared.put_held(key, "no lease", ttl_s=LONG_S, lease=lease, holder="me")
    assert shared.add(lease, "me", ttl_s=LONG_S)
    assert shared.put_held(key, "mine", ttl_s=LONG_S, lease=lease, holder="me")
    assert not other.put_held(key, "theirs", ttl_s=LONG_S, lease=lease, holder="you")
    assert other.get(key) == "mine"


def test_a_holder_slower_than_its_lease_is_fenced_off(shared: Coordination, other: Coordination, key: str) -> None:
    lease = f"{key}:lease"
    assert shared.add(lease, "slow", ttl_s=1)
    wait_until(lambda: other.add(lease, "next", ttl_s=LONG_S), "the lease to end")
    assert other.put_held(key, "new", ttl_s=LONG_S, lease=lease, holder="next")
    assert not shared.put_held(key, "stale", ttl_s=LONG_S, lease=lease, holder="slow")
    shared.remove(lease, value="slow")
    assert (shared.get(key), shared.get(lease)) == ("new", "next")


def test_a_lease_outlives_its_killed_holder_by_no_more_than_its_time(url: str, shared: Coordination, key: str) -> None:
    command = [sys.executable, "-m", "tests.contracts.leaser", url, key, "the dead", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        began_s, taken = process.stdout.readline().split()
        process.kill()
    assert taken == "taken"
    wait_until(lambda: shared.add(key, "the living", ttl_s=LONG_S), "the lease to end")
    assert time.monotonic() - float(began_s) > ALMOST_A_SECOND_S, "the dead have it as long as the living"


def test_a_value_with_quotes_and_line_ends_stays_what_it_was(shared: Coordination, key: str) -> None:
    value = "'; DROP TABLE coordination; --\r\n\"\x00\\"
    shared.put(key, value, ttl_s=LONG_S)
    assert shared.get(key) == value
    shared.remove(key, value=value)
    assert shared.get(key) is None


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "below" / "coordination.db"
    with closing(open_coordination(f"sqlite:///{file}", clock_ms)) as coordination:
        coordination.put("a", "b", ttl_s=LONG_S)
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in file.parent.iterdir()}
    assert modes
    assert set(modes.values()) == {0o600}


def test_nobody_at_the_address_is_said_without_the_password() -> None:
    with closing(open_coordination(f"redis://:hunter2@127.0.0.1:{free_port()}/0", clock_ms)) as away:
        for call in (
            lambda: away.get("a"),
            lambda: away.put("a", "b", ttl_s=1),
            lambda: away.add("a", "b", ttl_s=1),
            lambda: away.remove("a"),
            lambda: away.remove("a", value="b"),
            lambda: away.put_held("a", "b", ttl_s=1, lease="c", holder="d"),
        ):
            with pytest.raises(CoordinationAway) as raised:
                call()
            assert "hunter2" not in f"{raised.value}{raised.value.reason}"


def test_a_redis_that_comes_back_is_used_again(own_redis: RedisServer) -> None:
    with closing(open_coordination(own_redis.url, clock_ms)) as shared:
        shared.put("a", "b", ttl_s=LONG_S)
        own_redis.kill()
        with pytest.raises(CoordinationAway):
            shared.get("a")
        own_redis.start()
        assert shared.get("a") is None
        assert shared.add("a", "c", ttl_s=LONG_S)
