"""Mandates against this file's own drawing of their table, and the law that an ended one is never in force again."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.objects import ACCOUNT, APP, MERCHANT, NOW_MS, ORDER_LASTS_MS, PAYER, an_attempt, an_intent, paid
from tests.unit.test_lifecycle_tables import drawn
from wxbackend.domain import lifecycle, mandate_lifecycle
from wxbackend.domain.attempt import DEBIT_IN_FLIGHT_MS_MAX, AttemptState
from wxbackend.domain.errors import Conflict
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.mandate import PUBLIC_STATUS, Ended, Mandate, MandateState, PageOpened, Signed, Unsigned
from wxbackend.domain.mandate_lifecycle import MandateObservation
from wxbackend.domain.observation import (
    Absent,
    Accepted,
    Closed,
    Declined,
    Failed,
    Observation,
    Pending,
    Uncertain,
)
from wxbackend.domain.setup import SetupIntent, SetupStatus
from wxbackend.domain.terminal import Terminal

HANDLE: Final = "202611230000000001"
SIGNED: Final = Signed(HANDLE, PAYER, APP, NOW_MS + 5)
SAID: Final[dict[str, MandateObservation]] = {
    "opened": PageOpened({"url": "https://example.com/sign"}, NOW_MS + 60_000),
    "signed": SIGNED,
    "ended": Ended(HANDLE, NOW_MS + 9),
    "unsigned": Unsigned(),
    "declined": Declined("setup_attempt_failed", "generic_decline", "no"),
    "pending": Pending("?"),
    "absent": Absent(),
    "uncertain": Uncertain("time-out"),
}
# Drawn by hand; rows are what the mandate was, columns what was said.
DRAWING: Final = """
          opened    signed  ended  unsigned  declined  pending   absent    uncertain
recorded  open      active  ended  lapsed    declined  recorded  recorded  recorded
open      open      active  ended  lapsed    open      open      open      open
active    active    active  ended  active    active    active    active    active
ending    ending    ending  ended  ending    ending    ending    ending    ending
ended     ended     ended   ended  ended     ended     ended     ended     ended
lapsed    lapsed    ending  ended  lapsed    lapsed    lapsed    lapsed    lapsed
declined  declined  ending  ended  declined  declined  declined  declined  declined
"""
DEBIT_DRAWING: Final = """
           accepted  failed
