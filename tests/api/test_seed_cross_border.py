"""The seed document's GBP example as printed, in live mode; what the API says about currencies, limits and balances.

One normalisation is left beside the masks: the example was printed by API v2, so its MD5 is RSA here. The web side runs
in this process over a database of its own; orders go to the simulator's global API over real HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest

from tests.api.test_seed_documents import golden, normalised
from tests.support.global_side import MCHID_ABROAD
from tests.support.house import House, house
from tests.support.stack import BUYER, MINI_PROGRAM
from wxbackend.development import ROOT
from wxbackend.settings_document import CONFIG_VARIABLE

SETTINGS: Final = ROOT / "config" / "cross_border.toml"
PRINTED_BY_V2: Final = {"signType": ("MD5", "RSA")}
DOCUMENT: Final = ROOT / "docs" / "openapi.json"
INTENTS: Final = "/v1/payment_intents"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A shop whose merchant number sells across the border, in live mode as in the document."""
    state = tmp_path_factory.mktemp("abroad")
    settings = state / "live.toml"
    text = SETTINGS.read_text(encoding="utf-8").replace('mode = "test"', 'mode = "live"')
    settings.write_text(text, encoding="utf-8")
    with house(state) as made:
        for kind, prefix in (("secret", "sk"), ("publishable", "pk")):
            file = made.stack.state / "keys" / f"{kind}_key.txt"
            file.write_text(file.read_text().replace(f"{prefix}_test_", f"{prefix}_live_"))
        made.open(**{CONFIG_VARIABLE: str(settings)})
        made.side.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
        yield made


def wish(shop: House, **fields: Any) -> dict[str, Any]:
    """The example's request, for a buyer whom the simulator knows."""
    request: dict[str, Any] = golden("mini_program_opened")["request"]
    request["payment_method_options"]["wechat_pay"]["openid"] = shop.side.openid(MINI_PROGRAM)
    return request | fields


def paid(shop: House, **fields: Any) -> dict[str, Any]:
    """An intent that was paid, and of which we heard."""
    intent = shop.api("POST", INTENTS, wish(shop, **fields))
    shop.pay(intent)
    return shop.until(lambda: found if (found := shop.intent(intent))["status"] == "succeeded" else None)


def balances(shop: House) -> dict[str, int]:
    """What may be refunded, by currency."""
    return {each["currency"]: each["amount"] for each in shop.api("GET", "/v1/balance")["available"]}


def test_the_mini_program_order_in_pounds_is_answered_as_printed(shop: House) -> None:
    example = golden("mini_program_opened")
    ours = shop.api("POST", INTENTS, wish(shop))
    assert normalised(ours, later=PRINTED_BY_V2) == normalised(example["answer"], later=PRINTED_BY_V2)
    assert (ours["currency"], ours["amount"], ours["livemode"]) == ("GBP", 20, True)


@pytest.mark.parametrize("currency", ["CNY", "GBP", "USD", "EUR", "HKD", "gbp"])
def test_every_currency_that_the_document_promises_is_paid_and_kept_apart(shop: House, currency: str) -> None:
    name, before = currency.upper(), balances(shop)
    found = paid(shop, amount=1000, currency=currency)
    assert (found["currency"], found["amount_received"]) == (name, 1000)
    after = balances(shop)
    assert after == before | {name: before.get(name, 0) + 1000}
    schema = orjson.loads(DOCUMENT.read_bytes())["components"]["schemas"]
    assert set(found) <= set(schema["PaymentIntent"]["properties"])
    if name == "CNY":
        assert "presentment_details" not in found
    else:
        assert found["presentment_details"]["presentment_currency"] == "CNY"
        assert found["presentment_details"]["presentment_amount"] > 0
        assert set(found["presentment_details"]) == set(schema["PresentmentDetails"]["properties"])
        assert "." in found["presentment_details"]["exchange_rate"] or name == "HKD"


def test_a_refund_is_in_the_currency_of_its_payment_and_within_it(shop: House) -> None:
    intent, before = paid(shop, amount=1000), balances(shop)
    status, refused = shop.call("POST", "/v1/refunds", {"payment_intent": intent["id"], "amount": 1001})
    assert (status, refused["error"]["param"]) == (400, "amount")
    refund = shop.refund(intent, amount=400)
    assert (refund["currency"], refund["amount"], refund["status"]) == ("GBP", 400, "pending")
    number = refund["id"].removeprefix("re_")
    shop.side.desk("POST", f"/refunds/{int(number)}/settle", {"outcome": "SUCCESS"})
    done = shop.until(
        lambda: found if (found := shop.api("GET", f"/v1/refunds/{refund['id']}"))["status"] == "succeeded" else None,
        working=True,
    )
    assert done["currency"] == "GBP"
    assert balances(shop) == before | {"GBP": before["GBP"] - 400}


def test_more_than_fifty_thousand_dollars_worth_is_refused_before_anything_is_sent(shop: House) -> None:
    before, asked = shop.money(), len(shop.side.desk("GET", "/requests?limit=1000")["requests"])
    for amount, currency in ((3_846_154, "GBP"), (5_000_001, "USD"), (35_714_286, "CNY")):
        status, answer = shop.call("POST", INTENTS, wish(shop, amount=amount, currency=currency))
        assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "amount_too_large", "amount")
        assert "50,000 USD" in answer["error"]["message"]
    assert shop.money() == before
    assert len(shop.side.desk("GET", "/requests?limit=1000")["requests"]) == asked
    assert shop.api("POST", INTENTS, {"amount": 3_846_153, "currency": "GBP"})["amount"] == 3_846_153


