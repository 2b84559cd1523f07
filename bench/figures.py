"""Every figure: what it is, what it must reach and what it aims at, and what a run has found."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final


class Verdict(enum.Enum):
    """How a figure stands to its target."""

    AIM = "aim met"
    MET = "met"
    UNDER = "UNDER MUST"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is and shall be."""

    name: str
    must: float
    aim: float
    meaning: str
    smaller_is_better: bool = False
    unit: str = ""

    def verdict(self, value: float) -> Verdict:
        """How a value stands to it."""
        sign = -1 if self.smaller_is_better else 1
        if sign * value >= sign * self.aim:
            return Verdict.AIM
        return Verdict.MET if sign * value >= sign * self.must else Verdict.UNDER


@dataclass(frozen=True, slots=True)
class Reached:
    """A figure of this run: one value for each round, and what it was made of, in words."""

    target: Target
    rounds: Sequence[float]
    detail: str = ""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)

    @property
    def verdict(self) -> Verdict:
        """How it stands to its target."""
        return self.target.verdict(self.value)


@dataclass(frozen=True, slots=True)
class Omitted:
    """A figure that this run does not have, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Findings:
    """What a run has found so far."""

    reached: list[Reached] = field(default_factory=list)
    omitted: list[Omitted] = field(default_factory=list)
    floors: dict[str, list[float]] = field(default_factory=dict)
    """Processor seconds by the floor's name, one for each round."""

    def floor(self, name: str, seconds: float) -> None:
        """Keep what a floor cost in a round."""
        self.floors.setdefault(name, []).append(seconds)


CREATE_POSTGRESQL: Final = Target(
    "create+confirm ÷ (2S+V+U+2C+B), PostgreSQL", 0.40, 0.55,
    "A PaymentIntent is created and confirmed in one request with an idempotency key: one order at WeChat, two commits.",
)  # fmt: skip
CREATE_SQLITE: Final = Target(
    "create+confirm ÷ (2S+V+U+2C+B), SQLite", 0.45, 0.65, "The same on the embedded default."
)
NOTICE_POSTGRESQL: Final = Target(
    "notice ÷ (V+C+B), PostgreSQL", 0.45, 0.65,
    "WeChat's notice that an order was paid: verified, decrypted, settled and committed before it is acknowledged.",
)  # fmt: skip
NOTICE_SQLITE: Final = Target("notice ÷ (V+C+B), SQLite", 0.50, 0.80, "The same on the embedded default.")
READ_POSTGRESQL: Final = Target(
    "GET intent ÷ bare GET, PostgreSQL", 0.50, 0.65, "One PaymentIntent with its order is read with a secret key."
)
READ_SQLITE: Final = Target("GET intent ÷ bare GET, SQLite", 0.50, 0.65, "The same on the embedded default.")
REPLAY_POSTGRESQL: Final = Target(
    "replayed create ÷ B, PostgreSQL", 0.40, 0.55, "The same create with the same idempotency key again: the kept answer."
)
REPLAY_SQLITE: Final = Target("replayed create ÷ B, SQLite", 0.40, 0.55, "The same on the embedded default.")
