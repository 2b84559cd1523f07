"""What WeChat pushes to a mini program: forged, doubled, late and broken; a real database, the simulated WeChat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3

from tests.contracts.conftest import Database
from tests.support.shipping_shop import VIRTUAL, Scene, Shop, open_shop
from tests.support.wechat_side import MINI_PROGRAM, WechatSide, wechat_side
from wxbackend.domain.shipping import ShippingState
from wxbackend.flows.receive_push import take_up_pushes

SETTLEMENT: Final = "trade_manage_order_settlement"


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side."""
    with wechat_side(tmp_path_factory.mktemp("pushes")) as made:
        yield made


@pytest.fixture
def scene(database: Database, side: WechatSide, tmp_path: Path) -> Iterator[Scene]:
    """A shop whose mini program is watched, with pushes in safe mode."""
    with open_shop(database.store, side, tmp_path) as scene:
        yield scene


def test_a_push_that_comes_twice_and_again_later_is_handled_once(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    shop.tell(intent, VIRTUAL)
    scene.mischief(pushes={"duplicate": {"times": 1, "copies": 4}})
    shop.settle_at_wechat(intent)
    last = shop.pushed()[-1]
    assert [reply["status"] for reply in last["replies"]] == [200] * 4
    shop.side.desk("POST", f"/pushes/{last['id']}/send", {"times": 3})
    assert shop.told().count("payment_intent.settled") == 1
    assert (shop.balances()["frozen"], shop.balances()["released"]) == (0, 2000)


def test_a_push_that_comes_late_still_counts(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    shop.tell(intent, VIRTUAL)
    scene.mischief(pushes={"hold": {"times": 1}})
    shop.settle_at_wechat(intent)
    assert shop.shipping(intent).state is ShippingState.SHIPPED
    shop.side.desk("POST", f"/pushes/{shop.pushed()[-1]['id']}/send", {})
    assert shop.shipping(intent).state is ShippingState.SETTLED


def settlement(shop: Shop, intent: int, **more: Any) -> dict[str, Any]:
    """The fields of an event that says the money is free."""
    number = shop.shipping(intent).out_trade_no
    return {
        "ToUserName": "gh_1",
        "FromUserName": "o-platform",
        "CreateTime": 1_795_000_000,
        "MsgType": "event",
        "Event": SETTLEMENT,
        "merchant_id": "1900000109",
        "merchant_trade_no": number,
        "settlement_time": 1_795_000_000,
        **more,
    }


WRONG: Final[dict[str, dict[str, Any]]] = {
    "no signature": {"sign": "none"},
    "another token": {"sign": "wrong_token"},
    "another msg_signature": {"sign": "wrong_msg_signature"},
    "too old": {"timestamp_offset_s": -900},
    "from the future": {"timestamp_offset_s": 900},
    "changed": {"tamper": True},
}


def test_a_forged_push_is_refused_and_changes_nothing(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    shop.tell(intent, VIRTUAL)
    shop.pushed()
    before = shop.shipping(intent)
    for wrong, twist in WRONG.items():
        assert scene.forge(fields=settlement(shop, intent), **twist) == 403, wrong
        assert shop.shipping(intent) == before, wrong
    assert scene.forge(fields=settlement(shop, intent), wrong_key=True) == 400
    assert shop.shipping(intent) == before
    assert shop.balances()["frozen"] == 2000


def test_a_plain_push_to_an_app_with_a_key_is_refused(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    scene.listen("plain")
    assert scene.forge(fields=settlement(shop, intent)) == 403
    assert shop.shipping(intent).frozen == 2000


def test_what_a_plain_push_says_of_money_is_asked_about_and_not_believed(scene: Scene) -> None:
    shop = scene.shop
    shop.watch(push_aes_keys=())
    scene.listen("plain")
    intent = shop.paid()
    shop.tell(intent, VIRTUAL)
    shop.pushed()
    assert scene.forge(fields=settlement(shop, intent)) == 200
    assert shop.look(after_s=0) == 1
    assert (shop.shipping(intent).state, shop.balances()["frozen"]) == (ShippingState.SHIPPED, 2000)
    shop.settle_at_wechat(intent)
    assert shop.look(after_s=0) == 1
    assert (shop.shipping(intent).state, shop.balances()["frozen"]) == (ShippingState.SETTLED, 0)


def test_an_event_about_somebody_elses_order_is_kept_and_changes_nothing(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    for changes in ({"merchant_id": "1900000000"}, {"merchant_trade_no": "another"}):
        assert scene.forge(fields=settlement(shop, intent, **changes)) == 200
    assert (shop.shipping(intent).state, shop.shipping(intent).frozen) == (ShippingState.AWAITED, 2000)


def test_two_orders_settled_in_the_same_second_are_both_settled(scene: Scene) -> None:
    shop = scene.shop
    intents = [shop.paid(), shop.paid()]
    for intent in intents:
        assert scene.forge(fields=settlement(shop, intent)) == 200
    assert [shop.shipping(intent).state for intent in intents] == [ShippingState.SETTLED] * 2


def test_a_reminder_of_wechats_lets_us_look_whether_it_knows_of_the_goods(scene: Scene) -> None:
    shop = scene.shop
    intent = shop.paid()
    shop.side.desk("POST", f"/shipping/{shop.shipping(intent).out_trade_no}/remind_merchant")
    assert shop.pushed()[-1]["state"] == "told"
    assert shop.look(after_s=0) == 1
    assert shop.shipping(intent).state is ShippingState.AWAITED


def test_an_event_that_asks_for_nothing_is_answered_success_and_kept(scene: Scene) -> None:
    for event in ("trade_manage_remind_access_api", "subscribe", "an_event_of_next_year"):
        scene.shop.side.desk("POST", f"/apps/{MINI_PROGRAM}/event", {"event": event, "fields": {"msg": "hello"}})
    assert [[reply["response"] for reply in push["replies"]] for push in scene.shop.pushed()] == [["success"]] * 3
    assert scene.unhandled() == []


def test_a_push_that_could_not_be_handled_is_kept_answered_and_taken_up_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = scene.shop
    intent = shop.paid()
    shop.tell(intent, VIRTUAL)
    shop.pushed()

    def broken(*_: Any) -> str:
        raise RuntimeError("a defect of ours")

    with monkeypatch.context() as patch:
        patch.setattr("wxbackend.flows.receive_push.handle_push", broken)
        shop.settle_at_wechat(intent)
        assert shop.pushed()[-1]["state"] == "told"
    assert (scene.unhandled(), shop.shipping(intent).state) == ([SETTLEMENT], ShippingState.SHIPPED)
    shop.clock.ahead_ms += 6_000
    assert take_up_pushes(shop.deps) == 1
    assert (scene.unhandled(), shop.shipping(intent).state) == ([], ShippingState.SETTLED)


def test_a_push_that_is_too_large_or_for_nobody_is_refused_unread(scene: Scene) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        for size in (64 * 1024 + 1, 200_000):
            answer = pool.request("POST", f"{scene.address}?signature=x&timestamp=1&nonce=1", body=b"x" * size)
            assert answer.status == 413
        assert pool.request("GET", scene.address).status == 403
        assert pool.request("GET", scene.address.replace(MINI_PROGRAM, "wx0000000000000000")).status == 404
