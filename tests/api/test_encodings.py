"""JSON and forms, Bearer and Basic: whichever way it is said, the same object comes out."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.calling import FORM, INTENTS, basic, form, raw
from tests.support.stack import RunningStack

DIFFERENT: Final = ("id", "created", "client_secret", "payment_method")
OBJECT: Final[dict[str, Any]] = {
    "amount": 2000,
    "currency": "cny",
    "confirm": False,
    "description": "\u9f99\u4e95\u8336 & a=b [x]",
    "merchant_order_id": "order-17",
    "metadata": {"order": "17", "note": "a b+c"},
    "payment_method_types": ["wechat_pay"],
    "payment_method_data": {"type": "WECHAT_PAY"},
    "payment_method_options": {
        "wechat_pay": {"terminal_type": "mini_program", "openid": "o1", "client_ip": "10.0.0.1"}
    },
    "return_url": "https://example.com/a?b=c&d=e",
}
FIELDS: Final = {
    "amount": "2000",
    "currency": "CNY",
    "confirm": "false",
    "description": "\u9f99\u4e95\u8336 & a=b [x]",
    "merchant_order_id": "order-17",
    "metadata[order]": "17",
    "metadata[note]": "a b+c",
    "payment_method_types[0]": "wechat_pay",
    "payment_method_data[type]": "wechat_pay",
    "payment_method_options[wechat_pay][terminal_type]": "mini_program",
    "payment_method_options[wechat_pay][openid]": "o1",
    "payment_method_options[wechat_pay][client_ip]": "10.0.0.1",
    "return_url": "https://example.com/a?b=c&d=e",
}


def comparable(intent: dict[str, Any]) -> dict[str, Any]:
    """The intent without what differs between any two."""
    return {name: value for name, value in intent.items() if name not in DIFFERENT}


def test_json_and_form_by_bearer_and_basic_make_the_same_object(stack: RunningStack) -> None:
    made = [
        stack.call("POST", INTENTS, OBJECT),
        stack.call("POST", INTENTS, OBJECT, key="", headers=basic(stack.secret_key)),
        form(stack, INTENTS, FIELDS),
        form(stack, INTENTS, FIELDS, key="", headers=basic(stack.secret_key)),
    ]
    assert [answer.status for answer in made] == [200] * 4
    first, *others = [comparable(answer.json()) for answer in made]
    assert others == [first] * 3
    assert first["metadata"] == OBJECT["metadata"]
    assert first["currency"] == "CNY"
    assert first["description"] == OBJECT["description"]


def test_brackets_may_be_percent_encoded(stack: RunningStack) -> None:
    plain = raw(stack, INTENTS, b"amount=1&currency=CNY&metadata[a]=b", FORM)
    encoded = raw(stack, INTENTS, b"amount=1&currency=CNY&metadata%5Ba%5D=b", FORM)
    assert comparable(plain.json()) == comparable(encoded.json())


@pytest.mark.parametrize("word", ["true", "True", "1"])
def test_yes_is_read_as_old_and_new_sdks_write_it(stack: RunningStack, word: str) -> None:
    fields = FIELDS | {"confirm": word, "payment_method_options[wechat_pay][openid]": ""}
    answer = form(stack, INTENTS, fields)
    assert answer.json()["last_payment_error"]["code"] == "payment_method_provider_decline"


@pytest.mark.parametrize("word", ["false", "False", "0"])
def test_no_is_read_as_old_and_new_sdks_write_it(stack: RunningStack, word: str) -> None:
    answer = form(stack, INTENTS, FIELDS | {"confirm": word})
    assert answer.json()["status"] == "requires_confirmation"


@pytest.mark.parametrize("confirm", [True, "true", "True", "1"])
def test_json_takes_a_boolean_as_such_or_as_its_word(stack: RunningStack, confirm: bool | str) -> None:
    body = OBJECT | {
        "confirm": confirm,
        "payment_method_options": {"wechat_pay": {"terminal_type": "mini_program", "openid": ""}},
    }
    assert stack.api("POST", INTENTS, body)["status"] == "requires_payment_method"


def test_a_number_as_metadata_name_does_not_make_a_list(stack: RunningStack) -> None:
    for body in (b"metadata[0]=x&metadata[1]=y", b"metadata%5B0%5D=x&metadata[1]=y"):
        answer = raw(stack, INTENTS, b"amount=1&currency=CNY&" + body, FORM)
        assert answer.json()["metadata"] == {"0": "x", "1": "y"}


@pytest.mark.parametrize(
    "types",
    [
        b"payment_method_types[]=wechat_pay", b"payment_method_types[0]=wechat_pay",
        b"payment_method_types[]=wechat_pay&payment_method_types[]=card",
        b"payment_method_types%5B%5D=wechat_pay", b"payment_method_types[1]=wechat_pay&payment_method_types[0]=card",
    ],
)  # fmt: skip
def test_lists_are_read_with_and_without_numbers(stack: RunningStack, types: bytes) -> None:
    answer = raw(stack, INTENTS, b"amount=1&currency=CNY&" + types, FORM)
    assert answer.status == 200, answer.body
    only_card = types.replace(b"=wechat_pay", b"=card")
    refusal = raw(stack, INTENTS, b"amount=1&currency=CNY&" + only_card, FORM)
    assert refusal.json()["error"]["param"] == "payment_method_types"


def test_metadata_is_set_and_unset_name_by_name(stack: RunningStack) -> None:
    intent = stack.create_intent(metadata={"a": "1", "b": "2"})
    path = f"{INTENTS}/{intent['id']}"
    changed = stack.api("POST", path, {"metadata": {"b": "", "c": "3"}})
    assert changed["metadata"] == {"a": "1", "c": "3"}
    assert form(stack, path, {"metadata[a]": "", "metadata[d]": "4"}).json()["metadata"] == {"c": "3", "d": "4"}
    assert stack.api("POST", path, {"metadata": {"c": None}})["metadata"] == {"d": "4"}
    assert "metadata" not in form(stack, path, {"metadata": ""}).json()
    assert stack.intent(intent["id"]) == stack.api("GET", path)


def test_metadata_keeps_its_limits_over_updates(stack: RunningStack) -> None:
    intent = stack.create_intent(metadata={f"a{n}": "x" for n in range(50)})
    path = f"{INTENTS}/{intent['id']}"
    refusal = stack.call("POST", path, {"metadata": {"one_more": "x"}})
    assert (refusal.status, refusal.json()["error"]["param"]) == (400, "metadata")
    assert stack.intent(intent["id"])["metadata"] == intent["metadata"]
    swapped = stack.api("POST", path, {"metadata": {"a0": "", "one_more": "x"}})
    assert len(swapped["metadata"]) == 50


def test_an_empty_text_unsets_and_an_absent_one_does_not(stack: RunningStack) -> None:
    intent = stack.create_intent(description="tea", merchant_order_id="o", return_url="https://example.com")
    path = f"{INTENTS}/{intent['id']}"
    changed = form(stack, path, {"description": "", "return_url": ""}).json()
    assert "description" not in changed
    assert "return_url" not in changed
    assert changed["merchant_order_id"] == "o"


def test_an_update_names_only_what_it_changes(stack: RunningStack) -> None:
    intent = stack.create_intent(description="tea", metadata={"a": "b"})
    changed = stack.api("POST", f"{INTENTS}/{intent['id']}", {"amount": 3000})
    assert changed == intent | {"amount": 3000}


def test_nothing_that_was_not_set_is_shown(stack: RunningStack) -> None:
    """As in the documents: fields without a value are left out, not null."""
    assert None not in stack.create_intent().values()
