"""The worker: a loop for each kind of work, so that slow webhooks never hold up reconciliation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.engine import Engine
from wxbackend.ports.store import Kind
from wxbackend.work import (
    bills,
    certificates,
    expiry,
    inbox,
    mandates,
    outbox,
    reconciliation,
    refunds,
    sharings,
    shippings,
    transfers,
)
from wxbackend.work.crew import Crew
from wxbackend.work.dispatcher import Dispatcher
from wxbackend.work.failing import told
from wxbackend.work.patience import Patience, Recovery

LOOKS_AT_ONCE_MAX = 16
REFUND_LOOKS_AT_ONCE_MAX = 8
MANDATE_LOOKS_AT_ONCE_MAX = 4
TRANSFER_LOOKS_AT_ONCE_MAX = 4
SHARING_LOOKS_AT_ONCE_MAX = 4
SHIPPING_LOOKS_AT_ONCE_MAX = 4
HANDS: Final = {
    Kind.LOOK: LOOKS_AT_ONCE_MAX,
    Kind.REFUND_LOOK: REFUND_LOOKS_AT_ONCE_MAX,
    Kind.MANDATE_LOOK: MANDATE_LOOKS_AT_ONCE_MAX,
    Kind.TRANSFER_LOOK: TRANSFER_LOOKS_AT_ONCE_MAX,
    Kind.SHARING_LOOK: SHARING_LOOKS_AT_ONCE_MAX,
    Kind.SHIPPING_LOOK: SHIPPING_LOOKS_AT_ONCE_MAX,
    Kind.DELIVERY: outbox.HANDS,
}
"""How many of each are done at a time, by this process or by those to whom it hands over."""
HOUSEKEEPING_EVERY_S = 600
INBOX_EVERY_S = 5
BILLS_EVERY_S = 60


Loop = tuple[str, Callable[[], int], Callable[[], object]]
"""Its name, what it does, and how it rests when there was nothing to do."""


class Worker:
    """Runs until it is told to stop; what it is doing then is finished first.

    With an engine it does not work on rows itself: it hands their numbers over.
    """

    def __init__(
        self, deps: Dependencies, *, idle_wait_s: float, certificates_every_s: int, engine: Engine | None = None
    ) -> None:
        self._deps = deps
        self._idle_wait_s = idle_wait_s
        self._certificates_every_s = certificates_every_s
        self._engine = engine
        self._stop = threading.Event()
        self._recovery = Recovery()
        self._log = structlog.get_logger("worker")

    def run(self) -> None:
        """Work until `stop`."""
        deps = self._deps
        with ExitStack() as crews:
            loops = self._own_hands(crews) if self._engine is None else self._handing_over(self._engine)
            loops += [
                ("inbox", lambda: inbox.tick(deps), lambda: self._stop.wait(INBOX_EVERY_S)),
                ("certificates", self._certificates(), lambda: self._stop.wait(self._idle_wait_s)),
                ("bills", lambda: bills.tick(deps, self._stop.is_set), lambda: self._stop.wait(BILLS_EVERY_S)),
                ("shipping list", self._shipping_list(), lambda: self._stop.wait(HOUSEKEEPING_EVERY_S)),
                ("expiry", lambda: expiry.tick(deps), lambda: self._stop.wait(HOUSEKEEPING_EVERY_S)),
            ]
            threads = [threading.Thread(target=self._loop, args=loop, name=loop[0], daemon=True) for loop in loops]
            for thread in threads:
                thread.start()
            self._log.info("worker_started", kinds=[name for name, _, _ in loops])
            for thread in threads:
                thread.join()
        self._log.info("worker_stopped")

    def stop(self) -> None:
        """Stop after what is under way."""
        self._stop.set()
        self._recovery.end()

    def _own_hands(self, crews: ExitStack) -> list[Loop]:
        deps = self._deps
        reconcilers = crews.enter_context(Crew(LOOKS_AT_ONCE_MAX, "reconcile"))
        refunders = crews.enter_context(Crew(REFUND_LOOKS_AT_ONCE_MAX, "refund"))
        mandaters = crews.enter_context(Crew(MANDATE_LOOKS_AT_ONCE_MAX, "mandate"))
        payers = crews.enter_context(Crew(TRANSFER_LOOKS_AT_ONCE_MAX, "transfer"))
        sharers = crews.enter_context(Crew(SHARING_LOOKS_AT_ONCE_MAX, "share"))
        shippers = crews.enter_context(Crew(SHIPPING_LOOKS_AT_ONCE_MAX, "ship"))
        couriers = crews.enter_context(Crew(outbox.HANDS, "deliver"))
        return [
            ("reconciliation", lambda: reconciliation.tick(deps, reconcilers), self._resting(reconcilers)),
            ("refunds", lambda: refunds.tick(deps, refunders), self._resting(refunders)),
            ("mandates", lambda: mandates.tick(deps, mandaters), self._resting(mandaters)),
            ("transfers", lambda: transfers.tick(deps, payers), self._resting(payers)),
            ("sharings", lambda: sharings.tick(deps, sharers), self._resting(sharers)),
            ("shippings", lambda: shippings.tick(deps, shippers), self._resting(shippers)),
            ("outbox", self._outbox(couriers), self._resting(couriers)),
        ]

    def _handing_over(self, engine: Engine) -> list[Loop]:
        return [self._dispatching(Dispatcher(kind, engine, hands=hands), kind) for kind, hands in HANDS.items()]

    def _dispatching(self, dispatcher: Dispatcher, kind: Kind) -> Loop:
        return (
            f"dispatch {kind.value}",
            lambda: dispatcher.tick(self._deps),
            lambda: self._stop.wait(dispatcher.pause_s(self._idle_wait_s)),
        )

    def _certificates(self) -> Callable[[], int]:
        clock = certificates.Schedule(every_s=self._certificates_every_s)
        return lambda: clock.tick(self._deps)

    def _shipping_list(self) -> Callable[[], int]:
        catch_up = shippings.CatchUp()
        return lambda: catch_up.tick(self._deps)

    def _outbox(self, couriers: Crew) -> Callable[[], int]:
        under_way = outbox.Outbox(couriers)
        return lambda: under_way.tick(self._deps)

    def _resting(self, crew: Crew) -> Callable[[], object]:
        """What a loop does when nothing could begin: a hand that gets free wakes it before its time."""
        return lambda: crew.rest(self._idle_wait_s)

    def _loop(self, name: str, tick: Callable[[], int], rest: Callable[[], object]) -> None:
        patience = Patience(self._recovery)
        while not self._stop.is_set():
            try:
                done = tick()
            except Exception as error:  # noqa: BLE001 - a loop that ends would end all work of its kind
                self._log.error("tick_failed", kind=name, **told(error))
                patience.rest()
                continue
            patience.went_well()
            if not done:
                rest()
