"""A buyer's browser, as much as log-in needs: cookies for our host, and redirects that are looked at one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

from tests.support.stack import Answer, RunningStack

START: Final = "/v1/wechat/oauth/start"
CALLBACK: Final = "/v1/wechat/oauth/callback"


def query_of(url: str) -> dict[str, str]:
    """The query of an address, one value for each name."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


@dataclass(slots=True)
class Browser:
    """One browser of one buyer. Cookies of ours are kept as they come; nothing is followed unasked."""

    stack: RunningStack
    buyer: str = "buyer_1"
    cookies: dict[str, str] = field(default_factory=dict)

    def visit(self, path: str) -> Answer:
        """Open an address of ours."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        answer = self.stack.call("GET", path, key="", headers=sent)
        for name, morsel in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookies[name] = morsel.value
        return answer

    def start(self, return_url: str | None = None, **more: str) -> Answer:
        """Begin a log-in, as the pay page does."""
        asked = {
            "key": self.stack.publishable_key,
            "return_url": return_url or f"{self.stack.web_url}/pay/official_account",
        }
        return self.visit(f"{START}?{urlencode(asked | more)}")

    def authorize(self, url: str, decision: str | None = None) -> str:
        """Be in WeChat at the authorize page; where it sends the browser, as a path of ours, or "" when it does not."""
        method, body = ("GET", None) if decision is None else ("POST", urlencode({"decision": decision}))
        answer = urllib3.request(
            method, url, body=body, redirect=False, retries=False, timeout=10.0,
            headers={"Cookie": f"sim_buyer={self.buyer}", "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        location = answer.headers.get("Location", "")
        assert not location or location.startswith(self.stack.web_url), "WeChat sends buyers only to our callback"
        return location.removeprefix(self.stack.web_url)

    def log_in(self, return_url: str | None = None, **more: str) -> Answer:
        """The whole way; the answer of our callback."""
        started = self.start(return_url, **more)
        assert started.status == 302, started.body
        return self.visit(self.authorize(started.headers["location"]))

    def confirm(self, intent: dict[str, Any], **more: Any) -> Answer:
        """Confirm an intent as the pay page does, with the cookies of this browser."""
        headers = {"Client-Secret": intent["client_secret"]}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = {"payment_method_data": {"type": "wechat_pay"}} | more
        path = f"/v1/payment_intents/{intent['id']}/confirm"
        return self.stack.call("POST", path, body, key=self.stack.publishable_key, headers=headers)
