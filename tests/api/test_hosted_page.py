"""`hosted_oauth`: the merchant's server gets a link to our page; only the buyer's log-in and payment do the rest."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api.browsing import Browser
from tests.api.calling import INTENTS, OPENID_PARAM, new_buyer, nothing_changes, refused
from tests.support.stack import BUYER, MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

HOSTED: Final = "payment_method_options[wechat_pay][hosted_oauth]"
TERMINAL: Final = "payment_method_options[wechat_pay][terminal_type]"
APP: Final = "payment_method_options[wechat_pay][app_id]"
OPTIONS: Final = {"terminal_type": "official_account", "hosted_oauth": True}
BACK: Final = "https://shop.example.com/done?order=1&x=2"
OFFICIAL: Final = "wechat_pay_official_account_params"


def body(options: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What is asked."""
    return {"payment_method_options": {"wechat_pay": options}, **fields}


def hosted(stack: RunningStack, **fields: Any) -> dict[str, Any]:
    """An intent whose buyer is to be sent to our page."""
    return stack.create_intent(confirm=True, **body(OPTIONS, **({"return_url": BACK} | fields)))


def confirm(stack: RunningStack, intent: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The merchant confirms anew."""
    return stack.api("POST", f"{INTENTS}/{intent['id']}/confirm", body(options))


def attempts(stack: RunningStack, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """Its orders, oldest first."""
    number = int(intent["id"].removeprefix("pi_"))
    return stack.rows("SELECT state, terminal FROM attempts WHERE intent_id = ? ORDER BY id", number)


def test_the_answer_is_a_link_to_our_page_and_no_order(stack: RunningStack) -> None:
    intent = hosted(stack)
    assert intent["status"] == "requires_action"
    assert intent["next_action"]["type"] == "redirect_to_url"
    shown = intent["next_action"]["redirect_to_url"]
    assert shown["return_url"] == BACK
    parts = urlsplit(shown["url"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{stack.web_url}/pay/official_account"
    assert parts.query == ""
    assert parse_qs(parts.fragment) == {
        "key": [stack.publishable_key],
        "app_id": [OFFICIAL_ACCOUNT],
        "return_url": [BACK],
        "go_back": ["1"],
        "client_secret": [intent["client_secret"]],
    }
    assert attempts(stack, intent) == []
    assert stack.intent(intent["id"]) == intent
    assert intent["payment_method_options"]["wechat_pay"] == OPTIONS
    told = stack.wait_for(lambda: stack.webhooks(intent, "payment_intent.requires_action"), "the webhook")
    assert len(told) == 1


def test_the_buyer_logs_in_pays_once_and_nobody_else_decides(stack: RunningStack) -> None:
    intent, browser = hosted(stack), Browser(stack)
    assert browser.confirm(intent).json()["error"]["code"] == "login_required"
    assert attempts(stack, intent) == []
    browser.log_in()
    answer = browser.confirm(intent, **body({"terminal_type": "official_account"}))
    assert answer.status == 200, answer.body
    theirs = answer.json()
    assert theirs["next_action"]["type"] == OFFICIAL
    merchants = stack.intent(intent["id"])
    assert merchants["next_action"] == intent["next_action"]
    assert merchants["status"] == "requires_action"
    assert stack.pay(theirs)["err_msg"].endswith(":ok")
    assert "next_action" not in stack.wait_status(intent["id"], "succeeded")
    assert attempts(stack, intent) == [{"state": "paid", "terminal": "official_account"}]


def test_asking_again_while_the_buyer_is_paying_makes_no_second_order(stack: RunningStack) -> None:
    intent, browser = hosted(stack), Browser(stack)
    browser.log_in()
    theirs = browser.confirm(intent).json()
    again = confirm(stack, intent, OPTIONS)
    assert again["next_action"] == intent["next_action"]
    assert confirm(stack, intent, OPTIONS)["next_action"] == intent["next_action"]
    assert browser.confirm(intent).json()["next_action"] == theirs["next_action"]
    assert len(attempts(stack, intent)) == 1
    assert stack.pay(theirs)["err_msg"].endswith(":ok")
    stack.wait_status(intent["id"], "succeeded")


def test_a_second_buyer_with_the_same_link_gets_the_only_order(stack: RunningStack) -> None:
    intent, first = hosted(stack), Browser(stack)
    second = Browser(stack, buyer=new_buyer(stack)["id"])
    first.log_in()
    second.log_in()
    one, two = first.confirm(intent).json(), second.confirm(intent).json()
    assert stack.pay(one)["err_msg"].endswith(":fail")
    assert stack.pay(two, buyer=second.buyer)["err_msg"].endswith(":ok")
    assert [attempt["state"] for attempt in attempts(stack, stack.wait_status(intent["id"], "succeeded"))] == [
        "closed", "paid",
    ]  # fmt: skip


def test_an_order_that_was_open_elsewhere_is_closed_first(stack: RunningStack) -> None:
    intent = stack.create_intent(confirm=True, return_url=BACK, **body({"terminal_type": "WEB"}))
    code = intent["next_action"]["wechat_pay_display_qr_code"]["data"]
    sent = confirm(stack, intent, OPTIONS)
    assert sent["next_action"]["type"] == "redirect_to_url"
    assert stack.desk("POST", f"/buyers/{BUYER}/scan", {"code": code})["err_msg"] == "scan:fail"
    assert attempts(stack, intent) == [{"state": "closed", "terminal": "WEB"}]


def test_the_merchant_may_change_its_mind(stack: RunningStack) -> None:
    intent = hosted(stack)
    code = confirm(stack, intent, {"terminal_type": "WEB"})
    assert code["next_action"]["type"] == "wechat_pay_display_qr_code"
    assert "hosted_oauth" not in code["payment_method_options"]["wechat_pay"]
    empty = confirm(stack, hosted(stack), {"terminal_type": "official_account", "openid": ""})
    assert empty["status"] == "requires_payment_method"
    assert empty["last_payment_error"]["code"] == "payment_method_provider_decline"
    canceled = stack.api("POST", f"{INTENTS}/{hosted(stack)['id']}/cancel", {})
    assert canceled["status"] == "canceled"
    assert "next_action" not in canceled


def test_the_page_is_asked_for_beforehand_and_then_confirmed(stack: RunningStack) -> None:
    intent = stack.create_intent(return_url="shop.example.com/done", **body(OPTIONS))
    assert intent["status"] == "requires_confirmation"
    assert "next_action" not in intent
    sent = stack.api("POST", f"{INTENTS}/{intent['id']}/confirm", {})
    url = sent["next_action"]["redirect_to_url"]["url"]
    assert parse_qs(urlsplit(url).fragment)["return_url"] == ["https://shop.example.com/done"]


@pytest.mark.parametrize(
    ("options", "fields", "code", "param"),
    [
        (OPTIONS, {}, "parameter_missing", "return_url"),
        (OPTIONS, {"return_url": "/done"}, "url_invalid", "return_url"),
        (OPTIONS | {"openid": "o1"}, {"return_url": BACK}, "parameter_invalid", OPENID_PARAM),
        (OPTIONS | {"hosted_oauth": "maybe"}, {"return_url": BACK}, "parameter_invalid_boolean", HOSTED),
        (OPTIONS | {"terminal_type": "WEB"}, {"return_url": BACK}, "parameter_invalid", TERMINAL),
        (OPTIONS | {"terminal_type": "mini_program"}, {"return_url": BACK}, "parameter_invalid", TERMINAL),
        (OPTIONS | {"app_id": MINI_PROGRAM}, {"return_url": BACK}, "parameter_invalid", APP),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_wrong_is_named_and_nothing_changes(
    stack: RunningStack, options: dict[str, Any], fields: dict[str, Any], code: str, param: str
) -> None:
    intent = stack.create_intent()
    with nothing_changes(stack):
        wish = {"amount": 2000, "currency": "CNY", "confirm": True}
        refused(stack.call("POST", INTENTS, body(options, **wish, **fields)), 400, code, param)
        refused(stack.call("POST", f"{INTENTS}/{intent['id']}/confirm", body(options, **fields)), 400, code, param)


def test_the_buyers_side_cannot_send_anybody_anywhere(stack: RunningStack) -> None:
    intent, browser = stack.create_intent(return_url=BACK), Browser(stack)
    browser.log_in()
    with nothing_changes(stack):
        refused(browser.confirm(intent, **body(OPTIONS)), 400, "parameter_unknown", HOSTED)


def test_the_link_is_in_no_log(stack: RunningStack) -> None:
    intent = hosted(stack)
    assert intent["client_secret"] not in stack.log("web") + stack.log("worker")
