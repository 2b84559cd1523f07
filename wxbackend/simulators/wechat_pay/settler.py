"""A thread that ends refunds when their time has come, so that nobody need ask for a notice to be sent."""

from __future__ import annotations

import threading
from collections.abc import Callable

IDLE_WAIT_S = 0.5


class Settler:
    """Calls `settle`, which tells after how many seconds it wants to be called again (None: when nudged)."""

    def __init__(self, settle: Callable[[], float | None]) -> None:
        self._settle = settle
        self._nudged = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start; a second call changes nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="settler", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop, and wait until it has."""
        self._stopping.set()
        self._nudged.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def nudge(self) -> None:
        """Look again now: something new is planned."""
        self._nudged.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._nudged.clear()
            next_s = self._settle()
            self._nudged.wait(IDLE_WAIT_S if next_s is None else min(next_s, IDLE_WAIT_S))
