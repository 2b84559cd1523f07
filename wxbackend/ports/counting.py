"""The port to what an operator watches: things that happened are counted, states are read when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Gauge:
    """A state in numbers: `samples` are values by the words of `label`; an empty `label` has one sample."""

    name: str
    meaning: str
    label: str
    samples: tuple[tuple[str, int], ...]


class Counting(Protocol):
    """Counts what happened in a few microseconds, never waits for anybody and never raises."""

    def request(self, *, method: str, route: str, status: int, duration_ms: int) -> None:
        """One of our answers; `route` is the rule that matched, never the address."""
        ...

    def exchange(self, *, purpose: str, result: str, duration_ms: int) -> None:
        """One call to a provider or a platform; `result` is the status, or the kind of failure."""
        ...

    def notice(self, *, verdict: str) -> None:
        """One notice that came in, and what came of it."""
        ...

    def delivery(self, *, result: str) -> None:
        """One try to hand an event to the merchant."""
        ...

    def bill(self, *, kind: str, result: str) -> None:
        """One look at a bill, and how far it came."""
        ...

    def exposition(self, gauges: Sequence[Gauge]) -> bytes:
        """All counts of all processes that share a folder, and these gauges, as text for a scraper."""
        ...
