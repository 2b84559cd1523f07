"""Refunds of one order take turns: against the simulated WeChat, with its own minute, and a clock that is moved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

import pytest

from tests.contracts.conftest import Database
from tests.support.shop import MERCHANTS, Shop
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain import representation
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.refund import REFUNDS_PER_ORDER_MAX, Refund, RefundState
from wxbackend.flows.cancel_refund import cancel_refund
from wxbackend.flows.reconcile_refund import claim_refund_looks, reconcile_refund

ON_SQLITE: Final = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
RACES: Final = 6
WAIT_S_MAX: Final = 20


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat with all its rules."""
    with wechat_side(tmp_path_factory.mktemp("queue")) as made:
        yield made


@pytest.fixture
def shop(database: Database, side: WechatSide) -> Iterator[Shop]:
    """A merchant of its own for each test."""
    side.desk("DELETE", "/mischief")
    yield Shop(database.store, side)
    side.desk("POST", "/refunds/rules", {"outcome": "SUCCESS", "times": None})


class Died(BaseException):
    """The process ended here."""


def refuse_to_cancel(shop: Shop, refund: Refund) -> Conflict:
    """Cancel, which has to be refused and change nothing."""
    before = shop.now(refund)
    with pytest.raises(Conflict) as refused:
        cancel_refund(shop.deps, MERCHANTS, refund.id)
    assert refused.value.code == "status_transition_invalid"
    assert shop.now(refund) == before
    return refused.value


def test_refunds_within_the_minute_are_queued_and_each_is_sent_when_its_turn_comes(shop: Shop) -> None:
    intent = shop.sale()
    first, second, third = (shop.refund(intent, amount) for amount in (300, 400, 500))
    assert [refund.state for refund in (first, second, third)] == [
        RefundState.PROCESSING, RefundState.QUEUED, RefundState.QUEUED,
    ]  # fmt: skip
    shown = representation.refund(second)
    assert (shown["status"], shown["pending_reason"], shown["sends_at"]) == (
        "pending",
        "queued",
        first.sent_ms + 61_000,
    )
    assert third.sent_ms >= second.sent_ms + 61_000
    shop.work()
    assert list(shop.at_wechat(intent)) == [first.out_refund_no]
    shop.pass_time(30)
    shop.work()
    assert list(shop.at_wechat(intent)) == [first.out_refund_no]
    shop.pass_time(31)
    shop.work()
    assert set(shop.at_wechat(intent)) == {first.out_refund_no, second.out_refund_no}
    assert "sends_at" not in representation.refund(shop.now(second))
    shop.pass_time(62)
    shop.work()
    shop.pass_time(62)
    shop.work()
    assert shop.at_wechat(intent) == {
        first.out_refund_no: ("SUCCESS", 300),
        second.out_refund_no: ("SUCCESS", 400),
        third.out_refund_no: ("SUCCESS", 500),
    }
    assert {shop.now(refund).state for refund in (first, second, third)} == {RefundState.SUCCEEDED}
    assert set(shop.wire.statuses) == {200}, "WeChat never had to say that it is too early"
    assert shop.wire.purposes.count("refund") == 3


def test_turns_keep_their_order_and_their_distance_though_the_worker_was_away(shop: Shop) -> None:
    intent = shop.sale()
    refunds = [shop.refund(intent, 100) for _ in range(4)]
    shop.pass_time(600)  # all of them are due at once
    sent: list[list[str]] = []
    for _ in range(3):
        before = set(shop.at_wechat(intent))
        shop.work()
        sent.append(sorted(set(shop.at_wechat(intent)) - before))
        shop.pass_time(62)
    assert sent == [[refund.out_refund_no] for refund in refunds[1:]]
    assert set(shop.wire.statuses) == {200}


@ON_SQLITE
def test_another_orders_refund_does_not_wait(shop: Shop) -> None:
    shop.refund(shop.sale(), 100)
    assert shop.refund(shop.sale(), 100).state is RefundState.PROCESSING