def test_an_amount_is_not_raised_above_the_limit_either(shop: House) -> None:
    intent = shop.api("POST", INTENTS, {"amount": 100, "currency": "USD"})
    status, answer = shop.call("POST", f"{INTENTS}/{intent['id']}", {"amount": 5_000_001})
    assert (status, answer["error"]["param"]) == (400, "amount")
    assert shop.intent(intent)["amount"] == 100


def test_a_currency_that_nobody_collects_is_refused_by_name(shop: House) -> None:
    before = shop.money()
    status, answer = shop.call("POST", INTENTS, wish(shop, currency="JPY"))
    assert (status, answer["error"]["param"]) == (400, "currency")
    assert shop.money() == before


def test_a_payment_code_is_refused_with_the_fix(shop: House) -> None:
    body = {
        "amount": 20, "currency": "GBP", "confirm": True,
        "payment_method_options": {"wechat_pay": {"terminal_type": "SCAN_CODE"}},
        "payment_method_data": {"type": "wechat_pay", "wechat_pay": {"payment_code": "132993614656096754"}},
    }  # fmt: skip
    status, answer = shop.call("POST", INTENTS, body)
    assert (status, answer["error"]["code"]) == (400, "payment_method_not_available")


def test_money_that_could_never_be_shared_is_not_taken_to_be_shared(shop: House) -> None:
    before, body = shop.money(), wish(shop)
    body["payment_method_options"]["wechat_pay"]["profit_sharing"] = True
    status, answer = shop.call("POST", INTENTS, body)
    assert (status, answer["error"]["code"]) == (400, "profit_sharing_not_available")
    assert answer["error"]["param"] == "payment_method_options[wechat_pay][profit_sharing]"
    assert shop.money() == before


@pytest.mark.parametrize("lie", [{"amount.currency": "USD"}, {"amount.total": 1}])
def test_a_notice_of_other_money_is_a_discrepancy_and_the_intent_stays(shop: House, lie: dict[str, Any]) -> None:
    intent = shop.api("POST", INTENTS, wish(shop))
    number = int(intent["id"].removeprefix("pi_"))
    (attempt,) = shop.rows(f"SELECT out_trade_no FROM attempts WHERE intent_id = {number}")
    url = f"{shop.stack.web_url}/notices/wechat_global/{MCHID_ABROAD}"
    told = {"url": url, "out_trade_no": attempt["out_trade_no"], "plaintext_overrides": lie}
    assert shop.side.desk("POST", "/notices/forge", told)["status"] == 204
    (found,) = shop.rows(f"SELECT * FROM discrepancies WHERE intent_id = {number}")
    assert found["kind"] == "wrong"
    assert shop.intent(intent)["status"] == "requires_action"
    shop.pay(intent)
    shop.until(lambda: shop.intent(intent)["status"] == "succeeded", working=True)


def test_a_lost_notice_is_caught_up_with_what_the_buyer_paid(shop: House) -> None:
    shop.side.desk("POST", "/mischief", {"notices": {"lose": {"times": 5}}})
    intent = shop.api("POST", INTENTS, wish(shop, amount=2000))
    shop.pay(intent)
    found = shop.until(lambda: now if (now := shop.intent(intent))["status"] == "succeeded" else None, working=True)
    shop.side.desk("DELETE", "/mischief")
    assert found["presentment_details"] == {
        "presentment_amount": 18620, "presentment_currency": "CNY", "exchange_rate": "10.11956521",
    }  # fmt: skip


def test_two_payers_pay_once(shop: House) -> None:
    intent = paid(shop)
    before = shop.side.desk("GET", f"/buyers/{BUYER}")["balance"]
    (attempt,) = shop.rows(f"SELECT * FROM attempts WHERE intent_id = {int(intent['id'].removeprefix('pi_'))}")
    told = {"out_trade_no": attempt["out_trade_no"], "channel": "mini_program"}
    assert not shop.side.desk("POST", f"/buyers/{BUYER}/pay_order", told)["err_msg"].endswith(":ok")
    assert shop.side.desk("GET", f"/buyers/{BUYER}")["balance"] == before
    assert attempt["payer_currency"] == "CNY"


def test_the_books_of_every_currency_sum_to_nothing(shop: House) -> None:
    rows = shop.rows("SELECT currency, debit, credit, amount FROM ledger")
    assert {row["currency"] for row in rows} >= {"GBP", "USD"}
    for currency in {row["currency"] for row in rows}:
        accounts: dict[str, int] = {}
        for row in rows:
            if row["currency"] == currency:
                accounts[row["debit"]] = accounts.get(row["debit"], 0) + row["amount"]
                accounts[row["credit"]] = accounts.get(row["credit"], 0) - row["amount"]
        assert sum(accounts.values()) == 0
        assert accounts[f"provider:wechat_global:{MCHID_ABROAD}"] >= 0
    assert shop.side.desk("GET", "/books")["balanced"]
