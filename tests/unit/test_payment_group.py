"""What has become of a group is read off its members, whatever happened to each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.objects import an_attempt, an_intent
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.errors import Conflict
from wxbackend.domain.group_representation import payment_group
from wxbackend.domain.intent import IntentStatus, PaymentError
from wxbackend.domain.observation import Closed, Pending
from wxbackend.domain.payment_group import EachTold, GroupStatus, Member, PaymentGroup, of_member, require_alone

WAITS, PAID, AGAIN = IntentStatus.REQUIRES_ACTION, IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_PAYMENT_METHOD
GONE = IntentStatus.CANCELED


def member(number: int, state: AttemptState, status: IntentStatus, *, current: bool = True, **changes: Any) -> Member:
    """An intent and its order; `current` says that the intent goes by this order."""
    attempt = an_attempt(number, number, group_id=9, state=state, client_params={"package": "x"})
    return Member(an_intent(number, status=status, attempt_id=number if current else 99, **changes), attempt)


def group(*members: Member) -> PaymentGroup:
    """They are paid together."""
    return PaymentGroup(9, members)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([(AttemptState.RECORDED, WAITS, True)] * 2, GroupStatus.REQUIRES_ACTION),
        ([(AttemptState.OPEN, WAITS, True)] * 2, GroupStatus.REQUIRES_ACTION),
        ([(AttemptState.CLOSING, WAITS, True)] * 2, GroupStatus.REQUIRES_ACTION),
        ([(AttemptState.PAID, PAID, True)] * 2, GroupStatus.SUCCEEDED),
        ([(AttemptState.PAID, PAID, True), (AttemptState.PAID, PAID, False)], GroupStatus.SUCCEEDED),
        ([(AttemptState.PAID, PAID, True), (AttemptState.OPEN, WAITS, True)], GroupStatus.PROCESSING),
        ([(AttemptState.CLOSED, AGAIN, True)] * 2, GroupStatus.CANCELED),
        ([(AttemptState.DECLINED, AGAIN, True)] * 2, GroupStatus.CANCELED),
        ([(AttemptState.PAID, GONE, True)] * 2, GroupStatus.CANCELED),
        ([(AttemptState.CLOSED, PAID, False), (AttemptState.CLOSED, AGAIN, True)], GroupStatus.CANCELED),
    ],
)
def test_its_status_follows_from_its_orders_and_from_whether_their_intents_took_the_money(
    states: list[tuple[AttemptState, IntentStatus, bool]], status: GroupStatus
) -> None:
    members = [member(place, state, of, current=current) for place, (state, of, current) in enumerate(states, start=1)]
    assert group(*members).status is status


@pytest.mark.parametrize(
    "second",
    [
        member(2, AttemptState.CLOSING, WAITS),
        member(2, AttemptState.UNCERTAIN, WAITS),
        member(2, AttemptState.PAID, PAID),
        member(2, AttemptState.OPEN, WAITS, current=False),
        member(2, AttemptState.OPEN, WAITS, cancel_requested_ms=1),
    ],
)
def test_nobody_is_shown_how_to_pay_when_one_of_them_may_not_be_paid(second: Member) -> None:
    first = member(1, AttemptState.OPEN, WAITS)
    assert "next_action" in payment_group(group(first, member(2, AttemptState.OPEN, WAITS)))
    assert "next_action" not in payment_group(group(first, second))


def test_why_it_cannot_be_paid_is_what_a_member_was_told() -> None:
    told = PaymentError("payment_method_provider_decline", "invalid_request_error", "no")
    ended = group(
        member(1, AttemptState.CLOSED, PAID, current=False, last_payment_error=None),
        member(2, AttemptState.DECLINED, AGAIN, last_payment_error=told),
    )
    assert payment_group(ended)["last_payment_error"] == {
        "code": told.code, "message": told.message, "decline_code": told.decline_code,
    }  # fmt: skip
    assert group(member(1, AttemptState.OPEN, WAITS, last_payment_error=told)).error is None


def test_what_is_said_of_all_is_said_of_each_and_silence_proves_nothing() -> None:
    attempt = an_attempt(1)
    assert of_member(Closed("x"), attempt) == Closed("x")
    assert of_member(EachTold({attempt.out_trade_no: Closed("y")}), attempt) == Closed("y")
    assert of_member(EachTold({}), attempt) == Pending("not told")


@pytest.mark.parametrize(
    "attempt", [None, an_attempt(1), an_attempt(1, group_id=9, state=AttemptState.CLOSED)], ids=["none", "own", "over"]
)
def test_whoever_is_alone_may_be_acted_on(attempt: Attempt | None) -> None:
    require_alone(attempt)


def test_whoever_is_in_an_open_group_may_not() -> None:
    with pytest.raises(Conflict, match="pg_0000000000000000009"):
        require_alone(an_attempt(1, group_id=9, state=AttemptState.CLOSING))
