"""A shop's till: the product in one process, a real database, real HTTP to the simulator, and a clock that moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from tests.crashes.life import Hands
from tests.support.stack import QUICK, free_port
from tests.support.wechat_side import Clockwork, WechatSide, wechat_side
from wxbackend.assembly import assemble, web_application
from wxbackend.development import Stack
from wxbackend.flows.dependencies import Dependencies
from wxbackend.settings import load_settings
from wxbackend.work import reconciliation, refunds

INTENTS: Final = "/v1/payment_intents"
FUNDS: Final = 1_000_00
"""What each test's buyer has, in fen."""


class MovableClock(Clockwork):
    """The real clock, set ahead by tests, and the product's own identifiers."""

    def __init__(self, deps: Dependencies) -> None:
        super().__init__()
        self.new_id = deps.surroundings.new_id  # type: ignore[method-assign]

    def move(self, seconds: float) -> None:
        """Let time pass; signatures hold for five minutes in all."""
        self.ahead_ms += round(seconds * 1000)


@dataclass(frozen=True)
class Reply:
    """An answer of the API."""

    status: int
    body: dict[str, Any]


@dataclass
class Till:
    """Shop, buyer and worker around one product."""

    side: WechatSide
    deps: Dependencies
    clock: MovableClock
    web: FlaskClient
    secret_key: str
    publishable_key: str
    engine: Engine
    version: str
    """By which version of WeChat's API codes are charged."""
    buyer: str = ""
    openids: dict[str, str] = field(default_factory=dict)

    # --- the shop -----------------------------------------------------------------------------

    def call(self, path: str, body: Any = None, *, method: str = "POST", key: str = "", once: str = "") -> Reply:
        """One call of the API; `once` is its idempotency key."""
        headers = {"Authorization": f"Bearer {key or self.secret_key}"} | ({"Idempotency-Key": once} if once else {})
        answer = self.web.open(path, method=method, json=body, headers=headers)
        return Reply(answer.status_code, orjson.loads(answer.data))

    def ask(self, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """A call that must go well."""
        reply = self.call(path, body, **more)
        assert reply.status == 200, reply
        return reply.body

    def scanned(self, code: str | None, **wechat_pay: Any) -> dict[str, Any]:
        """The parameters of a confirm with a payment code."""
        data: dict[str, Any] = {"type": "wechat_pay"}
        if code is not None:
            data["wechat_pay"] = {"payment_code": code}
        options = {"terminal_type": "SCAN_CODE"} | wechat_pay
        return {"payment_method_data": data, "payment_method_options": {"wechat_pay": options}}

    def sell(self, code: str, amount: int = 2000, **more: Any) -> dict[str, Any]:
        """Create an intent and charge the code in one call."""
        body = {"amount": amount, "currency": "CNY", "confirm": True} | self.scanned(code)
        return self.ask(INTENTS, body, **more)

    def sell_asking_pin(self, amount: int) -> dict[str, Any]:
        """An intent whose buyer is being asked for the PIN."""
        return self.sell(self.show_code(ask_pin=True), amount)

    def confirm(self, intent: dict[str, Any], code: str | None) -> Reply:
        """Confirm an intent with another code."""
        return self.call(f"{INTENTS}/{intent['id']}/confirm", self.scanned(code))

    def cancel(self, intent: dict[str, Any]) -> Reply:
        """Cancel an intent."""
        return self.call(f"{INTENTS}/{intent['id']}/cancel", {})

    def see(self, intent: dict[str, Any]) -> dict[str, Any]:
        """The intent as it is now."""
        return self.ask(f"{INTENTS}/{intent['id']}", method="GET")

    # --- the buyer ------------------------------------------------------------------------------

    def desk(self, method: str, path: str, body: Any = None) -> Any:
        """A desk call that must succeed."""
        return self.side.desk(method, path, body)

    def show_code(self, **wish: Any) -> str:
        """The code that the buyer's phone shows."""
        found: str = self.desk("POST", f"/buyers/{self.buyer}/payment_code", wish)["code"]
        return found

    def type_pin(self, intent: dict[str, Any], outcome: str = "pay") -> None:
        """The buyer answers the question for the PIN."""
        number = self.attempts(intent)[-1]["out_trade_no"]
        self.desk("POST", f"/buyers/{self.buyer}/pin", {"out_trade_no": number, "outcome": outcome})

    def balance(self) -> int:
        """What the buyer has, in fen."""
        return int(self.desk("GET", f"/buyers/{self.buyer}")["balance"])

    def mischief(self, fault: str, path: str, times: int = 1) -> None:
        """The next calls on that path go wrong."""
        self.desk("POST", "/mischief", {"api": [{"fault": fault, "path": path, "times": times}]})

    # --- the worker -----------------------------------------------------------------------------

    def work(self) -> None:
        """Everything that is due."""
        hands = Hands(1, "hands")
        while reconciliation.tick(self.deps, hands) + refunds.tick(self.deps, hands):
            pass

    def pass_time(self, seconds: int, step_s: int = 5) -> None:
        """Let time pass, with the worker at work all the while."""
        for _ in range(0, seconds, step_s):
            self.clock.move(step_s)
            self.work()

    # --- what is known ----------------------------------------------------------------------------

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of the database."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    def attempts(self, intent: dict[str, Any]) -> list[dict[str, Any]]:
        """The intent's orders, oldest first."""
        number = int(intent["id"].removeprefix("pi_"))
        return self.rows(f"SELECT * FROM attempts WHERE intent_id = {number} ORDER BY id")

    def events(self, intent: dict[str, Any]) -> list[str]:
        """What the merchant is told about the intent, oldest first."""
        number = int(intent["id"].removeprefix("pi_"))
        return [row["type"] for row in self.rows(f"SELECT type FROM events WHERE subject_id = {number} ORDER BY id")]

    def order(self, intent: dict[str, Any]) -> dict[str, Any]:
        """The intent's newest order in WeChat's books."""
        found: dict[str, Any] = self.desk("GET", f"/orders/{self.attempts(intent)[-1]['out_trade_no']}")
        return found

    def charged(self, intent: dict[str, Any]) -> int:
        """How often WeChat was told to charge a code for the intent."""
        return self.asked({"v2": "/pay/micropay", "v3": "/codepay"}[self.version], intent)

    def queried(self, intent: dict[str, Any]) -> int:
        """How often WeChat was asked what became of the intent's newest order."""
        number = self.attempts(intent)[-1]["out_trade_no"]
        return self.asked({"v2": "/pay/orderquery", "v3": f"/out-trade-no/{number}"}[self.version], intent)

    def asked(self, ending: str, intent: dict[str, Any]) -> int:
        """How often WeChat was asked for an order of the intent at a path with that ending."""
        numbers = [row["out_trade_no"] for row in self.attempts(intent)]
        found = self.desk("GET", "/requests?limit=500")["requests"]
        told = [f"{each['path']} {each['body']}" for each in found if each["path"].partition("?")[0].endswith(ending)]
        return sum(any(number in one for number in numbers) for one in told)

    def books_agree(self) -> None:
        """No fen is anywhere it should not be: WeChat's books, and our journal beside them."""
        books = self.desk("GET", "/books")
        assert books["balanced"], books
        sums = self.rows("SELECT debit, credit, amount FROM ledger")
        at_wechat = sum(row["amount"] for row in sums if row["debit"].startswith("provider:"))
        at_wechat -= sum(row["amount"] for row in sums if row["credit"].startswith("provider:"))
        assert at_wechat == books["merchant_balance"], books

    def begin(self, balance: int = FUNDS) -> None:
        """A buyer of its own for the next test; everybody behaves, and the books go on."""
        self.desk("DELETE", "/mischief")
        self.desk("POST", "/payment_codes/rules", {"pin_above": 1000_00, "recalls": 0})
        self.clock.ahead_ms = 0
        made = self.desk("POST", "/buyers", {"balance": balance})
        self.buyer, self.openids = made["id"], made["openids"]


@contextmanager
def till(state: Path, version: str = "v2") -> Iterator[Till]:
    """The product over a new database, and the simulator beside it; codes are charged by that version of the API."""
    with wechat_side(state) as side:
        stack = Stack(state, free_port(), urlsplit(side.url).port or 0, urlsplit(side.tls_url).port)
        stack.prepare()
        chosen = {"WXBACKEND_V3_CODEPAY": "true"} if version == "v3" else {}
        settings = load_settings(environment=stack.environment() | QUICK | chosen)
        assembled = assemble(settings)
        clock = MovableClock(assembled.deps)
        deps = replace(assembled.deps, surroundings=clock)
        engine = create_engine(settings.server.database_url, poolclass=NullPool)
        made = Till(
            side=side,
            deps=deps,
            clock=clock,
            web=web_application(replace(assembled, deps=deps)).test_client(),
            secret_key=stack.key("secret_key"),
            publishable_key=stack.key("publishable_key"),
            engine=engine,
            version=version,
        )
        try:
            made.begin()
            yield made
        finally:
            engine.dispose()
            assembled.close()
