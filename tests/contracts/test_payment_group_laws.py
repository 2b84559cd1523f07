"""Money laws of intents that are paid together: closed as a whole, paid once each, wrong money never believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.conftest import Database
from tests.support.groups import PRICES, GroupShop
from tests.support.money_out import MERCHANTS
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.errors import Conflict
from wxbackend.domain.group_representation import payment_group
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.observation import Paid
from wxbackend.domain.payment_group import EachTold, GroupStatus
from wxbackend.domain.refund import RefundState
from wxbackend.flows import settle_group
from wxbackend.flows.cancel_intent import Cancel, cancel_intent
from wxbackend.ports.store import Unit

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
SUCCEEDED = "payment_intent.succeeded"
ALL_PAID = ["SUCCESS"] * len(PRICES)


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("laws")) as made:
        yield made


@pytest.fixture
def shop(database: Database, running_side: WechatSide) -> GroupShop:
    """A shop with a database of its own, and a WeChat that behaves."""
    running_side.behave()
    return GroupShop(database, running_side)


# --- closing ---------------------------------------------------------------------------------------------


def test_canceled_the_whole_order_is_closed_and_the_intents_stay(shop: GroupShop) -> None:
    group = shop.group()
    ended = shop.cancel_group(group)
    assert (ended.status, payment_group(ended).get("last_payment_error")) == (GroupStatus.CANCELED, None)
    assert shop.orders(group) == ["CLOSED"] * 3
    assert shop.statuses(group) == ["requires_confirmation"] * 3
    assert "payment_intent.payment_failed" not in shop.events()
    assert "该订单已失效" in shop.pay(group)["err_msg"]
    with pytest.raises(Conflict, match="canceled, which is final"):
        shop.cancel_group(group)
    alone = shop.confirm(group.members[0].intent)
    assert alone.intent.status is IntentStatus.REQUIRES_ACTION


def test_a_cancel_that_is_not_confirmed_is_finished_by_the_worker(shop: GroupShop) -> None:
    group = shop.group()
    shop.side.desk("POST", "/mischief", {"api": [{"fault": "drop_before", "path": "close", "times": 1},
                                                 {"fault": "drop_before", "path": "query", "times": 1}]})  # fmt: skip
    waiting = shop.cancel_group(group)
    assert (waiting.status, waiting.is_payable()) == (GroupStatus.REQUIRES_ACTION, False)
    assert "next_action" not in payment_group(waiting)
    with pytest.raises(Conflict, match="together with others"):
        shop.confirm(group.members[0].intent)
    assert shop.look_around() == 1
    assert (shop.see(group).status, shop.orders(group)) == (GroupStatus.CANCELED, ["CLOSED"] * 3)


def test_paid_before_it_was_canceled_it_stays_paid(shop: GroupShop) -> None:
    group = shop.group()
    shop.pay(group)
    with pytest.raises(Conflict, match="paid it before"):
        shop.cancel_group(group)
    assert shop.statuses(group) == ["succeeded"] * 3
    with pytest.raises(Conflict, match="succeeded, which is final"):
        shop.cancel_group(group)


def test_at_its_end_it_is_closed_and_every_intent_is_told(shop: GroupShop) -> None:
    group = shop.group()
    shop.deps = replace(shop.deps, policy=replace(shop.deps.policy, order_expires_after_s=61))
    short = shop.group()
    shop.wait(62)
    shop.work()
    shop.work()
    assert shop.see(short).status is GroupStatus.CANCELED
    assert shop.orders(short) == ["CLOSED"] * 3
    assert shop.statuses(short) == ["requires_payment_method"] * 3
    assert shop.events()["payment_intent.payment_failed"] == 3
    assert shop.see(group).is_payable()


def test_late_money_for_intents_that_wait_again_is_taken(shop: GroupShop) -> None:
    group = shop.group()
    shop.side.misbehave("paid_after_close", "close")
    shop.cancel_group(group)
    shop.hear()
    assert shop.orders(group) == ALL_PAID
    assert shop.statuses(group) == ["succeeded"] * 3
    assert shop.see(group).status is GroupStatus.SUCCEEDED


def test_late_money_for_canceled_intents_goes_back_order_by_order(shop: GroupShop) -> None:
    before, group = shop.wallet(), shop.group()
    shop.cancel_group(group)
    for each in group.members[:2]:
        cancel_intent(shop.deps, MERCHANTS, each.intent.id, Cancel())
    shop.forge(group.first)
    assert shop.statuses(group) == ["canceled", "canceled", "succeeded"]
    assert [(each.found.kind.value, each.found.amount) for each in shop.discrepancies()] == [
        ("late", PRICES[0]), ("late", PRICES[1]),
    ]  # fmt: skip
    assert shop.balances()[shop.provider_account] == sum(PRICES)
    assert before == shop.wallet()


# --- each intent is paid once ------------------------------------------------------------------------------


def test_an_open_order_of_one_intent_is_closed_before_it_joins(shop: GroupShop) -> None:
    intents = shop.intents()
    alone = shop.confirm(intents[1]).attempt
    assert alone is not None
    group = shop.group(intents)
    assert group.is_payable()
    assert shop.order(alone)["trade_state"] == "CLOSED"


def test_an_intent_that_turns_out_to_be_paid_keeps_the_group_from_being_made(shop: GroupShop) -> None:
    intents = shop.intents()
    alone = shop.confirm(intents[1]).attempt
    assert alone is not None
    shop.side.pay(alone)
    with pytest.raises(Conflict) as refused:
        shop.group(intents)
    assert refused.value.param == "payment_intents[1]"
    assert [shop.intent(intent).status.value for intent in intents] == [
        "requires_payment_method", "succeeded", "requires_payment_method",
    ]  # fmt: skip
    assert shop.asked("/jsapi") == [] or all(
        alone.out_trade_no not in str(each["body"]) for each in shop.asked("/jsapi")
    )


def test_no_second_order_while_one_may_still_be_closing(shop: GroupShop) -> None:
    intents = shop.intents()
    shop.confirm(intents[0])
    shop.side.desk("POST", "/mischief", {"api": [{"fault": "drop_before", "path": "close", "times": 9},
                                                 {"fault": "drop_before", "path": "query", "times": 9}]})  # fmt: skip
    with pytest.raises(Conflict, match="still being closed"):
        shop.group(intents)
    assert all(shop.deps.store.read(lambda unit, one=each: unit.attempts.unresolved(one.id)) is None  # type: ignore[misc]
               for each in intents[1:])  # fmt: skip


def test_a_member_is_neither_confirmed_canceled_nor_grouped_again_while_the_group_is_open(shop: GroupShop) -> None:
    group = shop.group()
    member, others = group.members[1].intent, shop.intents(5)
    for act in (
        lambda: shop.confirm(member),
        lambda: cancel_intent(shop.deps, MERCHANTS, member.id, Cancel()),
        lambda: shop.group([*others, member]),
    ):
        with pytest.raises(Conflict, match="pg_") as refused:
            act()
        assert refused.value.code == "payment_intent_in_group"
    assert shop.see(group) == group
    assert shop.orders(group) == ["NOTPAY"] * 3


def test_late_money_on_a_members_own_order_ends_the_group_and_nothing_is_paid_twice(shop: GroupShop) -> None:
    intents = shop.intents()
    alone = shop.confirm(intents[0]).attempt
    assert alone is not None
    group = shop.group(intents)
    shop.forge(alone)
    assert shop.see(group).members[0].attempt.state is AttemptState.CLOSING
    assert "next_action" not in payment_group(shop.see(group))
    shop.look_around()
    assert shop.orders(group) == ["CLOSED"] * 3
    assert shop.statuses(group) == ["succeeded", "requires_payment_method", "requires_payment_method"]
    assert shop.planned() == 0


def test_paid_by_its_own_order_and_with_the_group_the_second_money_goes_back(shop: GroupShop) -> None:
    before, intents = shop.wallet(), shop.intents()
    assert shop.confirm(intents[0]).attempt is not None
    shop.side.misbehave("paid_after_close", "close")
    group = shop.group(intents)  # WeChat confirmed the close of the order that was paid all the same
    shop.pay(group)
    shop.hear(2)
    assert shop.statuses(group) == ["succeeded"] * 3
    (double,) = shop.discrepancies()
    assert (double.found.kind.value, double.found.amount) == ("double", PRICES[0])
    assert before - shop.wallet() == sum(PRICES) + PRICES[0]
    shop.work()
    given_back = shop.deps.store.read(lambda unit: unit.refunds.of_discrepancy(double.id))
    assert given_back is not None
    assert (given_back.attempt_id, given_back.money.amount) == (group.first.id, PRICES[0])
    assert given_back.state is RefundState.PROCESSING


# --- wrong money ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "observed"),
    [
        ({"sub_orders.1.amount.total_amount": 1499}, {"amount": 1499}),
        ({"sub_orders.1.amount.currency": "USD"}, {"currency": "USD"}),
        ({"sub_orders.1.mchid": "1900009999"}, {"merchant": "1900009999"}),
    ],
)
def test_a_wrong_amount_for_one_order_is_recorded_and_nobody_is_taken_as_paid_for_it(
    shop: GroupShop, change: dict[str, Any], observed: dict[str, Any]
) -> None:
    group = shop.group()
    shop.forge(group.first, **change)
    assert shop.statuses(group) == ["succeeded", "requires_action", "succeeded"]
    assert shop.see(group).status is GroupStatus.PROCESSING
    (wrong,) = shop.discrepancies()
    assert (wrong.found.kind.value, dict(wrong.found.observed)) == ("wrong", observed)
    assert shop.look_around() == 1, "WeChat is asked before anything is given back"
    assert shop.statuses(group) == ["succeeded", "requires_action", "succeeded"]
    assert len(shop.discrepancies()) == 1


def test_a_wrong_amount_that_our_own_query_confirms_goes_back_and_the_others_stay(shop: GroupShop) -> None:
    group = shop.group()
    shop.pay(group)
    truth = shop.deps.transport.send(shop.side.wechat_v3.query_group([each.attempt for each in group.members]))
    assert isinstance(truth, EachTold)
    number = group.members[1].attempt.out_trade_no
    said = truth.orders[number]
    assert isinstance(said, Paid)
    lie = EachTold(truth.orders | {number: replace(said, amount=1499)})  # type: ignore[operator]
    for looks in (None, 1, 2):

        def hear(unit: Unit, looks: int | None = looks) -> None:
            held = settle_group.lock(unit, group.id)
            assert held is not None
            settle_group.settle_group(unit, shop.deps, held, lie, looks=looks)

        shop.deps.store.write(hear)
    assert shop.statuses(group) == ["succeeded", "requires_action", "succeeded"]
    (wrong,) = shop.discrepancies()
    refund = shop.deps.store.read(lambda unit: unit.refunds.of_discrepancy(wrong.id))
    assert refund is not None
    assert (refund.attempt_id, refund.money.amount, shop.planned()) == (group.members[1].attempt.id, 1499, 0)


@pytest.mark.parametrize(
    "change", [{"combine_appid": "wx2421b1c4370ec43b"}, {"combine_payer_info.openid": "o" + "z" * 27}]
)
def test_another_app_or_payer_is_wrong_for_all(shop: GroupShop, change: dict[str, Any]) -> None:
    group = shop.group()
    shop.forge(group.first, **change)
    assert shop.statuses(group) == ["requires_action"] * 3
    assert [each.found.kind.value for each in shop.discrepancies()] == ["wrong"] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"combine_out_trade_no": "1"},
        {"combine_out_trade_no": "9" * 32},
        {"combine_out_trade_no": "not-a-number"},
        {"combine_mchid": "1900009999"},
    ],
)
def test_money_for_a_combined_order_that_is_not_ours_is_recorded_as_unmatched(
    shop: GroupShop, change: dict[str, Any]
) -> None:
    group = shop.group()
    shop.forge(group.first, **change)
    assert shop.statuses(group) == ["requires_action"] * 3
    assert [each.found.kind.value for each in shop.discrepancies()] == ["unmatched"] * 3


def test_an_order_that_is_not_in_the_group_is_unmatched_and_one_that_is_not_told_waits(shop: GroupShop) -> None:
    group = shop.group()
    shop.forge(group.first, **{"sub_orders.2.out_trade_no": "1234567"})
    assert shop.statuses(group) == ["succeeded", "succeeded", "requires_action"]
    assert [each.found.kind.value for each in shop.discrepancies()] == ["unmatched"]
    assert shop.planned() == 1, "the one that was not told of is asked about"
