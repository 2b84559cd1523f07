"""The laws of money over a real database, in any order of anything that can be asked or told; hypothesis chooses it.

One intent with its orders, cancels, refunds and misplaced money goes through the real flows. Beside it stands what
the provider's own books would say, and after every step the two must agree to the fen.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, Row, create_engine, text

from tests.contracts.conftest import Database
from tests.contracts.test_settling import NUMBERS, dependencies
from tests.support.objects import ACCOUNT, MERCHANT, METHOD, NOW_MS, an_attempt, an_intent, opened, paid
from wxbackend.domain import ledger, lifecycle
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import Rejected
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.observation import (
    Absent,
    Closed,
    Declined,
    Observation,
    Pending,
    RefundAbnormal,
    RefundClosed,
    RefundObservation,
    RefundProcessing,
    RefundShort,
    RefundSucceeded,
    Uncertain,
)
from wxbackend.domain.refund import Origin, Refund, RefundState
from wxbackend.flows import settle
from wxbackend.flows.cancel_intent import Cancel, cancel_intent
from wxbackend.flows.cancel_refund import cancel_refund
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.settle_refund import settle_refund, take_turn
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import Page, Unit

MERCHANTS: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
DECLINED: Final = Declined("payment_method_provider_decline", "invalid_request_error", "no")
AT_PROVIDER: Final = ledger.at_provider("wechat_v3", MERCHANT)
SAID: Final[tuple[Observation, ...]] = (
    opened(), Pending("NOTPAY"), Closed("CLOSED"), DECLINED, Uncertain("time-out"), Absent(),
)  # fmt: skip
SAID_OF_REFUNDS: Final[tuple[RefundObservation, ...]] = (
    RefundProcessing("5"), RefundClosed("5"), RefundAbnormal("5"), RefundShort(), DECLINED, Pending("?"), Absent(),
    Uncertain("time-out"),
)  # fmt: skip
WRONG: Final[dict[str, dict[str, Any]]] = {
    "less": {"amount": 1}, "more": {"amount": 3000}, "currency": {"currency": "USD"}, "app": {"app": "wx0"},
    "merchant": {"merchant": "1900009999"}, "payer": {"payer": "oX"},
}  # fmt: skip
EXAMPLES: Final = {"sqlite": 12, "postgresql": 4}
DISCREPANCIES: Final = text("SELECT id, transaction_id, state FROM discrepancies WHERE intent_id = :number")


class Journal(RuleBasedStateMachine):
    """One intent and all that happens to it, and the money that the provider has for it."""

    def __init__(self, database: Database, engine: Engine) -> None:
        super().__init__()
        nobody = SimpleNamespace(of=lambda *_: None)
        self.deps = replace(dependencies(database), providers=cast("Any", nobody))
        self.engine = engine
        self.number = next(NUMBERS)
        self.account = f"{ACCOUNT}_{self.number}"
        self.actor = replace(MERCHANTS, account=self.account)
        self.attempts: list[int] = []
        self.told: set[str] = set()
        self.came: dict[str, tuple[int, str]] = {}
        self.gone: dict[int, Refund] = {}
        self.numbers: dict[int, str] = {}
        self.paid: dict[int, str] = {}
        self.canceled: set[int] = set()
        self.write(lambda unit: settle.begin(unit, self.deps, lifecycle.create(self.new_intent())))

    # --- what there is --------------------------------------------------------------------------

    def new_intent(self) -> PaymentIntent:
        return an_intent(self.number, account=self.account, payment_method=METHOD)

    def write(self, work: Any) -> Any:
        return self.deps.store.write(work)

    def read(self, work: Any) -> Any:
        return self.deps.store.read(work)

    def intent(self) -> PaymentIntent:
        found: PaymentIntent = self.read(lambda unit: unit.intents.find(self.number))
        return found

    def attempt(self, number: int) -> Attempt:
        found: Attempt = self.read(lambda unit: unit.attempts.find(number))
        return found

    def unresolved(self) -> Attempt | None:
        found: Attempt | None = self.read(lambda unit: unit.attempts.unresolved(self.number))
        return found

    def refunds(self) -> list[Refund]:
        page = Page(limit=1000)
        found = self.read(lambda unit: unit.refunds.page(self.account, livemode=False, page=page, intent_id=None))
        return list(found)

    def changeable(self) -> bool:
        intent = self.intent()
        return not intent.is_final() and intent.cancel_requested_ms is None

    @initialize(orders=st.integers(0, 3))
    def some_orders_were_sent(self, orders: int) -> None:
        for _ in range(orders):
            if self.attempts:
                self.hear(self.attempts[-1], Closed("CLOSED"), 1)
            self.an_order_is_sent()

    # --- what is asked ------------------------------------------------------------------------------

    @precondition(lambda self: len(self.attempts) < 4 and self.changeable() and self.unresolved() is None)
    @rule()
    def an_order_is_sent(self) -> None:
        number = next(NUMBERS)
        attempt = an_attempt(number, self.number, account=self.account)

        def work(unit: Unit) -> None:
            was = unit.intents.lock(self.number)
            assert was is not None
            named = lifecycle.name_method(was, METHOD).intent
            settle.start(unit, self.deps, lifecycle.start_attempt(named, attempt), was=was)

        self.write(work)
        self.attempts.append(number)

    @precondition(lambda self: self.changeable() and self.unresolved() is not None)
    @rule()
    def another_payer_confirms(self) -> None:
        def work(unit: Unit) -> None:
            was, open_one = unit.intents.lock(self.number), unit.attempts.unresolved(self.number)
            assert was is not None
            assert open_one is not None
            if open_one.state is not AttemptState.CLOSING:
                settle.keep(unit, self.deps, lifecycle.give_up_attempt(was, open_one), was=was, acting=True)

        self.write(work)

    @precondition(lambda self: len(self.attempts) < 4 and self.changeable() and self.unresolved() is not None)
    @rule()
    def the_order_is_closed_and_another_one_sent(self) -> None:
        self.hear(self.attempts[-1], Closed("CLOSED"), 1)
        if self.changeable() and self.unresolved() is None:
            self.an_order_is_sent()

    @rule()
    def the_merchant_cancels(self) -> None:
        with suppress(Rejected):
            cancel_intent(self.deps, self.actor, self.number, Cancel("abandoned"))

    @rule(amount=st.sampled_from([None, 1, 700, 2000, 2001]))
    def the_merchant_refunds(self, amount: int | None) -> None:
        with suppress(Rejected):
            create_refund(self.deps, self.actor, CreateRefund(self.number, amount))

    @precondition(lambda self: self.refunds())
    @rule(data=st.data())
    def the_merchant_takes_a_refund_back(self, data: st.DataObject) -> None:
        refund = data.draw(st.sampled_from(self.refunds()))
        with suppress(Rejected):
            cancel_refund(self.deps, self.actor, refund.id)
            assert refund.state is RefundState.QUEUED, "what may have been sent is never taken back"
            self.canceled.add(refund.id)

    @precondition(lambda self: self.refunds())
    @rule(data=st.data(), later_ms=st.sampled_from([0, 61_000, 3_600_000]))
    def the_sender_looks_whose_turn_it_is(self, data: st.DataObject, later_ms: int) -> None:
        refund = data.draw(st.sampled_from(self.refunds()))
        now_ms = NOW_MS + later_ms
        sent = self.write(lambda unit: take_turn(unit, self.deps, refund.id, now_ms=now_ms))
        assert sent is None or (refund.state is RefundState.QUEUED and sent.sent_ms == now_ms)

    # --- what is told, of any order and any refund, at any time, by notice or to our own query ---------

    def hear(self, number: int, said: Observation, looks: int | None) -> None:
        self.write(lambda unit: settle.settle(unit, self.deps, number, said, looks=looks))

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), said=st.sampled_from(SAID), looks=st.sampled_from([None, 1]))
    def the_provider_says(self, data: st.DataObject, said: Observation, looks: int | None) -> None:
        self.hear(data.draw(st.sampled_from(self.attempts)), said, looks)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), second=st.booleans(), looks=st.sampled_from([None, 1]))
    def the_right_money_comes(self, data: st.DataObject, second: bool, looks: int | None) -> None:
        self.pay(data.draw(st.sampled_from(self.attempts)), looks, second=second)

    @precondition(lambda self: len(self.attempts) > 1)
    @rule(looks=st.sampled_from([None, 1]))
    def the_money_of_every_order_comes(self, looks: int | None) -> None:
        for number in self.attempts:
            self.pay(number, looks)

    def pay(self, number: int, looks: int | None, *, second: bool = False) -> None:
        transaction = f"42{number}{int(second)}"
        self.told.add(transaction)
        self.came[transaction] = (2000, "CNY")
        self.hear(number, paid(transaction), looks)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), wrong=st.sampled_from(sorted(WRONG)), looks=st.sampled_from([None, 1]))
    def the_wrong_money_comes(self, data: st.DataObject, wrong: str, looks: int | None) -> None:
        number = data.draw(st.sampled_from(self.attempts))
        said = paid(f"43{number}{wrong}", **WRONG[wrong])
        self.told.add(said.transaction)
        if looks is not None:  # a notice alone is put on record, and believed when our own query says the same
            self.came[said.transaction] = (said.amount, said.currency)
        self.hear(number, said, looks)

    @precondition(lambda self: self.refunds())
    @rule(data=st.data(), said=st.sampled_from(SAID_OF_REFUNDS), looks=st.sampled_from([None, 1]))
    def the_provider_says_of_a_refund(self, data: st.DataObject, said: RefundObservation, looks: int | None) -> None:
        refund = data.draw(st.sampled_from(self.refunds()))
        self.write(lambda unit: settle_refund(unit, self.deps, refund.id, said, looks=looks))

    @precondition(lambda self: self.refunds())
    @rule(data=st.data())
    def the_buyer_has_the_money_back(self, data: st.DataObject) -> None:
        """The provider gives back no more of a transaction than came by it; for the rest it may do what it likes."""
        refund = data.draw(st.sampled_from(self.refunds()))
        back = sum(other.money.amount for other in self.gone.values() if other.transaction == refund.transaction)
        if refund.id in self.gone or back + refund.money.amount <= self.came[refund.transaction][0]:
            self.gone[refund.id] = refund
            said = RefundSucceeded("5", NOW_MS)
            self.write(lambda unit: settle_refund(unit, self.deps, refund.id, said))

    # --- laws -------------------------------------------------------------------------------------------

    def events(self, kind: EventType) -> int:
        page = Page(limit=1000)
        return len(self.read(lambda unit: unit.events.page(self.account, livemode=False, page=page, types=(kind,))))

    def discrepancies(self) -> list[Row[Any]]:
        with self.engine.connect() as connection:
            return list(connection.execute(DISCREPANCIES, {"number": self.number}))

    @invariant()
    def money_is_received_once_and_paid_stays_paid(self) -> None:
        intent = self.intent()
        succeeded = intent.status is IntentStatus.SUCCEEDED
        assert intent.amount_received == (2000 if succeeded else 0)
        assert self.events(EventType.INTENT_SUCCEEDED) == int(succeeded)
        for number in self.attempts:
            attempt = self.attempt(number)
            if attempt.state is AttemptState.PAID:
                assert attempt.transaction is not None
                self.paid.setdefault(number, attempt.transaction)
        for number, transaction in self.paid.items():
            assert self.attempt(number).state is AttemptState.PAID
            assert self.attempt(number).transaction == transaction

    @invariant()
    def all_other_money_is_on_record(self) -> None:
        intent = self.intent()
        sold = {self.attempt(intent.attempt_id).transaction} if intent.amount_received and intent.attempt_id else set()
        recorded = {entry.transaction_id for entry in self.discrepancies()}
        assert self.told == sold | recorded
        assert not sold & recorded, "one payment is not both sold and misplaced"

    @invariant()
    def the_journal_is_what_the_provider_has(self) -> None:
        balances = self.read(lambda unit: unit.ledger.balances(self.account, livemode=False))
        refunds = self.refunds()
        expected: Counter[tuple[str, str]] = Counter()
        for amount, currency in self.came.values():
            expected[AT_PROVIDER, currency] += amount
        for refund in self.gone.values():
            expected[AT_PROVIDER, refund.money.currency] -= refund.money.amount
        for refund in refunds:
            if refund.is_unresolved():
                expected[ledger.REFUNDS_PENDING, refund.money.currency] -= refund.money.amount
        for currency in ("CNY", "USD"):
            assert sum(value for (_, money), value in balances.items() if money == currency) == 0
            for name in (AT_PROVIDER, ledger.REFUNDS_PENDING):
                assert balances.get((name, currency), 0) == expected[name, currency], name

    @invariant()
    def no_more_goes_back_than_came_and_numbers_never_change(self) -> None:
        refunds = self.refunds()
        merchants = [refund for refund in refunds if refund.origin is Origin.MERCHANT]
        back = sum(refund.money.amount for refund in merchants if refund.state is RefundState.SUCCEEDED)
        assert back <= self.intent().amount_received
        for refund in refunds:
            if refund.id in self.canceled and refund.state is not RefundState.CANCELED:
                assert refund.state is not RefundState.QUEUED, "only what the provider says can undo a cancel"
            assert self.numbers.setdefault(refund.id, refund.out_refund_no) == refund.out_refund_no
            assert (refund.state is RefundState.SUCCEEDED) == (refund.id in self.gone)
        automatic = Counter(refund.discrepancy_id for refund in refunds if refund.origin is Origin.AUTOMATIC)
        assert all(times == 1 for times in automatic.values())
        given_back = {refund.discrepancy_id for refund in refunds if refund.id in self.gone}
        for entry in self.discrepancies():
            assert (entry.state == "refunded") == (entry.id in given_back)


def test_any_order_of_anything_keeps_the_laws_of_money(database: Database) -> None:
    few = settings(
        max_examples=EXAMPLES[database.url.partition("+")[0].partition(":")[0]],
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
        print_blob=True,
    )
    engine = create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        run_state_machine_as_test(cast("Any", lambda: Journal(database, engine)), settings=few)
    finally:
        engine.dispose()
