"""API keys in the database: shown once, kept as hashes, beside those of the settings, revoked within five seconds."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final

import orjson
import pytest

from tests.operations.tool import run
from tests.support.stack import RunningStack

INTENTS: Final = "/v1/payment_intents"


def create(stack: RunningStack, name: str = "a shop", kind: str = "secret", mode: str = "test") -> str:
    ran = run(stack, "keys", "create", "--account", "acct_demo", "--mode", mode, "--kind", kind, "--name", name)
    assert ran.status == 0, ran.err
    return ran.out.strip()


def listed(stack: RunningStack, key: str) -> dict[str, Any]:
    ran = run(stack, "keys", "list", "--json")
    assert key not in ran.out
    lines: list[dict[str, Any]] = [orjson.loads(line) for line in ran.out.splitlines()]
    return next(line for line in lines if line["key"].endswith(f"…{key[-4:]}"))


@pytest.fixture
def key(stack: RunningStack) -> str:
    return create(stack)


def test_a_key_works_like_one_of_the_settings_and_those_still_work(stack: RunningStack, key: str) -> None:
    made = stack.api("POST", INTENTS, {"amount": 123, "currency": "CNY"}, key=key)
    assert stack.intent(made["id"]) == made


def test_a_publishable_key_may_only_do_the_buyers_side(stack: RunningStack) -> None:
    key = create(stack, kind="publishable")
    assert key.startswith("pk_test_")
    refused = stack.call("POST", INTENTS, {"amount": 123, "currency": "CNY"}, key=key)
    assert (refused.status, refused.json()["error"]["code"]) == (403, "secret_key_required")


def test_a_live_key_does_not_see_test_objects(stack: RunningStack) -> None:
    intent = stack.create_intent()
    key = create(stack, mode="live")
    assert key.startswith("sk_live_")
    assert stack.call("GET", f"{INTENTS}/{intent['id']}", key=key).status == 404


def test_only_the_hash_is_kept(stack: RunningStack, key: str) -> None:
    stack.api("GET", INTENTS, key=key)
    for path in stack.stack.state.glob("wxbackend.db*"):
        with closing(path.open("rb")) as file:
            assert key.encode() not in file.read(), path.name
    assert key not in stack.log("web")


def test_the_list_tells_names_days_and_last_characters(stack: RunningStack) -> None:
    key = create(stack, name="till 7")
    assert listed(stack, key)["last_used"] == "never"
    stack.api("GET", INTENTS, key=key)
    row = listed(stack, key)
    assert (row["name"], row["account"], row["revoked"]) == ("till 7", "acct_demo", None)
    assert row["last_used"] == row["created"]


def test_a_revoked_key_is_refused_by_a_process_that_has_known_it(stack: RunningStack, key: str) -> None:
    assert stack.call("GET", INTENTS, key=key).status == 200
    row = listed(stack, key)
    assert run(stack, "keys", "revoke", row["id"]).status == 0
    stack.wait_for(lambda: stack.call("GET", INTENTS, key=key).status != 200, "the key to be refused")
    refused = stack.call("GET", INTENTS, key=key)
    assert (refused.status, refused.json()["error"]["code"]) == (401, "api_key_invalid")
    assert listed(stack, key)["revoked"] is not None
    again = run(stack, "keys", "revoke", row["id"])
    assert again.status == 2
    assert "no valid key" in again.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--account", "acct_nobody", "--mode", "test", "--name", "x"), "know no account acct_nobody"),
        (("--account", "acct_demo", "--mode", "test", "--name", "  "), "needs a name"),
        (("--account", "acct_demo", "--mode", "real", "--name", "x"), "is not one of"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_a_line(stack: RunningStack, words: tuple[str, ...], said: str) -> None:
    ran = run(stack, "keys", "create", *words)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
