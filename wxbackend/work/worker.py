"""The worker: a loop for each kind of work, so that slow webhooks never hold up reconciliation."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.work import certificates, expiry, inbox, outbox, reconciliation, refunds
from wxbackend.work.crew import Crew

LOOKS_AT_ONCE_MAX = 16
REFUND_LOOKS_AT_ONCE_MAX = 8
HOUSEKEEPING_EVERY_S = 600
INBOX_EVERY_S = 5


class Worker:
    """Runs until it is told to stop; what it is doing then is finished first."""

    def __init__(self, deps: Dependencies, *, idle_wait_s: float, certificates_every_s: int) -> None:
        self._deps = deps
        self._idle_wait_s = idle_wait_s
        self._certificates_every_s = certificates_every_s
        self._stop = threading.Event()
        self._log = structlog.get_logger("worker")

    def run(self) -> None:
        """Work until `stop`."""
        deps = self._deps
        with (
            Crew(LOOKS_AT_ONCE_MAX, "reconcile") as reconcilers,
            Crew(REFUND_LOOKS_AT_ONCE_MAX, "refund") as refunders,
            Crew(outbox.HANDS, "deliver") as couriers,
        ):
            loops: list[tuple[str, Callable[[], int], Callable[[], object]]] = [
                ("reconciliation", lambda: reconciliation.tick(deps, reconcilers), self._resting(reconcilers)),
                ("refunds", lambda: refunds.tick(deps, refunders), self._resting(refunders)),
                ("outbox", self._outbox(couriers), self._resting(couriers)),
                ("inbox", lambda: inbox.tick(deps), lambda: self._stop.wait(INBOX_EVERY_S)),
                ("certificates", self._certificates(), lambda: self._stop.wait(self._idle_wait_s)),
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

    def _certificates(self) -> Callable[[], int]:
        clock = certificates.Schedule(every_s=self._certificates_every_s)
        return lambda: clock.tick(self._deps)

    def _outbox(self, couriers: Crew) -> Callable[[], int]:
        under_way = outbox.Outbox(couriers)
        return lambda: under_way.tick(self._deps)

    def _resting(self, crew: Crew) -> Callable[[], object]:
        """What a loop does when nothing could begin: a hand that gets free wakes it before its time."""
        return lambda: crew.rest(self._idle_wait_s)

    def _loop(self, name: str, tick: Callable[[], int], rest: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                done = tick()
            except Exception:  # noqa: BLE001 - a loop that ends would end all work of its kind
                self._log.exception("tick_failed", kind=name)
                done = 0
            if not done:
                rest()
