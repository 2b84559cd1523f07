"""A mini program's payment after it was paid: frozen, shipped, settled; a real database, the simulated WeChat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contracts.conftest import Database
from tests.support.shipping_shop import ACTOR, HALF_A_DAY_S, VIRTUAL, Scene, Shop, open_shop
from tests.support.wechat_side import MINI_PROGRAM, WechatSide, wechat_side
from wxbackend.domain import shipping_lifecycle
from wxbackend.domain.errors import Conflict
from wxbackend.domain.money import Money
from wxbackend.domain.observation import RefundSucceeded
from wxbackend.domain.refund import Refund
from wxbackend.domain.refund_lifecycle import create
from wxbackend.domain.shipping import Logistics, OrderShipping, Parcel, Shipping, ShippingState, Telling
from wxbackend.flows import settle_refund, settle_shipping
from wxbackend.flows.find_shipping import list_late
from wxbackend.flows.remind_receipt import remind_receipt
from wxbackend.ports.store import Page, Poll

SETTLEMENT: Final = "trade_manage_order_settlement"


def parcels(*numbers: str, complete: bool) -> Telling:
    """Some parcels of a payment."""
    told = tuple(Parcel("茶", tracking_number=number, carrier="ZTO") for number in numbers)
    return Telling(Logistics.EXPRESS, split=True, complete=complete, parcels=told)


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side."""
    with wechat_side(tmp_path_factory.mktemp("shipping")) as made:
        yield made


@pytest.fixture
def scene(database: Database, side: WechatSide, tmp_path: Path) -> Iterator[Scene]:
    """A shop whose mini program is watched, with pushes in safe mode."""
    with open_shop(database.store, side, tmp_path) as scene:
        yield scene


