"""When a delivery that failed is tried again: 18 tries in 72 hours, a little scattered."""

from __future__ import annotations

from typing import Final

DELAYS_S: Final = (
    10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600,
    7_200, 14_400, 21_600, 28_800, 36_000, 43_200, 46_800, 53_480,
)  # fmt: skip
"""The pauses after the first, second, … failed try; they add up to exactly 72 hours."""

SCATTER_PERCENT: Final = 10


def delay_s(delays_s: tuple[int, ...] | tuple[float, ...], tries: int, *, chance: float) -> float | None:
    """The pause after that many failed tries (from 1), scattered by `chance` in [0, 1); None after the last."""
    if tries > len(delays_s):
        return None
    return delays_s[tries - 1] * (100 - SCATTER_PERCENT + 2 * SCATTER_PERCENT * chance) / 100
