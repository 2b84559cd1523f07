"""What a soak is told, and the fixed sizes of it: everything random comes from the seed and a name."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

ORDER_EXPIRES_AFTER_S: Final = 120
BUYERS: Final = 96
FEN_MAX: Final = 30_000
REST_WITHIN_S: Final = 420
ANSWER_WITHIN_S: Final = 240
CALL_TIMEOUT_S: Final = 20.0
# The order of things is the product's own; only the waiting is shorter than in production.
ENVIRONMENT: Final = {
    "WXBACKEND__WORK__ORDER_EXPIRES_AFTER_S": str(ORDER_EXPIRES_AFTER_S),
    "WXBACKEND__WORK__CERTIFICATES_EVERY_S": "60",
    "WXBACKEND__WORK__REFUND_SPACING_S": "1",
    "WXBACKEND__WORK__WEBHOOK_DELAYS_S": "[0.5, 0.5, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8]",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One soak."""

    seconds: int = 60
    seed: int = 7
    web: int = 2
    workers: int = 2
    merchants: int = 40
    pause_s: float = 5.0
    """Between two kills, on average."""

    def dice(self, *names: object) -> random.Random:
        """Chance that depends on the seed and the names alone."""
        return random.Random("/".join(map(str, (self.seed, *names))))
