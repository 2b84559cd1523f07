"""Customers, SetupIntents, mandates and saved methods: what is wrong is named, and a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.api.calling import form, mini_program_session, nothing_changes, refused
from tests.support import mandates
from tests.support.mandates import Saved
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

CUSTOMERS: Final = "/v1/customers"
SETUPS: Final = "/v1/setup_intents"
INTENTS: Final = "/v1/payment_intents"
NOBODY: Final = f"{1:019d}"


@pytest.fixture(scope="module")
def signed(shared_stack: RunningStack) -> Iterator[Saved]:
    """A buyer who signed, for all tests here."""
    mandates.quick_debits(shared_stack)
    yield mandates.saved(shared_stack)
    mandates.quick_debits(shared_stack, settle_after_s=2, notice_required=True)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"name": "x"}, "parameter_unknown", "name"),
        ({"openids": "o1"}, "parameter_invalid", "openids"),
        ({"openids": {"wxother": "o1"}}, "parameter_invalid", "openids[wxother]"),
        ({"openids": {OFFICIAL_ACCOUNT: 7}}, "parameter_invalid_string", f"openids[{OFFICIAL_ACCOUNT}]"),
        ({"openids": {OFFICIAL_ACCOUNT: "o" * 129}}, "parameter_too_long", f"openids[{OFFICIAL_ACCOUNT}]"),
        ({"merchant_user_id": 7}, "parameter_invalid_string", "merchant_user_id"),
        ({"merchant_user_id": "x" * 129}, "parameter_too_long", "merchant_user_id"),
        ({"description": "x" * 501}, "parameter_too_long", "description"),
        ({"metadata": []}, "parameter_invalid", "metadata"),
    ],
)
def test_a_wrong_customer_is_refused_by_name(stack: RunningStack, body: Any, code: str, param: str) -> None:
    customer = mandates.a_customer(stack)["id"]
    with nothing_changes(stack):
        refused(stack.call("POST", CUSTOMERS, body), 400, code, param)
        refused(stack.call("POST", f"{CUSTOMERS}/{customer}", body), 400, code, param)


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"customer": None}, 400, "parameter_invalid_empty", "customer"),
        ({"customer": ""}, 400, "parameter_invalid_empty", "customer"),
        ({"customer": "cus_1"}, 404, "resource_missing", "customer"),
        ({"customer": f"cus_{NOBODY}"}, 404, "resource_missing", "customer"),
        ({"confirm": "perhaps"}, 400, "parameter_invalid_boolean", "confirm"),
        ({"usage": "on_session"}, 400, "parameter_invalid_enum", "usage"),
        ({"payment_method_types": ["card"]}, 400, "payment_method_not_available", "payment_method_types"),
        ({"payment_method_data": {"type": "card"}}, 400, "parameter_invalid_enum", "payment_method_data[type]"),
        ({"payment_method": "pm_1"}, 400, "parameter_unknown", "payment_method"),
        ({"color": "red"}, 400, "parameter_unknown", "color"),
        ({"return_url": "ftp://x"}, 400, "url_invalid", "return_url"),
        (
            {"payment_method_options": {"wechat_pay": {}}},
            400, "parameter_missing", "payment_method_options[wechat_pay][terminal_type]",
        ),
        (
            {"payment_method_options": {"wechat_pay": {"terminal_type": "tv"}}},
            400, "parameter_invalid_enum", "payment_method_options[wechat_pay][terminal_type]",
        ),
        (
            {"payment_method_options": {"wechat_pay": {"terminal_type": "WEB"}}},
            400, "parameter_invalid_enum", "payment_method_options[wechat_pay][terminal_type]",
        ),
        (
            {"payment_method_options": {"wechat_pay": {"terminal_type": "official_account", "profit_sharing": True}}},
            400, "parameter_unknown", "payment_method_options[wechat_pay][profit_sharing]",
        ),
        (
            {"payment_method_options": {"wechat_pay": {"terminal_type": "official_account", "hosted_oauth": True}}},
            400, "parameter_unknown", "payment_method_options[wechat_pay][hosted_oauth]",
        ),
        (
            {"payment_method_options": {"wechat_pay": {"terminal_type": "official_account", "openid": ""}}},
            400, "parameter_invalid_empty", "payment_method_options[wechat_pay][openid]",
        ),
        (
            {"payment_method_options": {"wechat_pay": {"terminal_type": "official_account", "openid": "oOther"}}},
            400, "parameter_invalid", "payment_method_options[wechat_pay][openid]",
        ),
    ],
)  # fmt: skip
def test_a_wrong_setup_is_refused_by_name(
    stack: RunningStack, change: dict[str, Any], status: int, code: str, param: str
) -> None:
    body = {"customer": mandates.a_customer(stack)["id"], "confirm": True, **mandates.signing()}
    with nothing_changes(stack):
        refused(stack.call("POST", SETUPS, body | change), status, code, param)


def test_a_setup_needs_to_know_the_buyer_and_wechat_says_who_is_none(stack: RunningStack) -> None:
    stranger = stack.api("POST", CUSTOMERS, {})["id"]
    with nothing_changes(stack):
        refused(
            stack.call("POST", SETUPS, {"customer": stranger, "confirm": True, **mandates.signing()}),
            400, "parameter_missing", "payment_method_options[wechat_pay][openid]",
        )  # fmt: skip
        refused(
            stack.call("POST", SETUPS, {"customer": stranger, "confirm": True}),
            400, "parameter_missing", "payment_method_data",
        )  # fmt: skip
    wrong = stack.api("POST", CUSTOMERS, {"openids": {OFFICIAL_ACCOUNT: "oNobodyAtAll"}})["id"]
    declined = mandates.a_setup(stack, wrong)
    assert declined["status"] == "requires_payment_method"
    assert declined["last_setup_error"]["code"] == "setup_attempt_failed"


def test_the_buyers_side_confirms_with_its_own_login_and_sees_a_part(stack: RunningStack) -> None:
    customer = mandates.a_customer(stack)["id"]
    setup = stack.api("POST", SETUPS, {"customer": customer})
    path, key = f"{SETUPS}/{setup['id']}/confirm", stack.publishable_key
    body = {"payment_method_data": {"type": "wechat_pay"}}
    with nothing_changes(stack):
        refused(stack.call("POST", path, body, key=key), 400, "parameter_missing", "client_secret")
        secret = {"Client-Secret": setup["client_secret"]}
        refused(stack.call("POST", path, body, key=key, headers=secret), 400, "login_required")
        wrong = {"Client-Secret": "seti_x_secret_y"}
        refused(stack.call("POST", path, body, key=key, headers=wrong), 400, "parameter_invalid", "client_secret")
    headers = secret | {"Wx-Session": mini_program_session(stack, MINI_PROGRAM)}
    shown = stack.api("POST", path, body, key=key, headers=headers)
    assert shown["next_action"]["type"] == "navigate_to_mini_program"
    assert {"customer", "client_secret", "payment_method_options"}.isdisjoint(shown)
    assert stack.api("GET", f"{SETUPS}/{setup['id']}", key=key, headers=secret) == shown


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"payment_method": "pm_1"}, (404, "resource_missing", "payment_method")),
        ({"payment_method": f"pm_{NOBODY}"}, (404, "resource_missing", "payment_method")),
        ({"payment_method": ""}, (400, "parameter_invalid_empty", "payment_method")),
        ({"payment_method_data": {"type": "wechat_pay"}}, (400, "parameters_exclusive", "payment_method")),
        ({"off_session": False}, (400, "parameter_missing", "off_session")),
        ({"off_session": "perhaps"}, (400, "parameter_invalid_boolean", "off_session")),
        ({"customer": None}, (400, "parameter_invalid_empty", "customer")),
        ({"customer": ""}, (400, "parameter_missing", "customer")),
        ({"customer": f"cus_{NOBODY}"}, (400, "parameter_invalid", "customer")),
        ({"currency": "USD"}, (400, "payment_method_currency_mismatch", "currency")),
        ({"amount": 0}, (400, "amount_too_small", "amount")),
    ],
)
def test_a_wrong_charge_is_refused_by_name_and_charges_nothing(
    stack: RunningStack, signed: Saved, change: dict[str, Any], told: tuple[int, str, str]
) -> None:
    before = stack.desk("GET", "/orders")
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, mandates.charging(signed, 600) | change), *told)
    assert stack.desk("GET", "/orders") == before


def test_the_buyers_side_can_neither_name_nor_charge_a_saved_method(stack: RunningStack, signed: Saved) -> None:
    intent = stack.api("POST", INTENTS, mandates.charging(signed, 601, confirm=False))
    assert intent["status"] == "requires_confirmation"
    headers, key = {"Client-Secret": intent["client_secret"]}, stack.publishable_key
    with nothing_changes(stack):
        for body in ({"payment_method": signed.method, "off_session": True}, {"off_session": True}):
            answer = stack.call("POST", f"{INTENTS}/{intent['id']}/confirm", body, key=key, headers=headers)
            refused(answer, 403, "secret_key_required")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{CUSTOMERS}/cus_{NOBODY}"),
        ("POST", f"{CUSTOMERS}/cus_{NOBODY}"),
        ("GET", f"{CUSTOMERS}/cus_{NOBODY}/payment_methods"),
        ("GET", f"{SETUPS}/seti_{NOBODY}"),
        ("POST", f"{SETUPS}/seti_{NOBODY}/confirm"),
        ("POST", f"{SETUPS}/seti_{NOBODY}/cancel"),
        ("GET", f"/v1/mandates/mandate_{NOBODY}"),
        ("POST", f"/v1/mandates/mandate_{NOBODY}/revoke"),
        ("GET", f"/v1/payment_methods/pm_{NOBODY}"),
        ("POST", f"/v1/payment_methods/pm_{NOBODY}/detach"),
        ("GET", "/v1/mandates/mandate_x"),
        ("GET", f"/v1/mandates/cus_{NOBODY}"),
    ],
)
def test_what_does_not_exist_is_404(stack: RunningStack, method: str, path: str) -> None:
    refused(stack.call(method, path), 404, "resource_missing", "id")


@pytest.mark.parametrize("path", [CUSTOMERS, SETUPS, "/v1/mandates/x", "/v1/payment_methods?customer=x"])
def test_a_publishable_key_reads_none_of_it(stack: RunningStack, path: str) -> None:
    refused(stack.call("GET", path, key=stack.publishable_key), 403, "secret_key_required")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"currency": "CNY"}, "parameter_missing", "amount"),
        ({"amount": 5}, "parameter_missing", "currency"),
        ({"amount": 0, "currency": "CNY"}, "amount_too_small", "amount"),
        ({"amount": "1.5", "currency": "CNY"}, "parameter_invalid_integer", "amount"),
    ],
)
def test_a_wrong_announcement_is_refused_by_name(
    stack: RunningStack, signed: Saved, body: Any, code: str, param: str
) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", f"/v1/mandates/{signed.mandate}/announce_debit", body), 400, code, param)


def test_an_announcement_whose_answer_is_lost_says_so_and_may_be_sent_again(stack: RunningStack, signed: Saved) -> None:
    path, body = f"/v1/mandates/{signed.mandate}/announce_debit", {"amount": 900, "currency": "CNY"}
    headers = {"Idempotency-Key": f"tell-{signed.mandate}"}
    stack.mischief(api=[{"fault": "drop_before", "path": "debit_notice", "times": 1}])
    refused(stack.call("POST", path, body, headers=headers), 503, "provider_unavailable")
    assert stack.api("POST", path, body, headers=headers)["debit_notice"]["amount"] == 900


def test_a_mandate_that_is_not_signed_has_no_method_and_cannot_be_revoked(stack: RunningStack) -> None:
    setup = mandates.a_setup(stack, mandates.a_customer(stack)["id"])
    row = stack.rows("SELECT id, method_id FROM mandates WHERE setup_id = ?", int(setup["id"].removeprefix("seti_")))[0]
    mandate = f"mandate_{row['id']:019d}"
    assert stack.api("GET", f"/v1/mandates/{mandate}")["status"] == "pending"
    with nothing_changes(stack):
        refused(stack.call("POST", f"/v1/mandates/{mandate}/revoke"), 400, "mandate_unexpected_state")
        refused(stack.call("GET", f"/v1/payment_methods/pm_{row['method_id']:019d}"), 404, "resource_missing", "id")


def test_forms_lists_and_filters_work_as_everywhere(stack: RunningStack, signed: Saved) -> None:
    answer = form(
        stack, CUSTOMERS,
        {"merchant_user_id": "by-form", f"openids[{OFFICIAL_ACCOUNT}]": stack.openid(), "metadata[a]": "1"},
    )  # fmt: skip
    made = answer.json()
    assert (made["openids"], made["metadata"]) == ({OFFICIAL_ACCOUNT: stack.openid()}, {"a": "1"})
    found = stack.api("GET", f"{CUSTOMERS}?merchant_user_id=by-form&limit=1")
    assert (found["object"], found["url"], found["data"]) == ("list", CUSTOMERS, [made])
    assert stack.api("GET", f"{CUSTOMERS}/{made['id']}") == made
    changed = stack.api("POST", f"{CUSTOMERS}/{made['id']}", {"openids": {OFFICIAL_ACCOUNT: ""}, "metadata": {"a": ""}})
    assert {"openids", "metadata"}.isdisjoint(changed)
    setups = stack.api("GET", f"{SETUPS}?customer={signed.customer}")
    assert [(each["id"], each["mandate"]) for each in setups["data"]] == [(signed.setup, signed.mandate)]
    methods = stack.api("GET", f"/v1/payment_methods?customer={signed.customer}&type=wechat_pay")
    assert [each["id"] for each in methods["data"]] == [signed.method]
    assert stack.api("GET", f"/v1/payment_methods?customer={signed.customer}&type=card")["data"] == []
    refused(stack.call("GET", "/v1/payment_methods"), 400, "parameter_missing", "customer")


def test_a_setup_that_is_over_takes_no_other_wish(stack: RunningStack, signed: Saved) -> None:
    for act, body in (("cancel", {}), ("confirm", mandates.signing())):
        answer = stack.call("POST", f"{SETUPS}/{signed.setup}/{act}", body)
        refused(answer, 400, "setup_intent_unexpected_state")
