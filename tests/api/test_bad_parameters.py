"""Wrong parameters: each is refused by name, with a code, and leaves everything as it was."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.calling import INTENTS, OPENID_PARAM, form, nothing_changes, raw, refused
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack
from wxbackend.api import field_types
from wxbackend.api.payment_intents.schemas import DESCRIPTION_CHARACTERS_MAX, IDENTIFIER_CHARACTERS_MAX
from wxbackend.domain.intent import METADATA_NAMES_MAX
from wxbackend.domain.money import AMOUNT_MINOR_UNITS_MAX

GOOD: Final = {"amount": 2000, "currency": "CNY"}
TERMINAL: Final = "payment_method_options[wechat_pay][terminal_type]"
APP: Final = "payment_method_options[wechat_pay][app_id]"
INTEGER, ENUM, UNKNOWN, MISSING = (
    "parameter_invalid_integer", "parameter_invalid_enum", "parameter_unknown", "parameter_missing",
)  # fmt: skip
NULL, STRUCTURE, LONG, TEXT = (
    "parameter_invalid_empty", "parameter_invalid", "parameter_too_long", "parameter_invalid_string",
)  # fmt: skip

AMOUNTS: Final[list[tuple[Any, str]]] = [
    (0, "amount_too_small"), (-1, "amount_too_small"), ("-20", "amount_too_small"),
    (20.5, INTEGER), (20.0, INTEGER), (1e3, INTEGER), ("20.5", INTEGER), ("20.0", INTEGER), ("abc", INTEGER),
    ("1e3", INTEGER), ("0x14", INTEGER), (" 20", INTEGER), ("020", INTEGER), ("+20", INTEGER), ("２０", INTEGER),
    ("", INTEGER), (True, INTEGER), (None, NULL), ([20], INTEGER), ({"fen": 20}, INTEGER),
    (AMOUNT_MINOR_UNITS_MAX + 1, "amount_too_large"), (10**17, "amount_too_large"),
    (10**40, "amount_too_large"), ("9" * 200, INTEGER),
]  # fmt: skip
CURRENCIES: Final[list[tuple[Any, str]]] = [
    ("XXX", "parameter_invalid_currency"), ("cn", "parameter_invalid_currency"),
    ("JPY", "parameter_invalid_currency"), ("GBP", "payment_method_currency_mismatch"),
    ("gbp", "payment_method_currency_mismatch"), ("CNYY", LONG), ("", NULL), (156, TEXT), (None, NULL), (["CNY"], TEXT),
]  # fmt: skip
FIELDS: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"colour": "red"}, UNKNOWN, "colour"),
    ({"Amount": 20}, UNKNOWN, "Amount"),
    ({"status": "succeeded"}, UNKNOWN, "status"),
    ({"payment_method_options": {"card": {}}}, UNKNOWN, "payment_method_options[card]"),
    ({"payment_method_options": {"wechat_pay": {"id": "o1"}}}, UNKNOWN, "payment_method_options[wechat_pay][id]"),
    ({"payment_method_data": {"type": "wechat_pay", "x": 1}}, UNKNOWN, "payment_method_data[x]"),
    ({"payment_method_options": {"wechat_pay": "x"}}, STRUCTURE, "payment_method_options[wechat_pay]"),
    ({"payment_method_options": "x"}, STRUCTURE, "payment_method_options"),
    ({"payment_method_options": None}, NULL, "payment_method_options"),
    ({"payment_method_data": {}}, MISSING, "payment_method_data[type]"),
    ({"payment_method_data": {"type": "card"}}, ENUM, "payment_method_data[type]"),
    ({"payment_method_types": ["card"]}, "payment_method_not_available", "payment_method_types"),
    ({"payment_method_types": "wechat_pay"}, STRUCTURE, "payment_method_types"),
    ({"payment_method_types": [1]}, STRUCTURE, "payment_method_types"),
    ({"capture_method": "manual"}, ENUM, "capture_method"),
    ({"setup_future_usage": "off_session"}, ENUM, "setup_future_usage"),
    ({"confirm": "yes"}, "parameter_invalid_boolean", "confirm"),
    ({"confirm": 2}, "parameter_invalid_boolean", "confirm"),
    ({"confirm": None}, NULL, "confirm"),
    ({"description": "茶 🍵"}, TEXT, "description"),
    ({"description": "𠮷"}, TEXT, "description"),
    ({"description": "a" * (DESCRIPTION_CHARACTERS_MAX + 1)}, LONG, "description"),
    ({"description": ["tea"]}, TEXT, "description"),
    ({"merchant_order_id": "a" * (IDENTIFIER_CHARACTERS_MAX + 1)}, LONG, "merchant_order_id"),
    ({"merchant_order_id": 17}, TEXT, "merchant_order_id"),
    ({"merchant_user_id": {"a": "b"}}, TEXT, "merchant_user_id"),
    ({"return_url": "javascript:alert(1)"}, "url_invalid", "return_url"),
    ({"return_url": "http://a b"}, "url_invalid", "return_url"),
    ({"return_url": "https://[::1"}, "url_invalid", "return_url"),
    ({"return_url": "https://a/" + "b" * field_types.URL_CHARACTERS_MAX}, LONG, "return_url"),
    ({"metadata": "x"}, STRUCTURE, "metadata"),
    ({"metadata": ["x"]}, STRUCTURE, "metadata"),
    ({"metadata": {"a": {"b": "c"}}}, TEXT, "metadata[a]"),
    ({"metadata": {"a": True}}, TEXT, "metadata[a]"),
    ({"metadata": {"a": 1.5}}, TEXT, "metadata[a]"),
    ({"metadata": {"a": "b" * (field_types.METADATA_VALUE_CHARACTERS_MAX + 1)}}, LONG, "metadata[a]"),
    ({"metadata": {"a" * (field_types.METADATA_KEY_CHARACTERS_MAX + 1): "b"}}, STRUCTURE, "metadata"),
    ({"metadata": {"": "b"}}, STRUCTURE, "metadata"),
    ({"metadata": {"a[b]": "c"}}, STRUCTURE, "metadata"),
    ({"metadata": {f"name{n}": "x" for n in range(METADATA_NAMES_MAX + 1)}}, LONG, "metadata"),
]  # fmt: skip
METHODS: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"openid": "o1"}, MISSING, TERMINAL),
    ({"terminal_type": "WEB", "openid": "o1"}, UNKNOWN, OPENID_PARAM),
    ({"terminal_type": "SCAN", "openid": "o1"}, ENUM, TERMINAL),
    ({"terminal_type": "SCAN_CODE", "openid": "o1"}, UNKNOWN, OPENID_PARAM),
    ({"terminal_type": "SCAN_CODE"}, MISSING, "payment_method_data[wechat_pay][payment_code]"),
    ({"terminal_type": "", "openid": "o1"}, NULL, TERMINAL),
    ({"terminal_type": 7, "openid": "o1"}, TEXT, TERMINAL),
    ({"terminal_type": "official_account"}, MISSING, OPENID_PARAM),
    ({"terminal_type": "official_account", "openid": None}, NULL, OPENID_PARAM),
    ({"terminal_type": "official_account", "openid": 7}, TEXT, OPENID_PARAM),
    ({"terminal_type": "official_account", "openid": "o" * 129}, LONG, OPENID_PARAM),
    ({"terminal_type": "official_account", "openid": "o1", "app_id": "wx0000000000000000"}, STRUCTURE, APP),
    ({"terminal_type": "official_account", "openid": "o1", "app_id": MINI_PROGRAM}, STRUCTURE, APP),
    ({"terminal_type": "mini_program", "openid": "o1", "app_id": OFFICIAL_ACCOUNT}, STRUCTURE, APP),
]  # fmt: skip
IGNORED: Final[dict[str, Any]] = {
    "allowed_payment_method_types": ["wechat_pay"], "automatic_payment_methods": {"enabled": True},
    "confirmation_method": "automatic", "error_on_requires_action": True, "expand": ["payment_method"],
    "off_session": False, "quantity": 3, "receipt_email": "a@example.com", "shipping": {"name": "小明"},
    "statement_descriptor": "TEA", "statement_descriptor_suffix": "SHOP", "use_stripe_sdk": True,
    "capture_method": "automatic", "setup_future_usage": "none", "payment_method_types": ["WECHAT_PAY"],
}  # fmt: skip


@pytest.mark.parametrize("missing", ["amount", "currency"])
def test_what_is_needed_and_missing_is_named(stack: RunningStack, missing: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, body), 400, MISSING, missing)


def test_an_empty_body_is_answered_with_what_is_missing(stack: RunningStack) -> None:
    with nothing_changes(stack):
        refused(raw(stack, INTENTS, b"", "application/json"), 400, MISSING, "amount")


@pytest.mark.parametrize(("amount", "code"), AMOUNTS, ids=lambda value: repr(value)[:30])
def test_what_is_not_an_amount_of_money_is_refused(stack: RunningStack, amount: Any, code: str) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, GOOD | {"amount": amount}), 400, code, "amount")


@pytest.mark.parametrize("text", ["1e400", "Infinity", "NaN", "2000.00", "-0.1", "1E2"])
def test_numbers_that_are_not_integers_are_refused_however_they_are_spelt(stack: RunningStack, text: str) -> None:
    body = f'{{"amount": {text}, "currency": "CNY"}}'.encode()
    with nothing_changes(stack):
        answer = raw(stack, INTENTS, body, "application/json")
        assert answer.status == 400
        assert answer.json()["error"]["code"] in {INTEGER, "json_invalid"}


@pytest.mark.parametrize("amount", ["20.5", "abc", "", "2 000", "2,000", "true", "-1", "0", "100000000"])
def test_a_forms_amount_is_held_to_the_same(stack: RunningStack, amount: str) -> None:
    with nothing_changes(stack):
        answer = form(stack, INTENTS, {"amount": amount, "currency": "CNY"})
        assert answer.json()["error"]["param"] == "amount"
        assert answer.status == 400


@pytest.mark.parametrize("amount", [1, AMOUNT_MINOR_UNITS_MAX, "2000"])
def test_the_smallest_and_the_largest_amount_are_taken(stack: RunningStack, amount: int | str) -> None:
    assert stack.create_intent(amount=amount)["amount"] == int(amount)


@pytest.mark.parametrize(("currency", "code"), CURRENCIES, ids=lambda value: repr(value)[:30])
def test_a_currency_that_cannot_be_collected_is_refused(stack: RunningStack, currency: Any, code: str) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, GOOD | {"currency": currency}), 400, code, "currency")


@pytest.mark.parametrize(("fields", "code", "param"), FIELDS, ids=lambda value: repr(value)[:50])
def test_a_wrong_field_is_refused_by_its_whole_name(
    stack: RunningStack, fields: dict[str, Any], code: str, param: str
) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, GOOD | fields), 400, code, param)


@pytest.mark.parametrize(("options", "code", "param"), METHODS, ids=lambda value: repr(value)[:60])
def test_a_wrong_payment_method_is_refused_when_creating_with_confirm(
    stack: RunningStack, options: dict[str, Any], code: str, param: str
) -> None:
    body = GOOD | {"confirm": True, "payment_method_options": {"wechat_pay": options}}
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, body), 400, code, param)


@pytest.mark.parametrize(("options", "code", "param"), METHODS, ids=lambda value: repr(value)[:60])
def test_a_wrong_payment_method_is_refused_when_confirming(
    stack: RunningStack, options: dict[str, Any], code: str, param: str
) -> None:
    intent = stack.create_intent()
    with nothing_changes(stack):
        answer = stack.call(
            "POST", f"{INTENTS}/{intent['id']}/confirm", {"payment_method_options": {"wechat_pay": options}}
        )
        refused(answer, 400, code, param)


@pytest.mark.parametrize("confirm", [True, "true"])
def test_confirming_needs_a_payment_method(stack: RunningStack, confirm: bool | str) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, GOOD | {"confirm": confirm}), 400, MISSING, "payment_method_data")


@pytest.mark.parametrize(("fields", "code", "param"), FIELDS[:4] + FIELDS[17:20], ids=lambda value: repr(value)[:40])
def test_an_update_is_held_to_the_same(stack: RunningStack, fields: dict[str, Any], code: str, param: str) -> None:
    intent = stack.create_intent()
    path = f"{INTENTS}/{intent['id']}"
    with nothing_changes(stack):
        answer = stack.call("POST", path, fields)
        if param == "confirm":
            code = UNKNOWN
        refused(answer, 400, code, param)


@pytest.mark.parametrize("amount", [0, -1, 20.5, "abc", True, None, AMOUNT_MINOR_UNITS_MAX + 1])
def test_an_update_to_what_is_not_money_changes_nothing(stack: RunningStack, amount: Any) -> None:
    intent = stack.create_intent()
    with nothing_changes(stack):
        answer = stack.call("POST", f"{INTENTS}/{intent['id']}", {"amount": amount})
        assert answer.status == 400
        assert answer.json()["error"]["param"] == "amount"


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_what_the_documents_and_sdks_send_besides_is_accepted_and_changes_nothing(
    stack: RunningStack, name: str
) -> None:
    plain = stack.create_intent()
    with_it = stack.create_intent(**{name: IGNORED[name]})
    assert set(with_it) == set(plain)
    assert (with_it["status"], with_it["amount"]) == (plain["status"], plain["amount"])


def test_the_openid_of_another_app_is_wechats_to_decline(stack: RunningStack) -> None:
    """WeChat's refusal is not the caller's mistake: 200, and the intent says why."""
    options = {"terminal_type": "official_account", "openid": stack.openid(MINI_PROGRAM)}
    intent = stack.create_intent(confirm=True, payment_method_options={"wechat_pay": options})
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["code"] == "payment_method_provider_decline"
    assert "next_action" not in intent
    again = stack.api("POST", f"{INTENTS}/{intent['id']}/confirm", stack.paying_with())
    assert again["status"] == "requires_action"
    assert "last_payment_error" not in again


def test_an_empty_openid_is_declined_without_an_order(stack: RunningStack) -> None:
    options = {"terminal_type": "mini_program", "openid": ""}
    intent = stack.create_intent(confirm=True, payment_method_options={"wechat_pay": options})
    assert intent["status"] == "requires_payment_method"
    number = int(intent["id"].removeprefix("pi_"))
    assert stack.rows("SELECT id FROM attempts WHERE intent_id = ?", number) == []
