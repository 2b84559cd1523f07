"""A buyer signs once and is charged from then on, through everything that can be lost, doubled, late or ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import mandates
from tests.support.mandates import Saved
from tests.support.parallel import post_at_once
from tests.support.stack import BUYER, RunningStack


@pytest.fixture(autouse=True)
def quick(stack: RunningStack) -> Iterator[None]:
    """Debits end soon, and nobody is left with WeChat's slower rules."""
    mandates.quick_debits(stack)
    yield
    mandates.quick_debits(stack, settle_after_s=2, notice_required=True)


@pytest.fixture
def signed(stack: RunningStack) -> Saved:
    """A buyer who signed."""
    return mandates.saved(stack)


def told(stack: RunningStack, number: str) -> list[str]:
    """Which webhooks the shop was sent about an object."""
    found = stack.desk("GET", "/shop/webhooks")["webhooks"]
    return [webhook["type"] for webhook in found if webhook["subject"].get("id") == number]


def debits(stack: RunningStack, amount: int) -> list[dict[str, Any]]:
    """The debits of that amount in WeChat's books."""
    return [order for order in stack.desk("GET", "/orders")["orders"] if order["total"] == amount]


def balance(stack: RunningStack) -> int:
    """What the default buyer has."""
    found: int = stack.desk("GET", f"/buyers/{BUYER}")["balance"]
    return found


@pytest.mark.parametrize("terminal", ["official_account", "mini_program"])
def test_a_buyer_signs_and_is_charged_and_the_merchant_hears_of_all_of_it(stack: RunningStack, terminal: str) -> None:
    customer = mandates.a_customer(stack, merchant_user_id="user77")
    setup = mandates.a_setup(stack, customer["id"], terminal)
    assert setup["status"] == "requires_action"
    contract = mandates.sign(stack, setup)
    assert contract["contract_display_account"] == "user77"
    setup = mandates.wait_setup(stack, setup["id"], "succeeded")
    assert "next_action" not in setup
    method = stack.api("GET", f"/v1/payment_methods/{setup['payment_method']}")
    listed = stack.api("GET", f"/v1/customers/{customer['id']}/payment_methods")["data"]
    assert (method["customer"], listed) == (customer["id"], [method])
    before = balance(stack)
    signed = Saved(customer["id"], setup["id"], setup["mandate"], method["id"], contract["out_contract_code"])
    amount = 711 if terminal == "mini_program" else 710
    intent = mandates.charge(stack, signed, amount=amount)
    assert (intent["status"], intent["payment_method"]) == ("processing", method["id"])
    paid = stack.wait_status(intent["id"], "succeeded")
    assert (paid["amount_received"], balance(stack)) == (amount, before - amount)
    stack.wait_for(lambda: len(told(stack, intent["id"])) >= 3, "the webhooks of the charge")
    assert sorted(told(stack, intent["id"])) == [
        "payment_intent.created", "payment_intent.processing", "payment_intent.succeeded",
    ]  # fmt: skip
    assert sorted(told(stack, setup["id"])) == [
        "setup_intent.created", "setup_intent.requires_action", "setup_intent.succeeded",
    ]  # fmt: skip
    assert told(stack, method["id"]) == ["payment_method.attached"]
    assert stack.desk("GET", "/books")["balanced"] is True
    refund = stack.api("POST", "/v1/refunds", {"payment_intent": intent["id"]})
    assert refund["amount"] == amount


def test_nobody_signs_and_signing_later_still_works(stack: RunningStack) -> None:
    setup = mandates.a_setup(stack, mandates.a_customer(stack)["id"])
    mandates.sign(stack, setup, "decline")
    again = stack.api("POST", f"/v1/setup_intents/{setup['id']}/confirm")
    assert mandates.page_of(again) == mandates.page_of(setup)
    mandates.sign(stack, again)
    mandates.wait_setup(stack, setup["id"], "succeeded")


def test_what_is_signed_after_the_setup_was_canceled_is_ended_at_wechat(stack: RunningStack) -> None:
    setup = mandates.a_setup(stack, mandates.a_customer(stack)["id"])
    page = mandates.page_of(setup)
    canceled = stack.api("POST", f"/v1/setup_intents/{setup['id']}/cancel", {"cancellation_reason": "abandoned"})
    assert (canceled["status"], canceled["cancellation_reason"]) == ("canceled", "abandoned")
    code = stack.desk("POST", f"/buyers/{BUYER}/sign", {"page": page})["out_contract_code"]
    ended = stack.wait_for(
        lambda: found if (found := stack.desk("GET", f"/contracts/{code}"))["contract_state"] == "TERMINATED" else None,
        "the contract to be ended",
    )
    assert ended["contract_terminate_info"]["contract_termination_mode"] == "MERCHANT_TERMINATE"
    assert "mandate" not in stack.api("GET", f"/v1/setup_intents/{setup['id']}")


