"""Many at once: nothing is handed out twice, nothing acknowledged is lost, and one failure hurts nobody else."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import IntegrityError

from tests.contracts.conftest import Database
from tests.contracts.test_store_rows import REQUEST, a_notice, keep
from tests.support.objects import ACCOUNT, NOW_MS, an_attempt, an_intent
from wxbackend.domain.event import Event, EventType
from wxbackend.domain.intent import PaymentIntent
from wxbackend.ports.store import Unit
from wxbackend.store.migrate import migrate
from wxbackend.store.unit import GROUP_UNITS_MAX, PostgresqlStore, SqliteStore, open_store

T = TypeVar("T")
ROOT: Final = Path(__file__).resolve().parents[2]
LEASE_MS: Final = 30_000
WAIT_S_MAX: Final = 30


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Run it in that many threads that begin together."""
    barrier = threading.Barrier(count)

    def one(number: int) -> T:
        barrier.wait(WAIT_S_MAX)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def find(store: SqliteStore | PostgresqlStore, number: int) -> PaymentIntent | None:
    """An intent as it is now."""
    return store.read(lambda unit: unit.intents.find(number))


def plan_looks(database: Database, count: int) -> None:
    """That many attempts, all due."""

    def work(unit: Unit) -> None:
        for number in range(count):
            unit.attempts.schedule(number, due_ms=NOW_MS - count + number, tries=number)

    database.store.write(work)


def claim(database: Database, *, now_ms: int, limit: int = 99) -> list[int]:
    """The attempts that a claim gets."""
    taken = database.store.write(lambda unit: unit.attempts.claim(now_ms=now_ms, lease_ms=LEASE_MS, limit=limit))
    return sorted(poll.item for poll in taken)


def test_a_claim_takes_what_is_due_longest_first_and_leases_it(database: Database) -> None:
    plan_looks(database, 5)
    assert claim(database, now_ms=NOW_MS - 6) == []
    assert claim(database, now_ms=NOW_MS, limit=2) == [0, 1]
    assert claim(database, now_ms=NOW_MS) == [2, 3, 4]
    assert claim(database, now_ms=NOW_MS + LEASE_MS - 1) == []
    database.store.write(lambda unit: unit.attempts.schedule(1, due_ms=NOW_MS, tries=9))
    database.store.write(lambda unit: unit.attempts.unschedule(0))
    assert claim(database, now_ms=NOW_MS) == [1]
    assert claim(database, now_ms=NOW_MS + LEASE_MS) == [1, 2, 3, 4]


def test_threads_never_get_the_same_look(database: Database) -> None:
    plan_looks(database, 200)

    def work(_: int) -> list[int]:
        taken: list[int] = []
        while more := claim(database, now_ms=NOW_MS, limit=7):
            taken.extend(more)
        return taken

    everything = [number for taken in at_once(8, work) for number in taken]
    assert sorted(everything) == list(range(200))


