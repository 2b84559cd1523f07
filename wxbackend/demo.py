"""One payment against the running stack, step by step, with the real identifiers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import urllib3
from rich.console import Console
from rich.table import Table

from wxbackend.domain.errors import WxbackendError

OFFICIAL_ACCOUNT: Final = "wx2421b1c4370ec43b"
BUYER: Final = "buyer_1"
MERCHANT: Final = "1900000109"
WAIT_S_MAX: Final = 30.0
LOOK_EVERY_S: Final = 0.2


class DemoFailed(WxbackendError):
    """A step of the demo did not happen."""


@dataclass(slots=True)
class Demo:
    """The merchant's server, the buyer and a witness in one."""

    web_url: str
    simulator_url: str
    secret_key: str = field(repr=False)
    steps: list[tuple[str, str, str]] = field(default_factory=list)
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=15.0))

    @property
    def app(self) -> str:
        """The app that the buyer pays in."""
        return OFFICIAL_ACCOUNT

    def sign_type_of(self, intent: dict[str, Any]) -> str:
        """How the intent's order was signed."""
        return str(intent["next_action"]["wechat_pay_official_account_params"]["signType"])

    def provider_of(self, intent: dict[str, Any]) -> str:
        """Which version of WeChat's API the intent was ordered by."""
        return "wechat_v3" if self.sign_type_of(intent) == "RSA" else "wechat_v2"

    def notice_url(self, intent: dict[str, Any]) -> str:
        """Where the simulated WeChat tells of the intent's payment."""
        return f"{self.web_url}/notices/{self.provider_of(intent)}/{MERCHANT}"

    def run(self, amount: int) -> int:
        """Take the payment and print its timeline; the exit status."""
        intent = self.create(amount)
        self.confirm(intent)
        self.pay(intent)
        self._wait_for_server(intent)
        self._wait_for_webhook(intent)
        self._print()
        return 0

    def create(self, amount: int) -> dict[str, Any]:
        """A PaymentIntent without an order."""
        number = f"demo_{time.time_ns()}"
        intent = self.api("POST", "/v1/payment_intents", {
            "amount": amount, "currency": "CNY", "description": f"Tea, {number}", "merchant_order_id": number,
        })  # fmt: skip
        self._step("created", f"{intent['id']} over {amount} fen, {intent['status']}")
        return intent

    def confirm(self, intent: dict[str, Any], **more: Any) -> None:
        """Order it for the default buyer, with more options if any; the intent learns what came of it."""
        openid = self.desk("GET", f"/buyers/{BUYER}")["openids"][OFFICIAL_ACCOUNT]
        options = {"wechat_pay": {"terminal_type": "official_account", "openid": openid, **more}}
        confirmed = self.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", {
            "payment_method_data": {"type": "wechat_pay"}, "payment_method_options": options,
        })  # fmt: skip
        if "next_action" not in confirmed:
            raise DemoFailed(f"The confirm gave no next_action: {confirmed.get('last_payment_error')}")
        intent |= confirmed
        params = confirmed["next_action"]["wechat_pay_official_account_params"]
        order = self._order_of(intent["description"])
        intent["out_trade_no"] = order["out_trade_no"]
        self._step("ordered", f"out_trade_no {order['out_trade_no']} at the simulated WeChat Pay")
        self._step("signed", f"{params['package']} signType {params['signType']} paySign {params['paySign'][:16]}…")

    def pay(self, intent: dict[str, Any]) -> None:
        """Pay it as the default buyer."""
        params = intent["next_action"]["wechat_pay_official_account_params"]
        paid = self.desk("POST", f"/buyers/{BUYER}/pay", {
            "channel": "official_account", "appid": OFFICIAL_ACCOUNT, "params": params, "outcome": "pay",
        })  # fmt: skip
        if paid["err_msg"] != "get_brand_wcpay_request:ok":
            raise DemoFailed(f"The cashier said {paid['err_msg']} {paid.get('err_desc', '')}")
        order = self.desk("GET", f"/orders/{intent['out_trade_no']}")
        self._step("paid", f"transaction {order['transaction_id']}, the phone said {paid['err_msg']}")

    def _wait_for_server(self, intent: dict[str, Any]) -> None:
        def succeeded() -> dict[str, Any] | None:
            found = self.api("GET", f"/v1/payment_intents/{intent['id']}")
            return found if found["status"] == "succeeded" else None

        found = self.until("the intent to succeed", succeeded)
        notices = [
            notice for notice in self.desk("GET", "/notices")["notices"]
            if notice["out_trade_no"] == intent["out_trade_no"]
        ]  # fmt: skip
        told = f"notice {notices[0]['id']}" if notices else "no notice: our own query"
        self._step("notice", f"{told}, the intent is {found['status']}, amount_received {found['amount_received']}")

    def _wait_for_webhook(self, intent: dict[str, Any]) -> None:
        def received() -> dict[str, Any] | None:
            webhooks = self.desk("GET", "/shop/webhooks")["webhooks"]
            fitting = [
                webhook for webhook in webhooks
                if webhook["type"] == "payment_intent.succeeded" and webhook["subject"].get("id") == intent["id"]
            ]  # fmt: skip
            return fitting[0] if fitting else None

        webhook = self.until("the webhook", received)
        self._step("event", f"{webhook['event_id']} {webhook['type']}")
        verified = "signature verified" if webhook["verified"] else "SIGNATURE WRONG"
        self._step("webhook", f"delivery {webhook['delivery_attempt']} answered {webhook['answered']}, {verified}")

    def _order_of(self, description: str) -> dict[str, Any]:
        orders: list[dict[str, Any]] = self.desk("GET", f"/buyers/{BUYER}/orders")["orders"]
        for order in orders:
            if order["description"] == description:
                return order
        raise DemoFailed("The simulator has no such order.")

    def until(self, what: str, look: Any) -> dict[str, Any]:
        """Look until there is something; raises `DemoFailed`."""
        deadline = time.monotonic() + WAIT_S_MAX
        while True:
            found: dict[str, Any] | None = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise DemoFailed(f"Waited {WAIT_S_MAX:.0f} s for {what}. Is the worker running?")
            time.sleep(LOOK_EVERY_S)

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call of the API."""
        return self._call(method, self.web_url + path, body, {"Authorization": f"Bearer {self.secret_key}"})

    def desk(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call of the simulator's desk."""
        return self._call(method, f"{self.simulator_url}/_desk{path}", body, {})

    def _call(self, method: str, url: str, body: dict[str, Any] | None, headers: dict[str, str]) -> dict[str, Any]:
        try:
            answer = self._http.request(method, url, json=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise DemoFailed(f"{url} does not answer. Start the stack with `make run` first.") from error
        found: dict[str, Any] = answer.json()
        if answer.status >= 400:
            raise DemoFailed(f"{method} {url} answered {answer.status}: {found}")
        return found

    def _step(self, name: str, told: str) -> None:
        self.steps.append((datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3], name, told))

    def _print(self) -> None:
        table = Table(title="One WeChat payment", show_header=True)
        for column in ("UTC", "step", "what"):
            table.add_column(column, overflow="fold")
        for step in self.steps:
            table.add_row(*step)
        Console().print(table)
