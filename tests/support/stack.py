"""A real stack for tests: web, worker and simulator as processes on free ports, each test run its own."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import urllib3

from tests.support import processes, workshop
from tests.support.console import downloads
from wxbackend.development import CONFIG, ROOT, Stack

T = TypeVar("T")
OFFICIAL_ACCOUNT: Final = "wx2421b1c4370ec43b"
MINI_PROGRAM: Final = "wx7a154c094f74e84f"
MOBILE_APP: Final = "wx8c1f5b7e3a9d2046"
MCHID: Final = "1900000109"
BUYER: Final = "buyer_1"
WAIT_S_MAX: Final = 60.0

# Schedules that a test can wait for; the order of things is the same as with the real ones.
QUICK: Final = {
    "WXBACKEND__WORK__LOOK_AFTER_S": "[0.6, 1.2, 2.4, 5]",
    "WXBACKEND__WORK__REFUND_LOOK_AFTER_S": "[0.5, 0.5, 1]",
    "WXBACKEND__WORK__REFUND_SHORT_AFTER_S": "0.5",
    "WXBACKEND__WORK__SHIPPING_AGAIN_AFTER_S": "[0.5, 0.5, 1]",
    "WXBACKEND__WORK__REFUND_SPACING_S": "0",
    "WXBACKEND__WORK__IDLE_WAIT_S": "0.05",
    "WXBACKEND__WORK__WEBHOOK_DELAYS_S": "[0.2, 0.2, 0.2, 0.5, 0.5, 1, 1, 1, 1, 1, 1]",
    "WXBACKEND__UPSTREAM__READ_TIMEOUT_S": "3.0",
    "WXBACKEND__UPSTREAM__TOTAL_TIMEOUT_S": "3.9",
    "WXBACKEND__WORK__WEBHOOK_TIMEOUT_S": "7",
    "WXBACKEND__WORK__LEASE_S": "8",
    "WXBACKEND_LOG_LEVEL": "INFO",
    "WXBACKEND_WEB_THREADS": "16",
}
MONEY_TABLES: Final = (
    "payment_intents",
    "attempts",
    "refunds",
    "merchant_transfers",
    "profit_sharings",
    "profit_sharing_returns",
    "ledger",
    "events",
    "notices",
    "discrepancies",
    "deliveries",
    "customers",
    "setup_intents",
    "mandates",
    "shippings",
    "pushes",
)


UNTOLD: Final = (
    "SELECT deliveries.id FROM deliveries JOIN events ON events.id = event_id"
    " WHERE subject_id = ? AND state = 'pending'"
)
UNFINISHED: Final = (
    "SELECT id FROM attempts WHERE state IN ('recorded', 'uncertain', 'closing')"
    " UNION SELECT id FROM refunds WHERE state IN ('recorded', 'uncertain', 'short', 'processing')"
    " UNION SELECT id FROM shippings WHERE state IN ('recorded', 'uncertain', 'later')"
    " UNION SELECT id FROM refunds WHERE state = 'queued' AND sent_ms < created_ms + 100000"
    " UNION SELECT id FROM merchant_transfers WHERE state NOT IN ('awaiting', 'paid', 'failed', 'canceled', 'declined')"
    " UNION SELECT id FROM profit_sharings WHERE state NOT IN ('finished', 'declined')"
    " UNION SELECT id FROM profit_sharing_returns WHERE state NOT IN ('succeeded', 'failed', 'declined')"
    " UNION SELECT id FROM deliveries WHERE state = 'pending'"
)
"""What is being ordered, closed, refunded, told to be shipped or delivered; a refund that is queued for long rests."""


PORTS_EACH: Final = 1_000
PORTS_FROM: Final = 15_000 + PORTS_EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 17)
"""Below those that a kernel lends to connections, and each process that runs tests has its own: one of these stays
free while nobody listens on it."""
_ports: Final = itertools.count(secrets.randbelow(PORTS_EACH))


def free_port() -> int:
    """A port that nobody listens on, and that this process was not given for long."""
    while True:
        port = PORTS_FROM + next(_ports) % PORTS_EACH
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def invocation(intent: dict[str, Any]) -> dict[str, Any]:
    """The six signed parameters of a confirmed intent, as a page or a mini program hands them to the cashier."""
    kind = intent["next_action"]["type"]
    channel = "mini_program" if "mini_program" in kind else "official_account"
    params = dict(intent["next_action"][kind])
    appid = params["appId"]
    if channel == "mini_program":
        params.pop("appId")
    return {"channel": channel, "appid": appid, "params": params}


def about(webhooks: list[dict[str, Any]], intent: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
    """Those webhooks that speak of an intent or of its refunds, of one type or of any."""
    return [
        webhook
        for webhook in webhooks
        if intent["id"] in (webhook["subject"].get("id"), webhook["subject"].get("payment_intent"))
        and kind in (None, webhook["type"])
    ]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        import orjson

        return orjson.loads(self.body)


@dataclass(slots=True)
class RunningStack:
    """The processes, and how to talk to each."""

    stack: Stack
    extra_environment: dict[str, str] = field(default_factory=dict)
    extra_commands: dict[str, list[str]] = field(default_factory=dict)
    from_scratch: bool = False
    """Whether each process is an interpreter of its own, as a merchant has it, or forked from one with all loaded."""
    _processes: dict[str, processes.Running] = field(default_factory=dict)
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, timeout=20.0, maxsize=64)
    )

    # --- life -----------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        """Start the named processes, or all."""
        environment = self.stack.environment() | QUICK | self.extra_environment
        for name, command in (self.stack.commands() | self.extra_commands).items():
            if names and name not in names:
                continue
            log = self.stack.state / f"{name}.log"
            if self.from_scratch:
                self._processes[name] = processes.launch(command, log, cwd=ROOT, environment=environment)
            else:
                self._processes[name] = workshop.launch(command, log, environment=environment)
        if not names or "web" in names:
            self.stack.wait_until_ready()

    def kill(self, name: str) -> None:
        """kill -9, the process and what it started; waits until it is gone."""
        processes.kill(self._processes.pop(name))

    def stop(self) -> None:
        """Let all stop in peace."""
        processes.end(self._processes.values())
        self._processes.clear()

    def end(self) -> None:
        """End all at once: nobody asks for anything any more, and how they stop in peace has tests of its own."""
        for process in self._processes.values():
            processes.kill(process)
        self._processes.clear()

    def runs(self, name: str) -> bool:
        """Whether it was started and neither killed nor told to end."""
        return name in self._processes

    def pid(self, name: str) -> int:
        """The number of a running process."""
        return self._processes[name].pid

    def wait_ended(self, name: str, *, seconds: float) -> int:
        """Wait until a process that was told to stop has stopped; its exit status."""
        return self._processes.pop(name).wait(timeout=seconds)

    def log(self, name: str) -> str:
        """What a process has printed."""
        return (self.stack.state / f"{name}.log").read_text(errors="replace")

    # --- addresses and keys -----------------------------------------------------------------

    @property
    def web_url(self) -> str:
        """Where the API is."""
        return self.stack.web_url

    @property
    def simulator_url(self) -> str:
        """Where the simulator is."""
        return self.stack.simulator_url

    @property
    def secret_key(self) -> str:
        """The demo account's secret test key."""
        return self.stack.key("secret_key")

    @property
    def publishable_key(self) -> str:
        """The demo account's publishable test key."""
        return self.stack.key("publishable_key")

    # --- the API ------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """One call of the API with the secret key, or another; `key=""` sends none."""
        sent = dict(headers or {})
        chosen = self.secret_key if key is None else key
        if chosen:
            sent.setdefault("Authorization", f"Bearer {chosen}")
        if json is not None:
            more["json"] = json
        answer = self._http.request(method, self.web_url + path, headers=sent, redirect=False, **more)
        return Answer(answer.status, {n.lower(): v for n, v in answer.headers.items()}, answer.data)

    def api(self, method: str, path: str, json: Any = None, **more: Any) -> dict[str, Any]:
        """One call of the API that must go well."""
        answer = self.call(method, path, json, **more)
        assert answer.status == 200, answer.body.decode()
        found: dict[str, Any] = answer.json()
        return found

    def create_intent(self, **fields: Any) -> dict[str, Any]:
        """A PaymentIntent, by default 20.00 CNY without confirm."""
        return self.api("POST", "/v1/payment_intents", {"amount": 2000, "currency": "CNY", **fields})

    def confirmed_intent(self, terminal: str = "official_account", **fields: Any) -> dict[str, Any]:
        """A PaymentIntent whose order is open for the default buyer."""
        return self.create_intent(confirm=True, **self.paying_with(terminal), **fields)

    def paying_with(self, terminal: str = "official_account", **options: Any) -> dict[str, Any]:
        """The payment method parameters of the default buyer in an official account or a mini program."""
        appid = OFFICIAL_ACCOUNT if terminal == "official_account" else MINI_PROGRAM
        wechat_pay = {"terminal_type": terminal, "openid": self.openid(appid), **options}
        return {
            "payment_method_data": {"type": "wechat_pay"},
            "payment_method_options": {"wechat_pay": wechat_pay},
        }

    def intent(self, intent_id: str) -> dict[str, Any]:
        """Read a PaymentIntent."""
        return self.api("GET", f"/v1/payment_intents/{intent_id}")

    def wait_status(self, intent_id: str, status: str) -> dict[str, Any]:
        """Wait until a PaymentIntent has that status."""
        return self.wait_for(
            lambda: found if (found := self.intent(intent_id))["status"] == status else None,
            f"{intent_id} to be {status}",
        )

    def wait_for(self, look: Callable[[], T | None], what: str) -> T:
        """Look until there is something; fails with what was waited for."""
        deadline = time.monotonic() + WAIT_S_MAX
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, f"waited {WAIT_S_MAX} s for {what}"
            time.sleep(0.05)

    # --- the simulator ------------------------------------------------------------------------

    def desk(self, method: str, path: str, json: Any = None) -> Any:
        """One call of the simulator's desk that must go well."""
        answer = self._http.request(method, f"{self.simulator_url}/_desk{path}", json=json)
        assert answer.status < 300, answer.data.decode()
        return answer.json()

    def openid(self, appid: str = OFFICIAL_ACCOUNT, buyer: str = BUYER) -> str:
        """A buyer's openid in an app."""
        found: str = self.desk("GET", f"/buyers/{buyer}")["openids"][appid]
        return found

    def pay(self, intent: dict[str, Any], outcome: str = "pay", buyer: str = BUYER) -> dict[str, Any]:
        """Play the buyer with the six signed parameters of a confirmed intent."""
        told = invocation(intent) | {"outcome": outcome}
        found: dict[str, Any] = self.desk("POST", f"/buyers/{buyer}/pay", told)
        return found

    def out_trade_no(self, intent: dict[str, Any]) -> str:
        """The number of the intent's newest order."""
        number = int(intent["id"].removeprefix("pi_"))
        rows = self.rows("SELECT out_trade_no FROM attempts WHERE intent_id = ? ORDER BY id DESC", number)
        found: str = rows[0]["out_trade_no"]
        return found

    def order(self, intent: dict[str, Any]) -> dict[str, Any]:
        """The intent's newest order as the simulator's books have it."""
        found: dict[str, Any] = self.desk("GET", f"/orders/{self.out_trade_no(intent)}")
        return found

    def mischief(self, **knobs: Any) -> None:
        """Tell the simulator to misbehave."""
        self.desk("POST", "/mischief", knobs)

    def behave(self) -> None:
        """No more mischief."""
        self.desk("DELETE", "/mischief")

    def webhooks(self, intent: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
        """What the merchant's shop was told about an intent, oldest first."""
        return about(self.desk("GET", "/shop/webhooks")["webhooks"], intent, kind)

    # --- the database, read only ----------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the stack's SQLite database."""
        with closing(sqlite3.connect(f"file:{self.stack.state / 'wxbackend.db'}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values)]

    def is_at_rest(self) -> bool:
        """Whether nothing is being ordered, closed, refunded or delivered any more."""
        return not self.rows(UNFINISHED)

    def wait_told(self, *intents: dict[str, Any]) -> None:
        """Wait until the merchant heard of every event that there is about these, in whatever order they came."""
        for intent in intents:
            number = int(intent["id"].removeprefix("pi_"))
            self.wait_for(lambda number=number: not self.rows(UNTOLD, number), "earlier events to be told")  # type: ignore[misc]

    def money_rows(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that is about money; equal before and after means that nothing changed."""
        return {name: self.rows(f"SELECT * FROM {name} ORDER BY id") for name in MONEY_TABLES}


def running(
    state: Path,
    extra_commands: dict[str, list[str]] | None = None,
    from_scratch: bool = False,
    /,
    **extra_environment: str,
) -> Iterator[RunningStack]:
    """A stack that runs while the caller uses it, with processes of the caller's beside it."""
    state.mkdir(parents=True, exist_ok=True)
    stack = Stack(state, free_port(), free_port(), simulator_tls_port=free_port())
    os.environ.pop("WXBACKEND_CONFIG", None)
    downloads(stack.credentials)
    stack.prepare()
    assert CONFIG.exists()
    assert sys.version_info >= (3, 11)
    found = RunningStack(stack, extra_environment, extra_commands or {}, from_scratch)
    try:
        found.start()
        # Until then a notice that WeChat signs with its certificate is refused, as on a merchant's first day.
        found.wait_for(lambda: found.rows("SELECT serial FROM platform_certificates"), "WeChat's certificates")
        yield found
    finally:
        found.end()
