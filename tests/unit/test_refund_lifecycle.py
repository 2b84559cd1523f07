"""The refund's state machine against a drawing of its own, and the laws of what is reserved and booked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wxbackend.domain import ledger, refund_lifecycle
from wxbackend.domain.errors import Conflict, InvalidRequest
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
recorded    processing  succeeded  closed  abnormal  short       declined    uncertain   recorded    uncertain
uncertain   processing  succeeded  closed  abnormal  short       declined    uncertain   uncertain   uncertain
short       processing  succeeded  closed  abnormal  short       declined    uncertain   short       uncertain
processing  processing  succeeded  closed  abnormal  processing  processing  processing  processing  processing
abnormal    processing  succeeded  closed  abnormal  abnormal    abnormal    abnormal    abnormal    abnormal
succeeded   succeeded   succeeded  succeeded succeeded succeeded succeeded   succeeded   succeeded   succeeded
closed      closed      succeeded  closed  closed    closed      closed      closed      closed      closed
declined    processing  succeeded  declined declined declined    declined    declined    declined    declined
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
    """All 72 of them."""
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
