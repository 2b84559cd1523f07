"""Work that fails here: tried less and less, parked where a person sees it, and never in the way of the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, cast

import pytest

from tests.contracts.conftest import Database
from tests.contracts.test_settling import NUMBERS, dependencies
from tests.contracts.test_store_rows import a_notice
from tests.support.objects import NOW_MS
from wxbackend.domain.event import Event, EventType
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.forget_old import FAILURES_KEPT_MS, forget_old
from wxbackend.flows.park_failure import (
    AGAIN_AFTER_S,
    PARKED_AFTER_FAILURES,
    PARKED_AGAIN_AFTER_S,
    list_parked,
    note_failure,
    retry_parked,
    went_well,
)
from wxbackend.flows.receive_notice import TAKE_UP_AT_ONCE_MAX
from wxbackend.ports.store import Work

ITEM: Final = 11
LOOKS: Final = {Work.ATTEMPT: "attempts", Work.REFUND: "refunds"}
DEFECT: Final = ValueError("words that may hold a secret")


@dataclass
class Clock:
    """Surroundings whose time the test turns."""

    ms: int = NOW_MS

    def now_ms(self) -> int:
        """The moment."""
        return self.ms

    def new_id(self) -> int:
        """The next number."""
        return next(NUMBERS)


@dataclass(frozen=True)
class Bench:
    """What the flows are given, and its clock."""

    deps: Dependencies
    clock: Clock

    def due(self, work: Work) -> list[int]:
        """What a worker would take up now; its lease is over by the next moment that is looked at."""
        queue, now_ms = LOOKS[work], self.clock.ms
        found = self.deps.store.write(lambda unit: getattr(unit, queue).claim(now_ms=now_ms, lease_ms=1, limit=99))
        return [poll.item for poll in found]

    def plan(self, work: Work, item: int) -> None:
        """Somebody has to look at it, now."""
        now_ms = self.clock.ms
        self.deps.store.write(lambda unit: getattr(unit, LOOKS[work]).schedule(item, due_ms=now_ms, tries=0))

    def park(self, work: Work, item: int) -> None:
        """Let it fail until it is parked."""
        self.plan(work, item)
        for _ in range(PARKED_AFTER_FAILURES):
            note_failure(self.deps, work, item, DEFECT)


@pytest.fixture
def bench(database: Database) -> Bench:
    """A database, and a clock that stands still until it is turned."""
    clock = Clock()
    return Bench(replace(dependencies(database), surroundings=cast("Any", clock)), clock)


@pytest.mark.parametrize("work", LOOKS)
def test_money_of_unknown_fate_is_looked_at_more_and_more_slowly_and_for_ever(bench: Bench, work: Work) -> None:
    bench.plan(work, ITEM)
    for pause_s in (*AGAIN_AFTER_S, PARKED_AGAIN_AFTER_S, PARKED_AGAIN_AFTER_S, PARKED_AGAIN_AFTER_S):
        note_failure(bench.deps, work, ITEM, DEFECT, tries=3)
        bench.clock.ms += pause_s * 1000 - 1
        assert bench.due(work) == []
        bench.clock.ms += 1
        assert bench.due(work) == [ITEM]


def test_the_fifth_failure_is_shown_with_its_kind_of_error_and_none_of_its_words(bench: Bench) -> None:
    bench.plan(Work.ATTEMPT, ITEM)
    for failures in range(1, PARKED_AFTER_FAILURES):
        note_failure(bench.deps, Work.ATTEMPT, ITEM, DEFECT)
        bench.clock.ms += 1
        assert list_parked(bench.deps) == [], failures
    note_failure(bench.deps, Work.ATTEMPT, ITEM, DEFECT)
    (found,) = list_parked(bench.deps)
    assert (found.work, found.item, found.failures, found.reason) == (Work.ATTEMPT, ITEM, 5, "ValueError")
    assert (found.first_ms, found.last_ms) == (NOW_MS, NOW_MS + 4)
    count = bench.deps.store.read(lambda unit: unit.failures.count(failures=PARKED_AFTER_FAILURES))
    assert dict(count) == {"attempt": 1}


def test_what_went_well_begins_anew(bench: Bench) -> None:
    bench.park(Work.REFUND, ITEM)
    went_well(bench.deps, Work.REFUND, ITEM)
    assert list_parked(bench.deps) == []
    again = note_failure(bench.deps, Work.REFUND, ITEM, DEFECT)
    assert again is not None
    assert again.failures == 1


@pytest.mark.parametrize("work", LOOKS)
def test_what_was_done_by_a_commit_that_nobody_heard_is_neither_planned_again_nor_shown(
    bench: Bench, work: Work
) -> None:
    bench.park(work, ITEM)
    bench.deps.store.write(lambda unit: getattr(unit, LOOKS[work]).unschedule(ITEM))
    assert note_failure(bench.deps, work, ITEM, DEFECT) is None
    bench.clock.ms += PARKED_AGAIN_AFTER_S * 1000
    assert bench.due(work) == []
    assert list_parked(bench.deps) == []


def test_by_hand_all_of_it_is_due_at_once(bench: Bench) -> None:
    for work in LOOKS:
        bench.park(work, ITEM)
    assert retry_parked(bench.deps) == 2
    assert [bench.due(work) for work in LOOKS] == [[ITEM], [ITEM]]
    assert list_parked(bench.deps) == []


def delivery(bench: Bench) -> dict[str, Any]:
    """The one delivery of the one event."""
    (found,) = bench.deps.store.read(lambda unit: unit.deliveries.of_event(7, limit=9))
    return {"state": found.state, "due_ms": found.due_ms}


def test_a_delivery_that_fails_here_ends_as_failed_and_is_delivered_when_asked_for(bench: Bench) -> None:
    event = Event(7, "acct_demo", livemode=False, type=EventType.INTENT_SUCCEEDED, created_ms=1, subject_id=1, body=b"")
    bench.deps.store.write(lambda unit: unit.events.insert(event, endpoint_ids=["we_1"], delivery_ids=[70]))
    note_failure(bench.deps, Work.DELIVERY, 70, DEFECT)
    assert delivery(bench) == {"state": "pending", "due_ms": NOW_MS + 30_000}
    for _ in range(PARKED_AFTER_FAILURES - 1):
        note_failure(bench.deps, Work.DELIVERY, 70, DEFECT)
    assert delivery(bench) == {"state": "failed", "due_ms": None}
    assert retry_parked(bench.deps) == 1
    assert delivery(bench) == {"state": "pending", "due_ms": NOW_MS}


def test_notices_that_always_fail_leave_room_for_those_that_do_not(bench: Bench) -> None:
    store, many = bench.deps.store, TAKE_UP_AT_ONCE_MAX + 1
    for number in range(1, many + 1):
        notice = a_notice(number, notice_id=f"EV-{number}", received_ms=NOW_MS + number)
        store.write(lambda unit, notice=notice: unit.notices.keep(notice))  # type: ignore[misc]

    def waiting() -> list[int]:
        before_ms = bench.clock.ms + 1_000
        found = store.read(lambda unit: unit.notices.unhandled(before_ms=before_ms, limit=TAKE_UP_AT_ONCE_MAX))
        return [notice.id for notice in found]

    assert many not in waiting()
    for number in range(1, many):
        note_failure(bench.deps, Work.NOTICE, number, DEFECT)
    assert waiting() == [many]
    bench.clock.ms += AGAIN_AFTER_S[0] * 1000
    assert waiting() == list(range(1, many))


def test_an_old_failure_is_forgotten_unless_it_goes_on_failing(bench: Bench) -> None:
    bench.park(Work.ATTEMPT, 1)
    bench.park(Work.ATTEMPT, 2)
    bench.clock.ms += FAILURES_KEPT_MS
    note_failure(bench.deps, Work.ATTEMPT, 2, DEFECT)
    bench.clock.ms += 1
    forget_old(bench.deps)
    assert [failure.item for failure in list_parked(bench.deps)] == [2]
