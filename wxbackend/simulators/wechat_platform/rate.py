"""Counts uses per key within a sliding window of virtual time; the limit decides, not the caller."""

from __future__ import annotations

import threading
from collections import defaultdict, deque

from wxbackend.simulators.clock import Clock


class Rate:
    """At most `limit` uses per key in any `window_s` seconds."""

    def __init__(self, clock: Clock, *, limit: int, window_s: float) -> None:
        self._clock = clock
        self._limit = limit
        self._window_s = window_s
        self._lock = threading.Lock()
        self._uses: defaultdict[str, deque[float]] = defaultdict(deque)

    def allow(self, key: str) -> bool:
        """Count one use, unless the limit is reached."""
        now = self._clock.now()
        with self._lock:
            uses = self._uses[key]
            while uses and uses[0] <= now - self._window_s:
                uses.popleft()
            if len(uses) >= self._limit:
                return False
            uses.append(now)
            return True
