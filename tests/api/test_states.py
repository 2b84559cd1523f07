"""What an intent's state allows: paid ones stay paid, open ones keep their amount, and two orders are never payable."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.calling import INTENTS, new_buyer, nothing_changes, refused
from tests.support.stack import OFFICIAL_ACCOUNT, RunningStack

ORDER: Final = "/v3/pay/transactions/jsapi"
UNEXPECTED: Final = "payment_intent_unexpected_state"


def paid_intent(stack: RunningStack) -> dict[str, Any]:
    """An intent that a buyer has paid, told and settled."""
    intent = stack.confirmed_intent()
    stack.pay(intent)
    return stack.wait_status(intent["id"], "succeeded")


def test_a_paid_intent_can_only_be_annotated(stack: RunningStack) -> None:
    intent = paid_intent(stack)
    path = f"{INTENTS}/{intent['id']}"
    with nothing_changes(stack):
        refused(stack.call("POST", f"{path}/confirm", stack.paying_with()), 400, UNEXPECTED)
        refused(stack.call("POST", f"{path}/confirm"), 400, UNEXPECTED)
        refused(stack.call("POST", f"{path}/cancel"), 400, UNEXPECTED)
        refused(stack.call("POST", path, {"amount": 1}), 400, UNEXPECTED)
        refused(stack.call("POST", path, {"description": "x"}), 400, UNEXPECTED)
        refused(stack.call("POST", path, stack.paying_with()), 400, UNEXPECTED)
    noted = stack.api("POST", path, {"metadata": {"shipped": "yes"}})
    assert noted == intent | {"metadata": {"shipped": "yes"}}


def test_a_canceled_intent_stays_canceled(stack: RunningStack) -> None:
    intent = stack.create_intent()
    path = f"{INTENTS}/{intent['id']}"
    canceled = stack.api("POST", f"{path}/cancel", {"cancellation_reason": "customer cancelled"})
    assert (canceled["status"], canceled["cancellation_reason"]) == ("canceled", "customer cancelled")
    with nothing_changes(stack):
        refused(stack.call("POST", f"{path}/cancel"), 400, UNEXPECTED)
        refused(stack.call("POST", f"{path}/confirm", stack.paying_with()), 400, UNEXPECTED)
        refused(stack.call("POST", path, {"amount": 1}), 400, UNEXPECTED)
    assert stack.intent(intent["id"]) == canceled


def test_an_open_order_is_closed_at_wechat_before_its_intent_is_canceled(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    canceled = stack.api("POST", f"{INTENTS}/{intent['id']}/cancel")
    assert canceled["status"] == "canceled"
    assert "next_action" not in canceled
    assert stack.order(intent)["trade_state"] == "CLOSED"


def test_the_same_payer_confirming_twice_is_given_the_same_order(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    number = stack.out_trade_no(intent)
    with nothing_changes(stack):
        again = stack.api("POST", f"{INTENTS}/{intent['id']}/confirm", stack.paying_with())
        bare = stack.api("POST", f"{INTENTS}/{intent['id']}/confirm")
    assert again["next_action"] == bare["next_action"] == intent["next_action"]
    assert stack.out_trade_no(intent) == number


def test_another_payer_gets_a_new_order_only_after_the_first_is_closed(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    first = stack.out_trade_no(intent)
    other = new_buyer(stack)
    body = stack.paying_with(openid=other["openids"][OFFICIAL_ACCOUNT])
    again = stack.api("POST", f"{INTENTS}/{intent['id']}/confirm", body)
    second = stack.out_trade_no(intent)
    assert again["status"] == "requires_action"
    assert second != first
    assert stack.desk("GET", f"/orders/{first}")["trade_state"] == "CLOSED"
    assert stack.desk("GET", f"/orders/{second}")["trade_state"] == "NOTPAY"
    newest_first = [entry["path"] for entry in stack.desk("GET", "/requests?limit=50")["requests"]]
    closed, ordered = newest_first.index(f"/v3/pay/transactions/out-trade-no/{first}/close"), newest_first.index(ORDER)
    assert ordered < closed, "the first order was closed before the second was made"
    assert stack.pay(intent)["err_msg"] != "get_brand_wcpay_request:ok"
    assert stack.pay(again, buyer=other["id"])["err_msg"] == "get_brand_wcpay_request:ok"
    assert stack.wait_status(intent["id"], "succeeded")["amount_received"] == intent["amount"]


def test_an_order_in_another_app_also_replaces_the_first(stack: RunningStack) -> None:
    intent = stack.confirmed_intent("official_account")
    first = stack.out_trade_no(intent)
    again = stack.api("POST", f"{INTENTS}/{intent['id']}/confirm", stack.paying_with("mini_program"))
    assert again["next_action"]["type"] == "wechat_pay_mini_program_params"
    assert stack.desk("GET", f"/orders/{first}")["trade_state"] == "CLOSED"


@pytest.mark.parametrize("change", [{"amount": 1}, {"amount": 2001, "currency": "CNY"}])
def test_the_amount_of_an_open_order_is_frozen(stack: RunningStack, change: dict[str, Any]) -> None:
    intent = stack.confirmed_intent()
    path = f"{INTENTS}/{intent['id']}"
    with nothing_changes(stack):
        refused(stack.call("POST", path, change), 400, UNEXPECTED, "amount")
    assert stack.api("POST", path, {"amount": intent["amount"]})["amount"] == intent["amount"]
    assert stack.order(intent)["total"] == intent["amount"]


def test_what_an_open_intent_says_may_change(stack: RunningStack) -> None:
    intent = stack.confirmed_intent(description="tea")
    path = f"{INTENTS}/{intent['id']}"
    changed = stack.api("POST", path, {"description": "more tea", "metadata": {"a": "b"}})
    assert changed == intent | {"description": "more tea", "metadata": {"a": "b"}}
    assert stack.order(intent)["description"] == "tea"


def test_an_empty_openid_does_not_disturb_an_open_order(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    with nothing_changes(stack):
        answer = stack.call("POST", f"{INTENTS}/{intent['id']}/confirm", stack.paying_with(openid=""))
        refused(answer, 400, "parameter_invalid_empty", "payment_method_options[wechat_pay][openid]")


def test_canceling_what_was_just_paid_is_refused_and_the_money_counts(stack: RunningStack) -> None:
    """The notice is still away; closing the order brings the truth to light."""
    intent = stack.confirmed_intent()
    stack.mischief(notices={"hold": {"times": 1}})
    stack.pay(intent)
    refused(stack.call("POST", f"{INTENTS}/{intent['id']}/cancel"), 400, UNEXPECTED)
    paid = stack.wait_status(intent["id"], "succeeded")
    assert paid["amount_received"] == intent["amount"]
    assert "cancellation_reason" not in paid
    stack.behave()


def test_a_reason_to_cancel_may_be_any_text_up_to_its_limit(stack: RunningStack) -> None:
    intent = stack.create_intent()
    path = f"{INTENTS}/{intent['id']}/cancel"
    with nothing_changes(stack):
        refused(
            stack.call("POST", path, {"cancellation_reason": "x" * 501}),
            400,
            "parameter_too_long",
            "cancellation_reason",
        )
        refused(stack.call("POST", path, {"reason": "x"}), 400, "parameter_unknown", "reason")
    assert stack.api("POST", path, {"cancellation_reason": "x" * 500})["cancellation_reason"] == "x" * 500


def test_a_method_named_at_creation_is_used_by_a_bare_confirm(stack: RunningStack) -> None:
    intent = stack.create_intent(**stack.paying_with())
    assert intent["status"] == "requires_confirmation"
    assert stack.api("POST", f"{INTENTS}/{intent['id']}/confirm")["status"] == "requires_action"
