"""One life of the product: web and worker in one process, in front of a real database, WeChat and merchant.

Time stands still until it is moved, so that the same script crosses the same seams in every life. What
the merchant's program has to remember goes into a diary, which a death does not touch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import orjson
import urllib3
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.crashes.seams import Seams
from tests.support.stack import BUYER, MINI_PROGRAM, OFFICIAL_ACCOUNT, UNFINISHED, about, invocation
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.surroundings import Surroundings
from wxbackend.work import inbox, mandates, outbox, reconciliation, refunds, sharings, shippings, transfers
from wxbackend.work.crew import Crew

T = TypeVar("T")
HANDS: Final = 8
IN_FLIGHT_S: Final = 61
LEASE_S: Final = 31
ROUNDS_MAX: Final = 8
TRIES_MAX: Final = 4
NOTICE_AGAIN_S: Final = 31
BEING_ENDED: Final = (
    "SELECT id FROM mandates WHERE state = 'ending'"
    " UNION SELECT id FROM merchant_transfers WHERE cancel_requested_ms IS NOT NULL AND state = 'awaiting'"
    " UNION SELECT id FROM attempts WHERE mandate_id IS NOT NULL AND state = 'open'"
)
"""What waits for nobody but WeChat and ourselves, beside what is unfinished everywhere."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a life happens: what stays when it ends."""

    database_url: str
    web_url: str
    simulator_url: str
    secret_key: str


class StandingClock:
    """Surroundings whose clock moves when it is told to."""

    def __init__(
        self, surroundings: Surroundings, now_ms: int, latest_ms: int, write: Callable[[dict[str, Any]], None]
    ) -> None:
        self._now_ms = now_ms
        self._latest_ms = latest_ms
        self._write = write
        self.new_id = surroundings.new_id
        self.nonce = surroundings.nonce
        self.token = surroundings.token
        self.wait = self.move

    def now_ms(self) -> int:
        """The moment at which it stands."""
        return self._now_ms

    def move(self, seconds: float) -> None:
        """Let time pass; a later life goes on from there."""
        self._now_ms += round(seconds * 1000)
        assert self._now_ms <= self._latest_ms, "it takes too long to come to rest"
        self._write({"now_ms": self._now_ms})


