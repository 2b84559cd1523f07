"""Run as a process by the suites: processes of it ask for refunds of one payment as fast as they can.

It prints what each became. It forks before it opens anything, so every process has its own connections and its
own numbers; all begin together. The arguments are the database, the intent, how many processes, how many refunds
each, and how much each.
"""

from __future__ import annotations

import itertools
import multiprocessing
import sys
import time
from types import SimpleNamespace
from typing import Any, Final, cast

from tests.support.objects import ACCOUNT
from wxbackend.domain.errors import Rejected
from wxbackend.flows.cancel_refund import cancel_refund
from wxbackend.flows.create_refund import CreateRefund, create_refund
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.store.unit import open_store

WAIT_S_MAX: Final = 30


class Numbered:
    """The real clock, and numbers of this process alone."""

    def __init__(self, first: int) -> None:
        self._numbers = itertools.count(first)

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def new_id(self) -> int:
        """The next number."""
        return next(self._numbers)


def ask(url: str, intent_id: int, first: int, count: int, amount: int) -> list[str]:
    """Ask, and take every third back at once: what is taken back must not be given out twice."""
    nothing: Any = None
    store = open_store(url)
    deps = Dependencies(
        store=store,
        transport=nothing,
        providers=cast("Any", SimpleNamespace(of=lambda *_: None)),
        accounts=cast("Any", SimpleNamespace(endpoints=lambda *_, **__: (), app=lambda _appid: None)),
        identity=nothing,
        coordination=nothing,
        courier=nothing,
        surroundings=cast("Any", Numbered(first)),
        counting=nothing,
        policy=Policy(),
    )
    actor = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
    store.read(lambda unit: unit.intents.find(intent_id))
    told = []
    TOGETHER.wait(WAIT_S_MAX)
    for place in range(count):
        try:
            told.append(f"made {(refund := create_refund(deps, actor, CreateRefund(intent_id, amount))).id}")
            if place % 3 == 2:
                told.append(f"canceled {cancel_refund(deps, actor, refund.id).id}")
        except Rejected as error:
            told.append(f"refused {error.code}")
    store.close()
    return told


if __name__ == "__main__":
    url, *rest = sys.argv[1:]
    intent, processes, times, fen = (int(argument) for argument in rest)
    forking = multiprocessing.get_context("fork")
    TOGETHER = forking.Barrier(processes)
    with forking.Pool(processes) as pool:
        asked = [(url, intent, 1000 * place, times, fen) for place in range(1, processes + 1)]
        sys.stdout.writelines(f"{line}\n" for lines in pool.starmap(ask, asked, chunksize=1) for line in lines)
