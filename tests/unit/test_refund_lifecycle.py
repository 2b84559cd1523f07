"""The refund's state machine against a drawing of its own, and the laws of what is reserved and booked."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wxbackend.domain import ledger, refund_lifecycle
from wxbackend.domain.endpoint import Endpoint
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.money import Money
from wxbackend.domain.observation import (
    Absent,
    Declined,
    Pending,
    RefundAbnormal,
    RefundClosed,
    RefundObservation,
    RefundProcessing,
    RefundShort,
    RefundSucceeded,
    Uncertain,
)
from wxbackend.domain.refund import PUBLIC_STATUS, RELEASED, Origin, Refund, RefundState

SAID: dict[str, RefundObservation] = {
    "processing": RefundProcessing("50000000"),
    "succeeded": RefundSucceeded("50000000", 1_700_000_000_000),
    "closed": RefundClosed("50000000"),
    "abnormal": RefundAbnormal("50000000"),
    "short": RefundShort(),
    "declined": Declined("refund_declined", "invalid_request", "no"),
    "pending": Pending("SOMETHING_NEW"),
    "absent": Absent(),
    "uncertain": Uncertain("timeout"),
}

# Rows: the state before. Columns: what the provider says. Drawn here by hand, not read from the table.
DRAWING = """
            processing  succeeded  closed  abnormal  short       declined    pending     absent      uncertain
