"""How the worker's loops rest after a failure: longer each time, and until any of them finds that all is well again."""

from __future__ import annotations

import threading
from typing import Final

PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
"""After the first failures in a row; the last one then stays."""


class Recovery:
    """What wakes the loops that rest after a failure."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._told = 0
        self._ended = False

    def tell(self) -> None:
        """What failed works again."""
        with self._changed:
            self._told += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, at_most_s: float) -> None:
        """Until that is told, or the time is over."""
        with self._changed:
            told = self._told
            self._changed.wait_for(lambda: self._ended or self._told != told, at_most_s)


class Patience:
    """One loop's."""

    def __init__(self, recovery: Recovery) -> None:
        self._recovery = recovery
        self._failures = 0

    def rest(self) -> None:
        """Wait after a failure."""
        pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1
        self._recovery.wait(pause_s)

    def went_well(self) -> None:
        """The pauses begin anew, and the other loops need not wait for the end of theirs."""
        if self._failures:
            self._failures = 0
            self._recovery.tell()
