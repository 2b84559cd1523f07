"""A service provider sells for a sub-merchant: openids of both apps, money for another, refunds, lost notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest

from tests.support.house import House, house
from tests.support.partner_shop import partner_settings
from tests.support.partner_side import OTHER_SUB_MCHID, SP_APPID, SUB_MCHID, SUB_MINI_PROGRAM_APPID

APPS: Final = {"official_account": SP_APPID, "mini_program": SUB_MINI_PROGRAM_APPID}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for the module."""
    folder = tmp_path_factory.mktemp("partner")
    with house(folder) as made:
        file = folder / "settings.toml"
        file.write_text(partner_settings())
        made.open(WXBACKEND_CONFIG=str(file))
        yield made


@pytest.fixture
def shop(built: House) -> House:
    """The sub-merchant's shop, without anybody's mischief."""
    built.side.behave()
    built.side.desk("POST", "/refunds/rules", {"settle_after_s": 0, "min_spacing_s": 0})
    return built


def confirmed(shop: House, terminal: str) -> dict[str, Any]:
    """A PaymentIntent of 20.00 CNY whose order is open for the default buyer in that app."""
    wechat_pay = {"terminal_type": terminal, "openid": shop.side.openid(APPS[terminal])}
    return shop.confirmed(terminal, payment_method_options={"wechat_pay": wechat_pay})


def attempt(shop: House, intent: dict[str, Any]) -> dict[str, Any]:
    """Its order as we keep it."""
    number = int(intent["id"].removeprefix("pi_"))
    return shop.rows(f"SELECT * FROM attempts WHERE intent_id = {number} ORDER BY id DESC")[0]


def wait(shop: House, intent: dict[str, Any], *, working: bool = False) -> dict[str, Any]:
    """The intent once it has succeeded."""
    return shop.until(
        lambda: found if (found := shop.intent(intent))["status"] == "succeeded" else None, working=working
    )


def discrepancies(shop: House, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """What was recorded of money that does not fit."""
    number = int(intent["id"].removeprefix("pi_"))
    return shop.rows(f"SELECT * FROM discrepancies WHERE intent_id = {number}")


@pytest.mark.parametrize("terminal", APPS)
def test_a_buyer_of_either_app_pays_once_and_gets_the_money_back(shop: House, terminal: str) -> None:
    intent = confirmed(shop, terminal)
    kept = attempt(shop, intent)
    assert (kept["merchant"], kept["app"]) == (SUB_MCHID, APPS[terminal])
    shop.pay(intent)
    assert wait(shop, intent)["amount_received"] == 2000
    refund = shop.refund(intent, amount=700)
    ended = shop.until(
        lambda: found if (found := shop.api("GET", f"/v1/refunds/{refund['id']}"))["status"] == "succeeded" else None,
        working=True,
    )
    assert ended["amount"] == 700
    order = shop.side.desk("GET", f"/orders/{kept['out_trade_no']}")
    assert (order["trade_state"], order["sub_mchid"]) == ("REFUND", SUB_MCHID)
    assert discrepancies(shop, intent) == []


def test_a_lost_notice_is_made_up_for_by_asking(shop: House) -> None:
    shop.side.desk("POST", "/mischief", {"notices": {"lose": {"times": 1}}})
    intent = confirmed(shop, "mini_program")
    shop.pay(intent)
    assert wait(shop, intent, working=True)["amount_received"] == 2000


@pytest.mark.parametrize(
    "lie", [{"sub_mchid": OTHER_SUB_MCHID}, {"sp_mchid": "1900007777"}, {"sp_appid": "wx0000000000000000"}]
)
def test_money_for_another_is_recorded_once_and_moves_nothing(shop: House, lie: dict[str, str]) -> None:
    intent = confirmed(shop, "official_account")
    number, before = attempt(shop, intent)["out_trade_no"], shop.intent(intent)
    wish = {
        "url": f"{shop.stack.web_url}/notices/wechat_v3/{SUB_MCHID}",
        "out_trade_no": number,
        "plaintext_overrides": {**lie, "transaction_id": f"4200{number}"},
    }
    for _ in range(2):
        assert shop.side.desk("POST", "/notices/forge", wish)["status"] == 204
    (found,) = discrepancies(shop, intent)
    assert (found["kind"], found["state"]) == ("wrong", "open")
    assert "merchant" in orjson.loads(found["observed"])
    assert shop.intent(intent) == before
    assert shop.rows(f"SELECT * FROM refunds WHERE attempt_id = {attempt(shop, intent)['id']}") == []
    shop.pay(intent)
    assert wait(shop, intent)["amount_received"] == 2000


def test_what_is_no_product_of_sub_merchants_is_refused_by_name(shop: House) -> None:
    before, openid = shop.money(), shop.side.openid(SUB_MINI_PROGRAM_APPID)
    transfer = {
        "amount": 100, "currency": "CNY", "description": "Tea", "scene": "1005",
        "destination": {"openid": openid, "app_id": SUB_MINI_PROGRAM_APPID},
        "scene_report": [{"type": "岗位类型", "content": "外卖员"}],
    }  # fmt: skip
    status, told = shop.call("POST", "/v1/transfers", transfer)
    assert (status, told["error"]["code"]) == (400, "transfer_not_available"), told
    shared = {"terminal_type": "mini_program", "openid": openid, "profit_sharing": True}
    intent = {
        "amount": 2000, "currency": "CNY", "confirm": True, "payment_method_data": {"type": "wechat_pay"},
        "payment_method_options": {"wechat_pay": shared},
    }  # fmt: skip
    status, told = shop.call("POST", "/v1/payment_intents", intent)
    assert (status, told["error"]["code"]) == (400, "profit_sharing_not_available"), told
    assert shop.money() == before
