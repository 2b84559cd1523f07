"""Mandates and debits on both databases: what ended is never charged by us, whoever dies or comes first."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.contracts.conftest import Database
from tests.contracts.test_settling import dependencies
from tests.crashes.life import Hands
from tests.support.objects import ACCOUNT, NOW_MS, an_attempt, an_intent
from tests.unit.test_mandate_lifecycle import FAILED, HANDLE, SIGNED, a_mandate, a_setup
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.customer import Customer
from wxbackend.domain.errors import Conflict, ContractUnknown, InvalidRequest, NotFound
from wxbackend.domain.intent import IntentStatus, PaymentIntent, PaymentMethod
from wxbackend.domain.mandate import DebitNotice, Ended, Mandate, MandateState, PageOpened
from wxbackend.domain.mandate_lifecycle import UNKNOWN_FOR_MS, MandateObservation
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Accepted, Declined, Observation, Uncertain
from wxbackend.domain.setup import SetupIntent, SetupStatus
from wxbackend.flows import charge_mandate, settle, settle_mandate
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.end_mandate import end_mandate
from wxbackend.flows.park_failure import PARKED_AFTER_FAILURES, list_parked
from wxbackend.flows.reconcile_intent import reconcile_intent
from wxbackend.flows.reconcile_mandate import reconcile_mandate
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import Page, Poll, Unit, Work
from wxbackend.work import mandates as work

MERCHANT_ACTOR: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
METHOD: Final = PaymentMethod(22, "wechat_pay", NOW_MS, mandate_id=21)
CUSTOMER: Final = Customer(6, ACCOUNT, False, NOW_MS, "user77", "a buyer", {"wx1": "o1"}, {"a": "1"})
OF_CUSTOMER: Final = f"cus_{6:019d}"
ROUNDS: Final = 12


class Passing:
    """Surroundings whose time passes when it is told to."""

    def __init__(self, deps: Dependencies) -> None:
        self._surroundings = deps.surroundings
        self.passed_ms = 0

    def now_ms(self) -> int:
        return self._surroundings.now_ms() + self.passed_ms

    def __getattr__(self, name: str) -> Any:
        return getattr(self._surroundings, name)


class Provider:
    """Says what it is told to say, and remembers what it was asked."""

    currencies: Final = frozenset({"CNY"})

    def __init__(self, **says: Any) -> None:
        self.says = says
        self.asked: list[tuple[str, Any]] = []

    def of(self, _name: str, _merchant: str) -> Provider:
        return self

    def mandates_of(self, _name: str, _merchant: str) -> Provider:
        return self

    def send(self, exchange: Any) -> Any:
        return exchange

    def __getattr__(self, name: str) -> Any:
        def ask(subject: Any) -> Any:
            self.asked.append((name, subject))
            return self.says[name]

        return ask


def with_provider(database: Database, provider: Provider) -> Dependencies:
    """What flows need, around that provider."""
    accounts = SimpleNamespace(endpoints=lambda *_, **__: (), default_description=lambda _: "Tea")
    deps = dependencies(database)
    faked: Any = provider
    return replace(deps, providers=faked, transport=faked, accounts=cast("Any", accounts))


def keep(database: Database, mandate: Mandate, setup: SetupIntent | None = None) -> None:
    """A SetupIntent and its mandate as rows."""

    def work(unit: Unit) -> None:
        unit.setups.insert(setup or a_setup(status=SetupStatus.SUCCEEDED))
        unit.mandates.insert(mandate)

    database.store.write(work)


def in_force(database: Database) -> None:
    """A mandate that can be charged."""
    keep(database, a_mandate(state=MandateState.ACTIVE, handle=HANDLE, signed_ms=NOW_MS))


def mandate_now(database: Database) -> Mandate:
    """The mandate as it is stored."""
    found = database.store.read(lambda unit: unit.mandates.find(21))
    assert found is not None
    return found


def new_intent(number: int = 1, **changes: Any) -> PaymentIntent:
    """An intent that names the customer and the saved method."""
    return an_intent(number, customer=OF_CUSTOMER, payment_method=METHOD, **changes)


def charge(deps: Dependencies, intent: PaymentIntent, *, off_session: bool = True) -> Attempt:
    """Record the debit of a new intent."""

    def work(unit: Unit) -> Attempt:
        step = charge_mandate.start(unit, deps, MERCHANT_ACTOR, intent, METHOD, was=None, off_session=off_session)
        assert step.attempt is not None
        return step.attempt

    return deps.store.write(work)


def hear(database: Database, deps: Dependencies, said: MandateObservation) -> None:
    """Settle an observation about the mandate in a unit of its own."""
    database.store.write(lambda unit: settle_mandate.settle(unit, deps, 21, said))


def was_recorded(database: Database, number: int) -> bool:
    """Whether there is such an intent."""
    return database.store.read(lambda unit: unit.intents.find(number)) is not None


def test_what_is_kept_is_read_again_whole(database: Database) -> None:
    notice = DebitNotice(Money(300, "CNY"), NOW_MS, "2026-11-25", "2026-12-01")
    full = a_mandate(
        state=MandateState.ACTIVE, handle=HANDLE, client_params={"extraData": {"id": "x"}}, signed_ms=1, ended_ms=2,
        presentable_until_ms=3, notice=notice,
    )  # fmt: skip
    setup = a_setup(
        payment_method=METHOD, metadata={"a": "1"}, cancellation_reason="x", canceled_ms=4, description="d",
        return_url="u", last_setup_error=None,
    )  # fmt: skip
    keep(database, full, setup)
    database.store.write(lambda unit: unit.customers.insert(CUSTOMER))
    read = database.store.read
    assert mandate_now(database) == full
    assert read(lambda unit: unit.setups.find(5)) == setup
    assert read(lambda unit: unit.customers.find(6)) == CUSTOMER
    assert read(lambda unit: unit.mandates.find_by_number("wechat_v3", full.merchant, "m21")) == full
    assert read(lambda unit: unit.mandates.find_by_method(22)) == full
    page = Page(10)
    assert read(lambda unit: unit.setups.page(ACCOUNT, livemode=False, page=page, customer_id=6)) == [(setup, full)]
    assert read(lambda unit: unit.setups.page(ACCOUNT, livemode=True, page=page, customer_id=6)) == []
    assert read(lambda unit: unit.mandates.methods(ACCOUNT, livemode=False, page=page, customer_id=6)) == [full]
    assert read(lambda unit: unit.customers.page(ACCOUNT, livemode=False, page=page, merchant_user_id="x")) == []


def test_a_mandate_read_before_another_change_is_not_written(database: Database) -> None:
    in_force(database)
    seen = mandate_now(database)
    database.store.write(lambda unit: unit.mandates.save(replace(seen, ended_ms=1), was=seen))
    with pytest.raises(Exception, match="without its lock"):
        database.store.write(lambda unit: unit.mandates.save(replace(seen, ended_ms=2), was=seen))
    assert mandate_now(database).ended_ms == 1


def test_the_database_refuses_a_second_page_of_one_setup(database: Database) -> None:
    keep(database, a_mandate(state=MandateState.OPEN), a_setup())
    with pytest.raises(Exception, match=r"(?i)unique"):
        database.store.write(lambda unit: unit.mandates.insert(a_mandate(31)))
    database.store.write(lambda unit: unit.mandates.insert(a_mandate(41, state=MandateState.LAPSED)))


def test_the_end_that_comes_before_the_signing_is_final(database: Database) -> None:
    keep(database, a_mandate(state=MandateState.OPEN), a_setup())
    deps = with_provider(database, Provider())
    for said in (Ended(HANDLE, NOW_MS), SIGNED, SIGNED):
        hear(database, deps, said)
    assert mandate_now(database).state is MandateState.ENDED
    with pytest.raises(NotFound):
        charge(deps, new_intent())
    assert database.store.read(lambda unit: unit.intents.find(1)) is None


@pytest.mark.parametrize("state", [state for state in MandateState if state is not MandateState.ACTIVE])
def test_only_a_mandate_in_force_is_charged_and_a_refusal_stores_nothing(
    database: Database, state: MandateState
) -> None:
    keep(database, a_mandate(state=state, handle=HANDLE, signed_ms=NOW_MS))
    provider = Provider()
    with pytest.raises(Conflict):
        charge(with_provider(database, provider), new_intent())
    assert database.store.read(lambda unit: unit.intents.find(1)) is None
    assert provider.asked == []


def test_a_charge_wants_the_customer_the_word_and_the_secret_key(database: Database) -> None:
    in_force(database)
    deps = with_provider(database, Provider())
    for intent, off_session, param in (
        (new_intent(), False, "off_session"),
        (replace(new_intent(), customer=None), True, "customer"),
        (replace(new_intent(), customer="cus_another"), True, "customer"),
        (replace(new_intent(), money=Money(5, "USD")), True, "currency"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            charge(deps, intent, off_session=off_session)
        assert refused.value.param == param
    assert database.store.read(lambda unit: unit.intents.find(1)) is None


def test_a_process_that_died_before_it_sent_the_debit_sends_it_once_under_its_number(database: Database) -> None:
    in_force(database)
    provider = Provider(query_charge=Absent(), charge=Accepted())
    deps = with_provider(database, provider)
    debit = charge(deps, new_intent())
    reconcile_intent(deps, Poll(debit.id, 0))
    assert [name for name, _ in provider.asked] == ["query_charge", "charge"]
    assert {asked.out_trade_no for _, asked in provider.asked} == {debit.out_trade_no}
    found = database.store.read(lambda unit: unit.intents.shown(1))
    assert found is not None
    assert found[1] is not None
    assert (found[0].status, found[1].state) == (IntentStatus.PROCESSING, AttemptState.OPEN)
    reconcile_intent(deps, Poll(debit.id, 1))
    assert [name for name, _ in provider.asked].count("charge") == 1


@pytest.mark.parametrize("lost", [Uncertain("time-out"), Declined("x", "generic_decline", "no")])
def test_a_process_that_died_after_the_debit_was_taken_only_asks(database: Database, lost: Observation) -> None:
    in_force(database)
    provider = Provider(query_charge=Accepted(), charge=lost)
    deps = with_provider(database, provider)
    debit = charge(deps, new_intent())
    reconcile_intent(deps, Poll(debit.id, 0))
    assert [name for name, _ in provider.asked] == ["query_charge"]


def test_a_debit_whose_mandate_ended_meanwhile_is_never_sent(database: Database) -> None:
    in_force(database)
    provider = Provider(query_charge=Absent(), charge=Accepted(), end=Ended(HANDLE, NOW_MS))
    deps = with_provider(database, provider)
    debit = charge(deps, new_intent())
    end_mandate(deps, lambda unit: unit.mandates.find(21) or a_mandate(), object_id=21)
    reconcile_intent(deps, Poll(debit.id, 0))
    assert [name for name, _ in provider.asked] == ["end", "query_charge"]
    found = database.store.read(lambda unit: unit.attempts.find(debit.id))
    assert found is not None
    assert found.state is AttemptState.UNCERTAIN


def test_a_debit_that_failed_because_the_contract_is_over_makes_us_ask_about_it(database: Database) -> None:
    in_force(database)
    deps = with_provider(database, Provider(query_mandate=Ended(HANDLE, NOW_MS)))
    debit = charge(deps, new_intent())
    over = replace(FAILED, decline_code="mandate_inactive")
    database.store.write(lambda unit: settle.settle(unit, deps, debit.id, over))
    due = database.store.write(lambda unit: unit.mandates.claim(now_ms=NOW_MS, lease_ms=1, limit=9))
    assert [poll.item for poll in due] == [21]
    reconcile_mandate(deps, due[0])
    assert mandate_now(database).state is MandateState.ENDED
    assert not database.store.write(lambda unit: unit.mandates.claim(now_ms=2 * NOW_MS, lease_ms=1, limit=9))


def test_an_end_that_is_not_confirmed_is_asked_for_again(database: Database) -> None:
    in_force(database)
    lost = Provider(end=Uncertain("time-out"), query_mandate=SIGNED)
    deps = with_provider(database, lost)
    ended = end_mandate(deps, lambda unit: unit.mandates.find(21) or a_mandate(), object_id=21)
    assert ended.state is MandateState.ENDING
    due = database.store.write(lambda unit: unit.mandates.claim(now_ms=NOW_MS + 1_000, lease_ms=1, limit=9))
    reconcile_mandate(with_provider(database, Provider(end=Ended(HANDLE, NOW_MS))), due[0])
    assert mandate_now(database).state is MandateState.ENDED


def test_a_contract_that_nobody_knows_while_it_ends_is_parked_and_over_after_a_week(database: Database) -> None:
    keep(database, a_mandate(state=MandateState.ENDING, handle=HANDLE, signed_ms=NOW_MS, ended_ms=NOW_MS))
    deps = with_provider(database, Provider(end=Uncertain("404"), query_mandate=Absent()))
    clock = Passing(deps)
    deps = replace(deps, surroundings=cast("Any", clock))
    database.store.write(lambda unit: unit.mandates.schedule(21, due_ms=NOW_MS, tries=0))
    hands = Hands(1, "hands")
    asked = 0
    while mandate_now(database).state is MandateState.ENDING:
        asked += work.tick(deps, hands)
        if asked == PARKED_AFTER_FAILURES:
            (parked,) = list_parked(deps)
            assert (parked.work, parked.item, parked.reason) == (Work.MANDATE, 21, "ContractUnknown")
        clock.passed_ms += 600_000
        assert clock.passed_ms <= UNKNOWN_FOR_MS + 7_200_000, "it is asked for ever"
    assert clock.passed_ms > UNKNOWN_FOR_MS
    assert mandate_now(database).ended_ms == NOW_MS
    assert list_parked(deps) == []
    assert not database.store.write(lambda unit: unit.mandates.claim(now_ms=2 * NOW_MS, lease_ms=1, limit=9))


def test_a_contract_that_is_known_again_while_it_ends_is_ended_there(database: Database) -> None:
    keep(database, a_mandate(state=MandateState.ENDING, handle=HANDLE, signed_ms=NOW_MS, ended_ms=NOW_MS))
    provider = Provider(end=Uncertain("404"), query_mandate=Absent())
    deps = with_provider(database, provider)
    with pytest.raises(ContractUnknown):
        reconcile_mandate(deps, Poll(21, 0))
    assert mandate_now(database).state is MandateState.ENDING
    provider.says["end"] = Ended(HANDLE, NOW_MS + 1)
    reconcile_mandate(deps, Poll(21, 1))
    assert mandate_now(database).state is MandateState.ENDED


def test_a_page_whose_answer_was_lost_opens_with_the_next_one(database: Database) -> None:
    keep(database, a_mandate(), a_setup())
    deps = with_provider(database, Provider())
    for said in (Uncertain("time-out"), PageOpened({"url": "https://example.com"}, NOW_MS + 1)):
        hear(database, deps, said)
    assert mandate_now(database).client_params == {"url": "https://example.com"}


def test_ending_and_charging_at_once_never_records_a_debit_after_the_end(database: Database) -> None:
    keep(database, a_mandate(state=MandateState.ACTIVE, handle=HANDLE, signed_ms=NOW_MS))
    deps = with_provider(database, Provider(end=Ended(HANDLE, NOW_MS)))
    order: list[tuple[str, int]] = []
    barrier = threading.Barrier(ROUNDS + 1)

    def charging(number: int) -> None:
        barrier.wait()
        try:
            charge(deps, new_intent(100 + number))
        except Conflict:
            order.append(("refused", number))

    def ending() -> None:
        barrier.wait()
        end_mandate(deps, lambda unit: unit.mandates.find(21) or a_mandate(), object_id=21)

    threads = [threading.Thread(target=charging, args=(number,)) for number in range(ROUNDS)]
    threads.append(threading.Thread(target=ending))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorded = [number for number in range(ROUNDS) if was_recorded(database, 100 + number)]
    refused = sorted(number for _, number in order)
    assert sorted(recorded + refused) == list(range(ROUNDS))
    assert mandate_now(database).state is MandateState.ENDED
    with pytest.raises(Conflict):
        charge(deps, new_intent(999))


def test_an_order_that_is_still_open_is_no_place_for_a_debit(database: Database) -> None:
    in_force(database)
    deps = with_provider(database, Provider())
    intent = new_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=11)

    def work(unit: Unit) -> None:
        unit.intents.insert(intent)
        unit.attempts.insert(an_attempt(state=AttemptState.OPEN))

    database.store.write(work)
    with pytest.raises(Conflict):
        database.store.write(
            lambda unit: charge_mandate.start(unit, deps, MERCHANT_ACTOR, intent, METHOD, was=intent, off_session=True)
        )
