"""`GET /v1/wechat/jssdk_config`: pages of ours are signed so that WeChat agrees, others are refused without a fetch."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, Answer, RunningStack

PATH: Final = "/v1/wechat/jssdk_config"


def ask(stack: RunningStack, url: str, key: str | None = None, more: str = "") -> Answer:
    """Ask as a page does, with the publishable key, or with another."""
    chosen = stack.publishable_key if key is None else key
    return stack.call("GET", f"{PATH}?url={quote(url, safe='')}{more}", key=chosen)


def fetches(stack: RunningStack) -> Any:
    """What WeChat has given so far."""
    return stack.desk("GET", "/tokens")["fetches"]


def wechat_agrees(stack: RunningStack, config: dict[str, Any], url: str) -> bool:
    """What wx.config would say on that page."""
    given = {
        "noncestr": config["nonce"],
        "timestamp": str(config["timestamp"]),
        "signature": config["signature"],
        "url": url,
    }
    found: bool = stack.desk("POST", f"/apps/{config['app_id']}/js_sdk", given)["valid"]
    return found


@pytest.mark.parametrize("rest", ["/", "/pay?a=1&b=%E8%8C%B6", "", "/spa?x=%23#/cart?y=2", "/a%20b?c=d&jsapi_ticket=e"])
def test_a_page_of_ours_is_signed_so_that_wechat_agrees(stack: RunningStack, rest: str) -> None:
    page = stack.web_url + rest
    answer = ask(stack, page)
    assert answer.status == 200, answer.body
    config = answer.json()
    assert set(config) == {"object", "app_id", "timestamp", "nonce", "signature", "url", "livemode"}
    assert (config["object"], config["app_id"], config["livemode"]) == ("jssdk_config", OFFICIAL_ACCOUNT, False)
    assert config["url"] == page.partition("#")[0]
    assert answer.headers["cache-control"] == "no-store"
    assert wechat_agrees(stack, config, page)
    assert not wechat_agrees(stack, config, f"{stack.web_url}/elsewhere")


def test_each_answer_has_its_own_nonce_and_all_share_one_ticket(stack: RunningStack) -> None:
    page = f"{stack.web_url}/pay"
    nonces = {ask(stack, page).json()["nonce"] for _ in range(5)}
    assert len(nonces) == 5
    assert fetches(stack)[OFFICIAL_ACCOUNT] == {"stable": 1, "ticket": 1}


def test_the_merchants_server_may_ask_too(stack: RunningStack) -> None:
    assert ask(stack, f"{stack.web_url}/pay", key=stack.secret_key).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/pay",
        "http://127.0.0.1/pay",
        "javascript:alert(1)",
        "//127.0.0.1/pay",
        "pay",
        "http://user@127.0.0.1/pay",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1/\n",
        "https://evil.example/#http://127.0.0.1/",
        "http://127.0.0.1:99999/",
    ],
)
def test_a_page_of_nobody_here_is_refused(stack: RunningStack, url: str) -> None:
    before = fetches(stack)
    answer = ask(stack, url)
    assert (answer.status, answer.json()["error"]["param"]) == (400, "url")
    assert answer.json()["error"]["code"] == "url_invalid"
    assert fetches(stack) == before


def test_our_own_host_on_another_port_is_another_origin(stack: RunningStack) -> None:
    assert ask(stack, f"{stack.simulator_url}/pay").status == 400


@pytest.mark.parametrize("query", ["", "?url=", "?url=http%3A%2F%2Fa&link=b"])
def test_the_address_is_wanted_and_nothing_unknown(stack: RunningStack, query: str) -> None:
    answer = stack.call("GET", PATH + query, key=stack.publishable_key)
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_nobody_without_a_key_is_signed_for(stack: RunningStack) -> None:
    assert ask(stack, f"{stack.web_url}/pay", key="").status == 401
    assert ask(stack, f"{stack.web_url}/pay", key="pk_test_unknown").status == 401


def test_a_mini_program_has_no_pages(stack: RunningStack) -> None:
    answer = ask(stack, f"{stack.web_url}/pay", more=f"&app_id={MINI_PROGRAM}")
    assert (answer.status, answer.json()["error"]["param"]) == (400, "app_id")


def test_the_ticket_and_the_token_never_leave(stack: RunningStack) -> None:
    assert ask(stack, f"{stack.web_url}/pay").status == 200
    log = stack.log("web")
    assert "access_token=" not in log
    assert "jsapi_ticket=" not in log
