"""WeChat's own list of what it waits for, held against what we believe: retried, taken up or shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.conftest import Database
from tests.support.shipping_shop import VIRTUAL, Scene, Shop, open_shop
from tests.support.wechat_side import MINI_PROGRAM, WechatSide, wechat_side
from wxbackend.domain import shipping_lifecycle
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.shipping import Shipping, ShippingState
from wxbackend.domain.terminal import Terminal
from wxbackend.flows import catch_up_shipping as flow
from wxbackend.identity import order_shipping
from wxbackend.ports.store import Unit
from wxbackend.work.shippings import FIRST_AFTER_S, CatchUp

TO_SHIP, SHIPPED = 1, 2


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side."""
    with wechat_side(tmp_path_factory.mktemp("list")) as made:
        yield made


@pytest.fixture
def scene(database: Database, side: WechatSide, tmp_path: Path) -> Iterator[Scene]:
    """A shop whose mini program is watched."""
    with open_shop(database.store, side, tmp_path) as scene:
        yield scene


def catch_up(shop: Shop) -> dict[str, int] | None:
    """Ask for the list, long after everything that happened."""
    shop.clock.ahead_ms += (flow.EVERY_S + 1) * 1000
    found = flow.catch_up_shipping(shop.deps, shop.apps[MINI_PROGRAM], holder="a worker")
    return None if found is None else dict(found)


def believe_told(shop: Shop, intent_id: int) -> Shipping:
    """Our books say that WeChat has been told, and it has not."""
    was = shop.shipping(intent_id)
    told = shipping_lifecycle.tell(was, VIRTUAL, now_ms=shop.deps.surroundings.now_ms())
    believed = replace(told, state=ShippingState.SHIPPED, tellings=1)
    shop.deps.store.write(lambda unit: unit.shippings.save(believed, was=was))
    return believed


def test_what_we_believe_told_and_wechat_waits_for_is_told_again(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    believe_told(shop, intent)
    events = shop.told()
    assert catch_up(shop) == {"told_again": 1}
    assert shop.at_wechat(intent)["order_state"] == SHIPPED
    assert (shop.shipping(intent).state, shop.told()) == (ShippingState.SHIPPED, events)
    assert catch_up(shop) == {}


def test_what_wechat_will_not_take_again_changes_nothing_here(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    believed = believe_told(shop, intent)
    scene.mischief(platform={"shipping_drop_before": {"times": 1}})
    assert catch_up(shop) == {"not_told": 1}
    assert shop.shipping(intent).state is ShippingState.SHIPPED
    assert shop.shipping(intent).telling == believed.telling
    assert catch_up(shop) == {"told_again": 1}


def test_a_payment_from_before_its_app_was_watched_is_awaited_from_now_on(scene: Scene) -> None:
    shop = scene.shop
    shop.watch(None)
    intent = shop.paid()
    shop.watch()
    assert shop.deps.store.read(lambda unit: unit.shippings.of_intent(intent)) is None
    assert catch_up(shop) == {"begun": 1}
    assert (shop.shipping(intent).state, shop.shipping(intent).frozen) == (ShippingState.AWAITED, 2000)
    assert shop.balances()["frozen"] == 2000
    assert catch_up(shop) == {"awaited": 1}
    assert shop.balances()["frozen"] == 2000


def test_a_payment_of_nobody_here_is_named_and_nothing_is_recorded(scene: Scene) -> None:
    shop = scene.shop
    number = shop.deps.surroundings.new_id()
    attempt = shop.side.attempt(
        MINI_PROGRAM, id=number, intent_id=number, state=AttemptState.OPEN, terminal=Terminal.MINI_PROGRAM
    )
    shop.side.open(attempt)
    shop.side.pay(attempt)
    assert catch_up(shop) == {"unknown": 1}
    assert (shop.balances(), shop.told()) == ({}, [])


def test_a_telling_of_unknown_fate_is_looked_at_now(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    scene.mischief(platform={"shipping_drop_before": {"times": 1}})
    assert shop.tell(intent, VIRTUAL).state is ShippingState.UNCERTAIN
    far_ms = shop.deps.surroundings.now_ms() + 10**10

    def far(unit: Unit) -> None:
        unit.shippings.schedule(shop.shipping(intent).id, due_ms=far_ms, tries=9)

    shop.deps.store.write(far)
    assert catch_up(shop) == {"hurried": 1}
    assert shop.look(after_s=0) == 1
    shop.look()
    assert shop.at_wechat(intent)["order_state"] == SHIPPED


def test_the_list_is_read_page_by_page(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_shipping, "PAGE_ORDERS", 2)
    intents = [scene.shop.paid() for _ in range(5)]
    assert catch_up(scene.shop) == {"awaited": 5}
    scene.shop.tell(intents[0], VIRTUAL)
    assert catch_up(scene.shop) == {"awaited": 4}


def test_one_of_all_processes_asks_and_a_failure_is_soon_followed_by_another_try(scene: Scene) -> None:
    shop = scene.shop
    shop.paid()
    scene.mischief(platform={"busy": {"times": 99}})
    assert catch_up(shop) is None
    shop.side.desk("DELETE", "/mischief")
    app = shop.apps[MINI_PROGRAM]
    assert flow.catch_up_shipping(shop.deps, app, holder="another") is None
    shop.clock.ahead_ms += (flow.LEASE_S + 1) * 1000
    assert flow.catch_up_shipping(shop.deps, app, holder="another") == {"awaited": 1}
    shop.clock.ahead_ms += (flow.LEASE_S + 1) * 1000
    assert flow.catch_up_shipping(shop.deps, app, holder="a third") is None


def test_a_worker_asks_for_every_watched_app_some_time_after_its_start(scene: Scene) -> None:
    shop, catching_up = scene.shop, CatchUp()
    intent = shop.paid()
    believe_told(shop, intent)
    catching_up.tick(shop.deps)
    assert shop.at_wechat(intent)["order_state"] == TO_SHIP
    shop.clock.ahead_ms += (FIRST_AFTER_S + 1) * 1000
    catching_up.tick(shop.deps)
    assert shop.at_wechat(intent)["order_state"] == SHIPPED
