"""What a law of the reckoning yields: `lost` is money, an object or an event that somebody was promised and that is not
there, `doubled` what happened twice, `differs` the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOST: Final = "lost"
DOUBLED: Final = "doubled"
DIFFERS: Final = "differs"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree."""

    kind: str
    text: str
