"""Which payments of a day no row of its bill spoke of, found in little memory however long the day was.

For each minute the matched rows are counted and their identifiers summed up. A minute whose count and sum are those of
our own payments misses none. What remains is looked for in the bill once more, some thousands at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from wxbackend.domain.bill_judgement import OurPayment, OurRefund

MINUTE_MS: Final = 60_000
AT_ONCE_MAX: Final = 20_000
"""So many suspects are held in memory while the bill is read again."""

Ours = TypeVar("Ours", OurPayment, OurRefund)


class Minutes:
    """Counts and sums of what a bill spoke of."""

    def __init__(self) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)
        self._sums: defaultdict[int, int] = defaultdict(int)

    def add(self, moment_ms: int, number: int) -> None:
        """A row spoke of this one."""
        minute = moment_ms // MINUTE_MS
        self._counts[minute] += 1
        self._sums[minute] += number

    def agree(self, moment_ms: int, numbers: Sequence[int]) -> bool:
        """Whether rows spoke of exactly these in that minute."""
        minute = moment_ms // MINUTE_MS
        return self._counts.get(minute, 0) == len(numbers) and self._sums.get(minute, 0) == sum(numbers)


def absent(
    spoken_of: Minutes,
    ours: Iterable[Ours],
    *,
    moment: Callable[[Ours], int],
    number: Callable[[Ours], str],
    numbers_in_bill: Callable[[], Iterator[Sequence[str]]],
) -> Iterator[Ours]:
    """Those of ours, which come by time, that the bill does not have; `numbers_in_bill` reads it from its start."""
    suspects: dict[str, Ours] = {}
    for each in _suspects(spoken_of, ours, moment):
        suspects[number(each)] = each
        if len(suspects) >= AT_ONCE_MAX:
            yield from _left_over(suspects, numbers_in_bill)
            suspects = {}
    if suspects:
        yield from _left_over(suspects, numbers_in_bill)


def _suspects(spoken_of: Minutes, ours: Iterable[Ours], moment: Callable[[Ours], int]) -> Iterator[Ours]:
    """All of the minutes in which something is amiss."""
    minute: list[Ours] = []
    for each in ours:
        if minute and moment(each) // MINUTE_MS != moment(minute[0]) // MINUTE_MS:
            yield from _unless_agreed(spoken_of, minute, moment)
            minute = []
        minute.append(each)
    yield from _unless_agreed(spoken_of, minute, moment)


def _unless_agreed(spoken_of: Minutes, minute: list[Ours], moment: Callable[[Ours], int]) -> Iterable[Ours]:
    if not minute or spoken_of.agree(moment(minute[0]), [each.id for each in minute]):
        return ()
    return minute


def _left_over(suspects: dict[str, Ours], numbers_in_bill: Callable[[], Iterator[Sequence[str]]]) -> Iterable[Ours]:
    left = dict(suspects)
    for numbers in numbers_in_bill():
        for number in numbers:
            left.pop(number, None)
        if not left:
            break
    return left.values()
