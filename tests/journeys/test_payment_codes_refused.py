"""Codes that WeChat does not charge, and requests that we do not send on: a clear error, and nothing changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, BinaryIO, Final

import pytest

from tests.support.till import FUNDS, INTENTS, Till
from wxbackend.domain.observation import Declined
from wxbackend.domain.payment_code import CODE_LOOK_EVERY_S, SEND_WITHIN_S_MAX, PaymentCode
from wxbackend.flows import ask_provider
from wxbackend.ports.bills import Download
from wxbackend.ports.provider import Exchange

PRICE: Final = 2000
CODE_PARAM: Final = "payment_method_data[wechat_pay][payment_code]"


# --- refused by WeChat -----------------------------------------------------------------------------


def refused_codes(shop: Till) -> dict[str, str]:
    """Codes that WeChat does not charge, by the word for it."""
    used = shop.show_code()
    shop.sell(used, amount=1)
    expired = shop.show_code()
    shop.desk("POST", "/clock", {"advance_s": 61})
    return {"used": used, "expired": expired, "unknown": "134567890123456789"}


@pytest.mark.parametrize(
    ("why", "decline"),
    [("used", "auth_code_invalid"), ("expired", "auth_code_expired"), ("unknown", "auth_code_invalid")],
)
def test_a_code_that_wechat_refuses_is_told_clearly_and_the_next_one_is_charged(
    shop: Till, why: str, decline: str
) -> None:
    code = refused_codes(shop)[why]
    before = shop.balance()
    intent = shop.sell(code)
    assert intent["status"] == "requires_payment_method"
    error = intent["last_payment_error"]
    assert (error["code"], error["decline_code"]) == ("payment_method_provider_decline", decline)
    assert code not in str(intent)
    assert shop.balance() == before
    assert shop.confirm(intent, shop.show_code()).body["status"] == "succeeded"


def test_a_buyer_without_the_money_is_told_and_nothing_is_taken(shop: Till) -> None:
    intent = shop.sell(shop.show_code(ask_pin=False), amount=FUNDS + 1)
    assert intent["last_payment_error"]["code"] == "insufficient_funds"
    assert (intent["status"], shop.balance()) == ("requires_payment_method", FUNDS)


def test_a_buyer_who_refuses_the_pin_ends_it_without_a_reversal(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.type_pin(intent, "cancel")
    shop.pass_time(CODE_LOOK_EVERY_S)
    seen = shop.see(intent)
    assert (seen["status"], seen["last_payment_error"]["decline_code"]) == ("requires_payment_method", "order_closed")
    assert shop.asked("/reverse", intent) == 0


# --- refused by us, with nothing changed -------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["", "13", "163456789012345678", "1312345678901234567", "13１２３４５６７８９０１２３４５６", "x" * 65]
)
def test_a_text_that_is_no_code_is_refused_without_repeating_it(shop: Till, code: str) -> None:
    before = shop.rows("SELECT count(*) AS n FROM payment_intents")
    reply = shop.call(INTENTS, {"amount": PRICE, "currency": "CNY", "confirm": True} | shop.scanned(code))
    assert reply.status == 400
    assert reply.body["error"]["param"] == CODE_PARAM
    assert not code or code not in reply.body["error"]["message"]
    assert shop.rows("SELECT count(*) AS n FROM payment_intents") == before


def test_what_does_not_fit_together_is_refused_by_name_and_nothing_changes(shop: Till) -> None:
    intent = shop.ask(INTENTS, {"amount": PRICE, "currency": "CNY"})
    code = shop.show_code()
    path = f"{INTENTS}/{intent['id']}"
    wrong: list[tuple[str, dict[str, Any], str]] = [
        (f"{path}/confirm", shop.scanned(None), CODE_PARAM),
        (f"{path}/confirm", shop.scanned(code, terminal_type="official_account"), CODE_PARAM),
        (f"{path}/confirm", shop.scanned(code, openid="oX"), "payment_method_options[wechat_pay][openid]"),
        (
            f"{path}/confirm",
            shop.scanned(code, app_id="wx0000000000000000"),
            "payment_method_options[wechat_pay][app_id]",
        ),
        (path, shop.scanned(code), CODE_PARAM),
        (INTENTS, {"amount": PRICE, "currency": "CNY"} | shop.scanned(code), CODE_PARAM),
    ]
    before = shop.rows("SELECT * FROM payment_intents ORDER BY id")
    for place, body, param in wrong:
        reply = shop.call(place, body)
        assert (reply.status, reply.body["error"].get("param")) == (400, param), (body, reply)
        assert code not in str(reply.body)
    assert shop.rows("SELECT * FROM payment_intents ORDER BY id") == before
    assert shop.confirm(intent, code).body["status"] == "succeeded"


def test_only_what_can_be_shared_is_sold_to_be_shared(shop: Till) -> None:
    """A payment by API v2 is not held back, so that nobody must believe that it can be shared later."""
    body = {"amount": PRICE, "currency": "CNY", "confirm": True} | shop.scanned(shop.show_code(), profit_sharing=True)
    before = shop.rows("SELECT count(*) AS n FROM payment_intents")
    reply = shop.call(INTENTS, body)
    if shop.version == "v3":
        assert (reply.status, reply.body["status"]) == (200, "succeeded")
        return
    error = reply.body["error"]
    assert (reply.status, error["code"]) == (400, "profit_sharing_not_available")
    assert error["param"] == "payment_method_options[wechat_pay][profit_sharing]"
    assert shop.rows("SELECT count(*) AS n FROM payment_intents") == before
    assert shop.balance() == FUNDS


def test_a_buyers_page_cannot_charge_a_code(shop: Till) -> None:
    intent = shop.ask(INTENTS, {"amount": PRICE, "currency": "CNY"})
    body = shop.scanned(shop.show_code()) | {"client_secret": intent["client_secret"]}
    reply = shop.call(f"{INTENTS}/{intent['id']}/confirm", body, key=shop.publishable_key)
    assert (reply.status, reply.body["error"]["param"]) == (400, "payment_method_options[wechat_pay][terminal_type]")
    assert shop.attempts(intent) == []


def test_the_code_is_nowhere_in_the_database_and_in_no_answer(shop: Till) -> None:
    code = shop.show_code(ask_pin=True)
    intent = shop.sell(code, once="kept today")
    names = [row["name"] for row in shop.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in names:
        assert code not in str(shop.rows(f"SELECT * FROM {name}")), name
    assert code not in str(intent)
    shop.type_pin(intent)
    shop.pass_time(CODE_LOOK_EVERY_S)


class Nobody:
    """A transport that nobody may use."""

    def send(self, exchange: Exchange[Any]) -> Any:
        """It is an error."""
        raise AssertionError(f"{exchange.purpose} was sent")

    def fetch(self, download: Download) -> BinaryIO:
        """It is an error too."""
        raise AssertionError(f"{download.purpose} was fetched")


def test_a_code_that_was_held_up_here_for_too_long_is_not_sent_any_more(shop: Till) -> None:
    held = shop.side.attempt(sent_ms=shop.clock.now_ms() - SEND_WITHIN_S_MAX * 1000)
    alone = replace(shop.deps, transport=Nobody())
    provider = shop.deps.providers.charging_codes(held.merchant)
    assert provider is not None
    said = ask_provider.charge_code(alone, provider, held, PaymentCode(shop.show_code()))
    assert isinstance(said, Declined)
    assert said.code == "payment_method_provider_timeout"
