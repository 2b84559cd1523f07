"""Log-in through WeChat's web OAuth: one state for one browser, one exchange for one code, one list of addresses."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import pytest

from tests.api.browsing import CALLBACK, START, Browser, query_of
from tests.api.calling import new_buyer, nothing_changes, refused
from tests.support.stack import OFFICIAL_ACCOUNT, Answer, RunningStack

AT_ONCE: Final = 6


def sessions(stack: RunningStack) -> list[dict[str, Any]]:
    """Every login session that is kept."""
    return stack.rows("SELECT * FROM login_sessions ORDER BY created_ms")


def session_of(stack: RunningStack, token: str) -> dict[str, Any]:
    """The kept session of a token."""
    (row,) = stack.rows("SELECT * FROM login_sessions WHERE token_hash = ?", hashlib.sha256(token.encode()).hexdigest())
    return row


def cookie(answer: Answer, name: str) -> Any:
    """A cookie that an answer sets."""
    return SimpleCookie(answer.headers["set-cookie"])[name]


def error_in(answer: Answer) -> str:
    """Why the browser came back without a session."""
    assert answer.status == 302, answer.body
    assert "set-cookie" not in answer.headers
    return query_of(answer.headers["location"])["login_error"]


# --- start ----------------------------------------------------------------------------------------


def test_start_sends_the_browser_to_wechat_with_a_random_state(stack: RunningStack) -> None:
    answers = [Browser(stack).start() for _ in range(3)]
    asked = [query_of(answer.headers["location"]) for answer in answers]
    assert [answer.status for answer in answers] == [302] * 3
    assert len({query["state"] for query in asked}) == 3
    for query in asked:
        assert re.fullmatch(r"[a-zA-Z0-9]{22,128}", query["state"])
        assert query["appid"] == OFFICIAL_ACCOUNT
        assert query["scope"] == "snsapi_base"
        assert query["redirect_uri"] == f"{stack.web_url}{CALLBACK}"
    location = answers[0].headers["location"]
    assert urlsplit(location).fragment == "wechat_redirect"
    assert stack.publishable_key not in location


def test_the_browsers_cookie_is_out_of_scripts_reach(stack: RunningStack) -> None:
    browser = Browser(stack)
    kept = cookie(browser.start(), "wx_browser")
    assert (kept["httponly"], kept["samesite"], kept["path"]) == (True, "Lax", "/v1/wechat/oauth")
    assert not kept["secure"]
    assert cookie(browser.start(), "wx_browser").value == kept.value


def test_login_addresses_are_never_kept_or_passed_on(stack: RunningStack) -> None:
    browser = Browser(stack)
    for answer in (browser.start(), browser.log_in()):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "tricky",
    [
        "http://127.0.0.1:{port}@evil.example/", "http://evil.example@127.0.0.1:{port}/", "http://evil.example/",
        "http://evil.example:{port}/", "//evil.example/", "/pay/official_account", "https://127.0.0.1:{port}/",
        "http://127.0.0.1:1/", "http://127.0.0.1/", "http://127.0.0.1.evil.example:{port}/", "http://localhost:{port}/",
        "http:\\\\127.0.0.1:{port}\\", "http://127.0.0.1:{port}\\@evil.example/", "http://evil.example\\@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}%2f@evil.example/", "javascript:alert(1)", "data:text/html,x", "ftp://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\t/", "\nhttp://127.0.0.1:{port}/", " http://127.0.0.1:{port}/", "http:///evil.example",
        "http://127.0.0.1:99999/", "http://[::1/", "http://evil.example#@127.0.0.1:{port}/",
        "http://evil.example?@127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "http:/evil.example/", "x" * 2_001,
    ],
)  # fmt: skip
def test_only_listed_origins_may_be_returned_to(stack: RunningStack, tricky: str) -> None:
    answer = Browser(stack).start(tricky.replace("{port}", str(urlsplit(stack.web_url).port)))
    assert answer.json()["error"]["param"] == "return_url"
    assert answer.status == 400


@pytest.mark.parametrize(
    "path", ["", "/", "/pay/official_account?a=b#c", "/\u3002evil", "/@evil.example", "//evil.example"]
)
def test_any_path_of_a_listed_origin_may_be_returned_to(stack: RunningStack, path: str) -> None:
    assert Browser(stack).start(stack.web_url + path).status == 302


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"key": "pk_test_of_nobody"}, 401, "api_key_invalid", "key"),
        ({"scope": "snsapi_login"}, 400, "parameter_invalid_enum", "scope"),
        ({"scope": ""}, 400, "parameter_invalid_empty", "scope"),
        ({"app_id": "wx7a154c094f74e84f"}, 400, "parameter_invalid", "app_id"),
        ({"app_id": "wx0000000000000000"}, 400, "parameter_invalid", "app_id"),
        ({"state": "mine"}, 400, "parameter_unknown", "state"),
    ],
)
def test_a_wrong_start_is_refused(
    stack: RunningStack, change: dict[str, str], status: int, code: str, param: str
) -> None:
    with nothing_changes(stack):
        refused(Browser(stack).start(**change), status, code, param)


@pytest.mark.parametrize("missing", ["key", "return_url"])
def test_a_start_without_what_it_needs_is_refused(stack: RunningStack, missing: str) -> None:
    asked = {"key": stack.publishable_key, "return_url": f"{stack.web_url}/"}
    del asked[missing]
    refused(Browser(stack).visit(f"{START}?{urlencode(asked)}"), 400, "parameter_missing", missing)


def test_a_secret_key_in_an_address_is_refused(stack: RunningStack) -> None:
    """Addresses end in histories and logs; a secret key there is a mistake to be told at once."""
    answer = Browser(stack).start(key=stack.secret_key)
    refused(answer, 403, "publishable_key_required", "key")
    assert stack.secret_key not in answer.body.decode()


# --- callback -------------------------------------------------------------------------------------


def test_a_login_sets_a_session_of_the_right_buyer_and_returns(stack: RunningStack) -> None:
    buyer = new_buyer(stack)
    browser = Browser(stack, buyer["id"])
    back = f"{stack.web_url}/pay/official_account?order=1#secret"
    answer = browser.log_in(back)
    assert (answer.status, answer.headers["location"]) == (302, back)
    kept = cookie(answer, "wx_session")
    assert (kept["httponly"], kept["samesite"], kept["path"]) == (True, "Lax", "/")
    row = session_of(stack, kept.value)
    assert (row["openid"], row["appid"], row["payable"]) == (buyer["openids"][OFFICIAL_ACCOUNT], OFFICIAL_ACCOUNT, 1)
    assert buyer["openids"][OFFICIAL_ACCOUNT] not in f"{answer.headers}{answer.body!r}"
    assert int(kept["max-age"]) * 1000 == row["expires_ms"] - row["created_ms"]


def test_a_logged_in_buyer_pays_and_the_money_is_counted(stack: RunningStack) -> None:
    buyer = new_buyer(stack)
    browser, intent = Browser(stack, buyer["id"]), stack.create_intent()
    browser.log_in()
    confirmed = browser.confirm(intent).json()
    assert confirmed["status"] == "requires_action"
    assert stack.pay(confirmed, buyer=buyer["id"])["err_msg"] == "get_brand_wcpay_request:ok"
    assert stack.wait_status(intent["id"], "succeeded")["amount_received"] == intent["amount"]
    assert stack.order(intent)["trade_state"] == "SUCCESS"


def test_a_state_of_another_browser_is_refused(stack: RunningStack) -> None:
    victim, attacker = Browser(stack), Browser(stack)
    back = attacker.authorize(attacker.start().headers["location"])
    before = sessions(stack)
    refused(victim.visit(back), 400, "oauth_state_invalid", "state")
    victim.start()
    refused(victim.visit(back), 400, "oauth_state_invalid", "state")
    assert sessions(stack) == before
    assert attacker.visit(back).status == 302


def test_a_state_that_was_never_given_is_refused(stack: RunningStack) -> None:
    browser = Browser(stack)
    browser.start()
    for state in ("x", "a" * 128, "%00", ""):
        answer = browser.visit(f"{CALLBACK}?code=x&state={state}")
        assert answer.status == 400
    refused(browser.visit(f"{CALLBACK}?code=x"), 400, "parameter_missing", "state")


def test_a_state_goes_with_one_code_only(stack: RunningStack) -> None:
    browser = Browser(stack)
    location = browser.start().headers["location"]
    first, second = browser.authorize(location), browser.authorize(location)
    assert browser.visit(first).status == 302
    before = sessions(stack)
    refused(browser.visit(second), 400, "oauth_state_used", "state")
    assert sessions(stack) == before


def test_the_same_redirect_again_is_answered_from_the_first_result(stack: RunningStack) -> None:
    """WeChat follows a redirect twice at times. A second exchange would be refused with 40163."""
    browser = Browser(stack)
    back = browser.authorize(browser.start().headers["location"])
    answers = [browser.visit(back) for _ in range(3)]
    tokens = [cookie(answer, "wx_session").value for answer in answers]
    assert {answer.headers["location"] for answer in answers} == {f"{stack.web_url}/pay/official_account"}
    assert len({session_of(stack, token)["openid"] for token in tokens}) == 1


def test_redirects_at_once_exchange_the_code_once(stack: RunningStack) -> None:
    browser = Browser(stack)
    back = browser.authorize(browser.start().headers["location"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: Browser(stack, cookies=dict(browser.cookies)).visit(back), range(AT_ONCE)))
    assert [answer.headers["location"] for answer in answers] == [f"{stack.web_url}/pay/official_account"] * AT_ONCE
    for answer in answers:
        assert session_of(stack, cookie(answer, "wx_session").value)["payable"] == 1


def test_a_code_that_wechat_does_not_know_says_so_at_the_page(stack: RunningStack) -> None:
    browser = Browser(stack)
    state = query_of(browser.start(f"{stack.web_url}/pay/official_account?a=b").headers["location"])["state"]
    before = sessions(stack)
    answer = browser.visit(f"{CALLBACK}?code=made-up&state={state}")
    assert error_in(answer) == "code_invalid"
    assert query_of(answer.headers["location"])["a"] == "b"
    assert sessions(stack) == before


def test_a_code_that_was_used_elsewhere_says_so_at_the_page(stack: RunningStack) -> None:
    browser = Browser(stack)
    code = query_of(browser.authorize(browser.start().headers["location"]))["code"]
    other = Browser(stack)
    state = query_of(other.start().headers["location"])["state"]
    assert other.visit(f"{CALLBACK}?code={code}&state={state}").status == 302
    third = Browser(stack)
    state = query_of(third.start().headers["location"])["state"]
    answer = third.visit(f"{CALLBACK}?code={code}&state={state}")
    assert error_in(answer) == "code_used"


def test_a_buyer_who_declines_comes_back_with_that(stack: RunningStack) -> None:
    browser = Browser(stack)
    state = query_of(browser.start().headers["location"])["state"]
    assert error_in(browser.visit(f"{CALLBACK}?state={state}")) == "login_denied"
    assert error_in(browser.visit(f"{CALLBACK}?code=&state={state}")) == "login_denied"


def test_an_existing_query_and_fragment_survive_an_error(stack: RunningStack) -> None:
    browser = Browser(stack)
    back = f"{stack.web_url}/pay/official_account?a=1&b=&c=%26#pi_1_secret_2"
    state = query_of(browser.start(back).headers["location"])["state"]
    location = browser.visit(f"{CALLBACK}?state={state}").headers["location"]
    assert query_of(location) == {"a": "1", "b": "", "c": "&", "login_error": "login_denied"}
    assert urlsplit(location).fragment == "pi_1_secret_2"


def test_full_consent_is_asked_for_on_request(stack: RunningStack) -> None:
    buyer = new_buyer(stack)
    browser = Browser(stack, buyer["id"])
    location = browser.start(scope="snsapi_userinfo").headers["location"]
    assert query_of(location)["scope"] == "snsapi_userinfo"
    assert browser.authorize(location) == "", "WeChat asks the buyer first"
    assert browser.authorize(location, "deny") == ""
    answer = browser.visit(browser.authorize(location, "allow"))
    assert session_of(stack, cookie(answer, "wx_session").value)["openid"] == buyer["openids"][OFFICIAL_ACCOUNT]


def test_a_snapshot_user_gets_a_session_that_may_not_pay(stack: RunningStack) -> None:
    buyer = new_buyer(stack, snapshot=True)
    browser, intent = Browser(stack, buyer["id"]), stack.create_intent()
    token = cookie(browser.log_in(), "wx_session").value
    assert session_of(stack, token)["payable"] == 0
    with nothing_changes(stack):
        refused(browser.confirm(intent), 400, "snapshot_user_may_not_pay")


def test_when_wechat_is_busy_the_same_address_works_a_moment_later(stack: RunningStack) -> None:
    browser = Browser(stack)
    back = browser.authorize(browser.start().headers["location"])
    stack.mischief(platform={"busy": {"times": 1}})
    before = sessions(stack)
    refused(browser.visit(back), 502, "provider_unavailable")
    assert sessions(stack) == before
    assert cookie(browser.visit(back), "wx_session").value
