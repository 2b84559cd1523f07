"""The money of the merchant number abroad: what buyers paid lies in yuan with a collector, refunds come from a pool.

A refund is paid from what was taken in its currency and is still there (reference: cross-border, NOT_ENOUGH).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from wxbackend.simulators.ledger import Ledger, Movement, NotEnoughMoneyError
from wxbackend.simulators.wechat_pay import exchange

COLLECTOR = "collector_abroad"


class AbroadFunds:
    """Pools by currency, in minor units, and the yuan behind them."""

    def __init__(self, ledger: Ledger, lock: threading.RLock) -> None:
        self._ledger = ledger
        self._lock = lock
        self._pools: dict[str, int] = {}
        self._reserved: dict[str, int] = {}
        ledger.open(COLLECTOR, 0)

    def take(self, payer: str, amount: int, currency: str, *, memo: str) -> None:
        """A buyer pays an order. Raises NotEnoughMoneyError and changes nothing."""
        with self._lock:
            self._ledger.move(Movement(payer, COLLECTOR, exchange.in_yuan(amount, currency), memo))
            self._pools[currency] = self._pools.get(currency, 0) + amount

    def available(self, currency: str) -> int:
        """What may be promised to a new refund."""
        with self._lock:
            return self._pools.get(currency, 0) - self._reserved.get(currency, 0)

    def set_available(self, amount: int, currency: str) -> None:
        """Settle to the merchant's bank, or take back from there, until exactly this much is available."""
        with self._lock:
            self._pools[currency] = amount + self._reserved.get(currency, 0)

    def purse(self, currency: str, total: int) -> Purse:
        """Where the refunds of an order of so much are paid from."""
        return Purse(self, currency, total)

    def reserve(self, amount: int, currency: str) -> None:
        """Promise money to a refund, or raise NotEnoughMoneyError; a negative amount takes a promise back."""
        with self._lock:
            if amount > self.available(currency):
                raise NotEnoughMoneyError(currency)
            self._reserved[currency] = self._reserved.get(currency, 0) + amount

    def give_back(self, amount: int, purse: Purse, *, to: str, memo: str) -> None:
        """Keep a promise: the buyer has the yuan back."""
        with self._lock:
            yuan = exchange.in_yuan_of_part(amount, purse.total, purse.currency)
            if yuan:
                self._ledger.move(Movement(COLLECTOR, to, yuan, memo))
            self._pools[purse.currency] -= amount
            self._reserved[purse.currency] -= amount


@dataclass(frozen=True, slots=True)
class Purse:
    """One order's way to the pool of its currency."""

    funds: AbroadFunds
    currency: str
    total: int

    def reserve(self, amount: int) -> None:
        """Promise money to a refund, or raise NotEnoughMoneyError and promise nothing."""
        self.funds.reserve(amount, self.currency)

    def release(self, amount: int) -> None:
        """Take a promise back."""
        self.funds.reserve(-amount, self.currency)

    def pay_promised(self, amount: int, *, to: str, memo: str) -> None:
        """Keep a promise."""
        self.funds.give_back(amount, self, to=to, memo=memo)
