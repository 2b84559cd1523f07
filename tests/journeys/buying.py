"""What a browser journey needs: Chromium, a sale with its link, the desk, and a telephone that does as it is told."""

from __future__ import annotations

import json
import shutil
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP elsewhere.example 127.0.0.1",
]
ELSEWHERE = "elsewhere.example"
WAIT_MS = 20_000
WECHAT_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 MicroMessenger/8.0.49 NetType/WIFI Language/zh_CN"
)
# What WeChat puts into its own browser; the early pre_verify answer is one that real telephones have given.
WECHAT_BRIDGE = """
window.WeixinJSBridge = { invoke: function (name, params, callback) {
  callback({ err_msg: "pre_verify_jsapi:ok" });
  window.theCashier(params).then(function (answer) { if (answer) { callback(answer); } });
} };
"""


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Debian's Chromium without a window; fails the test that needs it when it is not installed."""
    if shutil.which(CHROMIUM) is None:
        pytest.fail(f"{CHROMIUM} is missing; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def ask_desk(stack: Any, method: str, path: str, body: object = None) -> Any:
    """One call to the simulator's desk."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(f"{stack.simulator_url}/_desk{path}", data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def orders_called(stack: Any, description: str) -> list[dict[str, Any]]:
    """The orders that WeChat has under this description."""
    orders = ask_desk(stack, "GET", "/orders")["orders"]
    return [order for order in orders if order["description"] == description]


class Sale:
    """One intent and the link to its page."""

    def __init__(self, stack: Any, *, amount: int = 880) -> None:
        self.stack = stack
        self.description = f"龙井茶礼盒 {uuid.uuid4().hex[:8]}"
        self.intent = stack.create_intent(amount=amount, description=self.description)
        self.id: str = self.intent["id"]
        self.secret: str = self.intent["client_secret"]
        self.link = f"{stack.web_url}/pay/official_account#key={stack.publishable_key}&client_secret={self.secret}"

    def orders(self) -> list[dict[str, Any]]:
        """The orders that WeChat has for this sale."""
        return orders_called(self.stack, self.description)


class Telephone:
    """WeChat's side inside a MicroMessenger browser: does the next of `outcomes` whenever the cashier is opened."""

    def __init__(self, stack: Any, context: BrowserContext) -> None:
        self.stack = stack
        self.context = context
        self.outcomes: list[str] = []
        self.opened: list[dict[str, Any]] = []
        context.expose_binding("theCashier", lambda _source, params: self._open(params))
        context.add_init_script(WECHAT_BRIDGE)

    def _open(self, params: dict[str, Any]) -> dict[str, Any] | None:
        self.opened.append(params)
        outcome = self.outcomes.pop(0)
        if outcome == "lie":
            return {"err_msg": "get_brand_wcpay_request:ok"}
        answer: dict[str, Any] = ask_desk(
            self.stack,
            "POST",
            "/buyers/buyer_1/pay",
            {
                "channel": "official_account",
                "appid": params["appId"],
                "params": params,
                "outcome": outcome,
            },
        )
        return answer if answer["err_msg"] else None

    def visit(self, link: str) -> Page:
        """A new tab of WeChat's browser with this page."""
        page = self.context.new_page()
        page.goto(link)
        return page
