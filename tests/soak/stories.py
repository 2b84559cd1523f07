"""Which story is told next: most are sales of a page, some of a till, some of money that goes out."""

from __future__ import annotations

import threading
from typing import Final

from tests.soak.client import Unanswered
from tests.soak.money_out import Gift, SharedSale
from tests.soak.plan import Plan
from tests.soak.sales import Market, Sale
from tests.soak.till import ScannedSale

TOLD: Final = (Sale, Sale, Sale, Sale, Sale, Gift, SharedSale, ScannedSale)


class Merchant:
    """One thread of stories."""

    def __init__(self, market: Market, plan: Plan, number: int) -> None:
        self._market = market
        self._plan = plan
        self._number = number
        self._over = threading.Event()

    def run(self) -> None:
        """Story after story; the one under way is finished."""
        told = 0
        while not self._over.is_set():
            told += 1
            dice = self._plan.dice("merchant", self._number, told)
            name = f"soak-{self._plan.seed}-{self._number}-{told}"
            story = dice.choice(TOLD)
            try:
                story(self._market, dice, name).run()
            except Unanswered:
                pass
            except Exception as error:  # noqa: BLE001 - a story that breaks is a finding, and the others go on
                self._market.journal.trouble(f"the {story.__name__} {name} broke: {type(error).__name__}: {error}")
            self._over.wait(dice.uniform(0, 0.6))

    def stop(self) -> None:
        """No further story."""
        self._over.set()
