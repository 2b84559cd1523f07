"""The one door over a real database: what the tables of the state machine allow, the database takes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final, cast

from tests.contracts.conftest import Database
from tests.contracts.test_store_money import REFUND
from tests.contracts.test_store_rows import keep
from tests.support.objects import METHOD, NOW_MS, an_attempt, an_intent, opened, paid
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.discrepancy import DiscrepancyKind
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.lifecycle import Step
from wxbackend.domain.observation import Closed, Observation, Pending, Uncertain
from wxbackend.domain.refund import RefundState
from wxbackend.flows import settle, settle_refund
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.flows.reconcile_intent import reconcile_intent
from wxbackend.ports.store import Poll

NUMBERS: Final = itertools.count(10**6)


class Numbered:
    """Surroundings whose clock stands still."""

    def now_ms(self) -> int:
        """Always the same moment."""
        return NOW_MS

    def new_id(self) -> int:
        """The next number."""
        return next(NUMBERS)


def dependencies(database: Database) -> Dependencies:
    """What settling needs: the store, a clock, and an account without endpoints."""
    nothing: Any = None
    accounts = SimpleNamespace(endpoints=lambda *_, **__: (), app=lambda _appid: None)
    return Dependencies(
        store=database.store,
        transport=nothing,
        providers=nothing,
        accounts=cast("Any", accounts),
        identity=nothing,
        coordination=nothing,
        courier=nothing,
        surroundings=cast("Any", Numbered()),
        counting=nothing,
        policy=Policy(),
    )


def hear(database: Database, attempt_id: int, said: Observation) -> Step:
    """Settle an observation in a unit of its own."""
    deps = dependencies(database)
    return database.store.write(lambda unit: settle.settle(unit, deps, attempt_id, said))


def with_a_replaced_order(database: Database) -> None:
    """Order 11 was closed, and order 12 took its place."""
    intent = an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=12, payment_method=METHOD)
    keep(database, intent, an_attempt(11, state=AttemptState.CLOSED), an_attempt(12, state=AttemptState.OPEN))


def test_the_late_answer_to_a_replaced_order_is_taken_quietly(database: Database) -> None:
    with_a_replaced_order(database)
    step = hear(database, 11, opened())
    assert step.attempt == an_attempt(11, state=AttemptState.CLOSED)
    assert database.store.read(lambda unit: unit.attempts.unresolved(1)) == an_attempt(12, state=AttemptState.OPEN)


def test_late_money_on_a_replaced_order_counts_and_the_newer_order_is_being_closed(database: Database) -> None:
    with_a_replaced_order(database)
    step = hear(database, 11, paid())
    assert (step.intent.status, step.intent.amount_received) == (IntentStatus.SUCCEEDED, 2000)
    due = database.store.write(lambda unit: unit.attempts.claim(now_ms=NOW_MS, lease_ms=1, limit=9))
    assert [poll.item for poll in due] == [12]
    newer = database.store.read(lambda unit: unit.attempts.find(12))
    assert newer is not None
    assert newer.state is AttemptState.CLOSING
    assert hear(database, 12, Closed("CLOSED")).intent.status is IntentStatus.SUCCEEDED


def test_money_on_both_orders_is_recorded_once_as_double_however_often_it_is_told(database: Database) -> None:
    with_a_replaced_order(database)
    hear(database, 11, paid("4200000001"))
    second = hear(database, 12, paid("4200000002"))
    assert second.discrepancy is not None
    assert second.discrepancy.kind is DiscrepancyKind.DOUBLE
    hear(database, 12, paid("4200000002"))
    hear(database, 11, paid("4200000001"))
    assert database.store.read(lambda unit: unit.discrepancies.count_open()) == 1
    found = database.store.read(lambda unit: unit.intents.find(1))
    assert found is not None
    assert found.amount_received == 2000


def test_a_payment_heard_of_before_its_order_is_sent_again_is_never_overwritten(database: Database) -> None:
    intent = an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=12, payment_method=METHOD)
    keep(database, intent, an_attempt(12, state=AttemptState.UNCERTAIN))
    hear(database, 12, paid())
    before = database.store.read(lambda unit: unit.attempts.find(12))
    assert database.store.write(lambda unit: settle.resend(unit, dependencies(database), 12, now_ms=NOW_MS + 5)) is None
    assert database.store.read(lambda unit: unit.attempts.find(12)) == before
    assert before is not None
    assert before.state is AttemptState.PAID
    assert database.store.write(lambda unit: unit.attempts.claim(now_ms=2 * NOW_MS, lease_ms=1, limit=9)) == []
    hear(database, 12, paid())
    assert database.store.read(lambda unit: unit.discrepancies.count_open()) == 0


def due_by(database: Database, now_ms: int) -> list[tuple[int, int]]:
    """The attempts that a worker would look at by then, and how often they were looked at in their state."""
    polls = database.store.write(lambda unit: unit.attempts.claim(now_ms=now_ms, lease_ms=1, limit=9))
    return [(poll.item, poll.tries) for poll in polls]


def test_an_order_that_was_unclear_for_long_is_queried_as_soon_as_any_other_when_it_opens(database: Database) -> None:
    intent = an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=12, payment_method=METHOD)
    keep(database, intent, an_attempt(12, state=AttemptState.UNCERTAIN))
    deps = dependencies(database)
    database.store.write(lambda unit: settle.settle(unit, deps, 12, opened(), looks=7))
    first_look_ms = NOW_MS + round(deps.policy.look_after_s[0] * 1000)
    assert due_by(database, first_look_ms - 1) == []
    assert due_by(database, first_look_ms) == [(12, 0)]


class Silent:
    """A provider that has the order unpaid, and whose answer to a close is always lost."""

    def of(self, _name: str, _merchant: str) -> Silent:
        return self

    def query(self, _attempt: Attempt) -> Observation:
        return Pending("unpaid")

    def close(self, _attempt: Attempt) -> Observation:
        return Uncertain("no answer")

    def send(self, exchange: Observation) -> Observation:
        return exchange


def test_an_expired_order_whose_close_got_no_answer_is_closed_again_within_seconds(database: Database) -> None:
    intent = an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=12, payment_method=METHOD)
    keep(database, intent, an_attempt(12, state=AttemptState.OPEN, expires_ms=NOW_MS))
    silent = cast("Any", Silent())
    deps = replace(dependencies(database), providers=silent, transport=silent)
    reconcile_intent(deps, Poll(12, tries=4))
    found = database.store.read(lambda unit: unit.attempts.find(12))
    assert found is not None
    assert found.state is AttemptState.CLOSING
    assert due_by(database, NOW_MS + 1_000) == [(12, 0)]


def test_a_refund_that_waited_long_for_money_is_asked_about_at_once_when_its_fate_gets_unclear(
    database: Database,
) -> None:
    keep(database, an_intent(status=IntentStatus.SUCCEEDED, amount_received=2000))
    waited_long = replace(REFUND, intent_id=1, state=RefundState.SHORT)
    database.store.write(lambda unit: unit.refunds.insert(waited_long))
    deps = dependencies(database)
    database.store.write(lambda unit: settle_refund.settle_refund(unit, deps, REFUND.id, Uncertain(), looks=500))
    due = database.store.write(lambda unit: unit.refunds.claim(now_ms=NOW_MS + 1_000, lease_ms=1, limit=9))
    assert [(poll.item, poll.tries) for poll in due] == [(REFUND.id, 0)]
    database.store.write(lambda unit: settle_refund.settle_refund(unit, deps, REFUND.id, Uncertain(), looks=1))
    assert not database.store.write(lambda unit: unit.refunds.claim(now_ms=NOW_MS + 4_999, lease_ms=1, limit=9))
