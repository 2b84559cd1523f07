"""The hand that kills -9: a deck of all that can die, shuffled by the seed, dealt again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from tests.soak.fleet import Fleet
from tests.soak.plan import Plan
from tests.soak.tally import Journal, Tally

WATCH_EVERY_S: Final = 0.25
WEB, WORKER, REDIS, EVERYBODY = "web", "worker", "redis", "all webs and workers at once"
RESTART, PROMOTION = "postgresql, restarted", "postgresql for good, standby promoted"
DECK: Final = (WEB, WORKER, REDIS, RESTART, PROMOTION, WEB, WORKER, EVERYBODY)


class Hand:
    """Kills until it is told to stop; leaves everything running."""

    def __init__(self, fleet: Fleet, plan: Plan, tally: Tally, journal: Journal) -> None:
        self._fleet = fleet
        self._plan = plan
        self._tally = tally
        self._journal = journal
        self._dice = plan.dice("hand")
        self._over = threading.Event()
        self._deeds: dict[str, Callable[[], None]] = {
            WEB: lambda: self._kill_one(WEB),
            WORKER: lambda: self._kill_one(WORKER),
            REDIS: self._kill_redis,
            EVERYBODY: self._kill_everybody,
            RESTART: lambda: fleet.databases.restart(down_s=self._dice.uniform(0, 2.5)),
            PROMOTION: self._promote,
        }

    def run(self) -> None:
        """Deal the deck; what ended by itself is started again between two kills."""
        while not self._over.is_set():
            for deed in self._dice.sample(DECK, len(DECK)):
                self._rest(self._dice.uniform(0.3, 1.7) * self._plan.pause_s)
                if self._over.is_set():
                    return
                self._tally.add("kills", deed)
                self._deeds[deed]()

    def stop(self) -> None:
        """No more kills after the one under way."""
        self._over.set()

    def _rest(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not self._over.wait(WATCH_EVERY_S):
            self._fleet.mend()

    def _kill_one(self, kind: str) -> None:
        name = self._dice.choice(self._fleet.names(kind))
        self._kill(name)
        time.sleep(self._dice.uniform(0, 1.5))
        self._fleet.launch(name)

    def _kill(self, name: str) -> None:
        if name.startswith(WORKER):
            self._journal.cut()
        self._fleet.kill(name)

    def _kill_everybody(self) -> None:
        names = [*self._fleet.names(WEB), *self._fleet.names(WORKER)]
        for name in names:
            self._kill(name)
        for name in names:
            self._fleet.launch(name)

    def _kill_redis(self) -> None:
        self._fleet.redis.kill()
        time.sleep(self._dice.uniform(0, 2))
        self._fleet.redis.start()

    def _promote(self) -> None:
        """The new primary is alone for a while, then gets a fresh standby; all that time payments go on."""
        self._fleet.databases.fail_over()
        time.sleep(self._dice.uniform(0, 2))
        self._fleet.databases.join()
