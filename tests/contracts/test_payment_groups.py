"""Several intents paid with one combined order, through the real flows against the simulator: all of them or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.conftest import Database
from tests.support.bill_side import bill_side
from tests.support.groups import PRICES, GroupShop
from tests.support.money_out import MERCHANTS, SUPPLIER
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.errors import Conflict, InvalidRequest, NotFound, Rejected
from wxbackend.domain.group_representation import payment_group
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.observation import Paid
from wxbackend.domain.payment_group import MEMBERS_MAX, GroupStatus
from wxbackend.domain.refund import RefundState
from wxbackend.domain.terminal import Terminal
from wxbackend.flows import settle, settle_group
from wxbackend.flows.cancel_intent import Cancel, cancel_intent
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.find_group import find_group
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import Unit

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
    assert shop.look_around() == 0
    assert shop.events()[SUCCEEDED] == 3
    assert shop.discrepancies() == []


def test_a_lost_notice_is_found_by_one_query_for_all(shop: GroupShop) -> None:
    group = shop.group()
    shop.side.desk("POST", "/mischief", {"notices": {"lose": {"times": 1}}})
    shop.pay(group)
    before = len(shop.asked(str(group.id)))
    assert shop.look_around() == 1
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
    assert shop.look_around() == 1
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


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "after it was sent"])
def test_a_process_that_dies_between_two_commits_leaves_it_to_the_worker(shop: GroupShop, sent: bool) -> None:
    whole = shop.deps.transport

    class Died(Exception):
        """The process is gone."""

    class Dying:
        def send(self, exchange: Any) -> Any:
            if sent:
                whole.send(exchange)
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


def test_a_bill_can_have_one_order_asked_about_and_the_others_are_looked_at(shop: GroupShop) -> None:
    group = shop.group()
    shop.side.desk("POST", "/mischief", {"notices": {"lose": {"times": 1}}})
    shop.pay(group)
    first = group.first
    said = shop.side.send(shop.side.provider.query(first))
    assert isinstance(said, Paid)
    assert (said.amount, said.merchant) == (PRICES[0], first.merchant)

    def settle_alone(unit: Unit) -> None:
        settle.settle(unit, shop.deps, first.id, said, looks=0)
        settle_group.look_soon(unit, shop.deps, group.id)

    shop.deps.store.write(settle_alone)
    assert shop.statuses(group) == ["succeeded", "requires_action", "requires_action"]
    shop.work()
    assert shop.statuses(group) == ["succeeded"] * 3
    assert shop.planned() == 0


def test_what_is_held_back_of_each_order_is_shared_by_itself(shop: GroupShop) -> None:
    group = shop.group(method=shop.method(profit_sharing=True))
    shop.pay(group)
    shop.hear()
    shop.allow(SUPPLIER)
    shared = shop.share(group.members[0].intent, 300)
    assert [part.amount for part in shared.parts] == [300]
    (theirs,) = shop.their_sharings(shop.see(group).first.transaction or "")
    assert theirs["out_order_no"] == shared.out_order_no


def test_the_days_bill_has_every_order_and_fits(shop: GroupShop) -> None:
    bills = bill_side(shop.side, shop.deps.store)
    try:
        shop.pay(shop.group())
        shop.hear()
        report = bills.look(bills.next_day())
        assert (report.bill.rows, report.open_differences, bills.found()) == (len(PRICES), 0, [])
    finally:
        shop.side.desk("POST", "/reset")  # its clock is a day ahead


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
