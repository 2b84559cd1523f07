"""Counts that many threads add to, and what callers were told: nothing of it comes from the product's own books."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Final

FINAL: Final = ("succeeded", "canceled")


class Tally:
    """Counts by group and kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, group: str, kind: str, number: int = 1) -> None:
        """So many more."""
        with self._lock:
            self._counts[group][kind] += number

    def of(self, group: str) -> dict[str, int]:
        """The counts of a group, the most frequent first."""
        with self._lock:
            return dict(self._counts[group].most_common())

    def total(self, group: str) -> int:
        """All kinds of a group together."""
        return sum(self.of(group).values())


@dataclass(frozen=True, slots=True)
class Said:
    """A final answer that a caller was given to a request with a key."""

    kind: str
    key: str
    status: int
    body: bytes
    shown: dict[str, Any]


class Journal:
    """What callers know for certain, since they were told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: list[Said] = []
        self._seen: dict[str, str] = {}
        self._trouble: list[str] = []
        self._cuts_ms: list[int] = []

    def cut(self) -> None:
        """A worker is being killed at this moment: what it was sending is cut off."""
        with self._lock:
            self._cuts_ms.append(time.time_ns() // 1_000_000)

    def cuts_ms(self) -> list[int]:
        """When workers were killed, in Unix milliseconds."""
        with self._lock:
            return list(self._cuts_ms)

    def said(self, said: Said) -> None:
        """An answer to a request with a key."""
        with self._lock:
            self._said.append(said)

    def seen(self, shown: dict[str, Any]) -> None:
        """An intent or a refund; a final status is one that somebody was promised."""
        name, status = shown["id"], shown["status"]
        if status in FINAL:
            with self._lock:
                earlier = self._seen.setdefault(name, status)
                if earlier != status:
                    self._trouble.append(f"{name} was shown as {earlier} and later as {status}")

    def trouble(self, text: str) -> None:
        """Something that must not happen at all."""
        with self._lock:
            self._trouble.append(text)

    def answers(self) -> list[Said]:
        """All answers."""
        with self._lock:
            return list(self._said)

    def finals(self) -> dict[str, str]:
        """The final status of each intent and refund that was shown one."""
        with self._lock:
            return dict(self._seen)

    def troubles(self) -> list[str]:
        """What must not have happened."""
        with self._lock:
            return list(self._trouble)