recorded   open      declined
uncertain  open      declined
open       open      declined
closing    closing   declined
paid       paid      paid
closed     open      closed
declined   open      declined
"""
FAILED: Final = Failed("payment_method_provider_decline", "insufficient_funds", "The buyer's balance was too low.")


def a_mandate(number: int = 21, **changes: Any) -> Mandate:
    """A mandate that was just recorded."""
    mandate = Mandate(
        id=number,
        setup_id=5,
        customer_id=6,
        method_id=number + 1,
        account=ACCOUNT,
        livemode=False,
        provider="wechat_v3",
        merchant=MERCHANT,
        app=APP,
        terminal=Terminal.OFFICIAL_ACCOUNT,
        out_mandate_no=f"m{number}",
        payer=PAYER,
        method_type="wechat_pay",
        display_name="u1",
        created_ms=NOW_MS,
        sent_ms=NOW_MS,
        expires_ms=NOW_MS + ORDER_LASTS_MS,
    )
    return replace(mandate, **changes)


def a_setup(**changes: Any) -> SetupIntent:
    """A SetupIntent whose present mandate is 21."""
    setup = SetupIntent(
        id=5,
        account=ACCOUNT,
        livemode=False,
        created_ms=NOW_MS,
        customer_id=6,
        status=SetupStatus.REQUIRES_ACTION,
        client_secret="seti_secret",
        mandate_id=21,
    )
    return replace(setup, **changes)


def setup_for(state: MandateState) -> SetupIntent:
    """The SetupIntent as it is while its mandate has that state."""
    if state in (MandateState.RECORDED, MandateState.OPEN):
        return a_setup()
    return a_setup(status=SetupStatus.SUCCEEDED if state is MandateState.ACTIVE else SetupStatus.CANCELED)


def test_the_drawings_cover_every_state_and_every_observation() -> None:
    assert {row for row, _ in drawn(DRAWING)} == {state.value for state in MandateState}
    assert {row for row, _ in drawn(DEBIT_DRAWING)} == {state.value for state in AttemptState}
    assert {column for _, column in drawn(DRAWING)} == set(SAID)
    assert set(PUBLIC_STATUS) == set(MandateState)
    for row in mandate_lifecycle.MANDATE.values():
        assert set(row) == {type(said) for said in SAID.values()}


@pytest.mark.parametrize(("was", "said"), list(product([state.value for state in MandateState], SAID)))
def test_a_mandate_becomes_what_is_drawn(was: str, said: str) -> None:
    mandate = a_mandate(state=MandateState(was))
    step = mandate_lifecycle.advance(setup_for(mandate.state), mandate, SAID[said], now_ms=NOW_MS + 10)
    assert step.mandate is not None
    assert step.mandate.state.value == drawn(DRAWING)[was, said]
    again = mandate_lifecycle.advance(step.setup, step.mandate, SAID[said], now_ms=NOW_MS + 10)
    if step.mandate.state is not MandateState.ENDING:
        assert (again.setup, again.mandate, again.events) == (step.setup, step.mandate, ())


@pytest.mark.parametrize(
    ("was", "said", "status", "events"),
    [
        ("recorded", "opened", "requires_action", ["setup_intent.requires_action"]),
        ("open", "opened", "requires_action", []),
        ("open", "signed", "succeeded", ["setup_intent.succeeded", "payment_method.attached", "mandate.updated"]),
        ("recorded", "declined", "requires_payment_method", ["setup_intent.setup_failed", "mandate.updated"]),
        ("open", "unsigned", "requires_payment_method", ["setup_intent.setup_failed", "mandate.updated"]),
        ("open", "ended", "requires_payment_method", ["setup_intent.setup_failed", "mandate.updated"]),
        ("active", "ended", "succeeded", ["mandate.updated", "payment_method.detached"]),
        ("active", "uncertain", "succeeded", []),
        ("ending", "ended", "canceled", []),
        ("lapsed", "signed", "canceled", []),
    ],
)
def test_the_merchant_is_told_once_what_became_true(was: str, said: str, status: str, events: list[str]) -> None:
    mandate = a_mandate(state=MandateState(was))
    step = mandate_lifecycle.advance(setup_for(mandate.state), mandate, SAID[said], now_ms=NOW_MS + 10)
    assert step.setup.status.value == status
    assert [event.value for event in step.events] == events


@pytest.mark.parametrize("said", [replace(SIGNED, payer="oStranger"), replace(SIGNED, app="wxother")])
def test_a_contract_that_somebody_else_signed_is_ended_and_never_in_force(said: Signed) -> None:
    step = mandate_lifecycle.advance(a_setup(), a_mandate(state=MandateState.OPEN), said, now_ms=NOW_MS)
    assert step.mandate is not None
    assert (step.mandate.state, step.mandate.handle) == (MandateState.ENDING, HANDLE)
    assert step.setup.last_setup_error == mandate_lifecycle.SIGNED_BY_ANOTHER
    assert EventType.METHOD_ATTACHED not in step.events


def test_that_nobody_signed_is_believed_only_when_nobody_can_any_more() -> None:
    mandate = a_mandate(state=MandateState.OPEN)
    early = mandate_lifecycle.advance(a_setup(), mandate, Absent(), now_ms=mandate.expires_ms - 1)
    assert early.mandate == mandate
    late = mandate_lifecycle.advance(a_setup(), mandate, Absent(), now_ms=mandate.expires_ms)
    assert late.mandate is not None
    assert late.mandate.state is MandateState.LAPSED
    assert late.setup.last_setup_error == mandate_lifecycle.NOT_SIGNED


def test_canceling_stops_a_page_and_what_is_signed_there_is_ended() -> None:
    mandate = a_mandate(state=MandateState.OPEN)
    canceled = mandate_lifecycle.cancel(a_setup(), mandate, reason="abandoned", now_ms=NOW_MS)
    assert canceled.setup.status is SetupStatus.CANCELED
    assert canceled.mandate is not None
    late = mandate_lifecycle.advance(canceled.setup, canceled.mandate, SIGNED, now_ms=NOW_MS)
    assert late.mandate is not None
    assert (late.mandate.state, late.mandate.handle) == (MandateState.ENDING, HANDLE)
    assert late.setup == canceled.setup
    with pytest.raises(Conflict):
        mandate_lifecycle.cancel(late.setup, None, reason=None, now_ms=NOW_MS)


def test_ending_is_at_once_and_again_is_a_repeat_and_unsigned_is_refused() -> None:
    ended, events = mandate_lifecycle.end(a_mandate(state=MandateState.ACTIVE), now_ms=NOW_MS)
    assert (ended.state, ended.is_chargeable()) == (MandateState.ENDING, False)
    assert events == (EventType.MANDATE_UPDATED, EventType.METHOD_DETACHED)
    assert mandate_lifecycle.end(ended, now_ms=NOW_MS + 1) == (ended, ())
    with pytest.raises(Conflict):
        mandate_lifecycle.end(a_mandate(), now_ms=NOW_MS)


@given(st.lists(st.sampled_from([*SAID.values(), replace(SIGNED, payer="oStranger"), "end", "cancel", "hour"])))
def test_in_any_order_what_ended_is_never_in_force_again_and_the_setup_keeps_its_end(told: list[Any]) -> None:
    setup, mandate, now_ms = a_setup(), a_mandate(), NOW_MS
    over = False
    events: list[EventType] = []
    for what in told:
        was_final = setup if setup.is_final() else None
        if what == "hour":
            now_ms += 3_600_000
        elif what == "end":
            if not mandate.is_signable():
                mandate, more = mandate_lifecycle.end(mandate, now_ms=now_ms)
                events += more
        elif what == "cancel":
            if not setup.is_final():
                step = mandate_lifecycle.cancel(setup, mandate, reason=None, now_ms=now_ms)
                setup, mandate = step.setup, step.mandate or mandate
                events += step.events
        else:
            step = mandate_lifecycle.advance(setup, mandate, what, now_ms=now_ms)
            assert step.mandate is not None
            setup, mandate = step.setup, step.mandate
            events += step.events
        over = over or PUBLIC_STATUS[mandate.state] == "inactive"
        assert not (over and mandate.is_chargeable())
        assert was_final is None or setup == was_final
        assert mandate.is_chargeable() == (
            events.count(EventType.METHOD_ATTACHED) > events.count(EventType.METHOD_DETACHED)
        )
        if mandate.is_chargeable():
            assert setup.status is SetupStatus.SUCCEEDED
            mandate_lifecycle.require_chargeable(mandate)
        else:
            with pytest.raises(Conflict):
                mandate_lifecycle.require_chargeable(mandate)
    assert events.count(EventType.METHOD_ATTACHED) <= 1
    assert events.count(EventType.SETUP_SUCCEEDED) <= 1


# --- debits ---------------------------------------------------------------------------------------


def a_debit(**changes: Any) -> Any:
    """An attempt that takes money under a mandate."""
    return an_attempt(mandate_id=21, mandate_handle=HANDLE, **changes)


def processing() -> PaymentIntent:
    """The intent of that debit."""
    return an_intent(status=IntentStatus.PROCESSING, attempt_id=11)


@pytest.mark.parametrize(
    ("was", "said"), list(product([state.value for state in AttemptState], ["accepted", "failed"]))
)
def test_a_debit_becomes_what_is_drawn(was: str, said: str) -> None:
    observation: Observation = Accepted() if said == "accepted" else FAILED
    transaction = "4200000001" if was == "paid" else None
    intent = processing()
    if was == "paid":
        intent = an_intent(status=IntentStatus.SUCCEEDED, attempt_id=11, amount_received=2000)
    elif was in ("closed", "declined"):
        intent = an_intent(attempt_id=11)
    step = lifecycle.advance(intent, a_debit(state=AttemptState(was), transaction=transaction), observation, now_ms=1)
    assert step.attempt is not None
    assert step.attempt.state.value == drawn(DEBIT_DRAWING)[was, said]


def test_a_debit_that_could_not_be_taken_says_why_and_one_that_was_given_up_is_waited_for_again() -> None:
    failed = lifecycle.advance(processing(), a_debit(state=AttemptState.OPEN), FAILED, now_ms=NOW_MS)
    assert failed.intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert failed.intent.last_payment_error is not None
    assert failed.intent.last_payment_error.decline_code == "insufficient_funds"
    assert failed.events == (EventType.INTENT_PAYMENT_FAILED,)
    gone = lifecycle.advance(processing(), a_debit(state=AttemptState.UNCERTAIN), Closed("CLOSED"), now_ms=NOW_MS)
    assert gone.attempt is not None
    back = lifecycle.advance(gone.intent, gone.attempt, Accepted(), now_ms=NOW_MS)
    assert (back.intent.status, back.events) == (IntentStatus.PROCESSING, (EventType.INTENT_PROCESSING,))


def test_absence_is_no_proof_while_a_debit_may_still_be_on_its_way() -> None:
    debit = a_debit(state=AttemptState.UNCERTAIN)
    for after_ms, becomes in ((DEBIT_IN_FLIGHT_MS_MAX - 1, "uncertain"), (DEBIT_IN_FLIGHT_MS_MAX, "closed")):
        step = lifecycle.advance(processing(), debit, Absent(), now_ms=NOW_MS + after_ms)
        assert step.attempt is not None
        assert step.attempt.state.value == becomes


def test_what_is_processing_takes_no_other_wish() -> None:
    for wish in (lifecycle.require_changeable, lifecycle.require_cancelable):
        with pytest.raises(Conflict, match="processing"):
            wish(processing())


DEBIT_SAID: Final = (
    Accepted(), FAILED, paid(), Pending("?"), Closed("CLOSED"), Absent(), Uncertain("?"),
    Declined("payment_method_provider_decline", "generic_decline", "no"),
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(DEBIT_SAID), st.sampled_from([0, 100_000, 400_000, 8_000_000]))))
def test_in_any_order_a_debit_is_paid_once_and_paid_is_never_unpaid(told: list[tuple[Observation, int]]) -> None:
    intent, debit, now_ms = processing(), a_debit(), NOW_MS
    succeeded = 0
    for said, later_ms in told:
        now_ms += later_ms
        step = lifecycle.advance(intent, debit, said, now_ms=now_ms)
        assert step.attempt is not None
        assert step.discrepancy is None
        if intent.status is IntentStatus.SUCCEEDED:
            assert step.intent == intent
            assert step.attempt == debit
        intent, debit = step.intent, step.attempt
        succeeded += step.events.count(EventType.INTENT_SUCCEEDED)
        assert (intent.amount_received == 2000) == (debit.state is AttemptState.PAID)
        assert intent.status in (
            IntentStatus.PROCESSING, IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_PAYMENT_METHOD,
        )  # fmt: skip
        if intent.status is IntentStatus.PROCESSING:
            assert debit.is_unresolved()
    assert succeeded == (1 if any(said == paid() for said, _ in told) else 0)
