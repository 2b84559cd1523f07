"""A shop over a real database with the simulated WeChat over HTTP: what comes after a payment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from flask import Flask
from werkzeug.serving import make_server

from tests.support.objects import ACCOUNT, METHOD, an_intent
from tests.support.wechat_side import MINI_PROGRAM, Clockwork, Quiet, WechatSide
from wxbackend.api.pushes import routes as pushes
from wxbackend.coordination.sqlite import SqliteCoordination
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.observation import Paid
from wxbackend.domain.shipping import Logistics, OrderShipping, Parcel, Shipping, Telling
from wxbackend.domain.terminal import AppKind, Terminal
from wxbackend.flows import settle
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.flows.look_at_shipping import claim_shipping_looks, look_at_shipping
from wxbackend.flows.upload_shipping import upload_shipping
from wxbackend.identity.jssdk import JsapiTickets
from wxbackend.identity.order_shipping import WeChatOrderDesk
from wxbackend.identity.push import WeChatPushes
from wxbackend.identity.single_flight import SingleFlight
from wxbackend.identity.tokens import AccessTokens
from wxbackend.identity.wechat import WeChatIdentity
from wxbackend.ports.accounts import Actor, App, KeyKind
from wxbackend.ports.store import Page

ACTOR: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
AGAIN_S: Final = 10
HALF_A_DAY_S: Final = 43_200
VIRTUAL: Final = Telling(Logistics.VIRTUAL, split=False, complete=True, parcels=(Parcel("会员，一年"),))


@dataclass
class Shop:
    """The product's own flows and its push address; time is moved by `clock.ahead_ms`."""

    deps: Dependencies
    side: WechatSide
    clock: Clockwork
    apps: dict[str, App] = field(default_factory=dict)

    def watch(self, how: OrderShipping | None = OrderShipping.BY_HAND, **changes: Any) -> None:
        """Let the mini program be one whose orders WeChat manages, with the push secrets of its console."""
        folder = self.side.directory / "push"
        members: dict[str, Any] = {
            "appid": MINI_PROGRAM,
            "kind": AppKind.MINI_PROGRAM,
            "account": ACCOUNT,
            "livemode": False,
            "provider": "wechat_v3",
            "merchant": "1900000109",
            "secret": (self.side.directory / "apps" / f"{MINI_PROGRAM}.secret.txt").read_text().strip(),
            "platform_url": self.side.url,
            "push_token": (folder / f"{MINI_PROGRAM}.token.txt").read_text().strip(),
            "push_aes_keys": ((folder / f"{MINI_PROGRAM}.aes_key.txt").read_text().strip(),),
            "order_shipping": how,
        }
        self.apps[MINI_PROGRAM] = App(**members | changes)

    def paid(self) -> int:
        """An intent that the mini program's buyer has paid at WeChat and that is settled here; its number."""
        number = self.deps.surroundings.new_id()
        attempt = self.side.attempt(
            MINI_PROGRAM, id=number + 1, intent_id=number, state=AttemptState.OPEN, terminal=Terminal.MINI_PROGRAM
        )
        intent = an_intent(number, status=IntentStatus.REQUIRES_ACTION, attempt_id=attempt.id, payment_method=METHOD)
        self.side.open(attempt)
        self.side.pay(attempt)
        said = self.side.send(self.side.provider.query(attempt))
        assert isinstance(said, Paid), said

        def work(unit: Any) -> None:
            unit.intents.insert(intent)
            unit.attempts.insert(attempt)
            settle.settle(unit, self.deps, attempt.id, said)

        self.deps.store.write(work)
        return number

    def tell(self, intent_id: int, telling: Telling) -> Shipping:
        """The merchant tells what was shipped."""
        return upload_shipping(self.deps, ACTOR, intent_id, telling)

    def look(self, *, after_s: float = AGAIN_S) -> int:
        """Let time pass, and the worker look at what is due then; how many that are."""
        self.clock.ahead_ms += round(after_s * 1000)
        polls = claim_shipping_looks(self.deps, at_most=50)
        for poll in polls:
            look_at_shipping(self.deps, poll)
        return len(polls)

    def shipping(self, intent_id: int) -> Shipping:
        """The goods as we know them."""
        found = self.deps.store.read(lambda unit: unit.shippings.of_intent(intent_id))
        assert found is not None
        return found

    def at_wechat(self, intent_id: int) -> dict[str, Any]:
        """The same as WeChat's own books have it."""
        found: dict[str, Any] = self.side.desk("GET", f"/shipping/{self.shipping(intent_id).out_trade_no}")
        return found

    def settle_at_wechat(self, intent_id: int) -> None:
        """WeChat sets the money free, and has told so."""
        self.side.desk("POST", f"/shipping/{self.shipping(intent_id).out_trade_no}/settle")
        self.side.desk("GET", "/pushes?wait_s=10")

    def balances(self) -> dict[str, int]:
        """Debits less credits by ledger account."""
        found = self.deps.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False))
        return {name: amount for (name, _), amount in found.items()}

    def told(self) -> list[str]:
        """The types of all events, oldest first."""
        page = self.deps.store.read(lambda unit: unit.events.page(ACCOUNT, livemode=False, page=Page(limit=100)))
        return [event.type.value for event in reversed(page)]

    def pushed(self) -> list[dict[str, Any]]:
        """What the simulator pushed, oldest first, when all of it was answered."""
        found = self.side.desk("GET", "/pushes?wait_s=10")
        assert found["settled"]
        pushed: list[dict[str, Any]] = found["pushes"]
        return list(reversed(pushed))


