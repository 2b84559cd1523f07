"""How many hands each endpoint may keep busy, so that a slow or dead one leaves hands for all the others."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

PER_ENDPOINT_MAX: Final = 4
LOAD_MAX: Final = 8
"""What one hand carries in a row shares the claim, the look at the endpoint and the commit of what came of it."""
PER_AILING_ENDPOINT_MAX: Final = 1
"""For one whose last try failed."""
AILING_SHARE_PERCENT: Final = 50
"""How many of all hands those together may keep busy."""


class Lanes:
    """Counts what is under way to each endpoint, in this process."""

    def __init__(self, hands: int) -> None:
        self._ailing_max = hands * AILING_SHARE_PERCENT // 100
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._ailing: set[str] = set()
        self._promised: set[str] = set()

    def open_round(self) -> None:
        """Forget what `room` promised in the round before; what was begun of it is counted by then."""
        with self._lock:
            self._promised.clear()

    def room(self, endpoint_id: str) -> int:
        """How many more deliveries to it may begin now; what is said is promised until the next round."""
        with self._lock:
            if endpoint_id not in self._ailing:
                return max(0, PER_ENDPOINT_MAX - self._busy[endpoint_id])
            busy = sum(self._busy[name] for name in self._ailing)
            room = min(
                PER_AILING_ENDPOINT_MAX - self._busy[endpoint_id],
                self._ailing_max - busy - len(self._promised - {endpoint_id}),
            )
            if room > 0:
                self._promised.add(endpoint_id)
            return max(0, room)

    def load(self, endpoint_id: str) -> int:
        """How many deliveries one hand may take along to it."""
        with self._lock:
            return 1 if endpoint_id in self._ailing else LOAD_MAX

    def begin(self, endpoint_id: str) -> None:
        """A delivery to it begins."""
        with self._lock:
            self._busy[endpoint_id] += 1

    def end(self, endpoint_id: str, *, well: bool | None) -> None:
        """It ended; `well` is None when nobody knows how."""
        with self._lock:
            self._busy[endpoint_id] -= 1
            if not self._busy[endpoint_id]:
                del self._busy[endpoint_id]
            if well:
                self._ailing.discard(endpoint_id)
            elif well is not None:
                self._ailing.add(endpoint_id)