def test_the_51st_partial_refund_is_refused_and_one_that_was_taken_back_leaves_its_place(shop: Shop) -> None:
    intent = shop.sale()
    refunds = [shop.refund(intent, 10) for _ in range(REFUNDS_PER_ORDER_MAX)]
    with pytest.raises(Conflict) as refused:
        shop.refund(intent, 10)
    assert refused.value.code == "charge_not_refundable"
    assert "50" in refused.value.message
    assert len(shop.refunds(intent)) == REFUNDS_PER_ORDER_MAX
    cancel_refund(shop.deps, MERCHANTS, refunds[20].id)
    assert shop.refund(intent, 10).state is RefundState.QUEUED


def test_what_is_taken_back_is_never_sent_and_may_be_refunded_again(shop: Shop) -> None:
    intent = shop.sale()
    first, second = shop.refund(intent, 300), shop.refund(intent, 1700)
    with pytest.raises(Conflict):
        shop.refund(intent, 1)
    canceled = cancel_refund(shop.deps, MERCHANTS, second.id)
    assert canceled == shop.now(second)
    shown = representation.refund(canceled)
    assert (shown["status"], shown["failure_reason"]) == ("canceled", "merchant_request")
    assert not {"sends_at", "pending_reason"} & set(shown)
    refuse_to_cancel(shop, second)
    third = shop.refund(intent, 1700)
    for _ in range(3):
        shop.pass_time(62)
        shop.work()
    assert shop.at_wechat(intent) == {first.out_refund_no: ("SUCCESS", 300), third.out_refund_no: ("SUCCESS", 1700)}
    assert shop.balances()["refunds_pending"] == 0
    assert shop.balances()["refunds"] == 2000


@ON_SQLITE
@pytest.mark.parametrize("outcome", ["PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"])
def test_what_was_sent_cannot_be_taken_back(shop: Shop, outcome: str) -> None:
    shop.side.desk("POST", "/refunds/rules", {"outcome": outcome if outcome != "PROCESSING" else "SUCCESS"})
    refund = shop.refund(shop.sale(), 300)
    if outcome != "PROCESSING":
        shop.pass_time(31)
        shop.work()
    said = refuse_to_cancel(shop, refund)
    assert ("it was sent already" in said.message) is (outcome in ("PROCESSING", "ABNORMAL"))


@ON_SQLITE
def test_one_that_waits_for_money_or_for_an_answer_was_sent_and_cannot_be_taken_back(shop: Shop) -> None:
    intent = shop.sale()
    shop.side.misbehave("drop_after", "refund")
    refuse_to_cancel(shop, shop.refund(intent, 300))
    available = shop.side.desk("GET", "/merchant")["available"]
    other = shop.sale()
    shop.side.desk("POST", "/merchant", {"available": 0})
    short = shop.refund(other, 300)
    shop.side.desk("POST", "/merchant", {"available": available + 2000})
    assert short.state is RefundState.SHORT
    refuse_to_cancel(shop, short)


def test_a_cancel_that_races_with_the_sender_wins_or_is_refused_and_never_both(shop: Shop) -> None:
    outcomes = set()
    for _ in range(RACES):
        intent = shop.sale()
        shop.refund(intent, 100)
        refund = shop.refund(intent, 200)
        shop.pass_time(62)
        polls = [poll for poll in claim_refund_looks(shop.deps, at_most=99) if poll.item == refund.id]
        together = threading.Barrier(2)

        def cancel(refund: Refund = refund, together: threading.Barrier = together) -> bool:
            together.wait(WAIT_S_MAX)
            try:
                cancel_refund(shop.deps, MERCHANTS, refund.id)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(1) as other:
            asked = other.submit(cancel)
            together.wait(WAIT_S_MAX)
            for poll in polls:
                reconcile_refund(shop.deps, poll)
            taken_back = asked.result(WAIT_S_MAX)
        sent = refund.out_refund_no in shop.at_wechat(intent)
        assert sent is not taken_back
        assert shop.now(refund).state is (RefundState.CANCELED if taken_back else RefundState.PROCESSING)
        outcomes.add(taken_back)
        shop.pass_time(62)
        shop.work()
        assert (refund.out_refund_no in shop.at_wechat(intent)) is sent
    assert outcomes, "there were races"


