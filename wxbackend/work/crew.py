"""Threads that are handed only as much as they can begin at once, so that a slow job keeps no other one waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class Crew:
    """So many hands; `free` says how many of them have nothing to do."""

    def __init__(self, hands: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(hands, name)
        self._lock = threading.Lock()
        self._free = hands
        self._freed = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True)

    def free(self) -> int:
        """How many jobs could begin now."""
        with self._lock:
            return self._free

    def take(self, job: Callable[[], None]) -> None:
        """Begin a job; nobody waits for its end. Take no more than there are free hands."""
        with self._lock:
            assert self._free > 0, "a job that cannot begin at once would spend its lease in a queue"
            self._free -= 1
        self._executor.submit(job).add_done_callback(self._let_go)

    def _let_go(self, _done: Future[None]) -> None:
        with self._lock:
            self._free += 1
        self._freed.set()

    def rest(self, at_most_s: float) -> None:
        """Wait until a hand gets free, which may have made room for what is due, or until the time is over."""
        self._freed.wait(at_most_s)
        self._freed.clear()
