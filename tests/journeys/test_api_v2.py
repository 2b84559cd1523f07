"""A merchant on API v2 sells, gives back and cancels; what is lost is found, what is forged moves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.test_seed_documents import LATER, golden, normalised, request_of
from tests.support.house import NEVER_S, House, house
from tests.support.stack import MINI_PROGRAM
from wxbackend.demo import Demo
from wxbackend.development import CONFIG
from wxbackend.domain.event import EventType
from wxbackend.simulators.wechat_pay.v2.notices import ANOTHER_KEY
from wxbackend.simulators.wechat_pay.v2.signing import MD5, seal, signed
from wxbackend.simulators.wechat_pay.v2.xml import document
from wxbackend.trigger import trigger

V2: Final = {"WXBACKEND_API_VERSION": "v2"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for the module."""
    with house(tmp_path_factory.mktemp("house")) as made:
        made.open(**V2)
        yield made


@pytest.fixture
def shop(built: House) -> House:
    """A merchant on API v2, without anybody's mischief; refunds stay open until a test ends them."""
    built.side.behave()
    built.side.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
    return built


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of the test's own, to be opened with settings that it chooses."""
    with house(tmp_path_factory.mktemp("own")) as made:
        made.side.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
        yield made


def key(shop: House) -> str:
    """What the merchant and WeChat share."""
    return (shop.side.directory / "merchant" / "apiv2_key.txt").read_text().strip()


def attempt(shop: House, intent: dict[str, Any]) -> dict[str, Any]:
    """The intent's newest order as we keep it."""
    number = int(intent["id"].removeprefix("pi_"))
    return shop.rows(f"SELECT * FROM attempts WHERE intent_id = {number} ORDER BY id DESC")[0]


def refund_status(shop: House, refund: dict[str, Any]) -> str:
    """Where a refund of ours stands."""
    return str(shop.api("GET", f"/v1/refunds/{refund['id']}")["status"])


def number_of(refund: dict[str, Any]) -> str:
    """Its number at WeChat."""
    return str(refund["id"].removeprefix("re_"))


def a_hint(shop: House, refund: dict[str, Any], *, under: str, **said: str) -> bytes:
    """A refund notice that says so, sealed with that key."""
    content = {"out_refund_no": number_of(refund), "refund_status": "SUCCESS", "refund_id": "50", **said}
    fields = {"return_code": "SUCCESS", "appid": MINI_PROGRAM, "mch_id": "1900000109", "nonce_str": "n"}
    return document(fields | {"req_info": seal(document(content, root="root"), under)})


@pytest.mark.parametrize("terminal", ["official_account", "mini_program"])
def test_a_payment_and_its_refund_go_all_the_way(shop: House, terminal: str) -> None:
    intent = shop.paid(terminal)
    kept = attempt(shop, intent)
    assert (kept["provider"], intent["amount_received"]) == ("wechat_v2", 2000)
    refund = shop.refund(intent, amount=500)
    assert refund_status(shop, refund) == "pending"
    shop.side.desk("POST", f"/refunds/{number_of(refund)}/settle", {"outcome": "SUCCESS"})
    shop.until(lambda: refund_status(shop, refund) == "succeeded", working=True)
    assert shop.side.desk("GET", "/books")["balanced"]
    refunds = [row for row in shop.rows("SELECT * FROM refunds") if row["out_refund_no"] == number_of(refund)]
    assert [(row["provider"], row["state"]) for row in refunds] == [("wechat_v2", "succeeded")]


def test_a_lost_notice_costs_a_query_and_not_the_sale(shop: House) -> None:
    shop.side.desk("POST", "/mischief", {"notices": {"lose": {"times": None}}})
    intent = shop.confirmed()
    shop.pay(intent)
    assert shop.intent(intent)["status"] == "requires_action"
    shop.until(lambda: shop.intent(intent)["status"] == "succeeded", working=True)


def test_a_notice_that_comes_many_times_at_once_pays_once(shop: House) -> None:
    shop.side.desk("POST", "/mischief", {"notices": {"concurrently": {"times": 1, "copies": 6}}})
    intent = shop.paid()
    shop.side.desk("GET", "/notices?wait_s=5")
    succeeded = [row for row in shop.rows("SELECT * FROM events") if intent["id"] in str(row["body"])]
    assert [row["type"] for row in succeeded].count("payment_intent.succeeded") == 1


