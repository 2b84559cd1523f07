"""What counts as a difference between a bill and our books, and what is only news that came since the night."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.support.objects import ACCOUNT
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.bill import BillRow, FundsRow, Movement, Told
from wxbackend.domain.bill_judgement import (
    OurPayment,
    OurRefund,
    fee_of,
    judge_fee,
    judge_movement,
    judge_payment,
    judge_refund,
)
from wxbackend.domain.refund import RefundState

ROW: Final = BillRow(Told.PAID, "o1", "4200", "", "", 2000, 0, 12_000, 2000, 6_000, "CNY")
OURS: Final = OurPayment(1, 2, ACCOUNT, False, "o1", "4200", 2000, "CNY", AttemptState.PAID, 5, provider="wechat_v3")
REFUND: Final = BillRow(Told.REFUNDED, "o1", "4200", "r1", "5030", 0, 300, 0, 0, 6_000, "CNY")


def kind(found: Any) -> str | None:
    """The kind of a difference, or None."""
    return None if found is None else str(found.kind.value)


def changed(ours: Any, **changes: Any) -> Any:
    """Ours with changes."""
    from dataclasses import replace

    return replace(ours, **changes)


@pytest.mark.parametrize(
    ("row", "ours", "expected"),
    [
        (ROW, OURS, None),
        (ROW, None, "missing_here"),
        (ROW, changed(OURS, state=AttemptState.CLOSED, transaction=None), "status"),
        (ROW, changed(OURS, state=AttemptState.OPEN, transaction=None), "status"),
        (ROW, changed(OURS, transaction="4201"), "missing_here"),
        (ROW, changed(OURS, amount=1999), "amount"),
        (ROW, changed(OURS, currency="USD"), "amount"),
        (ROW._replace(told=Told.REVERSED), OURS, "status"),
        (ROW._replace(told=Told.REVERSED), None, None),
        (ROW._replace(told=Told.UNKNOWN), OURS, "status"),
        (ROW._replace(told=Told.UNKNOWN), changed(OURS, state=AttemptState.OPEN, transaction=None), None),
    ],
)
def test_a_payment_is_judged_by_what_both_sides_say(row: BillRow, ours: OurPayment | None, expected: str) -> None:
    assert kind(judge_payment(row, ours, explained=False)) == expected
    assert judge_payment(row, ours, explained=True) is None


@pytest.mark.parametrize("told", [told for told in Told if told.subject.value == "refund"])
@pytest.mark.parametrize("state", list(RefundState))
def test_a_refund_may_be_further_on_here_than_in_the_night_and_never_behind(told: Told, state: RefundState) -> None:
    ours = OurRefund(1, 2, 3, ACCOUNT, False, "r1", "5030", 300, "CNY", state, 1, 5, provider="wechat_v3")
    fits = {
        Told.REFUNDED: {"succeeded"},
        Told.REFUND_FAILED: {"closed", "declined"},
        Told.REFUND_ABNORMAL: {"abnormal", "succeeded", "closed"},
        Told.REFUNDING: {"processing", "abnormal", "succeeded", "closed"},
        Told.REFUND_UNKNOWN: {each.value for each in RefundState},
    }[told]
    found = judge_refund(REFUND._replace(told=told), ours, explained=False)
    assert kind(found) == (None if state.value in fits else "status")


def test_a_refund_that_was_never_made_here_is_missing_unless_it_failed() -> None:
    assert kind(judge_refund(REFUND, None, explained=False)) == "missing_here"
    assert judge_refund(REFUND._replace(told=Told.REFUND_FAILED), None, explained=False) is None


@pytest.mark.parametrize(
    ("units", "booked", "expected"),
    [
        (12_000, None, None), (12_000, 12, None), (12_000, 13, "fee"), (13_000, None, None), (11_000, None, None),
        (13_001, None, "fee"), (99_000, None, "fee"), (0, None, "fee"), (12_400, 12, None), (12_500, 12, "fee"),
    ],
)  # fmt: skip
def test_a_fee_is_held_against_what_was_booked_and_against_its_own_rate(
    units: int, booked: int | None, expected: str | None
) -> None:
    assert kind(judge_fee(ROW._replace(fee_units=units), booked)) == expected
    assert judge_fee(ROW._replace(fee_units=units, rate_millionths=-1), None) is None


@pytest.mark.parametrize(
    ("units", "fen"), [(0, 0), (499, 0), (500, 1), (1_499, 1), (-500, -1), (-499, 0), (-12_000, -12)]
)
def test_a_fraction_of_a_fen_is_rounded_half_away_from_nothing(units: int, fen: int) -> None:
    assert fee_of(ROW._replace(fee_units=units)) == fen


@pytest.mark.parametrize(
    ("movement", "amount", "ours", "expected"),
    [
        (Movement.PAYMENT, 2000, OURS, None),
        (Movement.PAYMENT, 1900, OURS, None),
        (Movement.PAYMENT, 2001, OURS, "amount"),
        (Movement.PAYMENT, 2000, None, "missing_here"),
        (Movement.FEE, -12, changed(OURS, fee=12), None),
        (Movement.FEE, -13, changed(OURS, fee=12), "fee"),
        (Movement.FEE, -13, OURS, None),
        (Movement.FEE, 3, changed(OURS, fee=12), None),
        (Movement.REFUND, -300, None, None),
        (Movement.OTHER, -10_000, None, None),
    ],
)
def test_a_movement_is_judged_as_far_as_it_can_be(
    movement: Movement, amount: int, ours: OurPayment | None, expected: str | None
) -> None:
    assert kind(judge_movement(FundsRow(movement, "4200", amount), ours, explained=False)) == expected
