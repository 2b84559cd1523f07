"""Rows handed over by number: the row decides who works on it, and the dispatcher's memory only saves messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.contracts.conftest import Database
from tests.contracts.test_store_together import at_once, insert_event
from tests.support.objects import NOW_MS
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.ports.engine import EngineAway
from wxbackend.ports.store import Delivery, Kind, Poll, Unit
from wxbackend.work.dispatcher import Dispatcher
from wxbackend.work.lanes import PER_ENDPOINT_MAX

LEASE_MS: Final = 30_000
HANDS: Final = 8


@dataclass(slots=True)
class Hand:
    """A dispatcher's surroundings: a store, a clock that is set by hand, and a queue that may be away."""

    database: Database
    now: int = NOW_MS
    away: bool = False
    sent: list[int] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.now

    def send(self, kind: Kind, item: int) -> None:
        if self.away:
            raise EngineAway("gone")
        self.sent.append(item)

    def deps(self) -> Dependencies:
        found = SimpleNamespace(store=self.database.store, surroundings=self, policy=Policy(lease_s=LEASE_MS / 1000))
        return cast("Dependencies", found)

    def tick(self, dispatcher: Dispatcher) -> list[int]:
        """What one tick sends."""
        self.sent.clear()
        assert dispatcher.tick(self.deps()) == len(self.sent)
        return sorted(self.sent)


def queue_of(unit: Unit, kind: Kind) -> Any:
    """The queue of one kind of looks."""
    return {
        Kind.LOOK: unit.attempts,
        Kind.REFUND_LOOK: unit.refunds,
        Kind.MANDATE_LOOK: unit.mandates,
        Kind.TRANSFER_LOOK: unit.merchant_transfers,
        Kind.SHARING_LOOK: unit.sharing_looks,
        Kind.SHIPPING_LOOK: unit.shippings,
    }[kind]


def take(unit: Unit, kind: Kind, item: int, *, now_ms: int) -> Poll | Delivery | None:
    queue = unit.events if kind is Kind.DELIVERY else queue_of(unit, kind)
    taken: Poll | Delivery | None = queue.take(item, now_ms=now_ms, lease_ms=LEASE_MS)
    return taken


def plan(database: Database, kind: Kind) -> int:
    """One row of that kind, due now; its number."""
    if kind is Kind.DELIVERY:
        insert_event(database, 1)
        return 102
    database.store.write(lambda unit: queue_of(unit, kind).schedule(7, due_ms=NOW_MS, tries=3))
    return 7


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
def test_a_row_is_taken_by_one_of_many_when_it_is_due_and_again_after_the_lease(database: Database, kind: Kind) -> None:
    item = plan(database, kind)

    def taken(now_ms: int) -> int:
        found = at_once(6, lambda _: database.store.write(lambda unit: take(unit, kind, item, now_ms=now_ms)))
        return len([one for one in found if one is not None])

    assert taken(NOW_MS - 1) == 0
    assert taken(NOW_MS) == 1
    assert taken(NOW_MS + LEASE_MS - 1) == 0
    assert taken(NOW_MS + LEASE_MS) == 1
    assert database.store.write(lambda unit: take(unit, kind, item + 1000, now_ms=NOW_MS)) is None


def test_a_taken_row_carries_what_the_work_needs(database: Database) -> None:
    plan(database, Kind.LOOK)
    insert_event(database, 1)
    assert database.store.write(lambda unit: take(unit, Kind.LOOK, 7, now_ms=NOW_MS)) == Poll(7, 3)
    delivery = database.store.write(lambda unit: take(unit, Kind.DELIVERY, 103, now_ms=NOW_MS))
    assert delivery == Delivery(103, 1, "we_b", 0, b"{}")
    database.store.write(lambda unit: unit.events.delivered(103, now_ms=NOW_MS, tries=1, status=200))
    assert database.store.write(lambda unit: take(unit, Kind.DELIVERY, 103, now_ms=2 * NOW_MS)) is None


def looks(database: Database, count: int) -> None:
    """That many looks, due one after the other until now."""

    def work(unit: Unit) -> None:
        for number in range(count):
            unit.attempts.schedule(number, due_ms=NOW_MS - count + number, tries=0)

    database.store.write(work)


def test_no_more_is_handed_over_than_there_are_hands_and_longest_due_first(database: Database) -> None:
    looks(database, 12)
    hand = Hand(database)
    dispatcher = Dispatcher(Kind.LOOK, hand, hands=HANDS)
    assert hand.tick(dispatcher) == list(range(HANDS))
    assert hand.tick(dispatcher) == []
    database.store.write(lambda unit: take(unit, Kind.LOOK, 0, now_ms=NOW_MS))
    assert hand.tick(dispatcher) == [], "what is leased is under way"
    database.store.write(lambda unit: unit.attempts.unschedule(0))
    database.store.write(lambda unit: unit.attempts.schedule(1, due_ms=NOW_MS + 1, tries=1))
    assert hand.tick(dispatcher) == [8, 9]


def test_a_row_is_handed_over_again_when_nobody_took_it_within_a_lease_and_not_before(database: Database) -> None:
    looks(database, 2)
    hand = Hand(database)
    dispatcher = Dispatcher(Kind.LOOK, hand, hands=HANDS)
    assert hand.tick(dispatcher) == [0, 1]
    hand.now += LEASE_MS - 1
    assert hand.tick(dispatcher) == []
    hand.now += 1
    assert hand.tick(dispatcher) == [0, 1]


def test_a_row_that_is_due_anew_is_handed_over_at_once(database: Database) -> None:
    looks(database, 1)
    hand = Hand(database)
    dispatcher = Dispatcher(Kind.LOOK, hand, hands=HANDS)
    assert hand.tick(dispatcher) == [0]
    hand.now += 5
    database.store.write(lambda unit: unit.attempts.schedule(0, due_ms=hand.now, tries=0))
    assert hand.tick(dispatcher) == [0]


def test_all_is_handed_over_again_after_the_queue_was_away(database: Database) -> None:
    looks(database, 3)
    hand = Hand(database)
    dispatcher = Dispatcher(Kind.LOOK, hand, hands=HANDS)
    assert hand.tick(dispatcher) == [0, 1, 2]
    database.store.write(lambda unit: unit.attempts.schedule(9, due_ms=NOW_MS, tries=0))
    hand.away = True
    assert hand.tick(dispatcher) == []
    hand.away = False
    assert hand.tick(dispatcher) == [0, 1, 2, 9]


def test_an_endpoint_gets_a_few_hands_and_one_only_after_it_failed(database: Database) -> None:
    for number in range(1, 11):
        insert_event(database, number)
    hand = Hand(database)
    dispatcher = Dispatcher(Kind.DELIVERY, hand, hands=2 * HANDS)
    to_a, to_b = list(range(102, 122, 2)), list(range(103, 122, 2))
    assert hand.tick(dispatcher) == sorted(to_a[:PER_ENDPOINT_MAX] + to_b[:PER_ENDPOINT_MAX])

    def end(unit: Unit) -> None:
        for item in to_a[:PER_ENDPOINT_MAX]:
            unit.events.delivered(item, now_ms=NOW_MS, tries=1, status=200)
        for item in to_b[:PER_ENDPOINT_MAX]:
            unit.events.failed(item, tries=1, status=500, reason="x", due_ms=NOW_MS + 9)

    database.store.write(end)
    again = hand.tick(dispatcher)
    assert again == sorted([*to_a[PER_ENDPOINT_MAX : 2 * PER_ENDPOINT_MAX], to_b[PER_ENDPOINT_MAX]])
