"""A shop scans a payment code: paid at once, paid after the PIN, or reversed, and nothing in between for good.

The whole product runs in this process over a real database and real HTTP to the simulator; time is moved by hand.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, BinaryIO, Final

import pytest

from tests.support.till import FUNDS, INTENTS, Reply, Till
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnreached
from wxbackend.domain.intent import PaymentMethod
from wxbackend.domain.payment_code import CODE_LOOK_EVERY_S, PIN_WAIT_S_MAX, REVERSE_AFTER_S_MIN, PaymentCode
from wxbackend.domain.terminal import Terminal
from wxbackend.flows import settle
from wxbackend.flows.cancel_intent import Cancel, cancel_intent
from wxbackend.flows.confirm_intent import Confirm, confirm_intent
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.bills import Download
from wxbackend.ports.provider import Exchange, Provider

PRICE: Final = 2000
SUCCEEDED: Final = "payment_intent.succeeded"
FAILED: Final = "payment_intent.payment_failed"


def provider_of(shop: Till, attempt: Attempt) -> Provider:
    """The adapter that charges codes."""
    found = shop.deps.providers.charging_codes(attempt.merchant)
    assert found is not None
    return found


def assert_reversed(shop: Till, intent: dict[str, Any]) -> None:
    """Nobody has paid, nobody can any more, and the merchant was told once and clearly."""
    seen = shop.see(intent)
    assert seen["status"] == "requires_payment_method"
    error = seen["last_payment_error"]
    assert (error["code"], error["decline_code"]) == ("payment_intent_payment_attempt_expired", "order_reversed")
    assert "new payment code" in error["message"]
    assert shop.order(intent)["trade_state"] == "REVOKED"
    assert shop.attempts(intent)[-1]["state"] == "closed"
    assert shop.events(intent).count(FAILED) == 1
    assert SUCCEEDED not in shop.events(intent)
    assert shop.balance() == FUNDS


# --- paid --------------------------------------------------------------------------------------


def test_without_a_pin_the_answer_to_the_scan_is_the_payment(shop: Till) -> None:
    intent = shop.sell(shop.show_code())
    assert (intent["status"], intent["amount_received"]) == ("succeeded", PRICE)
    assert "next_action" not in intent
    assert shop.events(intent) == ["payment_intent.created", SUCCEEDED]
    assert shop.balance() == FUNDS - PRICE
    assert shop.charged(intent) == 1
    shop.pass_time(60)
    assert shop.asked("/reverse", intent) == 0


def test_while_the_buyer_types_the_pin_nothing_is_to_do_for_a_page_and_then_it_is_paid(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    for shown in (intent, shop.see(intent)):
        assert shown["status"] == "requires_action"
        assert "next_action" not in shown
        assert "last_payment_error" not in shown
    shop.pass_time(CODE_LOOK_EVERY_S * 3)
    assert shop.see(intent)["status"] == "requires_action"
    shop.type_pin(intent)
    shop.pass_time(CODE_LOOK_EVERY_S)
    assert shop.see(intent)["status"] == "succeeded"
    assert shop.events(intent) == ["payment_intent.created", "payment_intent.requires_action", SUCCEEDED]
    assert shop.balance() == FUNDS - PRICE


def test_a_wrong_pin_is_not_the_end(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.type_pin(intent, "wrong_password")
    shop.pass_time(CODE_LOOK_EVERY_S)
    assert shop.see(intent)["status"] == "requires_action"
    shop.type_pin(intent)
    shop.pass_time(CODE_LOOK_EVERY_S)
    assert shop.see(intent)["status"] == "succeeded"


def test_it_is_asked_for_every_few_seconds_and_not_more(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.pass_time(PIN_WAIT_S_MAX - CODE_LOOK_EVERY_S)
    assert shop.queried(intent) == PIN_WAIT_S_MAX // CODE_LOOK_EVERY_S - 1
    assert shop.asked("/reverse", intent) == 0
    shop.type_pin(intent)
    shop.pass_time(CODE_LOOK_EVERY_S)
    assert shop.see(intent)["status"] == "succeeded"


def test_a_payment_found_by_the_last_question_before_the_reversal_wins(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.pass_time(PIN_WAIT_S_MAX - CODE_LOOK_EVERY_S)
    shop.mischief("drop_before", "query")
    shop.type_pin(intent)
    shop.pass_time(CODE_LOOK_EVERY_S * 2)
    assert shop.see(intent)["status"] == "succeeded"
    assert shop.asked("/reverse", intent) == 0


@pytest.mark.parametrize("fault", ["drop_after", "error_500_after", "bad_signature", "truncate"])
def test_a_payment_whose_answer_was_lost_is_found_by_asking(shop: Till, fault: str) -> None:
    shop.mischief(fault, "code_pay")
    intent = shop.sell(shop.show_code())
    assert intent["status"] == "requires_action"
    assert "next_action" not in intent
    shop.pass_time(CODE_LOOK_EVERY_S)
    assert shop.see(intent)["status"] == "succeeded"
    assert shop.charged(intent) == 1


# --- reversed -------------------------------------------------------------------------------------


def test_a_pin_that_is_never_typed_ends_in_a_reversal(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.pass_time(PIN_WAIT_S_MAX)
    assert_reversed(shop, intent)
    shop.pass_time(60)
    assert shop.asked("/reverse", intent) == 1


def test_a_charge_whose_answer_was_lost_while_the_pin_was_asked_for_is_reversed_as_well(shop: Till) -> None:
    shop.mischief("drop_after", "code_pay")
    intent = shop.sell_asking_pin(PRICE)
    shop.pass_time(PIN_WAIT_S_MAX)
    assert_reversed(shop, intent)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_500_after", "bad_signature", "limit_429"])
def test_a_reversal_whose_outcome_is_unknown_is_repeated_until_it_is_known(shop: Till, fault: str) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.mischief(fault, "reverse", times=2)
    shop.pass_time(PIN_WAIT_S_MAX)
    assert shop.see(intent)["status"] == "requires_action"
    assert FAILED not in shop.events(intent)
    shop.pass_time(15)
    assert_reversed(shop, intent)
    assert shop.asked("/reverse", intent) == 3


def test_a_reversal_is_repeated_while_it_is_to_be_called_again(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.desk("POST", "/payment_codes/rules", {"recalls": 2})
    shop.pass_time(PIN_WAIT_S_MAX)
    assert shop.see(intent)["status"] == "requires_action"
    shop.pass_time(15)
    assert_reversed(shop, intent)
    assert shop.asked("/reverse", intent) == 3


def test_money_that_came_before_a_reversal_that_is_on_its_way_goes_back_and_does_not_count(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.desk("POST", "/payment_codes/rules", {"recalls": 1})
    shop.pass_time(PIN_WAIT_S_MAX)
    shop.type_pin(intent)
    assert shop.order(intent)["trade_state"] == "SUCCESS"
    shop.pass_time(15)
    assert_reversed(shop, intent)


def test_a_payment_stands_when_its_reversal_is_refused_for_good(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.desk("POST", "/payment_codes/rules", {"recalls": 1})
    shop.pass_time(PIN_WAIT_S_MAX)
    shop.type_pin(intent)
    shop.desk("POST", "/clock", {"advance_s": 8 * 86_400})  # beyond the week in which WeChat reverses
    shop.pass_time(15)
    assert shop.see(intent)["status"] == "succeeded"
    assert shop.balance() == FUNDS - PRICE


def test_money_that_arrives_although_reversed_is_recorded_and_then_refunded(shop: Till) -> None:
    """No notice is ever sent of it, so it is found by whoever asks again, as the comparison with a bill does."""
    intent = shop.sell_asking_pin(PRICE)
    shop.mischief("paid_after_reverse", "reverse")
    shop.pass_time(PIN_WAIT_S_MAX)
    row = shop.attempts(intent)[0]
    assert (row["state"], shop.order(intent)["trade_state"]) == ("closed", "SUCCESS")
    attempt = shop.deps.store.read(lambda unit: unit.attempts.find(row["id"]))
    assert attempt is not None
    for _ in range(2):
        late = shop.side.send(provider_of(shop, attempt).query(attempt))
        shop.deps.store.write(lambda unit: settle.settle(unit, shop.deps, attempt.id, late))  # noqa: B023
    shop.work()
    shop.desk("POST", "/clock", {"advance_s": 5, "wait_s": 0})
    shop.pass_time(5)
    found = shop.rows(f"SELECT kind, amount, state FROM discrepancies WHERE attempt_id = {attempt.id}")
    assert found == [{"kind": "late", "amount": PRICE, "state": "refunded"}]
    assert shop.see(intent)["status"] == "requires_payment_method"
    assert SUCCEEDED not in shop.events(intent)
    assert shop.balance() == FUNDS


def test_after_a_reversal_the_next_code_is_a_new_order(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.pass_time(PIN_WAIT_S_MAX)
    reply = shop.confirm(intent, shop.show_code())
    assert (reply.status, reply.body["status"]) == (200, "succeeded")
    numbers = [row["out_trade_no"] for row in shop.attempts(intent)]
    assert len(set(numbers)) == 2
    assert shop.balance() == FUNDS - PRICE


# --- canceled ---------------------------------------------------------------------------------------


def test_cancel_while_the_pin_is_typed_reverses(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.pass_time(REVERSE_AFTER_S_MIN)
    reply = shop.cancel(intent)
    assert (reply.status, reply.body["status"]) == (200, "canceled")
    assert shop.order(intent)["trade_state"] == "REVOKED"
    assert shop.events(intent)[-1] == "payment_intent.canceled"


def test_a_cancel_right_after_the_scan_waits_until_a_reversal_cannot_overtake_the_charge(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    reply = shop.cancel(intent)
    assert (reply.status, reply.body["status"]) == (200, "requires_action")
    assert shop.asked("/reverse", intent) == 0
    shop.pass_time(REVERSE_AFTER_S_MIN)
    assert shop.see(intent)["status"] == "canceled"
    assert shop.order(intent)["trade_state"] == "REVOKED"
    assert shop.balance() == FUNDS


def test_a_cancel_that_the_pin_overtook_is_refused_and_the_payment_stands(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    shop.type_pin(intent)
    reply = shop.cancel(intent)
    assert (reply.status, reply.body["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert shop.see(intent)["status"] == "succeeded"
    assert shop.asked("/reverse", intent) == 0


class Delaying:
    """A transport that does something of ours after WeChat has answered a query, and before we hear it."""

    def __init__(self, shop: Till, act: Any) -> None:
        self._inner, self._act, self.done = shop.deps.transport, act, False

    def send(self, exchange: Exchange[Any]) -> Any:
        """Send it."""
        said = self._inner.send(exchange)
        if exchange.purpose == "query" and not self.done:
            self.done = True
            self._act()
        return said

    def fetch(self, download: Download) -> BinaryIO:
        """Fetch it."""
        return self._inner.fetch(download)


def test_a_payment_seen_before_somebody_else_reversed_it_does_not_count(shop: Till) -> None:
    """One asks and hears that it is paid; before that is settled another one, who asked earlier, has reversed it."""
    intent = shop.sell_asking_pin(PRICE)
    shop.pass_time(REVERSE_AFTER_S_MIN)
    number = int(intent["id"].removeprefix("pi_"))
    actor = Actor("acct_demo", livemode=False, kind=KeyKind.SECRET)
    row = shop.attempts(intent)[0]

    def reverse() -> None:
        """As a second worker does that was told `USERPAYING` a moment ago."""
        with shop.engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE attempts SET reversal_sent_ms = {shop.clock.now_ms()}, version = version + 1 "
                f"WHERE id = {row['id']}"
            )
        attempt = shop.deps.store.read(lambda unit: unit.attempts.find(row["id"]))
        assert attempt is not None
        said = shop.deps.transport.send(provider_of(shop, attempt).reverse(attempt))
        shop.deps.store.write(lambda unit: settle.settle(unit, shop.deps, row["id"], said, asked=attempt))

    shop.type_pin(intent)
    slow = replace(shop.deps, transport=Delaying(shop, reverse))
    shown = cancel_intent(slow, actor, number, Cancel())
    assert shown.intent.status.value == "canceled"
    assert shop.order(intent)["trade_state"] == "REVOKED"
    assert shop.rows(f"SELECT id FROM discrepancies WHERE attempt_id = {row['id']}") == []
    assert shop.balance() == FUNDS


# --- twice, and at the same time ------------------------------------------------------------------


def test_the_same_code_scanned_twice_is_one_order(shop: Till) -> None:
    code = shop.show_code(ask_pin=True)
    intent = shop.sell(code)
    again = shop.confirm(intent, code)
    assert (again.status, again.body["status"]) == (200, "requires_action")
    assert len(shop.attempts(intent)) == shop.charged(intent) == 1
    shop.type_pin(intent)
    shop.pass_time(CODE_LOOK_EVERY_S)
    late = shop.confirm(intent, code)
    assert (late.status, late.body["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert shop.balance() == FUNDS - PRICE


def test_a_request_repeated_under_its_key_charges_once_and_answers_the_same(shop: Till) -> None:
    code = shop.show_code()
    first = shop.sell(code, once=f"sale {code}")
    assert shop.sell(code, once=f"sale {code}") == first
    assert shop.balance() == FUNDS - PRICE


def test_two_tills_that_scan_for_one_intent_at_the_same_time_charge_one_buyer_once(shop: Till) -> None:
    body = {"amount": PRICE, "currency": "CNY"}
    intent = shop.ask(INTENTS, body)
    codes = [shop.show_code(), shop.show_code()]
    begin = threading.Barrier(2)

    def scan(code: str) -> Reply:
        begin.wait(10)
        return shop.confirm(intent, code)

    with ThreadPoolExecutor(2) as tills:
        replies = list(tills.map(scan, codes))
    assert {reply.status for reply in replies} <= {200, 400}
    shop.pass_time(20)
    assert shop.see(intent)["status"] == "succeeded"
    assert shop.balance() == FUNDS - PRICE


def test_another_code_while_the_first_buyer_is_asked_is_charged_only_after_the_reversal(shop: Till) -> None:
    intent = shop.sell_asking_pin(PRICE)
    early = shop.confirm(intent, shop.show_code())
    assert (early.status, early.body["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert shop.charged(intent) == 1
    shop.pass_time(REVERSE_AFTER_S_MIN)
    assert shop.order(intent)["trade_state"] == "REVOKED"
    reply = shop.confirm(intent, shop.show_code())
    assert (reply.status, reply.body["status"]) == (200, "succeeded")
    assert shop.balance() == FUNDS - PRICE


class Unreachable:
    """A transport whose charges never leave this machine."""

    def send(self, exchange: Exchange[Any]) -> Any:
        """Nothing is sent."""
        raise ProviderUnreached(f"{exchange.purpose} did not leave")

    def fetch(self, download: Download) -> BinaryIO:
        """Nothing is fetched."""
        raise ProviderUnreached(f"{download.purpose} did not leave")


def test_a_charge_that_never_left_is_told_at_once_and_the_code_is_still_good(shop: Till) -> None:
    intent = shop.ask(INTENTS, {"amount": PRICE, "currency": "CNY"})
    code = shop.show_code()
    actor = Actor("acct_demo", livemode=False, kind=KeyKind.SECRET)
    method = PaymentMethod(id=1, type="wechat_pay", created_ms=1, terminal=Terminal.SCAN_CODE)
    alone = replace(shop.deps, transport=Unreachable())
    command = Confirm(method=method, code=PaymentCode(code))
    shown = confirm_intent(alone, actor, int(intent["id"].removeprefix("pi_")), command)
    assert shown.intent.status.value == "requires_payment_method"
    error = shown.intent.last_payment_error
    assert error is not None
    assert error.code == "payment_method_provider_timeout"
    assert shop.confirm(intent, code).body["status"] == "succeeded"


def test_a_charge_that_did_not_arrive_is_over_after_a_minute_and_nothing_is_charged(shop: Till) -> None:
    shop.mischief("drop_before", "code_pay")
    intent = shop.sell(shop.show_code())
    assert intent["status"] == "requires_action"
    shop.pass_time(65)
    seen = shop.see(intent)
    assert seen["status"] == "requires_payment_method"
    assert seen["last_payment_error"]["code"] == "payment_method_provider_timeout"
    assert shop.asked("/reverse", intent) == 0
    assert shop.balance() == FUNDS