def test_a_payment_is_frozen_then_shipped_then_settled_and_its_money_free(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    assert (shop.shipping(intent).state, shop.shipping(intent).frozen) == (ShippingState.AWAITED, 2000)
    assert (shop.balances()["frozen"], shop.side.desk("GET", "/shipping")["frozen"]) == (2000, 2000)
    assert shop.tell(intent, VIRTUAL).state is ShippingState.SHIPPED
    assert shop.pushed()[-1]["state"] == "told"
    planned = shop.shipping(intent)
    assert (planned.state, planned.settled_ms) == (ShippingState.SHIPPED, None)
    assert planned.settles_ms is not None
    shop.settle_at_wechat(intent)
    settled = shop.shipping(intent)
    assert (settled.state, settled.frozen) == (ShippingState.SETTLED, 0)
    assert settled.settled_ms is not None
    balances = shop.balances()
    assert (balances["frozen"], balances["released"], balances["provider:wechat_v3:1900000109"]) == (0, 2000, 2000)
    assert sum(balances.values()) == 0
    assert shop.told() == ["payment_intent.succeeded", "shipping.uploaded", "payment_intent.settled"]
    assert shop.side.desk("GET", "/shipping")["frozen"] == 0
    assert shop.look(after_s=10 * HALF_A_DAY_S) == 0


def test_an_upload_whose_answer_was_lost_is_found_by_asking_and_told_once(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    scene.mischief(platform={"shipping_drop_after": {"times": 1}})
    assert shop.tell(intent, VIRTUAL).state is ShippingState.UNCERTAIN
    shop.pushed()
    assert shop.look() == 1
    assert shop.shipping(intent).state is ShippingState.SHIPPED
    assert (shop.at_wechat(intent)["uploads"], shop.at_wechat(intent)["order_state"]) == (1, 2)
    assert shop.told().count("shipping.uploaded") == 1


def test_an_upload_that_never_arrived_is_told_after_all_and_once(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    scene.mischief(platform={"shipping_drop_before": {"times": 1}})
    assert shop.tell(intent, VIRTUAL).state is ShippingState.UNCERTAIN
    for _ in range(2):
        shop.look()
    assert shop.shipping(intent).state is ShippingState.SHIPPED
    assert shop.at_wechat(intent)["uploads"] == 1


def test_wechats_own_trouble_after_the_work_is_not_believed_to_be_a_refusal(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    scene.mischief(platform={"shipping_busy_after": {"times": 1}})
    assert shop.tell(intent, VIRTUAL).state is ShippingState.UNCERTAIN
    shop.pushed()
    shop.look()
    assert (shop.shipping(intent).state, shop.at_wechat(intent)["uploads"]) == (ShippingState.SHIPPED, 1)


def test_a_payment_that_wechat_does_not_know_yet_is_told_again_until_it_does(scene: Scene) -> None:
    shop = scene.shop
    shop.side.desk("POST", "/shipping/rules", {"not_known_s": 600})
    intent = shop.paid()
    assert shop.tell(intent, VIRTUAL).state is ShippingState.LATER
    shop.look()
    assert shop.shipping(intent).state is ShippingState.LATER
    shop.side.desk("POST", "/shipping/rules", {"not_known_s": 0})
    shop.look()
    assert (shop.shipping(intent).state, shop.at_wechat(intent)["uploads"]) == (ShippingState.SHIPPED, 1)
    assert "shipping.refused" not in shop.told()


@pytest.mark.parametrize("arrived", [True, False])
def test_a_process_killed_while_it_told_is_taken_over_and_wechat_is_told_once(scene: Scene, arrived: bool) -> None:
    shop = scene.shop
    intent = shop.paid()
    deps, app = shop.deps, shop.apps[MINI_PROGRAM]

    def record(unit: Any) -> Shipping:
        was = unit.shippings.of_intent(intent)
        return settle_shipping.keep_telling(
            unit, deps, was, shipping_lifecycle.tell(was, VIRTUAL, now_ms=deps.surroundings.now_ms())
        )

    recorded = deps.store.write(record)
    lease_ends_ms = deps.surroundings.now_ms() + deps.policy.lease_ms
    if arrived:
        deps.identity.orders.tell(app, recorded)
        shop.pushed()
        deps.store.write(lambda unit: unit.shippings.schedule(recorded.id, due_ms=lease_ends_ms, tries=0))
    # Here the process died: nothing was settled. Its lease ends, and another takes it up.
    assert shop.look(after_s=1) == 0
    assert shop.look(after_s=deps.policy.lease_s) == 1
    assert (shop.shipping(intent).state, shop.at_wechat(intent)["uploads"]) == (ShippingState.SHIPPED, 1)
    assert shop.told().count("shipping.uploaded") == 1


def test_two_workers_who_tell_the_same_at_a_time_make_one_upload_and_one_event(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    first = shop.tell(intent, VIRTUAL)
    repeated = shop.deps.identity.orders.tell(shop.apps[MINI_PROGRAM], first)
    shop.deps.store.write(lambda unit: settle_shipping.settle_shipping(unit, shop.deps, first.id, repeated))
    assert (shop.at_wechat(intent)["uploads"], shop.told().count("shipping.uploaded")) == (1, 1)


def test_parcels_are_told_one_after_the_other_and_corrected_once(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    assert shop.tell(intent, parcels("Z1", complete=False)).state is ShippingState.PARTLY
    assert shop.at_wechat(intent)["order_state"] == 1
    assert shop.tell(intent, parcels("Z2", complete=True)).state is ShippingState.SHIPPED
    known = shop.at_wechat(intent)["shipping"]["shipping_list"]
    assert [parcel["tracking_no"] for parcel in known] == ["Z1", "Z2"]
    corrected = shop.tell(intent, parcels("Z1", "Z3", complete=True))
    assert (corrected.state, corrected.tellings) == (ShippingState.SHIPPED, 2)
    with pytest.raises(Conflict):
        shop.tell(intent, parcels("Z4", complete=True))
    assert shop.at_wechat(intent)["shipping"]["finish_shipping_count"] == 2


def test_a_refusal_changes_nothing_at_wechat_and_can_be_mended(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    other = replace(shop.shipping(intent), payer="o-somebody-else")
    telling = shipping_lifecycle.tell(other, VIRTUAL, now_ms=1)
    said = shop.deps.identity.orders.tell(shop.apps[MINI_PROGRAM], telling)
    assert said == shipping_lifecycle.Refused("payer_mismatch")
    assert shop.at_wechat(intent)["uploads"] == 0
    assert shop.tell(intent, VIRTUAL).state is ShippingState.SHIPPED


@pytest.mark.parametrize("how", [OrderShipping.VIRTUAL, OrderShipping.PICK_UP])
def test_an_order_that_needs_no_carrier_is_told_by_itself(scene: Scene, how: OrderShipping) -> None:
    shop = scene.shop
    shop.watch(how)
    intent = shop.paid()
    assert shop.shipping(intent).state is ShippingState.RECORDED
    assert shop.look() == 1
    assert shop.shipping(intent).state is ShippingState.SHIPPED
    assert shop.at_wechat(intent)["shipping"]["logistics_type"] == (3 if how is OrderShipping.VIRTUAL else 4)


def test_an_app_that_is_not_watched_freezes_nothing(scene: Scene) -> None:
    shop = scene.shop
    shop.watch(None)
    intent = shop.paid()
    assert shop.deps.store.read(lambda unit: unit.shippings.of_intent(intent)) is None
    assert "frozen" not in shop.balances()
    with pytest.raises(Conflict) as refused:
        shop.tell(intent, VIRTUAL)
    assert refused.value.code == "shipping_not_needed"
    shop.watch()
    assert shop.tell(intent, VIRTUAL).state is ShippingState.SHIPPED
    assert shop.balances()["frozen"] == 2000


def test_a_token_that_is_revoked_on_the_way_costs_one_repeat(scene: Scene) -> None:
    shop = scene.shop
    first, second = shop.paid(), shop.paid()
    shop.tell(first, VIRTUAL)
    shop.side.desk("DELETE", f"/tokens/{MINI_PROGRAM}")
    assert shop.tell(second, VIRTUAL).state is ShippingState.SHIPPED
    assert shop.side.desk("GET", "/tokens")["fetches"][MINI_PROGRAM]["stable"] == 2


def test_a_lost_settlement_event_is_caught_up_by_asking(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    scene.mischief(pushes={"lose": {"times": None}})
    shop.tell(intent, VIRTUAL)
    shop.settle_at_wechat(intent)
    assert shop.shipping(intent).state is ShippingState.SHIPPED
    assert shop.look(after_s=HALF_A_DAY_S) == 1
    assert (shop.shipping(intent).state, shop.balances()["released"]) == (ShippingState.SETTLED, 2000)


def test_an_event_that_overtakes_the_answer_to_its_upload_is_not_undone_by_it(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    scene.mischief(platform={"shipping_drop_after": {"times": 1}})
    shop.tell(intent, VIRTUAL)
    shop.settle_at_wechat(intent)
    assert shop.shipping(intent).state is ShippingState.SETTLED
    shop.look()
    assert (shop.shipping(intent).state, shop.balances()["released"]) == (ShippingState.SETTLED, 2000)


def test_a_refund_of_a_frozen_payment_thaws_what_it_gave_back(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    refund_frozen(shop, intent, 500)
    assert (shop.shipping(intent).frozen, shop.balances()["frozen"]) == (1500, 1500)
    shop.tell(intent, VIRTUAL)
    shop.settle_at_wechat(intent)
    assert (shop.balances()["frozen"], shop.balances()["released"]) == (0, 1500)
    assert sum(shop.balances().values()) == 0


def refund_frozen(shop: Shop, intent: int, amount: int) -> None:
    """A refund that succeeded."""
    was, deps = shop.shipping(intent), shop.deps
    number = deps.surroundings.new_id()
    refund = Refund(
        id=number,
        intent_id=intent,
        attempt_id=was.attempt_id,
        account=was.account,
        livemode=False,
        provider=was.provider,
        merchant=was.merchant,
        transaction=was.transaction,
        out_refund_no=str(number),
        money=Money(amount, "CNY"),
        total=2000,
        created_ms=1,
        sent_ms=1,
    )

    def work(unit: Any) -> None:
        settle_refund.begin(unit, deps, create(refund))
        for _ in range(2):
            settle_refund.settle_refund(unit, deps, number, RefundSucceeded("5000", 2))

    deps.store.write(work)


def test_the_buyer_is_reminded_once_and_only_of_what_is_shipped(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    with pytest.raises(Conflict):
        remind_receipt(shop.deps, ACTOR, intent, received_ms=None)
    shop.tell(intent, VIRTUAL)
    assert remind_receipt(shop.deps, ACTOR, intent, received_ms=None).reminded_ms is not None
    assert shop.at_wechat(intent)["reminded"] is True
    with pytest.raises(Conflict) as refused:
        remind_receipt(shop.deps, ACTOR, intent, received_ms=None)
    assert refused.value.code == "reminder_used"


def test_what_is_overdue_is_shown_a_day_before_wechat_minds(scene: Scene) -> None:
    shop = scene.shop
    waiting, told = shop.paid(), shop.paid()
    shop.tell(told, VIRTUAL)
    assert list_late(shop.deps) == []
    shop.clock.ahead_ms += 25 * 3_600_000
    assert [late.intent_id for late in list_late(shop.deps)] == [waiting]
    count = shop.deps.store.read(
        lambda unit: unit.shippings.count_late(ship_before_ms=shop.clock.now_ms() + 24 * 3_600_000)
    )
    assert count == 1


def test_a_shipping_is_read_back_as_it_was_kept_and_never_saved_over_a_newer_one(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    shop.tell(intent, parcels("Z1", complete=False))
    kept, store = shop.shipping(intent), shop.deps.store
    assert store.read(lambda unit: unit.shippings.find(kept.id)) == kept
    found = store.read(lambda unit: unit.shippings.find_by_number("wechat_v3", "1900000109", kept.out_trade_no))
    assert found == kept
    with pytest.raises(AssertionError):
        store.write(lambda unit: unit.shippings.save(replace(kept, version=kept.version - 1)))
    page = store.read(
        lambda unit: unit.shippings.page(
            kept.account, livemode=False, page=Page(limit=5), states=[ShippingState.PARTLY], ship_before_ms=2**60
        )
    )
    assert list(page) == [kept]


def test_shipping_looks_are_claimed_once_and_come_back_after_the_lease(database: Database) -> None:
    write = database.store.write
    write(lambda unit: unit.shippings.schedule(1, due_ms=10, tries=2))
    assert write(lambda unit: unit.shippings.claim(now_ms=10, lease_ms=5, limit=9)) == [Poll(1, 2)]
    assert write(lambda unit: unit.shippings.claim(now_ms=14, lease_ms=5, limit=9)) == []
    assert write(lambda unit: unit.shippings.claim(now_ms=15, lease_ms=5, limit=9)) == [Poll(1, 2)]
