"""Idempotency-Key: the same request again is given the same bytes, and is carried out once however often it comes."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.api.calling import FORM, INTENTS, basic, error_of, form, mini_program_session, nothing_changes, raw, refused
from tests.support.stack import MINI_PROGRAM, Answer, RunningStack

BODY: Final = {"amount": 2000, "currency": "CNY", "metadata": {"a": "1"}}
AT_ONCE: Final = 20
LATENCY_S: Final = 2.5


def new_key() -> str:
    """A key that nobody has used."""
    return f"test-{uuid.uuid4()}"


def create(stack: RunningStack, key: str, body: dict[str, Any] | None = None, **more: Any) -> Answer:
    """Create an intent under a key."""
    return stack.call("POST", INTENTS, BODY if body is None else body, headers={"Idempotency-Key": key}, **more)


def intents(stack: RunningStack) -> int:
    """How many intents there are."""
    count: int = stack.rows("SELECT count(*) AS n FROM payment_intents")[0]["n"]
    return count


def test_a_repeated_request_is_given_the_same_bytes(stack: RunningStack) -> None:
    key = new_key()
    first = create(stack, key)
    with nothing_changes(stack):
        again = create(stack, key)
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["request-id"] != first.headers["request-id"]


def test_the_kept_answer_is_told_even_after_the_object_has_moved_on(stack: RunningStack) -> None:
    key = new_key()
    first = create(stack, key)
    stack.api("POST", f"{INTENTS}/{first.json()['id']}/cancel")
    assert create(stack, key).body == first.body
    assert stack.intent(first.json()["id"])["status"] == "canceled"


@pytest.mark.parametrize(
    "other", [{"amount": 2001}, {"currency": "cny"}, {"metadata": {}}, {"description": "x"}, {"confirm": False}]
)
def test_a_key_used_for_other_parameters_is_refused(stack: RunningStack, other: dict[str, Any]) -> None:
    key = new_key()
    create(stack, key)
    with nothing_changes(stack):
        error = refused(create(stack, key, BODY | other), 400, "idempotency_key_reused")
    assert error["type"] == "idempotency_error"


def test_a_key_belongs_to_one_url(stack: RunningStack) -> None:
    key = new_key()
    intent, other = stack.create_intent(), stack.create_intent()
    headers = {"Idempotency-Key": key}
    assert stack.call("POST", f"{INTENTS}/{intent['id']}/cancel", headers=headers).status == 200
    with nothing_changes(stack):
        for path in (
            f"{INTENTS}/{other['id']}/cancel",
            f"{INTENTS}/{intent['id']}",
            f"{INTENTS}/{intent['id']}/confirm",
        ):
            refused(stack.call("POST", path, headers=headers), 400, "idempotency_key_reused")


def test_json_and_form_and_basic_are_the_same_request(stack: RunningStack) -> None:
    key = new_key()
    first = create(stack, key)
    fields = {"metadata[a]": "1", "currency": "CNY", "amount": "2000"}
    by_form = form(stack, INTENTS, fields, key="", headers=basic(stack.secret_key) | {"Idempotency-Key": key})
    assert by_form.body == first.body
    assert by_form.headers["idempotent-replayed"] == "true"


def test_lists_and_booleans_are_the_same_request_in_both_encodings(stack: RunningStack) -> None:
    key = new_key()
    body = {"amount": 1, "currency": "CNY", "confirm": False, "payment_method_types": ["wechat_pay"]}
    first = create(stack, key, body)
    encoded = b"amount=1&currency=CNY&confirm=false&payment_method_types[0]=wechat_pay"
    again = raw(stack, INTENTS, encoded, FORM, headers={"Idempotency-Key": key})
    assert again.body == first.body


def test_a_request_that_is_refused_for_its_parameters_keeps_nothing(stack: RunningStack) -> None:
    key = new_key()
    with nothing_changes(stack):
        refused(create(stack, key, {"amount": -1, "currency": "CNY"}), 400, "amount_too_small", "amount")
        refused(create(stack, key, {"amount": 1}), 400, "parameter_missing", "currency")
        refused(create(stack, key, BODY | {"confirm": True}), 400, "parameter_missing", "payment_method_data")
    assert create(stack, key).status == 200


def test_a_conflict_keeps_nothing_either(stack: RunningStack) -> None:
    intent = stack.create_intent()
    path, headers = f"{INTENTS}/{intent['id']}/cancel", {"Idempotency-Key": new_key()}
    stack.api("POST", path)
    refused(stack.call("POST", path, headers=headers), 400, "payment_intent_unexpected_state")
    assert stack.rows("SELECT * FROM idempotency_keys WHERE key = ?", headers["Idempotency-Key"]) == []


@pytest.mark.parametrize(
    ("secret", "code"), [({}, "parameter_missing"), ({"Client-Secret": "pi_1_secret_guessed"}, "parameter_invalid")]
)
def test_a_kept_answer_is_not_told_to_a_buyers_side_without_the_client_secret(
    stack: RunningStack, secret: dict[str, str], code: str
) -> None:
    intent, session = stack.create_intent(), mini_program_session(stack, MINI_PROGRAM)
    path, method = f"{INTENTS}/{intent['id']}/confirm", {"payment_method_data": {"type": "wechat_pay"}}
    headers = {"Idempotency-Key": new_key(), "Wx-Session": session}
    proof = {"Client-Secret": intent["client_secret"]}
    first = stack.call("POST", path, method, key=stack.publishable_key, headers=headers | proof)
    assert first.json()["status"] == "requires_action"
    with nothing_changes(stack):
        told = stack.call("POST", path, method, key=stack.publishable_key, headers=headers | secret)
        refused(told, 400, code, "client_secret")
    assert stack.call("POST", path, method, key=stack.publishable_key, headers=headers | proof).body == first.body


@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 5000])
def test_a_key_without_or_with_too_many_characters_is_refused(stack: RunningStack, key: str) -> None:
    with nothing_changes(stack):
        refused(create(stack, key), 400, "idempotency_key_invalid")


@pytest.mark.parametrize(
    "key", ["x", "y" * 255, "not a uuid", "stripe-node-retry-0", "'; DROP TABLE events; --", "\u00e9"]
)
def test_a_key_may_be_any_text(stack: RunningStack, key: str) -> None:
    key = key if len(key) == 255 else f"{key} {uuid.uuid4()}"
    assert create(stack, key).body == create(stack, key).body


def test_a_key_on_a_get_means_nothing(stack: RunningStack) -> None:
    intent, headers = stack.create_intent(), {"Idempotency-Key": new_key()}
    for _ in range(2):
        answer = stack.call("GET", f"{INTENTS}/{intent['id']}", headers=headers)
        assert answer.status == 200
        assert "idempotent-replayed" not in answer.headers


def test_a_request_in_flight_is_a_409_and_then_replayed(stack: RunningStack) -> None:
    key, body = new_key(), BODY | {"confirm": True} | stack.paying_with()
    stack.mischief(api=[{"fault": "latency", "path": "order", "times": 1, "latency_s": LATENCY_S}])
    answers: list[Answer] = []
    first = threading.Thread(target=lambda: answers.append(create(stack, key, body)))
    first.start()
    stack.wait_for(
        lambda: stack.rows("SELECT key FROM idempotency_keys WHERE key = ?", key), "the first request to claim its key"
    )
    error = refused(create(stack, key, body), 409, "idempotency_key_in_use")
    assert error["type"] == "idempotency_error"
    refused(create(stack, key, BODY), 400, "idempotency_key_reused")
    first.join(timeout=30)
    assert answers[0].json()["status"] == "requires_action"
    replayed = create(stack, key, body)
    assert replayed.body == answers[0].body
    assert replayed.headers["idempotent-replayed"] == "true"


def test_twenty_at_once_make_one_object(stack: RunningStack) -> None:
    key, before = new_key(), intents(stack)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: create(stack, key), range(AT_ONCE)))
    assert {answer.status for answer in answers} <= {200, 409}
    for answer in answers:
        if answer.status == 409:
            assert error_of(answer)["code"] == "idempotency_key_in_use"
    bodies = {answer.body for answer in answers if answer.status == 200}
    assert len(bodies) == 1
    assert intents(stack) == before + 1


def test_twenty_confirms_at_once_make_one_order(stack: RunningStack) -> None:
    intent = stack.create_intent()
    path, headers, body = f"{INTENTS}/{intent['id']}/confirm", {"Idempotency-Key": new_key()}, stack.paying_with()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: stack.call("POST", path, body, headers=headers), range(AT_ONCE)))
    assert {answer.status for answer in answers} <= {200, 409}
    number = int(intent["id"].removeprefix("pi_"))
    assert len(stack.rows("SELECT id FROM attempts WHERE intent_id = ?", number)) == 1
    assert len({answer.body for answer in answers if answer.status == 200}) == 1


def test_twenty_confirms_at_once_without_a_key_make_one_order_too(stack: RunningStack) -> None:
    intent = stack.create_intent()
    path, body = f"{INTENTS}/{intent['id']}/confirm", stack.paying_with()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: stack.call("POST", path, body), range(AT_ONCE)))
    assert {answer.status for answer in answers} == {200}
    number = int(intent["id"].removeprefix("pi_"))
    assert len(stack.rows("SELECT id FROM attempts WHERE intent_id = ?", number)) == 1
    handles = {answer.json()["next_action"]["wechat_pay_official_account_params"]["package"] for answer in answers}
    params = stack.intent(intent["id"])["next_action"]["wechat_pay_official_account_params"]
    assert params["package"] in handles
    assert stack.order(intent)["trade_state"] == "NOTPAY"
