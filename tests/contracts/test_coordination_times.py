"""What the shared short-lived values must do to the millisecond: on SQLite, whose clock a test can set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from wxbackend.coordination.sqlite import SWEEP_EVERY_WRITES, SqliteCoordination
from wxbackend.ports.coordination import Coordination


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = 1_795_000_000_000

    def __call__(self) -> int:
        return self.now_ms


Opened = tuple[Callable[[], Coordination], Clock]


def sqlite(folder: Path) -> Iterator[Opened]:
    """The embedded default; every call opens the file anew, as another process would."""
    clock = Clock()
    opened: list[SqliteCoordination] = []

    def open_one() -> Coordination:
        opened.append(SqliteCoordination(str(folder / "coordination.db"), clock))
        return opened[-1]

    yield open_one, clock
    for each in opened:
        each.close()


IMPLEMENTATIONS: Final = {"sqlite": sqlite}


@pytest.fixture(params=IMPLEMENTATIONS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """A way to open one, and its clock."""
    yield from IMPLEMENTATIONS[request.param](tmp_path)


def test_a_value_is_there_while_its_time_lasts_and_is_replaced_by_the_next(opened: Opened) -> None:
    shared, clock = opened[0](), opened[1]
    assert shared.get("k") is None
    shared.put("k", "一", ttl_s=10)
    assert shared.get("k") == "一"
    clock.now_ms += 9_999
    assert shared.get("k") == "一"
    clock.now_ms += 1
    assert shared.get("k") is None
    shared.put("k", "two", ttl_s=10)
    shared.put("k", "three", ttl_s=1)
    assert shared.get("k") == "three"
    assert shared.get("l") is None


def test_add_keeps_the_first_value_until_its_time_is_over(opened: Opened) -> None:
    shared, clock = opened[0](), opened[1]
    assert shared.add("lease", "a", ttl_s=10)
    assert not shared.add("lease", "b", ttl_s=10)
    assert shared.get("lease") == "a"
    clock.now_ms += 10_000
    assert shared.add("lease", "b", ttl_s=10)
    assert shared.get("lease") == "b"


def test_a_holder_gives_back_its_own_lease_and_nobody_elses(opened: Opened) -> None:
    shared, _ = opened[0](), opened[1]
    shared.add("lease", "b", ttl_s=10)
    shared.remove("lease", value="a")
    assert shared.get("lease") == "b"
    shared.remove("lease", value="b")
    assert shared.get("lease") is None
    shared.put("k", "v", ttl_s=10)
    shared.remove("k")
    shared.remove("k")
    assert shared.get("k") is None


def test_of_many_that_want_a_lease_at_once_one_gets_it(opened: Opened) -> None:
    openings = [opened[0]() for _ in range(4)]

    def want(number: int) -> bool:
        return openings[number % 4].add("lease", str(number), ttl_s=10)

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(want, range(24)))
    assert outcomes.count(True) == 1
    assert openings[0].get("lease") == str(outcomes.index(True))


def test_what_one_process_writes_another_reads(opened: Opened) -> None:
    first, second = opened[0](), opened[0]()
    first.put("k", "v", ttl_s=10)
    assert second.get("k") == "v"
    second.remove("k")
    assert first.get("k") is None


def test_what_is_over_is_swept_away_and_what_lasts_is_kept(opened: Opened) -> None:
    shared, clock = opened[0](), opened[1]
    shared.put("lasting", "v", ttl_s=1_000)
    shared.put("over", "v", ttl_s=1)
    clock.now_ms += 2_000
    for number in range(SWEEP_EVERY_WRITES):
        shared.put("busy", str(number), ttl_s=10)
    assert shared.get("lasting") == "v"
    assert shared.get("over") is None
    assert shared.add("over", "again", ttl_s=10)