def test_a_lost_notice_of_the_signing_costs_seconds(stack: RunningStack) -> None:
    setup = mandates.a_setup(stack, mandates.a_customer(stack)["id"])
    stack.mischief(notices={"lose": {"times": None}})
    mandates.sign(stack, setup)
    mandates.wait_setup(stack, setup["id"], "succeeded")


def test_a_lost_notice_of_the_charge_costs_seconds(stack: RunningStack, signed: Saved) -> None:
    stack.mischief(notices={"lose": {"times": None}})
    intent = mandates.charge(stack, signed, amount=712)
    assert stack.wait_status(intent["id"], "succeeded")["amount_received"] == 712


def test_doubled_notices_change_nothing_twice(stack: RunningStack) -> None:
    stack.mischief(notices={"concurrently": {"times": None, "copies": 4}})
    signed = mandates.saved(stack)
    intent = mandates.charge(stack, signed, amount=713)
    stack.wait_status(intent["id"], "succeeded")
    stack.behave()
    stack.wait_for(stack.is_at_rest, "all to be told")
    assert told(stack, signed.method) == ["payment_method.attached"]
    assert told(stack, intent["id"]).count("payment_intent.succeeded") == 1
    assert len(debits(stack, 713)) == 1


@pytest.mark.parametrize("fault", ["drop_after", "error_500_after", "drop_before", "truncate", "bad_signature"])
def test_a_charge_whose_answer_is_lost_is_asked_about_and_made_once(
    stack: RunningStack, signed: Saved, fault: str
) -> None:
    amount = 750 + len(fault)
    stack.mischief(
        notices={"lose": {"times": None}},
        api=[{"fault": fault, "path": "debit", "times": 1}, {"fault": fault, "path": "debit_query", "times": 1}],
    )
    before = balance(stack)
    intent = mandates.charge(stack, signed, amount=amount)
    assert intent["status"] == "processing"
    stack.wait_status(intent["id"], "succeeded")
    assert len(debits(stack, amount)) == 1
    assert balance(stack) == before - amount
    assert stack.rows("SELECT id FROM attempts WHERE amount = ?", amount) == [
        {"id": int(stack.out_trade_no(intent))},
    ]  # fmt: skip


def test_the_result_that_overtakes_the_answer_is_kept(stack: RunningStack, signed: Saved) -> None:
    stack.mischief(api=[{"fault": "settled_before_reply", "path": "debit", "times": 1}])
    intent = mandates.charge(stack, signed, amount=714)
    assert intent["status"] == "succeeded"
    stack.wait_for(stack.is_at_rest, "all to be told")
    assert stack.intent(intent["id"])["status"] == "succeeded"


@pytest.mark.parametrize(
    ("outcome", "decline_code"),
    [("not_enough", "insufficient_funds"), ("limit", "limit_exceeded"), ("account", "invalid_account")],
)
def test_a_debit_that_fails_says_why_and_the_next_one_is_another(
    stack: RunningStack, signed: Saved, outcome: str, decline_code: str
) -> None:
    mandates.quick_debits(stack, outcome=outcome, times=1)
    before = balance(stack)
    intent = stack.wait_status(mandates.charge(stack, signed, amount=715)["id"], "requires_payment_method")
    error = intent["last_payment_error"]
    assert (error["code"], error["decline_code"]) == ("payment_method_provider_decline", decline_code)
    assert balance(stack) == before
    again = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", {"off_session": True})
    assert again["status"] == "processing"
    stack.wait_status(intent["id"], "succeeded")
    assert balance(stack) == before - 715


def test_a_debit_without_a_notice_to_the_buyer_is_declined_and_the_notice_makes_it_possible(
    stack: RunningStack, signed: Saved
) -> None:
    mandates.quick_debits(stack, notice_required=True)
    stack.wait_status(mandates.charge(stack, signed, amount=716)["id"], "succeeded")
    declined = mandates.charge(stack, signed, amount=717)
    assert declined["last_payment_error"]["decline_code"] == "debit_notice_missing"
    mandate = stack.api("POST", f"/v1/mandates/{signed.mandate}/announce_debit", {"amount": 800, "currency": "cny"})
    notice = mandate["debit_notice"]
    assert (notice["amount"], notice["currency"]) == (800, "CNY")
    assert notice["chargeable_from"] < notice["chargeable_until"]