@dataclass(frozen=True)
class Scene:
    """The shop and where its pushes go."""

    shop: Shop
    address: str

    def listen(self, mode: str = "safe", style: str = "json") -> None:
        """Let the simulator push there, as the console's settings say."""
        wish = {"url": self.address, "mode": mode, "format": style}
        self.shop.side.desk("POST", f"/apps/{MINI_PROGRAM}/push", wish)

    def mischief(self, **knobs: Any) -> None:
        """Let WeChat's platform misbehave."""
        self.shop.side.desk("POST", "/mischief", knobs)

    def forge(self, **wish: Any) -> int:
        """What a made-up push was answered."""
        status: int = self.shop.side.desk("POST", f"/apps/{MINI_PROGRAM}/forge", wish)["status"]
        return status

    def unhandled(self) -> list[str]:
        """The events of pushes that were kept and wait to be handled."""
        store = self.shop.deps.store
        waiting = store.read(lambda unit: unit.pushes.unhandled(before_ms=2**60, limit=99))
        return [push.event for push in waiting]


@contextmanager
def open_shop(store: Any, side: WechatSide, folder: Path) -> Iterator[Scene]:
    """The shop with its mini program watched, and pushes in safe mode."""
    side.desk("POST", "/reset")
    side.desk("POST", "/shipping/rules", {"not_known_s": 0})
    clock = Clockwork()
    coordination = SqliteCoordination(str(folder / "coordination.db"), clock.now_ms)
    flight = SingleFlight(coordination, clock, holder="shop")
    tokens = AccessTokens(side.transport, coordination, clock, flight)
    apps: dict[str, App] = {}
    identity = WeChatIdentity(
        side.transport,
        JsapiTickets(tokens, flight),
        orders=WeChatOrderDesk(tokens),
        pushes=WeChatPushes(coordination, clock),
    )
    nothing: Any = None
    accounts = SimpleNamespace(endpoints=lambda *_, **__: (), app=apps.get, shipping_apps=lambda: tuple(apps.values()))
    deps = Dependencies(
        store=store,
        transport=side.transport,
        providers=nothing,
        accounts=cast("Any", accounts),
        identity=identity,
        coordination=coordination,
        courier=nothing,
        surroundings=cast("Any", clock),
        counting=nothing,
        policy=Policy(shipping_again_after_s=(AGAIN_S,)),
    )
    shop = Shop(deps, side, clock, apps)
    web = Flask("shop", static_folder=None)
    web.register_blueprint(pushes.blueprint(deps))
    server = make_server("127.0.0.1", 0, web, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        scene = Scene(shop, f"http://127.0.0.1:{server.server_port}/pushes/wechat/{MINI_PROGRAM}")
        shop.watch()
        scene.listen()
        yield scene
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        coordination.close()