def test_what_is_canceled_is_closed_at_wechat(shop: House) -> None:
    intent = shop.confirmed()
    number = attempt(shop, intent)["out_trade_no"]
    assert shop.api("POST", f"/v1/payment_intents/{intent['id']}/cancel")["status"] == "canceled"
    assert shop.side.desk("GET", f"/orders/{number}")["trade_state"] == "CLOSED"


def test_what_was_paid_meanwhile_is_not_canceled(shop: House) -> None:
    shop.side.desk("POST", "/mischief", {"notices": {"lose": {"times": None}}})
    intent = shop.confirmed()
    shop.pay(intent)
    status, refused = shop.call("POST", f"/v1/payment_intents/{intent['id']}/cancel")
    assert (status, refused["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert shop.intent(intent)["status"] == "succeeded"


@pytest.mark.parametrize("fault", ["drop_after", "error_500_after", "truncate", "unsigned"])
def test_an_order_whose_answer_was_lost_is_the_same_order_afterwards(shop: House, fault: str) -> None:
    shop.side.desk("POST", "/mischief", {"api": [{"fault": fault, "path": "order", "times": 1}]})
    before = shop.side.desk("GET", "/books")["orders"]
    intent = shop.confirmed()
    open_one = shop.until(lambda: found if "next_action" in (found := shop.intent(intent)) else None, working=True)
    shop.pay(open_one)
    shop.until(lambda: shop.intent(intent)["status"] == "succeeded")
    assert shop.side.desk("GET", "/books")["orders"] == before + 1


def test_a_refund_notice_is_a_hint_and_only_wechats_answer_moves_money(shop: House) -> None:
    refund = shop.refund(shop.paid(), amount=700)
    before = {name: rows for name, rows in shop.money().items() if name != "notices"}
    assert shop.notify(a_hint(shop, refund, under=key(shop))) == 200
    shop.work()
    assert refund_status(shop, refund) == "pending"
    assert {name: rows for name, rows in shop.money().items() if name != "notices"} == before
    assert shop.rows("SELECT verdict FROM notices ORDER BY id DESC")[0]["verdict"] == "asked"


def test_a_refund_notice_that_nobody_with_the_key_wrote_changes_nothing_at_all(shop: House) -> None:
    refund = shop.refund(shop.paid(), amount=700)
    before = shop.money()
    assert shop.notify(a_hint(shop, refund, under=ANOTHER_KEY)) == 401
    assert shop.money() == before


def test_a_hint_about_a_refund_that_is_over_or_unknown_asks_nobody(shop: House) -> None:
    refund = shop.refund(shop.paid())
    shop.side.desk("POST", f"/refunds/{number_of(refund)}/settle", {"outcome": "SUCCESS"})
    shop.until(lambda: refund_status(shop, refund) == "succeeded", working=True)
    before = {name: rows for name, rows in shop.money().items() if name != "notices"}
    assert shop.notify(a_hint(shop, refund, under=key(shop), refund_status="REFUNDCLOSE")) == 200
    assert shop.notify(a_hint(shop, {"id": "re_1"}, under=key(shop))) == 200
    shop.work()
    verdicts = [row["verdict"] for row in shop.rows("SELECT verdict FROM notices ORDER BY id DESC LIMIT 2")]
    assert sorted(verdicts) == ["hint not needed", "no such refund"]
    assert {name: rows for name, rows in shop.money().items() if name != "notices"} == before


def a_payment(shop: House, intent: dict[str, Any], under: str, **said: str) -> bytes:
    """A payment notice for the intent's order, signed with that key."""
    kept = attempt(shop, intent)
    fields = {
        "return_code": "SUCCESS", "result_code": "SUCCESS", "appid": kept["app"], "mch_id": kept["merchant"],
        "nonce_str": "n", "openid": kept["payer"], "trade_type": "JSAPI", "total_fee": str(kept["amount"]),
        "fee_type": "CNY", "transaction_id": f"4200{kept['id']}", "out_trade_no": kept["out_trade_no"],
        "time_end": "20261122180000",
    }  # fmt: skip
    return document(signed(fields | said, under, MD5))


FORGED: Final = {
    "nothing": b"",
    "not XML": b'{"id": "1"}',
    "no sign": b"<xml><return_code>SUCCESS</return_code><mch_id>1900000109</mch_id></xml>",
    "an entity": b'<!DOCTYPE xml [<!ENTITY a "x">]><xml><return_code>&a;</return_code></xml>',
    "a file": b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>',
    "too large": b"<xml><a>" + b"1" * 70_000 + b"</a></xml>",
    "deep": b"<xml><return_code>SUCCESS<sign>1</sign></return_code></xml>",
}


@pytest.mark.parametrize("body", FORGED.values(), ids=FORGED)
def test_what_is_no_notice_is_refused_and_changes_nothing(shop: House, body: bytes) -> None:
    before = shop.money()
    assert shop.notify(body) == 401
    assert shop.money() == before


def test_a_payment_notice_is_believed_only_whole_and_under_our_key(shop: House) -> None:
    intent = shop.confirmed()
    good = a_payment(shop, intent, key(shop))
    doubled = good.replace(b"</xml>", b"<total_fee>1</total_fee></xml>")
    nested = good.replace(b"</xml>", b"<more><sign>1</sign></more></xml>")
    lies = [
        a_payment(shop, intent, ANOTHER_KEY), doubled, nested, good.replace(b"[4200", b"[4201"),
        a_payment(shop, intent, key(shop), mch_id="1900000110"), a_payment(shop, intent, key(shop), total_fee="x"),
        a_payment(shop, intent, key(shop), return_code="FAIL"),
    ]  # fmt: skip
    before = shop.money()
    assert [shop.notify(lie) for lie in lies] == [401] * len(lies)
    assert shop.notify(good, "wechat_v3") == 401
    assert shop.money() == before
    assert shop.notify(good) == 200
    assert shop.intent(intent)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("wish", "status"),
    [({"sign": "wrong_key"}, 401), ({"sign": "none"}, 401), ({"raw_body": "<xml/>"}, 401), ({}, 200)],
)
def test_what_the_desk_forges_is_believed_only_under_the_key(shop: House, wish: dict[str, str], status: int) -> None:
    intent = shop.confirmed()
    url = f"{shop.stack.web_url}/notices/wechat_v2/1900000109"
    told = {"url": url, "out_trade_no": attempt(shop, intent)["out_trade_no"]}
    assert shop.side.desk("POST", "/notices/forge_v2", told | wish)["status"] == status
    assert (shop.intent(intent)["status"] == "succeeded") == (status == 200)
    refund = shop.refund(shop.paid(), amount=1)
    told = {"url": url, "out_refund_no": number_of(refund), "overrides": {"refund_status": "SUCCESS"}}
    answered = shop.side.desk("POST", "/notices/forge_v2", told | wish)["status"]
    shop.work()
    assert (answered == 200) == (wish.get("sign", "none") == "none" and "raw_body" not in wish)
    assert refund_status(shop, refund) == "pending"


def test_a_developer_can_make_late_money_happen(shop: House) -> None:
    demo = Demo(shop.stack.web_url, shop.side.url, shop.stack.key("secret_key"))
    happened = trigger(demo, EventType.DISCREPANCY_OPENED.value)
    assert happened["data"]["object"]["kind"] == "late"


@pytest.mark.parametrize("said", [{"total_fee": "1"}, {"appid": "wx0000000000000000"}, {"fee_type": "USD"}])
def test_wrong_money_of_a_proven_notice_is_recorded_and_not_taken_for_the_order(
    shop: House, said: dict[str, str]
) -> None:
    intent = shop.confirmed()
    before = len(shop.rows("SELECT id FROM discrepancies"))
    body = a_payment(shop, intent, key(shop), **said)
    assert [shop.notify(body), shop.notify(body)] == [200, 200]
    assert len(shop.rows("SELECT id FROM discrepancies")) == before + 1
    assert shop.intent(intent)["status"] == "requires_action"


def test_the_mini_program_answer_is_the_seeds_with_its_md5(shop: House) -> None:
    example = golden("mini_program_opened")
    answer = shop.api("POST", "/v1/payment_intents", request_of(example, openid=shop.side.openid(MINI_PROGRAM)))
    later = {name: pair for name, pair in LATER.items() if name != "signType"}
    assert example["answer"]["next_action"]["wechat_pay_mini_program_params"]["signType"] == "MD5"
    assert normalised(answer, later=later) == normalised(example["answer"], later=later)
    printed = example["answer"]["next_action"]["wechat_pay_mini_program_params"]["paySign"]
    assert len(answer["next_action"]["wechat_pay_mini_program_params"]["paySign"]) == len(printed)


def test_a_merchant_moves_from_v3_to_v2_and_back_and_nothing_of_before_is_left_behind(own: House) -> None:
    own.open()
    paid, waiting = own.paid(), own.confirmed()
    own.open(**V2, WXBACKEND_SIGN_TYPE="HMAC-SHA256")
    assert own.intent(paid)["status"] == "succeeded"
    again = own.api("POST", f"/v1/payment_intents/{waiting['id']}/confirm")
    assert again["next_action"] == waiting["next_action"]
    own.pay(again)
    own.until(lambda: own.intent(waiting)["status"] == "succeeded")
    refund = own.refund(paid, amount=500)
    new = own.paid()
    assert [attempt(own, intent)["provider"] for intent in (paid, waiting, new)] == [
        "wechat_v3", "wechat_v3", "wechat_v2",
    ]  # fmt: skip
    assert own.rows("SELECT provider FROM refunds")[0]["provider"] == "wechat_v3"
    own.side.desk("POST", f"/refunds/{number_of(refund)}/settle", {"outcome": "SUCCESS"})
    own.until(lambda: refund_status(own, refund) == "succeeded")
    own.open()
    assert refund_status(own, own.refund(new, amount=100)) == "pending"
    assert own.intent(new)["status"] == "succeeded"
    assert own.side.desk("GET", "/books")["balanced"]
    accounts = {row["account_name"] for row in own.rows("SELECT DISTINCT debit AS account_name FROM ledger")}
    assert {"provider:wechat_v3:1900000109", "provider:wechat_v2:1900000109"} <= accounts


def test_codes_are_charged_by_api_v2_unless_the_settings_say_otherwise(own: House) -> None:
    by_v3 = {"WXBACKEND_V3_CODEPAY": "true"}
    for environment, name in (({}, "wechat_v2"), (by_v3, "wechat_v3"), (V2 | by_v3, "wechat_v3"), (V2, "wechat_v2")):
        own.open(**environment)
        charging = own.assembled.deps.providers.charging_codes("1900000109")
        assert charging is not None
        assert charging.name == name


def test_an_account_that_charges_no_codes_is_told_what_to_set_and_nothing_is_made(own: House, tmp_path: Path) -> None:
    lines = [line for line in CONFIG.read_text().splitlines() if not line.startswith("apiv2_key_file")]
    without = tmp_path / "without.toml"
    without.write_text("\n".join(lines))
    own.open(WXBACKEND_CONFIG=str(without))
    before = own.money()
    data = {"type": "wechat_pay", "wechat_pay": {"payment_code": "134567890123456789"}}
    options = {"wechat_pay": {"terminal_type": "SCAN_CODE"}}
    body = {"amount": 1, "currency": "CNY", "confirm": True}
    told = body | {"payment_method_data": data, "payment_method_options": options}
    status, refused = own.call("POST", "/v1/payment_intents", told)
    error = refused["error"]
    assert (status, error["code"]) == (400, "payment_method_not_available")
    assert error["param"] == "payment_method_options[wechat_pay][terminal_type]"
    assert "apiv2_key_file" in error["message"]
    assert "v3_codepay" in error["message"]
    assert own.money() == before


def test_where_refunds_cannot_be_sent_payments_go_on_and_the_refund_waits(own: House) -> None:
    own.open(**V2, WXBACKEND_SIMULATOR_TLS_PORT="1", WXBACKEND__WORK__REFUND_LOOK_AFTER_S=NEVER_S)
    refund = own.refund(own.paid())
    assert refund_status(own, refund) == "pending"
    assert own.side.desk("GET", "/books")["refunds_count"] == 0
