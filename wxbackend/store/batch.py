"""Writes of one unit that nobody waits for, made one statement of: PostgreSQL is asked once for all of them.

The parts of such a statement see the same state and run in no order, so two writes to one table are never
parts of the same, unless both only insert.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

BATCHES_REMEMBERED_MAX: Final = 512
_PLACE: Final = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Write:
    """A write as one database wants it: its text, the tables it names, and what it must do.

    `once` says why it is wrong when it touches no row; None where that may be.
    """

    text: str
    tables: frozenset[str]
    inserts: bool
    once: str | None = None


class Batch:
    """The writes that wait."""

    __slots__ = ("_tables", "_values", "_writes")

    def __init__(self) -> None:
        self._writes: list[Write] = []
        self._values: list[Any] = []
        self._tables: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._writes)

    def takes(self, write: Write) -> bool:
        """Whether it can be part of the same statement."""
        return not self.touches(write.tables) or (write.inserts and all(known.inserts for known in self._writes))

    def touches(self, tables: frozenset[str]) -> bool:
        """Whether one of the writes names one of these tables."""
        return not self._tables.isdisjoint(tables)

    def add(self, write: Write, values: Sequence[Any]) -> None:
        """Let it wait with the others."""
        self._writes.append(write)
        self._values += values
        self._tables |= write.tables

    def statement(self) -> tuple[str, list[Any], list[str]]:
        """One statement for all, its values, and what it means when PostgreSQL has to divide by zero in it."""
        writes = tuple(self._writes)
        return _together(writes), self._values, [write.once for write in writes if write.once is not None]

    def clear(self) -> None:
        """Nothing waits any more."""
        self._writes = []
        self._values = []
        self._tables = set()


@lru_cache(maxsize=BATCHES_REMEMBERED_MAX)
def _together(writes: tuple[Write, ...]) -> str:
    if len(writes) == 1 and writes[0].once is None:
        return writes[0].text
    parts, counts, places = [], [], 0
    for number, write in enumerate(writes):
        text = _PLACE.sub(lambda place: f"${int(place[1]) + places}", write.text)  # noqa: B023 - used at once
        places += max((int(place) for place in _PLACE.findall(write.text)), default=0)
        if write.once is None:
            parts.append(f"w{number} AS ({text})")
        else:
            parts.append(f"w{number} AS ({text} RETURNING 1)")
            # Divided by, so that one that touched no row undoes the unit without being waited for.
            counts.append(f"1 / (SELECT count(*) FROM w{number})")  # noqa: S608 - a number of ours
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts) or '1'}"
