"""Payment groups on both databases while others act at the same time: an intent is in one payable order, or in none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contracts.conftest import Database
from tests.support.groups import PRICES, GroupShop
from tests.support.objects import ACCOUNT
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain.errors import IdempotencyInFlight, Rejected
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.payment_group import GroupStatus, PaymentGroup
from wxbackend.flows.once import AlreadyAnswered, AlreadyBegun, Once
from wxbackend.flows.receive_notice import receive_notice
from wxbackend.ports.store import IdempotentRequest

AT_ONCE = 6


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("together")) as made:
        yield made


@pytest.fixture
def shop(database: Database, running_side: WechatSide) -> GroupShop:
    """A shop with a database of its own, and a WeChat that behaves."""
    running_side.behave()
    return GroupShop(database, running_side)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """All at the same time; what each gave, or the refusal that it met."""

    def run(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (Rejected, AlreadyAnswered, AlreadyBegun) as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as crowd:
        return [done.result(60) for done in [crowd.submit(run, act) for act in acts]]


def payable(shop: GroupShop, intent: PaymentIntent) -> list[str]:
    """The numbers of the intent's orders that can be paid at WeChat."""
    known = shop.side.desk("GET", "/orders")["orders"]
    ours = {attempt.out_trade_no for attempt in attempts(shop, intent)}
    return [each["out_trade_no"] for each in known if each["out_trade_no"] in ours and each["trade_state"] == "NOTPAY"]


def attempts(shop: GroupShop, intent: PaymentIntent) -> list[Any]:
    """The intent's current attempt and the unresolved one, of which there is at most one."""
    found = shop.deps.store.read(lambda unit: (unit.intents.shown(intent.id), unit.attempts.unresolved(intent.id)))
    shown, unresolved = found
    return [each for each in (shown[1] if shown else None, unresolved) if each is not None]


def test_paid_and_told_by_two_notices_at_once_each_intent_is_paid_once(shop: GroupShop) -> None:
    group = shop.group()
    shop.pay(group)
    letter = shop.side.mailbox.wait()[0]

    def hear() -> int:
        return receive_notice(shop.deps, shop.side.provider, letter.headers, letter.body).answer.status

    assert at_once(*[hear] * AT_ONCE, shop.look_around)[:AT_ONCE] == [204] * AT_ONCE
    assert shop.see(group).status is GroupStatus.SUCCEEDED
    assert shop.events()["payment_intent.succeeded"] == len(PRICES)
    assert shop.balances()[shop.provider_account] == sum(PRICES)
    assert (shop.planned(), shop.discrepancies()) == (0, [])


def test_two_groups_that_share_intents_cannot_both_be_opened(shop: GroupShop) -> None:
    intents = shop.intents()
    turned = list(reversed(intents))
    made = at_once(lambda: shop.group(intents), lambda: shop.group(turned), lambda: shop.group(intents[:2]))
    groups = [each for each in made if isinstance(each, PaymentGroup)]
    assert len(groups) == 1
    assert [getattr(each, "code", None) for each in made if each not in groups] == ["payment_intent_in_group"] * 2
    assert all(len(payable(shop, each.intent)) == 1 for each in groups[0].members)


def test_a_member_confirmed_alone_at_the_same_time_is_in_one_payable_order(shop: GroupShop) -> None:
    intents = shop.intents()
    at_once(lambda: shop.group(intents), lambda: shop.confirm(intents[1]), lambda: shop.group(intents))
    while shop.look_around():
        if all(len(payable(shop, intent)) <= 1 and not closing(shop, intent) for intent in intents):
            break
    assert all(len(payable(shop, intent)) <= 1 for intent in intents)


def closing(shop: GroupShop, intent: PaymentIntent) -> bool:
    """Whether an order of the intent is being closed."""
    return any(attempt.state.value == "closing" for attempt in attempts(shop, intent))


def test_paid_canceled_and_looked_at_all_at_once_it_is_paid_or_closed_but_not_both(shop: GroupShop) -> None:
    group = shop.group()
    at_once(
        lambda: shop.pay(group), lambda: shop.cancel_group(group), shop.look_around, lambda: shop.cancel_group(group)
    )
    shop.look_around()
    orders = set(shop.orders(group))
    assert orders in ({"SUCCESS"}, {"CLOSED"})
    paid = orders == {"SUCCESS"}
    assert shop.see(group).status is (GroupStatus.SUCCEEDED if paid else GroupStatus.CANCELED)
    assert shop.balances().get(shop.provider_account, 0) == (sum(PRICES) if paid else 0)


def test_one_key_makes_one_group_however_often_it_is_sent_at_once(shop: GroupShop) -> None:
    intents = shop.intents()
    request = IdempotentRequest(ACCOUNT, livemode=False, key="k1", fingerprint="f1")

    def ask() -> PaymentGroup:
        return shop.group(intents, once=Once(request, by_owner=True, render=lambda group: str(group.id).encode()))

    made = at_once(*[ask] * AT_ONCE)
    groups = [each for each in made if isinstance(each, PaymentGroup)]
    assert len(groups) == 1
    assert all(isinstance(each, IdempotencyInFlight | AlreadyAnswered) for each in made if each not in groups)
    with pytest.raises(AlreadyAnswered) as again:
        ask()
    assert again.value.body == str(groups[0].id).encode()


def test_a_key_names_the_group_once_an_own_order_was_closed_for_it(shop: GroupShop) -> None:
    intents = shop.intents()
    shop.confirm(intents[0])
    request = IdempotentRequest(ACCOUNT, livemode=False, key="k2", fingerprint="f2")
    group = shop.group(intents, once=Once(request))
    kept = shop.deps.store.read(lambda unit: unit.idempotency.find(request))
    assert kept is not None
    assert kept.object_id == group.id
    shop.wait(61)
    with pytest.raises(AlreadyBegun) as begun:
        shop.group(intents, once=Once(request))
    assert begun.value.object_id == group.id
