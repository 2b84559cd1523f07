"""Idempotency-Key on every POST: replayed byte for byte, refused for anything else, recovered after a crash."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.api.calling import INTENTS, refused
from tests.api.idempotent_requests import ENDPOINT, ENDPOINTS, LOGIN, REQUESTS, log_in
from tests.journeys.reckoning import change
from tests.support.parallel import post_at_once
from tests.support.stack import Answer, RunningStack
from wxbackend.api.operations import OPERATIONS

CUT_OFF_MS: Final = 61_000
AT_ONCE: Final = 50
SAME: Final = ("id", "object", "created", "client_secret", "secret", "token", "expires_at")
WATCHED: Final = (
    "payment_intents", "attempts", "refunds", "merchant_transfers", "profit_sharings",
    "profit_sharing_returns", "ledger", "events", "discrepancies",
    "webhook_endpoints", "login_sessions", "customers", "setup_intents", "mandates",
)  # fmt: skip
POSTS: Final = sorted(known.id for (method, _), known in OPERATIONS.items() if method == "post")


@pytest.fixture(autouse=True)
def tidy(shared_stack: RunningStack) -> Iterator[None]:
    """Every test leaves only the endpoint of the settings."""
    yield
    for endpoint in shared_stack.api("GET", f"{ENDPOINTS}?limit=100")["data"]:
        if endpoint["id"] != "we_demo_shop":
            shared_stack.api("DELETE", f"{ENDPOINTS}/{endpoint['id']}")


@contextmanager
def nothing_is_done(stack: RunningStack) -> Iterator[None]:
    """What happens inside writes nothing, and tells WeChat and the merchant nothing."""
    stack.wait_for(stack.is_at_rest, "earlier deliveries to end")
    before = {name: stack.rows(f"SELECT * FROM {name}") for name in WATCHED}
    tries = stack.rows("SELECT count(*) AS n FROM deliveries")
    yield
    assert {name: stack.rows(f"SELECT * FROM {name}") for name in WATCHED} == before
    assert stack.rows("SELECT count(*) AS n FROM deliveries") == tries


def post(stack: RunningStack, key: str, path: str, body: dict[str, Any]) -> Answer:
    """The request under the key."""
    return stack.call("POST", path, body, headers={"Idempotency-Key": key})


def new_key() -> str:
    """A key that nobody has used."""
    return f"test-{uuid.uuid4()}"


def test_every_post_is_known_here() -> None:
    assert sorted(REQUESTS) == POSTS, "a new POST needs a request here, and must honour Idempotency-Key"


@pytest.mark.parametrize("operation", POSTS)
def test_a_post_sent_again_is_answered_again_and_done_once(stack: RunningStack, operation: str) -> None:
    asked, key = REQUESTS[operation](stack), new_key()
    first = post(stack, key, asked.path, asked.body)
    assert first.status == 200, first.body.decode()
    with nothing_is_done(stack):
        again = post(stack, key, asked.path, asked.body)
        assert (again.status, again.body) == (200, first.body)
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert again.headers.get("cache-control") == first.headers.get("cache-control")
        error = refused(post(stack, key, asked.path, asked.other), 400, "idempotency_key_reused")
        assert error["type"] == "idempotency_error"
        # A request that is refused under the key of another one leaves that one's answer alone.
        post(stack, key, f"{INTENTS}/pi_{1:019d}/cancel", {})
        assert post(stack, key, asked.path, asked.body).body == first.body


@pytest.mark.parametrize("operation", POSTS)
def test_a_post_that_a_crash_cut_off_is_recovered_and_not_done_again(stack: RunningStack, operation: str) -> None:
    asked, key = REQUESTS[operation](stack), new_key()
    first = post(stack, key, asked.path, asked.body)
    assert first.status == 200, first.body.decode()
    with nothing_is_done(stack):
        # As if the process had died between its first unit and the keeping of the answer.
        change(stack, "UPDATE idempotency_keys SET status = NULL, body = NULL WHERE key = ?", key)
        change(stack, "UPDATE idempotency_keys SET begun_ms = begun_ms + 600000 WHERE key = ?", key)
        error = refused(post(stack, key, asked.path, asked.body), 409, "idempotency_key_in_use")
        assert error["type"] == "idempotency_error"
        change(stack, "UPDATE idempotency_keys SET begun_ms = begun_ms - ? WHERE key = ?", 600_000 + CUT_OFF_MS, key)
        recovered = post(stack, key, asked.path, asked.body)
        assert recovered.status == 200, recovered.body.decode()
        # The object as it is by now; what is shown once is shown to its owner after all.
        assert {name: recovered.json().get(name) for name in SAME} == {name: first.json().get(name) for name in SAME}
        again = post(stack, key, asked.path, asked.body)
        assert again.body == recovered.body
        assert again.headers["idempotent-replayed"] == "true"


def test_an_endpoints_kept_answer_is_told_even_when_the_endpoint_is_gone(stack: RunningStack) -> None:
    made = stack.api("POST", ENDPOINTS, ENDPOINT)
    path, key = f"{ENDPOINTS}/{made['id']}", new_key()
    first = post(stack, key, path, {"description": "a"})
    stack.api("DELETE", path)
    assert post(stack, key, path, {"description": "a"}).body == first.body
    refused(post(stack, new_key(), path, {"description": "a"}), 404, "resource_missing", "id")


def test_a_login_that_is_sent_again_keeps_neither_token_nor_code(stack: RunningStack) -> None:
    asked, key = log_in(stack), new_key()
    token, code = post(stack, key, LOGIN, asked.body).json()["token"], asked.body["code"]
    assert post(stack, key, LOGIN, asked.body).json()["token"] == token
    for file in stack.stack.state.glob("wxbackend.db*"):
        assert token.encode() not in file.read_bytes(), file.name
        assert code.encode() not in file.read_bytes(), file.name
    intent = stack.create_intent()
    headers = {"Client-Secret": intent["client_secret"], "Wx-Session": token}
    paying = {"payment_method_data": {"type": "wechat_pay"}}
    path = f"{INTENTS}/{intent['id']}/confirm"
    confirmed = stack.api("POST", path, paying, key=stack.publishable_key, headers=headers)
    assert confirmed["next_action"]["type"] == "wechat_pay_mini_program_params"


def test_the_same_code_under_another_key_is_another_request_and_used_up(stack: RunningStack) -> None:
    asked = log_in(stack)
    assert post(stack, new_key(), LOGIN, asked.body).status == 200
    refused(post(stack, key := new_key(), LOGIN, asked.body), 400, "code_used", "code")
    with nothing_is_done(stack):
        again = post(stack, key, LOGIN, asked.body)
    assert (again.status, again.json()["error"]["code"]) == (400, "code_used")
    assert again.headers["idempotent-replayed"] == "true"


def test_a_login_that_wechat_could_not_serve_may_be_sent_again_under_its_key(stack: RunningStack) -> None:
    asked, key = log_in(stack), new_key()
    stack.mischief(platform={"busy": {"times": 1}})
    refused(post(stack, key, LOGIN, asked.body), 502, "provider_unavailable")
    assert post(stack, key, LOGIN, asked.body).status == 200


def test_fifty_equal_posts_with_one_key_make_one_object(stack: RunningStack) -> None:
    number = new_key()
    asked = {"amount": 5050, "currency": "CNY", "merchant_order_id": number}
    made = post_at_once(stack, INTENTS, asked, key=new_key(), at_once=AT_ONCE)
    found = stack.rows("SELECT id FROM payment_intents WHERE merchant_order_id = ?", number)
    assert [f"pi_{row['id']:019d}" for row in found] == [made["id"]]


def test_fifty_equal_log_ins_at_once_open_one_session(stack: RunningStack) -> None:
    asked = log_in(stack)
    before = stack.rows("SELECT count(*) AS n FROM login_sessions")[0]["n"]
    post_at_once(stack, LOGIN, asked.body, key=new_key(), at_once=AT_ONCE)
    assert stack.rows("SELECT count(*) AS n FROM login_sessions")[0]["n"] == before + 1