class Hands(Crew):
    """A crew that does each job at once, so that the order of things is the same every time."""

    def free(self) -> int:
        """All of them."""
        return HANDS

    def take(self, job: Callable[[], None]) -> None:
        """Do it."""
        job()


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a life is put together from."""

    deps: Dependencies
    app: Flask
    rows: Engine
    seams: Seams
    clock: StandingClock


class Life:
    """The product while it lives, and the people around it."""

    def __init__(self, ground: Ground, parts: Parts, *, first: bool, write: Callable[[dict[str, Any]], None]) -> None:
        self.ground = ground
        self.first = first
        self.clock = parts.clock
        self._deps = parts.deps
        self._web = parts.app.test_client()
        self._engine = parts.rows
        self._seams = parts.seams
        self._write = write
        self._http = urllib3.PoolManager(retries=False, timeout=20.0)
        self._hands = Hands(HANDS, "hands")
        self._outbox = outbox.Outbox(self._hands)
        self._openids: dict[str, str] = {}

    def watch(self) -> None:
        """From here on every crossing counts."""
        self._seams.watch()

    # --- the merchant's program ---------------------------------------------------------------

    def ask(self, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A request with its idempotency key, repeated until it is answered, as a merchant's program does."""
        headers = {"Authorization": f"Bearer {self.ground.secret_key}", "Idempotency-Key": key}
        refused: list[bytes] = []
        while len(refused) < TRIES_MAX:
            answer = self._web.post(path, json=body, headers=headers)
            if answer.status_code < 500 and answer.status_code != 409:
                found: dict[str, Any] = orjson.loads(answer.data)
                self._write({"key": key, "id": found.get("id"), "answer": answer.get_data(as_text=True)})
                return found
            refused.append(answer.data)
            self.clock.move(IN_FLIGHT_S)
        raise AssertionError(f"{key} is not answered: {refused}")

    def created(self, key: str = "create", **fields: Any) -> dict[str, Any]:
        """An intent whose order the default buyer may pay in the official account."""
        body = {"amount": 2000, "currency": "CNY", "confirm": True, "merchant_order_id": key} | self.paying() | fields
        return self.ask(key, "/v1/payment_intents", body)

    def paying(self, terminal: str = "official_account") -> dict[str, Any]:
        """The payment method parameters of the default buyer."""
        wechat_pay = {"terminal_type": terminal, "openid": self.openid(self.appid(terminal))}
        return {
            "payment_method_data": {"type": "wechat_pay"},
            "payment_method_options": {"wechat_pay": wechat_pay},
        }

    def appid(self, terminal: str = "official_account") -> str:
        """The app of a terminal."""
        return OFFICIAL_ACCOUNT if terminal == "official_account" else MINI_PROGRAM

    def openid(self, appid: str) -> str:
        """The default buyer's, in an app."""
        if not self._openids:
            self._openids |= self.desk("GET", f"/buyers/{BUYER}")["openids"]
        return self._openids[appid]

    def confirm(self, key: str, intent: dict[str, Any], terminal: str) -> dict[str, Any]:
        """Confirm an intent for a terminal."""
        return self.ask(key, f"/v1/payment_intents/{intent['id']}/confirm", self.paying(terminal))

    def scanned(
        self, key: str, code: str, *, intent: dict[str, Any] | None = None, ask_pin: bool = False
    ) -> dict[str, Any]:
        """The shop scans a code that the default buyer's phone shows, for a new intent or for this one.

        In every life the code is good again: whoever charged it twice would be seen in the books.
        """
        self.desk("POST", f"/buyers/{BUYER}/payment_code", {"code": code, "ask_pin": ask_pin})
        body: dict[str, Any] = {
            "payment_method_data": {"type": "wechat_pay", "wechat_pay": {"payment_code": code}},
            "payment_method_options": {"wechat_pay": {"terminal_type": "SCAN_CODE"}},
        }
        if intent is not None:
            return self.ask(key, f"/v1/payment_intents/{intent['id']}/confirm", body)
        return self.ask(key, "/v1/payment_intents", {"amount": 2000, "currency": "CNY", "confirm": True} | body)

    def intent(self, intent_id: str) -> dict[str, Any]:
        """An intent as the API shows it."""
        return self.look(f"/v1/payment_intents/{intent_id}")

    def look(self, path: str) -> dict[str, Any]:
        """What the API shows at a path."""
        answer = self._web.get(path, headers={"Authorization": f"Bearer {self.ground.secret_key}"})
        assert answer.status_code == 200, answer.data
        found: dict[str, Any] = orjson.loads(answer.data)
        return found

    def payable(self, intent: dict[str, Any], terminal: str = "official_account") -> dict[str, Any] | None:
        """The intent when the buyer can pay it; None when there is nothing left to pay.

        A merchant whose request was cut off looks, waits, and confirms anew where there is no order.
        """
        for again in range(ROUNDS_MAX):
            found = self.intent(intent["id"])
            if "next_action" in found:
                return found
            if found["status"] in ("succeeded", "canceled"):
                return None
            if found["status"] in ("requires_confirmation", "requires_payment_method"):
                self.confirm(f"confirm anew {again} {self.clock.now_ms()}", found, terminal)
                continue
            self.work()
            self.clock.move(LEASE_S)
        raise AssertionError(f"never payable: {self.intent(intent['id'])}")

    # --- the buyer and WeChat -----------------------------------------------------------------

    def pay(self, intent: dict[str, Any] | None) -> None:
        """The buyer pays with what the front end was handed, unless that was done in a life before."""
        if intent is not None:
            self.desk("POST", f"/buyers/{BUYER}/pay", invocation(intent) | {"outcome": "pay"})

    def hear(self) -> None:
        """WeChat sends the notices that are due, the oldest first; what was not acknowledged comes again."""
        for _ in range(ROUNDS_MAX):
            notices = self.desk("GET", "/notices?wait_s=5")["notices"]
            held = [notice["id"] for notice in reversed(notices) if notice["state"] == "held"]
            for notice in held:
                self.desk("POST", f"/notices/{notice}/release")
            if not held and not any(notice["state"] == "waiting" for notice in notices):
                return
            if not held:
                self.desk("POST", "/clock", {"advance_s": NOTICE_AGAIN_S})
        raise AssertionError("WeChat's notices are not accepted")

    def refunds_end(self) -> None:
        """WeChat carries out the refunds that it took."""
        for refund in self.desk("GET", "/refunds")["refunds"]:
            if refund["status"] == "PROCESSING":
                self.desk("POST", f"/refunds/{refund['out_refund_no']}/settle", {"outcome": "SUCCESS"})

    def debits_end(self) -> None:
        """WeChat carries out the debits that it took."""
        for order in self.desk("GET", "/orders")["orders"]:
            if order["trade_state"] == "ACCEPT":
                self.desk("POST", f"/debits/{order['out_trade_no']}/settle", {"outcome": "pay"})

    # --- the worker ---------------------------------------------------------------------------

    def work(self) -> None:
        """Every kind of work until nothing is due; what fails is left for later, as in the worker's loops."""
        ticks: tuple[Callable[[], int], ...] = (
            lambda: inbox.tick(self._deps),
            lambda: reconciliation.tick(self._deps, self._hands),
            lambda: refunds.tick(self._deps, self._hands),
            lambda: transfers.tick(self._deps, self._hands),
            lambda: sharings.tick(self._deps, self._hands),
            lambda: mandates.tick(self._deps, self._hands),
            lambda: shippings.tick(self._deps, self._hands),
            lambda: self._outbox.tick(self._deps),
        )
        for tick in ticks:
            with suppress(OperationalError):
                while tick():
                    pass

    def rest(self) -> None:
        """Work, and let time pass, until nothing is left to do for anybody."""
        for _ in range(ROUNDS_MAX):
            self.hear()
            self.work()
            self.refunds_end()
            self.debits_end()
            if not self._unfinished() and not self._untold():
                return
            if self._unfinished():
                self.clock.move(LEASE_S)
        raise AssertionError(f"does not come to rest: {self._unfinished()}")

    def _unfinished(self) -> list[dict[str, Any]]:
        return self.rows(f"{UNFINISHED} UNION {BEING_ENDED} UNION SELECT id FROM notices WHERE handled_ms IS NULL")

    def _untold(self) -> bool:
        notices = self.desk("GET", "/notices")["notices"]
        return any(notice["state"] in ("held", "waiting") for notice in notices)

    # --- what a reckoning looks at ------------------------------------------------------------

    def desk(self, method: str, path: str, json: Any = None) -> Any:
        """One call of the simulator's desk that must go well."""
        answer = self._http.request(method, f"{self.ground.simulator_url}/_desk{path}", json=json)
        assert answer.status < 300, answer.data.decode()
        return answer.json()

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the database; each ? stands for a value."""
        pieces = query.split("?")
        named = {f"value_{place}": value for place, value in enumerate(values)}
        statement = "".join(piece + f":{name}" for piece, name in zip(pieces, named, strict=False)) + pieces[-1]
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), named).mappings()]

    def webhooks(self, intent: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
        """What the merchant's shop was told about an intent, oldest first."""
        return about(self.desk("GET", "/shop/webhooks")["webhooks"], intent, kind)

    def wait_for(self, look: Callable[[], T | None], what: str) -> T:
        """Everything is at rest: what is not there now never comes."""
        found = look()
        assert found, f"at rest without {what}"
        return found

    def wait_status(self, intent_id: str, status: str) -> dict[str, Any]:
        """The intent, which must have that status."""
        found = self.intent(intent_id)
        assert found["status"] == status, found
        return found


class Cradle:
    """A port that is put in place when a life begins, so that the application is built once for all lives."""

    def __init__(self) -> None:
        self._port: Any = None

    def put(self, port: Any) -> None:
        """From now on it is this one."""
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


@contextmanager
def served(app: Flask, url: str) -> Iterator[None]:
    """The application where WeChat sends its notices; one at a time."""
    place = urlsplit(url)
    server = make_server(place.hostname or "", place.port or 0, app, threaded=False, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