def processes(database: Database, commands: Sequence[Sequence[str]]) -> list[subprocess.Popen[str]]:
    """`tests/contracts/writer.py`, once for each command."""
    program = [sys.executable, "-m", "tests.contracts.writer"]
    return [
        subprocess.Popen(
            [*program, command[0], database.url, *command[1:]], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for command in commands
    ]


def test_processes_never_get_the_same_look(database: Database) -> None:
    plan_looks(database, 150)
    running = processes(database, [["claim"]] * 3)
    everything = [int(line) for process in running for line in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sorted(everything) == list(range(150))


def test_processes_write_side_by_side_and_every_answer_was_true(database: Database) -> None:
    running = processes(database, [["write", str(first), "60"] for first in (1000, 2000, 3000)])
    acknowledged = [int(line) for process in running for line in process.communicate(timeout=60)[0].split()]
    assert len(acknowledged) == 180
    found = [find(database.store, number) for number in acknowledged]
    assert all(found)


def test_what_was_acknowledged_is_there_after_the_writer_was_killed(database: Database) -> None:
    (process,) = processes(database, [["write", "1", "100000"]])
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(40)]
    process.kill()
    acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.stdout.close()
    process.wait()
    again = open_store(database.url)
    for number in acknowledged:
        assert find(again, number) is not None
    again.write(lambda unit: unit.intents.insert(an_intent(10**9)))
    again.close()


def test_a_notice_that_comes_eight_times_at_once_is_handled_once(database: Database) -> None:
    handled: list[int] = []

    def receive(number: int) -> None:
        def work(unit: Unit) -> bool:
            notice = a_notice(number + 1)
            if not unit.notices.keep(notice):
                return False
            unit.notices.handled(notice, verdict="settled", now_ms=NOW_MS)
            return True

        if database.store.write(work):
            handled.append(number)

    at_once(8, receive)
    assert len(handled) == 1
    assert not database.store.read(lambda unit: unit.notices.unhandled(before_ms=NOW_MS * 2, limit=9))


def test_a_key_that_is_begun_eight_times_at_once_is_claimed_once(database: Database) -> None:
    outcomes = at_once(
        8, lambda number: database.store.write(lambda unit: unit.idempotency.begin(REQUEST, object_id=number, now_ms=1))
    )
    assert outcomes.count(None) == 1
    winner = outcomes.index(None)
    assert {kept.object_id for kept in outcomes if kept is not None} == {winner}


def test_a_claim_of_a_key_is_undone_with_its_unit(database: Database) -> None:
    def fail(unit: Unit) -> None:
        unit.idempotency.begin(REQUEST, object_id=1, now_ms=1)
        raise RuntimeError("the unit fails after the claim")

    with pytest.raises(RuntimeError, match="after the claim"):
        database.store.write(fail)
    assert database.store.write(lambda unit: unit.idempotency.begin(REQUEST, object_id=2, now_ms=2)) is None


def test_of_two_orders_that_start_at_once_one_is_refused(database: Database) -> None:
    keep(database, an_intent(1))

    def start(number: int) -> str:
        try:
            keep(database, an_attempt(11 + number))
        except IntegrityError:
            return "refused"
        return "kept"

    assert sorted(at_once(6, start)) == ["kept", *["refused"] * 5]


def test_units_that_fail_hurt_none_of_their_neighbours(database: Database) -> None:
    count = 2 * GROUP_UNITS_MAX

    def one(number: int) -> str:
        def work(unit: Unit) -> None:
            unit.intents.insert(an_intent(number + 1))
            if number % 3 == 0:
                raise RuntimeError(f"unit {number}")
            if number % 3 == 1:
                unit.intents.insert(an_intent(number + 1))

        try:
            database.store.write(work)
        except (RuntimeError, IntegrityError) as error:
            return type(error).__name__
        return "kept"

    with ThreadPoolExecutor(32) as pool:
        outcomes = list(pool.map(one, range(count)))
    assert outcomes == [("RuntimeError", "IntegrityError", "kept")[number % 3] for number in range(count)]
    for number in range(count):
        found = find(database.store, number + 1)
        assert (found is not None) == (number % 3 == 2)


def test_changes_under_a_lock_are_never_lost(database: Database) -> None:
    keep(database, an_intent(1))

    def add(_: int) -> None:
        def work(unit: Unit) -> None:
            found = unit.intents.lock(1)
            assert found is not None
            count = int(found.metadata.get("count", "0")) + 1
            unit.intents.save(an_intent(1, metadata={"count": str(count)}, version=found.version))

        for _ in range(5):
            database.store.write(work)

    at_once(8, add)
    found = database.store.read(lambda unit: unit.intents.find(1))
    assert found is not None
    assert (found.metadata, found.version) == ({"count": "40"}, 40)


def test_a_read_sees_one_moment_however_long_it_takes(database: Database) -> None:
    keep(database, an_intent(1))

    def look_twice(unit: Unit) -> tuple[bool, bool]:
        before = unit.intents.find(2) is not None
        writer = threading.Thread(target=keep, args=(database, an_intent(2)))
        writer.start()
        writer.join(WAIT_S_MAX)
        return before, unit.intents.find(2) is not None

    assert database.store.read(look_twice) == (False, False)
    assert database.store.read(lambda unit: unit.intents.find(2)) is not None


def insert_event(database: Database, number: int) -> None:
    """An event for two endpoints; its deliveries are numbered from 100 + 2 x its number."""
    kind = EventType.INTENT_SUCCEEDED
    event = Event(number, ACCOUNT, livemode=False, type=kind, created_ms=NOW_MS, subject_id=1, body=b"{}")
    first = 100 + 2 * number
    database.store.write(
        lambda unit: unit.events.insert(event, endpoint_ids=["we_a", "we_b"], delivery_ids=[first, first + 1])
    )


def test_a_delivery_is_claimed_once_and_comes_back_after_its_lease(database: Database) -> None:
    for number in range(1, 41):
        insert_event(database, number)

    def work(_: int) -> list[int]:
        taken: list[int] = []
        while more := deliveries(database, now_ms=NOW_MS):
            taken.extend(more)
        return taken

    everything = [number for taken in at_once(6, work) for number in taken]
    assert sorted(everything) == list(range(102, 182))
    database.store.write(lambda unit: unit.events.delivered(102, now_ms=NOW_MS, tries=1, status=200))
    database.store.write(lambda unit: unit.events.failed(103, tries=1, status=500, reason="x", due_ms=None))
    database.store.write(lambda unit: unit.events.failed(102, tries=2, status=500, reason="late", due_ms=NOW_MS))
    rest = deliveries(database, now_ms=NOW_MS + LEASE_MS, limit=200)
    assert sorted(rest) == list(range(104, 182))


def deliveries(database: Database, *, now_ms: int, limit: int = 5) -> list[int]:
    """The deliveries that a claim gets."""
    loads = database.store.write(lambda unit: unit.events.claim(now_ms=now_ms, lease_ms=LEASE_MS, limit=limit))
    return [delivery.id for load in loads for delivery in load]


def test_on_sqlite_nothing_is_answered_before_its_commit(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'held.db'}"
    migrate(url)
    store = open_store(url)
    with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answered = threading.Event()

        def write() -> None:
            store.write(lambda unit: unit.intents.insert(an_intent(1)))
            answered.set()

        thread = threading.Thread(target=write)
        thread.start()
        assert not answered.wait(0.3)
        other.execute("COMMIT")
        thread.join(WAIT_S_MAX)
        assert answered.is_set()
        assert other.execute("SELECT count(*) FROM payment_intents").fetchone() == (1,)
    store.close()


def test_on_sqlite_a_unit_inside_a_unit_is_refused_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nested.db'}"
    migrate(url)
    store = open_store(url)
    with pytest.raises(AssertionError, match="must not open another"):
        store.write(lambda _: store.write(lambda unit: unit.discrepancies.count_open()))
    assert store.write(lambda unit: unit.discrepancies.count_open()) == 0
    store.close()
