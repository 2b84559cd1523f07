"""Hands the numbers of due rows to another engine. Its memory only saves messages: the rows decide what is done.

A row that was handed over is handed over again when it is still due after a lease, so a lost message costs that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.hand_over import find_due, find_waiting
from wxbackend.ports.engine import Engine, EngineAway
from wxbackend.ports.store import Due, Kind
from wxbackend.work.lanes import Lanes

LOOK_AFTER_S: Final = 0.1
"""How soon it is seen that something handed over is done, which makes room for more."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A row as it was when its number was sent."""

    due: Due
    sent_ms: int


class Dispatcher:
    """Hands over one kind of work, and never more of it than there are hands for."""

    def __init__(self, kind: Kind, engine: Engine, *, hands: int) -> None:
        self._kind = kind
        self._engine = engine
        self._hands = hands
        self._lanes = Lanes(hands) if kind is Kind.DELIVERY else None
        self._handed: dict[int, Handed] = {}
        self._away = False
        self._log = structlog.get_logger("dispatcher")

    def pause_s(self, idle_wait_s: float) -> float:
        """How long to rest when nothing was sent."""
        return min(idle_wait_s, LOOK_AFTER_S) if self._handed and not self._away else idle_wait_s

    def tick(self, deps: Dependencies) -> int:
        """How many were sent."""
        self._let_go(deps)
        free = self._hands - len(self._handed)
        if free <= 0:
            return 0
        room = None
        if self._lanes is not None:
            self._lanes.open_round()
            room = self._lanes.room
        sent = 0
        for due in find_due(deps, self._kind, at_most=free, besides=self._handed.keys(), room=room):
            if not self._send(due.item):
                break
            if self._lanes is not None:
                self._lanes.begin(due.lane)
            self._handed[due.item] = Handed(due, deps.surroundings.now_ms())
            sent += 1
        return sent

    def _send(self, item: int) -> bool:
        try:
            self._engine.send(self._kind, item)
        except EngineAway as error:
            if not self._away:
                self._log.warning("engine_away", kind=self._kind.value, reason=str(error))
            self._away = True
            self._lose_sight()
            return False
        if self._away:
            self._log.warning("engine_back", kind=self._kind.value)
        self._away = False
        return True

    def _lose_sight(self) -> None:
        """A queue that broke may have lost all that was in it: when it is back, everything is sent again."""
        for handed in self._handed.values():
            if self._lanes is not None:
                self._lanes.end(handed.due.lane, well=None)
        self._handed.clear()

    def _let_go(self, deps: Dependencies) -> None:
        """Forget what is done, what is due anew, and what nobody took within a lease."""
        waiting = find_waiting(deps, self._kind, self._handed.keys())
        now_ms = deps.surroundings.now_ms()
        for item, handed in list(self._handed.items()):
            due = waiting.get(item)
            if due is not None and _under_way(handed, due, now_ms=now_ms, lease_ms=deps.policy.lease_ms):
                continue
            del self._handed[item]
            if self._lanes is not None:
                unchanged = due is not None and due.tries == handed.due.tries
                self._lanes.end(handed.due.lane, well=None if unchanged else due is None)


def _under_way(handed: Handed, due: Due, *, now_ms: int, lease_ms: int) -> bool:
    taken_and_due_anew = due.due_ms != handed.due.due_ms and due.due_ms <= now_ms
    return due.tries == handed.due.tries and not taken_and_due_anew and now_ms - handed.sent_ms < lease_ms
