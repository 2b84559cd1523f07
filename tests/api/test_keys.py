"""Who may do what: no key, a wrong key, a publishable key, another mode's key, another account's key."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.api.browsing import Browser
from tests.api.calling import INTENTS, OPENID_PARAM, basic, mini_program_session, nothing_changes, raw, refused
from tests.support.stack import MINI_PROGRAM, RunningStack, running
from wxbackend.development import CONFIG

SHOP: Final = "https://shop.example:8443"
OTHER_KEYS: Final = {
    "live_secret": ("acct_demo", "live", "secret", "sk_live_"),
    "live_publishable": ("acct_demo", "live", "publishable", "pk_live_"),
    "other_secret": ("acct_other", "test", "secret", "sk_test_"),
    "other_publishable": ("acct_other", "test", "publishable", "pk_test_"),
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, dict[str, str]]]:
    """A stack whose settings name more keys: the same account's live ones, and another account's."""
    folder = tmp_path_factory.mktemp("keys")
    made = {name: prefix + secrets.token_hex(24) for name, (*_, prefix) in OTHER_KEYS.items()}
    for name, key in made.items():
        (folder / name).write_text(key, encoding="ascii")
    settings = folder / "settings.toml"
    settings.write_text(_settings(folder), encoding="utf-8")
    for stack in running(folder / "stack", WXBACKEND_CONFIG=str(settings)):
        yield stack, made


def _settings(folder: Path) -> str:
    """The development settings with more keys; paths are made absolute, since the file lies elsewhere."""
    text = CONFIG.read_text(encoding="utf-8")
    live = _api_keys(folder, "live", "live_secret", "live_publishable")
    text = text.replace("[[accounts.merchants]]", f"{live}\n[[accounts.merchants]]", 1)
    kind = 'kind = "official_account"'
    assert text.count(kind) == 1
    text = text.replace(kind, f'{kind}\nreturn_urls = ["{SHOP}"]')
    other = '\n[[accounts]]\nid = "acct_other"\ndefault_description = "Another shop"\n'
    return text + other + _api_keys(folder, "test", "other_secret", "other_publishable")


def _api_keys(folder: Path, mode: str, secret: str, publishable: str) -> str:
    return (
        f'\n[[accounts.api_keys]]\nmode = "{mode}"\n'
        f'secret_key_file = "{folder / secret}"\npublishable_key_file = "{folder / publishable}"\n'
    )


# --- no key, or not one of ours -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_key_nothing_is_done(stack: RunningStack, method: str) -> None:
    with nothing_changes(stack):
        refused(stack.call(method, INTENTS, key=""), 401, "api_key_missing")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer sk_test_of_nobody", "Bearer sk_live_of_nobody", "Basic c2tfdGVzdF9vZl9ub2JvZHk6", "Bearer \xff\xfe",
        "bearer sk_test_" + "a" * 400,
    ],
)  # fmt: skip
def test_a_key_that_is_not_ours_is_refused(stack: RunningStack, header: str) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, key="", headers={"Authorization": header}), 401, "api_key_invalid")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic !!!", "Basic Og==", "Digest x", "Basic", "Basic \u00e9", "Bearer " + "a" * 600],
)
def test_a_header_without_a_readable_key_counts_as_none(stack: RunningStack, header: str) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, key="", headers={"Authorization": header}), 401, "api_key_missing")


def test_a_key_is_compared_whole(stack: RunningStack) -> None:
    for key in (stack.secret_key[:-1], f"{stack.secret_key}0", stack.secret_key.upper()):
        refused(stack.call("GET", INTENTS, key=key), 401, "api_key_invalid")


def test_a_wrong_body_is_not_looked_at_before_the_key(stack: RunningStack) -> None:
    refused(raw(stack, INTENTS, b"{", "application/json", key=""), 401, "api_key_missing")


def test_bearer_and_basic_are_the_same_key(stack: RunningStack) -> None:
    for headers in (
        basic(stack.secret_key),
        basic(stack.secret_key, "ignored"),
        {"Authorization": f"BEARER {stack.secret_key}"},
    ):
        assert stack.call("GET", INTENTS, key="", headers=headers).status == 200


# --- the publishable key ------------------------------------------------------------------------


def test_a_publishable_key_creates_changes_lists_and_cancels_nothing(stack: RunningStack) -> None:
    intent = stack.create_intent()
    path, key = f"{INTENTS}/{intent['id']}", stack.publishable_key
    secret = {"Client-Secret": intent["client_secret"]}
    with nothing_changes(stack):
        for method, target in (
            ("POST", INTENTS), ("POST", path), ("POST", f"{path}/cancel"), ("GET", INTENTS),
            ("GET", f"{INTENTS}/search?query=merchant_order_id:'a'"),
        ):  # fmt: skip
            body = {"amount": 1, "currency": "CNY"} if target == INTENTS and method == "POST" else None
            refused(stack.call(method, target, body, key=key, headers=secret), 403, "secret_key_required")


def test_a_publishable_key_needs_the_intents_own_client_secret(stack: RunningStack) -> None:
    intent, other = stack.create_intent(), stack.create_intent()
    path, key = f"{INTENTS}/{intent['id']}", stack.publishable_key
    with nothing_changes(stack):
        for method, target in (("GET", path), ("POST", f"{path}/confirm")):
            refused(stack.call(method, target, key=key), 400, "parameter_missing", "client_secret")
            for wrong in (other["client_secret"], intent["client_secret"][:-1], "x", intent["id"], "\xe9"):
                answer = stack.call(method, target, key=key, headers={"Client-Secret": wrong})
                refused(answer, 400, "parameter_invalid", "client_secret")


def test_a_publishable_key_sees_only_the_buyers_part(stack: RunningStack) -> None:
    intent = stack.create_intent(
        metadata={"a": "b"}, merchant_order_id="secret-order", customer="c", merchant_user_id="u", **stack.paying_with()
    )
    path = f"{INTENTS}/{intent['id']}"
    headers = {"Client-Secret": intent["client_secret"]}
    shown = stack.api("GET", path, key=stack.publishable_key, headers=headers)
    assert not {"metadata", "merchant_order_id", "customer", "merchant_user_id", "client_secret"} & set(shown)
    assert "payment_method_options" not in shown
    queried = stack.api("GET", f"{path}?client_secret={intent['client_secret']}", key=stack.publishable_key)
    assert queried == shown


def test_a_buyers_body_cannot_name_an_openid(stack: RunningStack) -> None:
    intent = stack.create_intent()
    headers = {"Client-Secret": intent["client_secret"], "Wx-Session": mini_program_session(stack, MINI_PROGRAM)}
    with nothing_changes(stack):
        answer = stack.call(
            "POST", f"{INTENTS}/{intent['id']}/confirm", stack.paying_with("mini_program"),
            key=stack.publishable_key, headers=headers,
        )  # fmt: skip
        refused(answer, 400, "parameter_unknown", OPENID_PARAM)


def test_a_buyers_confirm_cannot_name_an_amount(stack: RunningStack) -> None:
    intent = stack.create_intent()
    headers = {"Client-Secret": intent["client_secret"]}
    with nothing_changes(stack):
        answer = stack.call(
            "POST", f"{INTENTS}/{intent['id']}/confirm", {"amount": 1}, key=stack.publishable_key, headers=headers
        )
        refused(answer, 400, "parameter_unknown", "amount")


# --- other modes, other accounts ------------------------------------------------------------------


def test_a_key_of_the_other_mode_is_told_so(keys: tuple[RunningStack, dict[str, str]]) -> None:
    stack, made = keys
    test_intent = stack.create_intent()
    live_intent = stack.api("POST", INTENTS, {"amount": 1, "currency": "CNY"}, key=made["live_secret"])
    assert (test_intent["livemode"], live_intent["livemode"]) == (False, True)
    with nothing_changes(stack):
        for intent, key in ((test_intent, made["live_secret"]), (live_intent, stack.secret_key)):
            path = f"{INTENTS}/{intent['id']}"
            refused(stack.call("GET", path, key=key), 404, "livemode_mismatch", "id")
            refused(stack.call("POST", f"{path}/cancel", key=key), 404, "livemode_mismatch", "id")
            refused(stack.call("POST", path, {"description": "x"}, key=key), 404, "livemode_mismatch", "id")
        headers = {"Client-Secret": test_intent["client_secret"]}
        answer = stack.call("GET", f"{INTENTS}/{test_intent['id']}", key=made["live_publishable"], headers=headers)
        refused(answer, 404, "livemode_mismatch", "id")


def test_another_accounts_objects_do_not_exist(keys: tuple[RunningStack, dict[str, str]]) -> None:
    stack, made = keys
    intent = stack.create_intent(merchant_order_id="ours")
    path = f"{INTENTS}/{intent['id']}"
    with nothing_changes(stack):
        for method, target in (("GET", path), ("POST", path), ("POST", f"{path}/confirm"), ("POST", f"{path}/cancel")):
            refused(stack.call(method, target, key=made["other_secret"]), 404, "resource_missing", "id")
        headers = {"Client-Secret": intent["client_secret"]}
        answer = stack.call("GET", path, key=made["other_publishable"], headers=headers)
        refused(answer, 404, "resource_missing", "id")
        assert stack.api("GET", INTENTS, key=made["other_secret"])["data"] == []
        found = stack.api("GET", f"{INTENTS}/search?query=merchant_order_id:'ours'", key=made["other_secret"])
        assert found["data"] == []


def test_an_idempotency_key_belongs_to_one_account_and_mode(keys: tuple[RunningStack, dict[str, str]]) -> None:
    stack, made = keys
    body, headers = {"amount": 5, "currency": "CNY"}, {"Idempotency-Key": f"shared-{secrets.token_hex(8)}"}
    answers = [
        stack.call("POST", INTENTS, body, key=key, headers=headers)
        for key in (stack.secret_key, made["live_secret"], made["other_secret"])
    ]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len({answer.json()["id"] for answer in answers}) == 3
    assert not any("idempotent-replayed" in answer.headers for answer in answers)


def test_a_login_is_worth_nothing_with_another_accounts_or_modes_key(
    keys: tuple[RunningStack, dict[str, str]],
) -> None:
    stack, made = keys
    session = mini_program_session(stack, MINI_PROGRAM)
    body = {"amount": 5, "currency": "CNY"}
    for kind in ("live", "other"):
        intent = stack.api("POST", INTENTS, body, key=made[f"{kind}_secret"])
        method = {"payment_method_data": {"type": "wechat_pay"}}
        headers = {"Client-Secret": intent["client_secret"], "Wx-Session": session}
        with nothing_changes(stack):
            answer = stack.call(
                "POST", f"{INTENTS}/{intent['id']}/confirm", method, key=made[f"{kind}_publishable"], headers=headers
            )
            refused(answer, 400, "login_required")


def test_an_account_without_the_app_says_what_to_add(keys: tuple[RunningStack, dict[str, str]]) -> None:
    stack, made = keys
    options = {"wechat_pay": {"terminal_type": "mini_program", "openid": "o1"}}
    body = {"amount": 5, "currency": "CNY", "confirm": True, "payment_method_options": options}
    with nothing_changes(stack):
        answer = stack.call("POST", INTENTS, body, key=made["other_secret"])
        error = refused(answer, 400, "app_misconfigured", "payment_method_options[wechat_pay][app_id]")
        assert "accounts.apps" in error["message"]
        login = stack.call("POST", "/v1/wechat/mini_program/login", {"code": "x"}, key=made["other_publishable"])
        refused(login, 400, "app_misconfigured", "app_id")


def test_a_buyer_may_be_sent_back_to_the_shops_own_pages_when_the_settings_list_them(
    keys: tuple[RunningStack, dict[str, str]],
) -> None:
    stack, _ = keys
    browser = Browser(stack)
    back = f"{SHOP}/cart?a=b#c"
    answer = browser.log_in(back)
    assert (answer.status, answer.headers["location"]) == (302, back)
    for other in ("https://shop.example/", "http://shop.example:8443/", "https://shop.example:8443@evil.example/"):
        refused(browser.start(other), 400, "url_invalid", "return_url")
