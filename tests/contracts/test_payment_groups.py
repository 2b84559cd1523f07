"""Several intents paid with one combined order, through the real flows against the simulator: all of them or none."""

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
from wxbackend.domain.errors import Conflict, InvalidRequest, NotFound, Rejected
from wxbackend.domain.group_representation import payment_group
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.payment_group import MEMBERS_MAX, GroupStatus
from wxbackend.domain.refund import RefundState
from wxbackend.domain.terminal import Terminal
from wxbackend.flows import settle_group
from wxbackend.flows.cancel_intent import Cancel, cancel_intent
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.find_group import find_group
from wxbackend.ports.accounts import Actor, KeyKind

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
SUCCEEDED = "payment_intent.succeeded"
ALL_PAID = ["SUCCESS"] * len(PRICES)


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("groups")) as made:
        yield made


@pytest.fixture
def shop(database: Database, running_side: WechatSide) -> GroupShop:
    """A shop with a database of its own, and a WeChat that behaves."""
    running_side.behave()
    return GroupShop(database, running_side)


# --- paid ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("terminal", [Terminal.MINI_PROGRAM, Terminal.OFFICIAL_ACCOUNT])
def test_one_payment_pays_all_and_each_intent_has_its_own_money_and_event(shop: GroupShop, terminal: Terminal) -> None:
    before, intents = shop.wallet(), shop.intents()
    group = shop.group(intents, method=shop.method(terminal))
    assert (group.status, group.money.amount) == (GroupStatus.REQUIRES_ACTION, sum(PRICES))
    assert shop.statuses(group) == ["requires_action"] * 3
    assert shop.pay(group)["err_msg"].endswith(":ok")
    shop.hear()
    paid = shop.see(group)
    assert paid.status is GroupStatus.SUCCEEDED
    assert [each.intent.id for each in paid.members] == [intent.id for intent in intents]
    assert [each.intent.amount_received for each in paid.members] == list(PRICES)
    assert len({each.attempt.transaction for each in paid.members}) == 3
    assert shop.events()[SUCCEEDED] == 3
    assert shop.balances()[shop.provider_account] == sum(PRICES) == before - shop.wallet()
    assert shop.planned() == 0


@pytest.mark.parametrize(
    ("terminal", "path", "name", "member"),
    [
        (Terminal.WEB, "scan", "code", "data"),
        (Terminal.WAP, "open_h5", "url", "url"),
        (Terminal.APP, "pay_app", "params", ""),
    ],
)
def test_whoever_opens_a_code_a_page_or_an_app_pays_all(
    shop: GroupShop, terminal: Terminal, path: str, name: str, member: str
) -> None:
    group = shop.group(method=shop.method(terminal))
    params = group.first.client_params
    assert params is not None
    told = shop.side.desk("POST", f"/buyers/buyer_1/{path}", {name: params[member] if member else dict(params)})
    assert shop.orders(group) == ALL_PAID, told
    shop.hear()
    assert shop.statuses(group) == ["succeeded"] * 3


def test_paid_once_though_told_twice_and_asked_again(shop: GroupShop) -> None:
    group = shop.group()
    shop.pay(group)
    shop.hear()
    shop.hear()
    assert shop.look() == 0
    assert shop.events()[SUCCEEDED] == 3
    assert shop.discrepancies() == []


def test_a_lost_notice_is_found_by_one_query_for_all(shop: GroupShop) -> None:
    group = shop.group()
    shop.side.desk("POST", "/mischief", {"notices": {"lose": {"times": 1}}})
    shop.pay(group)
    before = len(shop.asked(str(group.id)))
    assert shop.look() == 1
    assert len(shop.asked(str(group.id))) == before + 1
    assert shop.statuses(group) == ["succeeded"] * 3


def test_paid_before_our_order_was_answered(shop: GroupShop) -> None:
    shop.side.misbehave("paid_before_reply", "order")
    group = shop.group()
    shop.hear()
    assert shop.see(group).status is GroupStatus.SUCCEEDED
    assert shop.events()[SUCCEEDED] == 3


def test_a_buyer_without_enough_for_all_pays_nothing(shop: GroupShop) -> None:
    poor = shop.side.desk("POST", "/buyers", {"balance": sum(PRICES) - 1})
    group = shop.group(method=shop.method(openid=poor["openids"]["wx7a154c094f74e84f"]))
    assert "余额不足" in shop.pay(group, buyer=poor["id"])["err_msg"]
    assert shop.orders(group) == ["NOTPAY"] * 3
    assert shop.side.desk("GET", f"/buyers/{poor['id']}")["balance"] == sum(PRICES) - 1


# --- what goes wrong on the way ------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_after", "unsigned", "error_500_after"])
def test_a_lost_answer_is_asked_for_again_with_the_same_number(shop: GroupShop, fault: str) -> None:
    shop.side.misbehave(fault, "order")
    group = shop.group()
    assert group.status is GroupStatus.REQUIRES_ACTION
    assert group.is_payable()
    shop.pay(group)
    shop.hear()
    assert shop.statuses(group) == ["succeeded"] * 3


def test_nothing_is_decided_while_wechat_gives_no_answer_and_the_worker_opens_it(shop: GroupShop) -> None:
    shop.side.desk("POST", "/mischief", {"api": [{"fault": "drop_before", "path": "order", "times": 2},
                                                 {"fault": "drop_before", "path": "query", "times": 1}]})  # fmt: skip
    group = shop.group()
    assert {each.attempt.state for each in group.members} == {AttemptState.UNCERTAIN}
    assert shop.statuses(group) == ["requires_action"] * 3
    assert (group.is_payable(), shop.planned()) == (False, 1)
    assert shop.look() == 1
    opened = shop.see(group)
    assert opened.is_payable()
    assert {each.attempt.out_trade_no for each in opened.members} == {
        each.attempt.out_trade_no for each in group.members
    }
    assert "next_action" in payment_group(opened)


