"""A process that has the product loaded and begins its lives: a fork for each, so that a death is a real one.

It reads one order a line and answers each with one line: how the life ended, and its diary. The first
order is a rehearsal without a fork; no thread is left of it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.crashes import books
from tests.crashes.life import Cradle, Ground, Life, Parts, StandingClock, served
from tests.crashes.scripts import ALL_SCRIPTS
from tests.crashes.seams import Fault, How, Seams, WatchedCourier, WatchedStore, WatchedTransport
from wxbackend import logs
from wxbackend.assembly import assemble, web_application
from wxbackend.coordination.sqlite import SqliteCoordination
from wxbackend.delivery.courier import HttpCourier
from wxbackend.flows.dependencies import Dependencies
from wxbackend.identity.jssdk import JsapiTickets
from wxbackend.identity.order_shipping import WeChatOrderDesk
from wxbackend.identity.single_flight import SingleFlight
from wxbackend.identity.tokens import AccessTokens
from wxbackend.identity.wechat import WeChatIdentity
from wxbackend.settings import load_settings
from wxbackend.store.nodes import Identifiers, NodeLease, nodes_engine
from wxbackend.surroundings import RealSurroundings, clock_ms
from wxbackend.transport.http import HttpTransport

LIFE_S_MAX: Final = 40
FRAMES_SHOWN: Final = -6


class Nursery:
    """Everything that lives have in common, made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        settings = load_settings(environment=dict(os.environ))
        assembled = assemble(settings)
        self.real = assembled.deps
        assembled.close()  # ends the store's thread; its certificates can be read all the same
        self.store, self.transport, self.courier, self.surroundings, self.identity = (Cradle() for _ in range(5))
        ports: dict[str, Any] = {
            "store": self.store,
            "transport": self.transport,
            "courier": self.courier,
            "surroundings": self.surroundings,
            "identity": self.identity,
        }
        self.deps: Dependencies = replace(self.real, **ports)
        self.app: Flask = web_application(replace(assembled, deps=self.deps))

    def live(self, order: dict[str, Any], diary: int) -> None:
        """One life, from its birth to its end; what it writes into the diary outlives it."""

        def write(entry: dict[str, Any]) -> None:
            os.write(diary, orjson.dumps(entry) + b"\n")

        ground = Ground(**order["ground"])
        told = order["fault"]
        fault = None if told is None else Fault(told["at"], How[told["how"]])
        seams = Seams(fault, lambda kind, name: write({"crossed": kind, "name": name}))
        lease = NodeLease(nodes_engine(ground.database_url), f"life {os.getpid()}")
        clock = StandingClock(
            RealSurroundings(Identifiers(lease, clock_ms)), order["now_ms"], order["latest_ms"], write
        )
        clock.new_id()  # takes the lease, which is no crossing of anything that is being done
        self.surroundings.put(clock)
        watched = WatchedStore(ground.database_url, seams)
        self.store.put(watched)
        transport = WatchedTransport(self.real.transport, seams)
        self.transport.put(transport)
        self.identity.put(self._platform(transport, clock))
        self.courier.put(WatchedCourier(self.real.courier, seams))
        rows = create_engine(ground.database_url, poolclass=NullPool)
        life = Life(ground, Parts(self.deps, self.app, rows, seams, clock), first=order["first"], write=write)
        with served(self.app, ground.web_url):
            ALL_SCRIPTS[order["script"]](life)
            books.reckon_all(life)
        watched.close()

    def _platform(self, transport: WatchedTransport, clock: StandingClock) -> WeChatIdentity:
        """WeChat's platform, with access tokens that are this life's own."""
        coordination = SqliteCoordination(str(self._folder / f"tokens-{os.getpid()}.db"), clock.now_ms)
        flight = SingleFlight(coordination, clock, holder="life")
        tokens = AccessTokens(transport, coordination, clock, flight)
        return WeChatIdentity(transport, JsapiTickets(tokens, flight), orders=WeChatOrderDesk(tokens))

    def rehearse(self, order: dict[str, Any]) -> None:
        """Go through a script once without a fork, so that the lives find everything made that is made once."""
        self.live(order, os.open(os.devnull, os.O_WRONLY))
        for sender in (self.real.transport, self.real.courier):
            assert isinstance(sender, HttpTransport | HttpCourier)
            sender.close()
        assert threading.enumerate() == [threading.main_thread()], "a fork would lose a thread"
        gc.collect()
        gc.freeze()  # lives share the pages of what was made before them

    def raise_one(self, order: dict[str, Any]) -> dict[str, Any]:
        """Begin a life and see it end."""
        read, diary = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            self._be_born(partial(self.live, order, diary), diary)
        os.close(diary)
        with os.fdopen(read, "rb") as pages:
            entries = [orjson.loads(line) for line in pages]
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {"status": status, "entries": entries}

    @staticmethod
    def _be_born(live: partial[None], diary: int) -> None:
        signal.alarm(LIFE_S_MAX)
        status = 0
        try:
            live()
        except BaseException:  # noqa: BLE001 - whatever it is, the test shows it
            os.write(diary, orjson.dumps({"failure": traceback.format_exc(limit=FRAMES_SHOWN)}) + b"\n")
            status = 1
        os._exit(status)


def main() -> None:
    """Serve orders until the line is closed."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(sys.argv[1]).open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    logs.configure()
    nursery = Nursery(Path(sys.argv[1]).parent)
    nursery.rehearse(orjson.loads(orders.readline()))
    answers.write(orjson.dumps({"status": 0, "entries": []}) + b"\n")
    answers.flush()
    for line in orders:
        answers.write(orjson.dumps(nursery.raise_one(orjson.loads(line))) + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