def test_the_buyer_ends_it_in_wechat_and_nothing_is_charged_any_more(stack: RunningStack, signed: Saved) -> None:
    stack.desk("POST", f"/contracts/{signed.code}/terminate")
    mandates.wait_mandate(stack, signed.mandate, "inactive")
    refused = stack.call("POST", "/v1/payment_intents", mandates.charging(signed, 730))
    assert (refused.status, refused.json()["error"]["code"]) == (400, "payment_method_unexpected_state")
    assert debits(stack, 730) == []
    assert "customer" not in stack.api("GET", f"/v1/payment_methods/{signed.method}")
    assert stack.api("GET", f"/v1/customers/{signed.customer}/payment_methods")["data"] == []
    stack.wait_for(lambda: "payment_method.detached" in told(stack, signed.method), "the webhook")
    assert told(stack, signed.mandate)[-1] == "mandate.updated"


def test_an_end_that_nobody_told_us_of_is_learnt_from_the_failed_debit(stack: RunningStack, signed: Saved) -> None:
    stack.mischief(notices={"lose": {"times": None}})
    stack.desk("POST", f"/contracts/{signed.code}/terminate")
    intent = mandates.charge(stack, signed, amount=731)
    assert intent["last_payment_error"]["decline_code"] == "mandate_inactive"
    mandates.wait_mandate(stack, signed.mandate, "inactive")
    assert debits(stack, 731) == []


def test_a_contract_that_ends_while_its_debit_is_under_way_moves_no_money(stack: RunningStack, signed: Saved) -> None:
    mandates.quick_debits(stack, settle_after_s=None)
    before = balance(stack)
    intent = mandates.charge(stack, signed, amount=732)
    ended = stack.api("POST", f"/v1/mandates/{signed.mandate}/revoke")
    assert (ended["status"], stack.intent(intent["id"])["status"]) == ("inactive", "processing")
    stack.desk("POST", f"/debits/{stack.out_trade_no(intent)}/settle", {"outcome": "pay"})
    failed = stack.wait_status(intent["id"], "requires_payment_method")
    assert failed["last_payment_error"]["decline_code"] == "mandate_inactive"
    assert balance(stack) == before


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_500_before", "unsigned"])
def test_an_end_that_wechat_did_not_confirm_is_final_here_and_asked_for_again(
    stack: RunningStack, signed: Saved, fault: str
) -> None:
    stack.mischief(api=[{"fault": fault, "path": "contract_terminate", "times": 1}])
    method = stack.api("POST", f"/v1/payment_methods/{signed.method}/detach")
    assert "customer" not in method
    assert stack.call("POST", "/v1/payment_intents", mandates.charging(signed, 733)).status == 400
    stack.wait_for(
        lambda: stack.desk("GET", f"/contracts/{signed.code}")["contract_state"] == "TERMINATED", "the end at WeChat"
    )
    again = stack.api("POST", f"/v1/payment_methods/{signed.method}/detach")
    assert again == method
    assert debits(stack, 733) == []


def test_while_it_is_processing_it_can_neither_be_canceled_nor_paid_another_way(
    stack: RunningStack, signed: Saved
) -> None:
    mandates.quick_debits(stack, settle_after_s=None)
    intent = mandates.charge(stack, signed, amount=734)
    for act, body in (("cancel", {}), ("confirm", stack.paying_with()), ("confirm", {"off_session": True})):
        refused = stack.call("POST", f"/v1/payment_intents/{intent['id']}/{act}", body)
        assert (refused.status, refused.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")
    stack.desk("POST", f"/debits/{stack.out_trade_no(intent)}/settle", {"outcome": "pay"})
    stack.wait_status(intent["id"], "succeeded")


def test_twenty_equal_charges_with_one_key_take_the_money_once(stack: RunningStack, signed: Saved) -> None:
    before = balance(stack)
    made = post_at_once(
        stack, "/v1/payment_intents", mandates.charging(signed, 735), key=f"k-{signed.method}", at_once=20
    )
    stack.wait_status(made["id"], "succeeded")
    assert len(debits(stack, 735)) == 1
    assert balance(stack) == before - 735