queued      processing  succeeded  closed  abnormal  queued      queued      queued      queued      queued
recorded    processing  succeeded  closed  abnormal  short       declined    uncertain   recorded    uncertain
uncertain   processing  succeeded  closed  abnormal  short       declined    uncertain   uncertain   uncertain
short       processing  succeeded  closed  abnormal  short       declined    uncertain   short       uncertain
processing  processing  succeeded  closed  abnormal  processing  processing  processing  processing  processing
abnormal    processing  succeeded  closed  abnormal  abnormal    abnormal    abnormal    abnormal    abnormal
succeeded   succeeded   succeeded  succeeded succeeded succeeded succeeded   succeeded   succeeded   succeeded
closed      closed      succeeded  closed  closed    closed      closed      closed      closed      closed
declined    processing  succeeded  declined declined declined    declined    declined    declined    declined
canceled    processing  succeeded  canceled abnormal canceled    canceled    canceled    canceled    canceled
"""


def drawn() -> list[tuple[str, str, str]]:
    """(before, said, after) for every cell of the drawing."""
    head, *rows = [line.split() for line in DRAWING.strip().splitlines()]
    return [(row[0], said, after) for row in rows for said, after in zip(head, row[1:], strict=True)]


def refund(state: RefundState = RefundState.RECORDED, amount: int = 500) -> Refund:
    """A refund of five yuan."""
    return Refund(
        id=1,
        intent_id=2,
        attempt_id=3,
        account="acct_demo",
        livemode=False,
        provider="wechat_v3",
        merchant="1900000109",
        transaction="4200",
        out_refund_no="1",
        money=Money(amount, "CNY"),
        total=2000,
        created_ms=1,
        sent_ms=1,
        state=state,
    )


def paid_intent(received: int = 2000) -> PaymentIntent:
    """A payment of twenty yuan that arrived."""
    return PaymentIntent(
        id=2,
        account="acct_demo",
        livemode=False,
        created_ms=1,
        money=Money(received, "CNY"),
        status=IntentStatus.SUCCEEDED,
        client_secret="s",
        amount_received=received,
    )


@pytest.mark.parametrize(("before", "said", "after"), drawn())
def test_every_pair_leads_where_the_drawing_says(before: str, said: str, after: str) -> None:
    """All 90 of them."""
    step = refund_lifecycle.advance(refund(RefundState(before)), SAID[said])
    assert step.refund.state is RefundState(after)
    assert bool(step.events) is (before != after)


def test_the_drawing_is_complete() -> None:
    """A state or an observation that is added has to be drawn."""
    assert {before for before, _, _ in drawn()} == {state.value for state in RefundState}
    assert {said for _, said, _ in drawn()} == set(SAID)
    assert set(PUBLIC_STATUS) == set(RefundState)


@given(st.lists(st.sampled_from(sorted(SAID)), max_size=12))
def test_money_is_reserved_until_the_provider_said_its_final_word(words: list[str]) -> None:
    """Unknown, absent, throttled and short answers never release the amount."""
    now = refund()
    for word in words:
        after = refund_lifecycle.advance(now, SAID[word]).refund
        if now.state not in RELEASED and after.state in RELEASED:
            assert word in ("closed", "declined")
        if now.state is RefundState.SUCCEEDED:
            assert after == now
        assert after.out_refund_no == now.out_refund_no
        now = after


@example(["declined", "processing", "closed", "succeeded"])
@given(st.lists(st.sampled_from(sorted(SAID)), max_size=12))
def test_the_books_of_a_refund_always_come_out(words: list[str]) -> None:
    """What is pending is exactly what is reserved, and money left exactly when the refund succeeded."""
    now = refund()
    rows = list(ledger.of_refund(now, None))
    for word in words:
        after = refund_lifecycle.advance(now, SAID[word]).refund
        after = replace(after, version=now.version + 1)
        rows += ledger.of_refund(after, now.state)
        now = after
    assert len({(row.kind, row.occasion) for row in rows}) == len(rows), "or the ledger would take it for a repeat"
    pending = balance(rows, ledger.REFUNDS_PENDING)
    provider = balance(rows, ledger.at_provider(now.provider, now.merchant))
    if now.state is RefundState.SUCCEEDED:
        assert (pending, provider, balance(rows, ledger.REFUNDS)) == (0, -500, 500)
    elif now.state in RELEASED:
        assert (pending, provider, balance(rows, ledger.REFUNDS)) == (0, 0, 0)
    else:
        assert (pending, provider, balance(rows, ledger.REFUNDS)) == (-500, 0, 500)


def balance(rows: list[ledger.Transfer], account: str) -> int:
    """Debits less credits."""
    return sum(row.amount for row in rows if row.debit == account) - sum(
        row.amount for row in rows if row.credit == account
    )


def test_a_refund_is_refused_beyond_what_remains() -> None:
    """Reserved amounts count, released ones and our own automatic ones do not."""
    made = [
        refund(RefundState.UNCERTAIN, 1500),
        refund(RefundState.CLOSED, 2000),
        replace(refund(RefundState.SUCCEEDED, 2000), origin=Origin.AUTOMATIC),
    ]
    assert refund_lifecycle.remaining_amount(paid_intent(), made) == 500
    refund_lifecycle.require_refundable(paid_intent(), amount=500, refunds=made, paid_ms=0, now_ms=1)
    with pytest.raises(InvalidRequest) as refused:
        refund_lifecycle.require_refundable(paid_intent(), amount=501, refunds=made, paid_ms=0, now_ms=1)
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount")


def test_nothing_remains_when_a_closed_refund_came_through_after_another_took_its_place() -> None:
    """The provider refuses the second one; here it is not asked for a negative amount."""
    made = [refund(RefundState.SUCCEEDED, 2000), refund(RefundState.PROCESSING, 1500)]
    assert refund_lifecycle.remaining_amount(paid_intent(), made) == 0
    with pytest.raises(Conflict) as refused:
        refund_lifecycle.require_refundable(paid_intent(), amount=0, refunds=made, paid_ms=0, now_ms=1)
    assert refused.value.code == "charge_already_refunded"


@pytest.mark.parametrize(
    ("intent", "refunds", "now_ms", "code"),
    [
        (
            replace(paid_intent(), status=IntentStatus.REQUIRES_ACTION, amount_received=0),
            [],
            1,
            "charge_not_refundable",
        ),
        (paid_intent(), [refund(RefundState.SUCCEEDED, 2000)], 1, "charge_already_refunded"),
        (paid_intent(), [refund(RefundState.SUCCEEDED, 1)] * 50, 1, "charge_not_refundable"),
        (paid_intent(), [], 365 * 86_400_000 + 1, "charge_not_refundable"),
    ],
)
def test_a_payment_that_cannot_be_refunded_says_why(
    intent: PaymentIntent, refunds: list[Refund], now_ms: int, code: str
) -> None:
    """Not paid, refunded in full, fifty refunds, a year over."""
    with pytest.raises(Conflict) as refused:
        refund_lifecycle.require_refundable(intent, amount=1, refunds=refunds, paid_ms=0, now_ms=now_ms)
    assert refused.value.code == code


FINAL = ("succeeded", "failed", "canceled")


@given(st.lists(st.sampled_from([*sorted(SAID), "cancel", "turn comes", "turn is later"]), max_size=14))
def test_a_final_status_changes_only_when_the_provider_says_that_money_went_after_all(words: list[str]) -> None:
    """Whatever is asked and told in whatever order: succeeded stays, and failed or canceled yields to money alone."""
    now, was_queued = refund(RefundState.QUEUED), True
    for word in words:
        before = PUBLIC_STATUS[now.state]
        match word:
            case "cancel":
                try:
                    after = refund_lifecycle.cancel(now).refund
                except Conflict:
                    assert now.state is not RefundState.QUEUED
                    continue
                assert was_queued, "what was once let go is never taken back"
            case "turn comes" | "turn is later":
                if now.state is not RefundState.QUEUED:
                    continue
                after = refund_lifecycle.let_go(now, turn_ms=5 if word == "turn comes" else 50, now_ms=10)
            case _:
                after = refund_lifecycle.advance(now, SAID[word]).refund
        was_queued = was_queued and after.state is RefundState.QUEUED
        status = PUBLIC_STATUS[after.state]
        if before in FINAL and status != before:
            assert before != "succeeded"
            assert word in ("processing", "succeeded", "abnormal")
        now = after


@given(
    st.lists(st.integers(1, 2000), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(sorted(SAID))), max_size=30),
)
def test_what_is_refunded_is_never_more_than_what_came(amounts: list[int], told: list[tuple[int, str]]) -> None:
    """Refunds are made while they fit; the provider, which gives no more back than it has, ends them as it likes."""
    intent, made, at_provider = paid_intent(), list[Refund](), 2000
    for amount in amounts:
        number = len(made) + 1
        with contextlib.suppress(Conflict, InvalidRequest):
            refund_lifecycle.require_refundable(intent, amount=amount, refunds=made, paid_ms=0, now_ms=1)
            made.append(replace(refund(amount=amount), id=number, out_refund_no=str(number)))
        for place, word in [entry for entry in told if entry[0] < len(made)][:3]:
            told = told[1:]
            was = made[place]
            if word == "succeeded" and was.state is not RefundState.SUCCEEDED:
                if was.money.amount > at_provider:
                    continue
                at_provider -= was.money.amount
            made[place] = refund_lifecycle.advance(was, SAID[word]).refund
        back = sum(each.money.amount for each in made if each.state is RefundState.SUCCEEDED)
        assert back <= intent.amount_received
        assert refund_lifecycle.remaining_amount(intent, made) <= intent.amount_received - back


@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(list(RefundState)), st.integers(0, 10**6)),
        unique_by=lambda entry: entry[0], max_size=8,
    ),
    st.integers(0, 2 * 10**6),
)  # fmt: skip
def test_a_turn_keeps_its_distance_from_all_that_were_sent(
    others: list[tuple[int, RefundState, int]], now_ms: int
) -> None:
    """And from those that wait before it."""
    made = [replace(refund(state), id=number, sent_ms=sent_ms) for number, state, sent_ms in others]
    turn_ms = refund_lifecycle.turn_ms(30, [each for each in made if each.id != 30], spacing_ms=61_000, now_ms=now_ms)
    assert turn_ms >= now_ms
    for each in made:
        if each.id != 30 and each.state not in (RefundState.QUEUED, RefundState.CANCELED):
            assert turn_ms >= each.sent_ms + 61_000
    waiting = sum(each.state is RefundState.QUEUED and each.id < 30 for each in made)
    assert turn_ms >= now_ms + waiting * 61_000


def test_a_refund_that_gives_misplaced_money_back_is_not_taken_back() -> None:
    with pytest.raises(Conflict) as refused:
        refund_lifecycle.cancel(replace(refund(RefundState.QUEUED), origin=Origin.AUTOMATIC))
    assert refused.value.code == "status_transition_invalid"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("processing", ["charge.refund.updated", "refund.updated"]),
        ("succeeded", ["charge.refund.updated", "refund.updated", "refund.succeeded"]),
        ("closed", ["charge.refund.updated", "refund.updated", "refund.failed"]),
        ("declined", ["charge.refund.updated", "refund.updated", "refund.failed"]),
        ("abnormal", ["charge.refund.updated", "refund.updated"]),
    ],
)
def test_what_becomes_true_is_announced_under_every_documents_name(said: str, names: list[str]) -> None:
    assert [event.value for event in refund_lifecycle.advance(refund(), SAID[said]).events] == names


def test_those_who_want_all_hear_each_change_once_and_those_who_name_it_as_they_name_it() -> None:
    def endpoint(*names: str) -> Endpoint:
        return Endpoint("we_1", "a", livemode=False, url="u", secret="s", enabled_events=names)

    failed, updated = EventType.REFUND_FAILED, EventType.REFUND_UPDATED
    assert [endpoint("*").wants(kind) for kind in (failed, updated)] == [False, True]
    assert [endpoint("refund.failed").wants(kind) for kind in (failed, updated)] == [True, False]
    assert [endpoint("*", "refund.failed").wants(kind) for kind in (failed, updated)] == [True, True]


@pytest.mark.parametrize("state", [RefundState.DECLINED, RefundState.CANCELED])
def test_what_the_provider_never_took_is_none_of_the_fifty(state: RefundState) -> None:
    made = [refund(RefundState.SUCCEEDED, 1)] * 49 + [refund(state, 1)] * 10
    refund_lifecycle.require_refundable(paid_intent(), amount=1, refunds=made, paid_ms=0, now_ms=1)
