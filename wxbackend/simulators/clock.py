"""The simulator's clock: virtual time is real time plus an offset that only ever grows, until a reset."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

ADVANCE_S_MAX = 10 * 366 * 86400
BEIJING = timezone(timedelta(hours=8), "CST")


def real_now() -> float:
    """Real seconds since the epoch; signatures are checked and made with this, never with virtual time."""
    return time.time()


def rfc3339(moment: float) -> str:
    """A moment as WeChat writes it: whole seconds with the +08:00 offset."""
    return datetime.fromtimestamp(int(moment), BEIJING).isoformat()


def compact(moment: float) -> str:
    """A moment as fourteen digits of Beijing time, as used inside prepay ids."""
    return datetime.fromtimestamp(int(moment), BEIJING).strftime("%Y%m%d%H%M%S")


class Clock:
    """Virtual time for orders, codes, tokens and the notice schedule."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset_s = 0.0

    def now(self) -> float:
        """Virtual seconds since the epoch."""
        with self._lock:
            return real_now() + self._offset_s

    def advance(self, seconds: float) -> None:
        """Move virtual time forward. Raises ValueError for going backwards or too far."""
        if not 0 <= seconds <= ADVANCE_S_MAX:
            raise ValueError(f"advance_s must lie between 0 and {ADVANCE_S_MAX}, got {seconds}")
        with self._lock:
            if self._offset_s + seconds > ADVANCE_S_MAX:
                raise ValueError(f"the clock may run ahead by {ADVANCE_S_MAX} s at most")
            self._offset_s += seconds

    def reset(self) -> None:
        """Make virtual time equal to real time again."""
        with self._lock:
            self._offset_s = 0.0

    def view(self) -> dict[str, object]:
        """Both times and the offset, for the desk."""
        with self._lock:
            offset_s = self._offset_s
        now = real_now()
        return {
            "now": rfc3339(now + offset_s),
            "now_s": int(now + offset_s),
            "real_now": rfc3339(now),
            "offset_s": offset_s,
        }
