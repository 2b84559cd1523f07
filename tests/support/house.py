"""The whole product in this process, before a simulated WeChat in this process, with the worker's ticks in the hand.

Far cheaper than a stack of processes, and it can be put together anew with other settings over the same database.
"""

from __future__ import annotations

import io
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from flask import Flask

from tests.crashes.life import HANDS, Hands, served
from tests.support.stack import BUYER, MINI_PROGRAM, MONEY_TABLES, OFFICIAL_ACCOUNT, free_port, invocation
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.assembly import Assembled, assemble, web_application
from wxbackend.development import Stack
from wxbackend.flows.fetch_certificates import fetch_certificates
from wxbackend.settings import load_settings
from wxbackend.work import inbox, reconciliation, refunds

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")
WAIT_S_MAX: Final = 60.0
NEVER_S: Final = "[100000]"
SETTINGS: Final = {
    "WXBACKEND__WORK__LOOK_AFTER_S": "[0.05, 0.05, 0.05]",
    "WXBACKEND__WORK__REFUND_LOOK_AFTER_S": NEVER_S,  # only a hint makes it look
    "WXBACKEND__UPSTREAM__READ_TIMEOUT_S": "8.0",
    "WXBACKEND__UPSTREAM__TOTAL_TIMEOUT_S": "12.0",
}


class House:
    """Web and worker, put together by settings that may change, and the people around them."""

    def __init__(self, side: WechatSide, state: Path) -> None:
        self.side = side
        self.stack = Stack(state, free_port(), _port(side.url), _port(side.tls_url))
        self.stack.prepare()
        self.assembled: Assembled
        self.app: Flask
        self._life = ExitStack()
        self._hands = Hands(HANDS, "hands")

    def open(self, **environment: str) -> None:
        """Begin, or begin again with other settings; the database stays."""
        self.close()
        self._life = ExitStack()
        self.assembled = assemble(load_settings(environment=self.stack.environment() | SETTINGS | environment))
        self._life.callback(self.assembled.close)
        for name, merchant, source in self.assembled.deps.providers.certificate_sources():
            assert fetch_certificates(self.assembled.deps, name, merchant, source)
        self.app = web_application(self.assembled)
        self.app.wsgi_app = _bounded(self.app.wsgi_app)  # type: ignore[assignment,method-assign]
        self._life.enter_context(served(self.app, self.stack.web_url))

    def close(self) -> None:
        """End."""
        self._life.close()

    # --- the merchant ------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """One call of the API with the secret key."""
        headers = {"Authorization": f"Bearer {self.stack.key('secret_key')}"}
        answer = self.app.test_client().open(path, method=method, json=body, headers=headers)
        return answer.status_code, answer.get_json()

    def api(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """One that must go well."""
        status, found = self.call(method, path, body)
        assert status == 200, found
        return found

    def confirmed(self, terminal: str = "official_account", **fields: Any) -> dict[str, Any]:
        """A PaymentIntent of 20.00 CNY whose order is open for the default buyer."""
        appid = OFFICIAL_ACCOUNT if terminal == "official_account" else MINI_PROGRAM
        wechat_pay = {"terminal_type": terminal, "openid": self.side.openid(appid)}
        body = {
            "amount": 2000, "currency": "CNY", "confirm": True, "payment_method_data": {"type": "wechat_pay"},
            "payment_method_options": {"wechat_pay": wechat_pay},
        }  # fmt: skip
        return self.api("POST", "/v1/payment_intents", body | fields)

    def intent(self, intent: dict[str, Any]) -> dict[str, Any]:
        """As it is now."""
        return self.api("GET", f"/v1/payment_intents/{intent['id']}")

    def refund(self, intent: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Ask for a refund."""
        return self.api("POST", "/v1/refunds", {"payment_intent": intent["id"], **fields})

    # --- the buyer and WeChat ----------------------------------------------------------------

    def pay(self, intent: dict[str, Any]) -> None:
        """The buyer pays with the six signed parameters."""
        told = invocation(intent) | {"outcome": "pay"}
        assert self.side.desk("POST", f"/buyers/{BUYER}/pay", told)["err_msg"].endswith(":ok")

    def paid(self, terminal: str = "official_account") -> dict[str, Any]:
        """A PaymentIntent that was paid and of which we heard."""
        intent = self.confirmed(terminal)
        self.pay(intent)
        return self.until(lambda: found if (found := self.intent(intent))["status"] == "succeeded" else None)

    def notify(self, body: bytes, provider: str = "wechat_v2") -> int:
        """Somebody posts this to where notices come in; how it was answered."""
        merchant = self.assembled.settings.accounts[0].merchants[0].mchid
        answer = self.app.test_client().post(f"/notices/{provider}/{merchant}", data=body)
        return answer.status_code

    # --- the worker and the database ---------------------------------------------------------

    def work(self) -> None:
        """Every look that is due."""
        inbox.tick(self.assembled.deps)
        reconciliation.tick(self.assembled.deps, self._hands)
        refunds.tick(self.assembled.deps, self._hands)

    def until(self, look: Callable[[], T | None], *, working: bool = False) -> T:
        """Look until there is something, and work meanwhile or not."""
        deadline = time.monotonic() + WAIT_S_MAX
        while True:
            if working:
                self.work()
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of the database."""
        with closing(sqlite3.connect(f"file:{self.stack.state / 'wxbackend.db'}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query)]

    def money(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that is about money; equal before and after means that nothing changed."""
        return {name: self.rows(f"SELECT * FROM {name} ORDER BY id") for name in MONEY_TABLES}


def _bounded(app: WSGIApplication) -> WSGIApplication:
    """A body that ends where it ends, as in production: werkzeug's own server would wait for more."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        return app(environ | {"wsgi.input": io.BytesIO(environ["wsgi.input"].read(size))}, start)

    return answer


def _port(url: str) -> int:
    return urlsplit(url).port or 0


@contextmanager
def house(state: Path) -> Iterator[House]:
    """A house that is not open yet."""
    with wechat_side(state) as side:
        made = House(side, state)
        try:
            yield made
        finally:
            made.close()
