"""Work that failed here, by an error of ours and not by an answer of anybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Work(Enum):
    """What can fail."""

    ATTEMPT = "attempt"
    REFUND = "refund"
    TRANSFER = "transfer"
    SHARING = "sharing"
    NOTICE = "notice"
    DELIVERY = "delivery"
    MANDATE = "mandate"
    SHIPPING = "shipping"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that failed; `reason` is the error's type, never its words."""

    work: Work
    item: int
    failures: int
    reason: str
    first_ms: int
    last_ms: int
    again_ms: int | None
    """When it is tried again by itself; None for never."""


class Failures(Protocol):
    """Items that failed and have not gone well since."""

    def find(self, work: Work, item: int) -> Failure | None:
        """What is known of one."""
        ...

    def put(self, failure: Failure) -> None:
        """Keep it in the place of what was known."""
        ...

    def remove(self, work: Work, item: int) -> None:
        """It went well."""
        ...

    def parked(self, *, failures: int) -> Sequence[Failure]:
        """Those that failed at least so often, the oldest first."""
        ...

    def count(self, *, failures: int) -> Mapping[str, int]:
        """How many of each kind failed at least so often."""
        ...

    def forget(self, *, last_before_ms: int) -> None:
        """Drop those that did not fail again since then."""
        ...
