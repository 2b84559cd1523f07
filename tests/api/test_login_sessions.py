"""Mini program log-in, and what a login session is good for: one app, one account, a while, and no secret in sight."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest

from tests.api.browsing import Browser
from tests.api.calling import INTENTS, form, mini_program_session, new_buyer, nothing_changes, refused
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack, running

LOGIN: Final = "/v1/wechat/mini_program/login"
TERMINAL: Final = "payment_method_options[wechat_pay][terminal_type]"
METHOD: Final = {"payment_method_data": {"type": "wechat_pay"}}


def code_for(stack: RunningStack, buyer: str = "buyer_1", kind: str = "mini_program") -> str:
    """A fresh code, as wx.login would give it."""
    appid = MINI_PROGRAM if kind == "mini_program" else OFFICIAL_ACCOUNT
    code: str = stack.desk("POST", f"/buyers/{buyer}/codes", {"appid": appid, "kind": kind})["code"]
    return code


def confirm(stack: RunningStack, intent: dict[str, Any], session: str | None, **more: Any) -> Any:
    """Confirm as a mini program does, with a session or none."""
    headers = {"Client-Secret": intent["client_secret"]} | ({"Wx-Session": session} if session is not None else {})
    path = f"{INTENTS}/{intent['id']}/confirm"
    return stack.call("POST", path, METHOD | more, key=stack.publishable_key, headers=headers)


def test_a_login_gives_a_token_and_nothing_of_wechats(stack: RunningStack) -> None:
    buyer = new_buyer(stack)
    answer = stack.call("POST", LOGIN, {"code": code_for(stack, buyer["id"])}, key=stack.publishable_key)
    told = answer.json()
    assert set(told) == {"object", "token", "app_id", "expires_at", "livemode"}
    assert (told["object"], told["app_id"], told["livemode"]) == ("login_session", MINI_PROGRAM, False)
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    text = answer.body.decode() + str(answer.headers)
    assert "session_key" not in text
    assert not any(openid in text for openid in buyer["openids"].values())


def test_only_the_tokens_hash_is_kept(stack: RunningStack) -> None:
    buyer = new_buyer(stack)
    token = mini_program_session(stack, MINI_PROGRAM, buyer["id"])
    digest = hashlib.sha256(token.encode()).hexdigest()
    (row,) = stack.rows("SELECT * FROM login_sessions WHERE token_hash = ?", digest)
    assert row["openid"] == buyer["openids"][MINI_PROGRAM]
    for file in stack.stack.state.glob("*.db*"):
        assert token.encode() not in file.read_bytes(), file.name


def test_a_mini_program_pays_with_its_session(stack: RunningStack) -> None:
    buyer, intent = new_buyer(stack), stack.create_intent()
    session = mini_program_session(stack, MINI_PROGRAM, buyer["id"])
    confirmed = confirm(stack, intent, session).json()
    assert confirmed["next_action"]["type"] == "wechat_pay_mini_program_params"
    assert "payment_method_options" not in confirmed
    assert buyer["openids"][MINI_PROGRAM] not in str(confirmed)
    assert stack.pay(confirmed, buyer=buyer["id"])["err_msg"] == "requestPayment:ok"
    assert stack.wait_status(intent["id"], "succeeded")["amount_received"] == intent["amount"]


def test_a_login_may_be_sent_as_a_form_and_with_a_secret_key(stack: RunningStack) -> None:
    assert form(stack, LOGIN, {"code": code_for(stack), "app_id": MINI_PROGRAM}).status == 200


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "parameter_missing", "code"),
        ({"code": ""}, "parameter_invalid_empty", "code"),
        ({"code": None}, "parameter_invalid_empty", "code"),
        ({"code": 7}, "parameter_invalid_string", "code"),
        ({"code": "x" * 513}, "parameter_too_long", "code"),
        ({"code": "made-up"}, "code_invalid", "code"),
        ({"code": "x", "openid": "o1"}, "parameter_unknown", "openid"),
        ({"code": "x", "app_id": OFFICIAL_ACCOUNT}, "parameter_invalid", "app_id"),
        ({"code": "x", "app_id": "wx0000000000000000"}, "parameter_invalid", "app_id"),
    ],
)
def test_a_wrong_login_is_refused(stack: RunningStack, body: dict[str, Any], code: str, param: str) -> None:
    before = stack.rows("SELECT count(*) AS n FROM login_sessions")
    with nothing_changes(stack):
        refused(stack.call("POST", LOGIN, body, key=stack.publishable_key), 400, code, param)
    assert stack.rows("SELECT count(*) AS n FROM login_sessions") == before


def test_a_code_logs_in_once(stack: RunningStack) -> None:
    code = code_for(stack)
    stack.api("POST", LOGIN, {"code": code}, key=stack.publishable_key)
    refused(stack.call("POST", LOGIN, {"code": code}, key=stack.publishable_key), 400, "code_used", "code")


def test_an_official_accounts_code_is_no_mini_programs(stack: RunningStack) -> None:
    code = code_for(stack, kind="oauth")
    refused(stack.call("POST", LOGIN, {"code": code}, key=stack.publishable_key), 400, "code_invalid", "code")


def test_a_user_whom_wechat_blocks_is_told_apart(stack: RunningStack) -> None:
    buyer = new_buyer(stack, risky=True)
    answer = stack.call("POST", LOGIN, {"code": code_for(stack, buyer["id"])}, key=stack.publishable_key)
    refused(answer, 400, "user_blocked", "code")


def test_when_wechat_is_busy_the_login_says_try_again(stack: RunningStack) -> None:
    code = code_for(stack)
    stack.mischief(platform={"busy": {"times": 1}})
    refused(stack.call("POST", LOGIN, {"code": code}, key=stack.publishable_key), 502, "provider_unavailable")
    assert stack.call("POST", LOGIN, {"code": code}, key=stack.publishable_key).status == 200


def test_a_login_needs_a_key(stack: RunningStack) -> None:
    refused(stack.call("POST", LOGIN, {"code": "x"}, key=""), 401, "api_key_missing")


@pytest.mark.parametrize("session", [None, "", "ws_", "ws_made_up", "x", "ws_" + "a" * 5_000])
def test_without_a_session_a_buyer_cannot_confirm(stack: RunningStack, session: str | None) -> None:
    intent = stack.create_intent()
    with nothing_changes(stack):
        error = refused(confirm(stack, intent, session), 400, "login_required")
    assert "/v1/wechat/oauth/start" in error["message"]


def test_a_merchants_server_does_not_borrow_a_session(stack: RunningStack) -> None:
    intent = stack.create_intent()
    headers = {"Wx-Session": mini_program_session(stack, MINI_PROGRAM)}
    body = METHOD | {"payment_method_options": {"wechat_pay": {"terminal_type": "mini_program"}}}
    with nothing_changes(stack):
        answer = stack.call("POST", f"{INTENTS}/{intent['id']}/confirm", body, headers=headers)
        refused(answer, 400, "parameter_missing", "payment_method_options[wechat_pay][openid]")


def test_a_session_of_one_app_is_not_used_for_the_other_terminal(stack: RunningStack) -> None:
    intent = stack.create_intent()
    session = mini_program_session(stack, MINI_PROGRAM)
    options = {"wechat_pay": {"terminal_type": "official_account"}}
    with nothing_changes(stack):
        answer = confirm(stack, intent, session, payment_method_options=options)
        refused(answer, 400, "parameter_invalid_enum", TERMINAL)
    browser = Browser(stack)
    browser.log_in()
    options = {"wechat_pay": {"terminal_type": "mini_program"}}
    with nothing_changes(stack):
        refused(browser.confirm(intent, payment_method_options=options), 400, "parameter_invalid_enum", TERMINAL)


def test_the_header_goes_before_the_cookie(stack: RunningStack) -> None:
    browser, intent = Browser(stack), stack.create_intent()
    browser.log_in()
    headers = {
        "Client-Secret": intent["client_secret"],
        "Wx-Session": mini_program_session(stack, MINI_PROGRAM),
        "Cookie": f"wx_session={browser.cookies['wx_session']}",
    }
    path = f"{INTENTS}/{intent['id']}/confirm"
    confirmed = stack.api("POST", path, METHOD, key=stack.publishable_key, headers=headers)
    assert confirmed["next_action"]["type"] == "wechat_pay_mini_program_params"


def test_a_second_buyer_takes_the_intent_over_and_the_first_order_is_closed(stack: RunningStack) -> None:
    intent, first, second = stack.create_intent(), new_buyer(stack), new_buyer(stack)
    confirm(stack, intent, mini_program_session(stack, MINI_PROGRAM, first["id"]))
    earlier = stack.out_trade_no(intent)
    confirmed = confirm(stack, intent, mini_program_session(stack, MINI_PROGRAM, second["id"])).json()
    assert confirmed["status"] == "requires_action"
    assert stack.desk("GET", f"/orders/{earlier}")["trade_state"] == "CLOSED"
    assert stack.order(intent)["openid"] == second["openids"][MINI_PROGRAM]


# --- a stack with other settings ------------------------------------------------------------------


@pytest.fixture(scope="module")
def behind_https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that believes to be reached by https, as behind a proxy."""
    state = tmp_path_factory.mktemp("https") / "stack"
    yield from running(state, WXBACKEND__SERVER__PUBLIC_URL="https://pay.example.com")


def test_cookies_are_secure_where_the_public_address_is_https(behind_https: RunningStack) -> None:
    browser = Browser(behind_https)
    answer = browser.start("https://pay.example.com/pay/official_account")
    assert answer.status == 302
    assert "; Secure" in answer.headers["set-cookie"]
    refused(browser.start(f"{behind_https.web_url}/pay/official_account"), 400, "url_invalid", "return_url")


def test_an_expired_session_must_log_in_again(own_stack: RunningStack) -> None:
    """The settings allow no session shorter than a minute, so its kept end is moved into the past."""
    session = mini_program_session(own_stack, MINI_PROGRAM)
    intent = own_stack.create_intent()
    with closing(sqlite3.connect(own_stack.stack.state / "wxbackend.db")) as database, database:
        database.execute("UPDATE login_sessions SET expires_ms = created_ms")
    with nothing_changes(own_stack):
        refused(confirm(own_stack, intent, session), 400, "login_required")
    fresh = mini_program_session(own_stack, MINI_PROGRAM)
    assert confirm(own_stack, intent, fresh).json()["status"] == "requires_action"
