"""What the dispatcher sees of the queues: which rows are due, without taking them.

Whoever does the work takes the row itself, by its number; the row decides, and nothing that is said about it elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Kind(Enum):
    """What is done with a row; the words travel in messages."""

    LOOK = "look"
    REFUND_LOOK = "refund_look"
    TRANSFER_LOOK = "transfer_look"
    SHARING_LOOK = "sharing_look"
    DELIVERY = "delivery"
    MANDATE_LOOK = "mandate_look"
    SHIPPING_LOOK = "shipping_look"


@dataclass(frozen=True, slots=True)
class Due:
    """A row as it waits; `lane` is the endpoint of a delivery, and empty for a look."""

    item: int
    tries: int
    due_ms: int
    lane: str = ""


class Handover(Protocol):
    """Reads the queues and leaves them as they are."""

    def due(
        self,
        kind: Kind,
        *,
        now_ms: int,
        limit: int,
        besides: Collection[int] = (),
        room: Callable[[str], int] | None = None,
    ) -> Sequence[Due]:
        """What is due and is not among `besides`, longest first; of each lane no more than there is `room` for."""
        ...

    def waiting(self, kind: Kind, items: Collection[int]) -> Sequence[Due]:
        """Those of the rows that still wait for something, due, leased or planned."""
        ...