@pytest.mark.parametrize("queued", [False, True], ids=["at once", "queued"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_dies_around_the_sending_loses_nothing_and_refunds_once(
    shop: Shop, when: str, queued: bool
) -> None:
    intent = shop.sale()
    if queued:
        shop.refund(intent, 100)

    def die(purpose: str) -> None:
        if purpose == "refund":
            raise Died

    if queued:
        shop.refund(intent, 700)
        shop.pass_time(62)
    setattr(shop.wire, when, die)
    act = shop.work if queued else partial(shop.refund, intent, 700)
    with pytest.raises(Died):
        act()
    setattr(shop.wire, when, None)
    refund = shop.refunds(intent)[-1]
    assert refund.state is RefundState.RECORDED
    assert (refund.out_refund_no in shop.at_wechat(intent)) is (when == "after")
    refuse_to_cancel(shop, refund)
    shop.work()
    assert shop.now(refund).state is RefundState.RECORDED, "its sender may still be alive"
    shop.pass_time(31)
    shop.work()
    assert shop.now(refund).state is not RefundState.RECORDED
    shop.pass_time(62)
    shop.work()
    assert shop.at_wechat(intent)[refund.out_refund_no] == ("SUCCESS", 700)
    assert len(shop.at_wechat(intent)) == 1 + queued
    assert shop.now(refund).state is RefundState.SUCCEEDED


@ON_SQLITE
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "limit_429", "error_500_before", "error_500_after"])
def test_an_unclear_answer_keeps_the_number_and_refunds_once(shop: Shop, fault: str) -> None:
    shop.side.misbehave(fault, "refund")
    intent = shop.sale()
    refund = shop.refund(intent, 900)
    assert refund.state is RefundState.UNCERTAIN
    for _ in range(3):
        shop.pass_time(62)
        shop.work()
    assert shop.at_wechat(intent) == {refund.out_refund_no: ("SUCCESS", 900)}
    assert shop.now(refund) == replace(
        shop.now(refund), state=RefundState.SUCCEEDED, out_refund_no=refund.out_refund_no, money=refund.money
    )


@ON_SQLITE
def test_wechats_own_minute_is_not_a_failure_either(database: Database, shop: Shop) -> None:
    """Clocks may differ by more than our margin: too early at WeChat is only later."""
    hasty = Shop(database.store, shop.side, refund_spacing_s=0)
    intent = hasty.sale()
    first, second = hasty.refund(intent, 300), hasty.refund(intent, 400)
    assert (first.state, second.state) == (RefundState.PROCESSING, RefundState.UNCERTAIN)
    assert 429 in hasty.wire.statuses
    for _ in range(4):
        hasty.pass_time(62)
        hasty.work()
    assert hasty.at_wechat(intent) == {first.out_refund_no: ("SUCCESS", 300), second.out_refund_no: ("SUCCESS", 400)}


@ON_SQLITE
def test_a_refund_without_money_waits_for_the_top_up_and_keeps_its_number(shop: Shop) -> None:
    intent = shop.sale()
    shop.side.desk("POST", "/merchant", {"available": 0})
    refund = shop.refund(intent, 900)
    shown = representation.refund(refund)
    assert (shown["status"], shown["pending_reason"]) == ("pending", "insufficient_funds")
    with pytest.raises(InvalidRequest):
        shop.refund(intent, 2000 - 900 + 1)  # it still holds its amount
    for _ in range(2):
        shop.pass_time(301)
        shop.work()
        assert shop.now(refund).state is RefundState.SHORT
    shop.side.desk("POST", "/merchant", {"top_up": 900})
    shop.pass_time(301)
    shop.work()
    assert shop.now(refund).state is RefundState.PROCESSING
    shop.pass_time(62)
    shop.work()
    assert shop.at_wechat(intent) == {refund.out_refund_no: ("SUCCESS", 900)}
    assert shop.balances()["refunds_pending"] == 0
