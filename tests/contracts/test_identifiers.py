"""Identifiers never repeat: over threads, processes' leases, clocks that step back and leases that ran out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

import pytest
from sqlalchemy import Engine, insert

from tests.contracts.conftest import Database
from wxbackend.domain import ids
from wxbackend.store import tables
from wxbackend.store.nodes import (
    LEASE_MS,
    RENEW_BEFORE_MS,
    Identifiers,
    NodeLease,
    NoNodeFree,
    nodes_engine,
)

START_MS: Final = 1_795_000_000_000


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def engine(url: str) -> Iterator[Callable[[], Engine]]:
    """Opens the place of the leases as another process would, on each engine."""
    with ExitStack() as opened:

        def open_one() -> Engine:
            found = nodes_engine(url)
            opened.callback(found.dispose)
            return found

        yield open_one


def node_of(number: int) -> int:
    """The node part of an identifier."""
    return number >> ids.SEQUENCE_BITS & (ids.NODES_MAX - 1)


def test_threads_of_one_process_never_make_the_same_one(engine: Callable[[], Engine]) -> None:
    identifiers = Identifiers(NodeLease(engine(), "a"), Clock())
    with ThreadPoolExecutor(8) as pool:
        made = [
            number
            for part in pool.map(lambda _: [identifiers.new() for _ in range(1_500)], range(8))
            for number in part
        ]
    assert len(set(made)) == 12_000
    assert {node_of(number) for number in made} == {node_of(made[0])}


def test_processes_that_start_at_once_get_different_nodes(engine: Callable[[], Engine]) -> None:
    engines = [engine() for _ in range(4)]

    def start(number: int) -> list[int]:
        identifiers = Identifiers(NodeLease(engines[number % 4], f"holder {number}"), Clock())
        return [identifiers.new() for _ in range(50)]

    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(start, range(12)))
    assert len({number for part in made for number in part}) == 600
    assert len({node_of(part[0]) for part in made}) == 12


def test_a_clock_that_steps_back_makes_no_identifier_twice_and_none_out_of_order(engine: Callable[[], Engine]) -> None:
    clock = Clock()
    identifiers = Identifiers(NodeLease(engine(), "a"), clock)
    made = [identifiers.new()]
    for step_ms in (5, -60_000, 1, -1, 0, 100_000, -3_600_000):
        clock.now_ms += step_ms
        made += [identifiers.new() for _ in range(3)]
    assert made == sorted(set(made))


def test_more_than_fit_into_a_millisecond_borrow_from_the_next(engine: Callable[[], Engine]) -> None:
    identifiers = Identifiers(NodeLease(engine(), "a"), Clock())
    made = [identifiers.new() for _ in range(ids.SEQUENCE_MAX * 2 + 5)]
    assert made == sorted(set(made))
    assert ids.created_ms(made[0]) == START_MS
    assert ids.created_ms(made[-1]) == START_MS + 2


def test_a_lease_is_renewed_while_it_is_used_and_keeps_its_node(engine: Callable[[], Engine]) -> None:
    clock = Clock()
    first = Identifiers(NodeLease(engine(), "a"), clock)
    node = node_of(first.new())
    for _ in range(5):
        clock.now_ms += LEASE_MS - RENEW_BEFORE_MS
        assert node_of(first.new()) == node
    other = Identifiers(NodeLease(engine(), "b"), clock)
    assert node_of(other.new()) != node


def test_the_node_of_a_process_that_died_is_used_again_only_after_its_lease(engine: Callable[[], Engine]) -> None:
    clock = Clock()
    place = engine()
    dead = node_of(Identifiers(NodeLease(place, "dead"), clock).new())
    clock.now_ms += LEASE_MS
    early = node_of(Identifiers(NodeLease(place, "early"), clock).new())
    assert early != dead
    clock.now_ms += 1
    assert node_of(Identifiers(NodeLease(place, "late"), clock).new()) == dead


def test_a_process_that_slept_past_its_lease_does_not_share_its_node_with_its_heir(
    engine: Callable[[], Engine],
) -> None:
    clock = Clock()
    place = engine()
    sleeper = Identifiers(NodeLease(place, "sleeper"), clock)
    node = node_of(sleeper.new())
    clock.now_ms += LEASE_MS + 1
    heir = Identifiers(NodeLease(place, "heir"), clock)
    assert node_of(heir.new()) == node
    assert node_of(sleeper.new()) != node


def test_when_every_node_is_leased_it_says_so_instead_of_sharing_one(engine: Callable[[], Engine]) -> None:
    place = engine()
    rows = [
        {"node": node, "holder": f"other {node}", "leased_until_ms": START_MS + LEASE_MS}
        for node in range(ids.NODES_MAX)
    ]
    with place.begin() as connection:
        connection.execute(insert(tables.id_nodes), rows)
    with pytest.raises(NoNodeFree, match="restarting"):
        Identifiers(NodeLease(place, "a"), Clock()).new()


def test_the_first_identifier_may_be_needed_inside_a_unit(database: Database, engine: Callable[[], Engine]) -> None:
    identifiers = Identifiers(NodeLease(engine(), "worker"), Clock())
    numbers = database.store.write(lambda unit: (unit.discrepancies.count_open(), identifiers.new(), identifiers.new()))
    assert numbers[1] < numbers[2]