def test_a_refused_order_leaves_every_intent_free_to_be_paid_otherwise(shop: GroupShop) -> None:
    stranger = shop.side.openid("wx2421b1c4370ec43b")
    group = shop.group(method=shop.method(openid=stranger))
    shown = payment_group(group)
    assert (shown["status"], shown["last_payment_error"]["code"]) == ("canceled", "payment_method_provider_decline")
    assert "next_action" not in shown
    assert shop.statuses(group) == ["requires_payment_method"] * 3
    assert shop.planned() == 0
    again = shop.group([each.intent for each in group.members])
    assert again.is_payable()


def test_a_process_that_dies_between_recording_and_ordering_leaves_it_to_the_worker(shop: GroupShop) -> None:
    whole = shop.deps.transport

    class Died(Exception):
        """The process is gone."""

    class Dying:
        def send(self, _exchange: Any) -> Any:
            raise Died

    shop.deps = replace(shop.deps, transport=Dying())  # type: ignore[arg-type]
    intents = shop.intents()
    with pytest.raises(Died):
        shop.group(intents)
    shop.deps = replace(shop.deps, transport=whole)
    assert [shop.intent(intent).status for intent in intents] == [IntentStatus.REQUIRES_ACTION] * 3
    shop.work()
    (poll,) = shop._polls()
    shop.wait(31)
    shop.work()
    attempt = shop.deps.store.read(lambda unit: unit.attempts.find(poll.item))
    assert attempt is not None
    assert attempt.group_id is not None
    found = shop.deps.store.write(lambda unit: settle_group.lock(unit, attempt.group_id or 0))
    assert found is not None
    assert found.is_payable()
    shop.pay(found)
    shop.hear()
    assert shop.statuses(found) == ["succeeded"] * 3


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
    assert shop.look() == 1
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
    shop.side.desk("POST", "/clock", {"advance_s": 0})
    shop.deps.store.write(lambda unit: [unit.attempts.schedule(group.first.id, due_ms=1, tries=9)])
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
    shop.look()
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
    assert shop.look() == 1, "WeChat is asked before anything is given back"
    assert shop.statuses(group) == ["succeeded", "requires_action", "succeeded"]
    assert len(shop.discrepancies()) == 1


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


# --- refunds ---------------------------------------------------------------------------------------------------


def test_each_order_is_refunded_by_itself(shop: GroupShop) -> None:
    before, group = shop.wallet(), shop.group()
    shop.pay(group)
    shop.hear()
    refund = create_refund(shop.deps, MERCHANTS, CreateRefund(group.members[1].intent.id))
    assert refund.state is RefundState.PROCESSING
    assert [order["trade_state"] for order in map(shop.order, (each.attempt for each in group.members))] == [
        "SUCCESS", "REFUND", "SUCCESS",
    ]  # fmt: skip
    with pytest.raises(Rejected):
        create_refund(shop.deps, MERCHANTS, CreateRefund(group.members[2].intent.id, amount=PRICES[2] + 1))
    assert before - shop.wallet() >= PRICES[0] + PRICES[2]


# --- refused before anything is done ---------------------------------------------------------------------------


def test_a_group_needs_two_to_fifty_different_intents_of_the_account(shop: GroupShop) -> None:
    intents = shop.intents()
    elsewhere = Actor("acct_other", livemode=False, kind=KeyKind.SECRET)
    for ids, param in (
        ((intents[0].id,), "payment_intents"),
        ((), "payment_intents"),
        (tuple(range(1, MEMBERS_MAX + 2)), "payment_intents"),
        ((intents[0].id, intents[1].id, intents[0].id), "payment_intents[2]"),
        ((intents[0].id, 1), "payment_intents[1]"),
    ):
        with pytest.raises((InvalidRequest, NotFound)) as refused:
            shop.group(intents, intent_ids=ids)
        assert refused.value.param == param
    with pytest.raises(NotFound):
        find_group(shop.deps, elsewhere, shop.group(intents).id)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"terminal": Terminal.SCAN_CODE}, "payment_method_options[wechat_pay][terminal_type]"),
        ({"terminal": None}, "payment_method_options[wechat_pay][terminal_type]"),
        ({"openid": None}, "payment_method_options[wechat_pay][openid]"),
        ({"openid": ""}, "payment_method_options[wechat_pay][openid]"),
        ({"hosted_oauth": True}, "payment_method_options[wechat_pay][hosted_oauth]"),
        ({"mandate_id": 7}, "payment_method"),
        ({"app": "wx0"}, "payment_method_options[wechat_pay][app_id]"),
    ],
)
def test_a_way_to_pay_that_no_group_takes_is_named_and_nothing_is_done(
    shop: GroupShop, changes: dict[str, Any], param: str
) -> None:
    intents = shop.intents()
    with pytest.raises(InvalidRequest) as refused:
        shop.group(intents, method=replace(shop.method(), **changes))
    assert refused.value.param == param
    assert [shop.intent(intent) for intent in intents] == intents


def test_a_final_intent_is_named_and_nothing_is_done_to_the_others(shop: GroupShop) -> None:
    intents = shop.intents()
    cancel_intent(shop.deps, MERCHANTS, intents[2].id, Cancel())
    with pytest.raises(Conflict) as refused:
        shop.group(intents)
    assert refused.value.param == "payment_intents[2]"
    assert [shop.intent(intent) for intent in intents[:2]] == intents[:2]
    assert shop.planned() == 0
