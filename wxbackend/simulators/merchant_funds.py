"""The merchant's money at WeChat: fen promised to a refund cannot be spent twice, and none comes from nowhere."""

from __future__ import annotations

import threading

from wxbackend.simulators.ledger import MERCHANT, Ledger, Movement, NotEnoughMoneyError

BANK = "merchant_bank"


class MerchantFunds:
    """Balance, promises and the way to the merchant's own bank, all in fen.

    The bank account may fall below nothing: it stands for a world in which the merchant has other money.
    """

    def __init__(self, ledger: Ledger, lock: threading.RLock) -> None:
        self._ledger = ledger
        self._lock = lock
        self._reserved = 0
        self._withdrawn = 0
        ledger.open(BANK, 0, may_overdraw=True)

    def available(self) -> int:
        """What may be withdrawn or promised to a new refund."""
        with self._lock:
            return self._ledger.balance(MERCHANT) - self._reserved

    def reserve(self, amount: int) -> None:
        """Promise fen to a refund, or raise NotEnoughMoneyError and promise nothing."""
        with self._lock:
            if amount > self.available():
                raise NotEnoughMoneyError(MERCHANT)
            self._reserved += amount

    def release(self, amount: int) -> None:
        """Take a promise back."""
        with self._lock:
            self._reserved -= amount

    def pay_promised(self, amount: int, *, to: str, memo: str) -> None:
        """Keep a promise: the fen leave for an account."""
        with self._lock:
            self._ledger.move(Movement(MERCHANT, to, amount, memo))
            self._reserved -= amount

    def withdraw(self, amount: int) -> None:
        """Take fen to the bank. Raises ValueError for more than is available."""
        with self._lock:
            if amount > self.available():
                raise ValueError(f"only {self.available()} fen are available, not {amount}")
            self._move_out(amount)

    def top_up(self, amount: int) -> None:
        """Bring fen from the bank."""
        with self._lock:
            self._move_out(-amount)

    def set_available(self, amount: int) -> None:
        """Withdraw or top up until exactly this much is available."""
        with self._lock:
            self._move_out(self.available() - amount)

    def view(self) -> dict[str, int]:
        """The merchant's money as the desk shows it; `withdrawn_total` is net of what was brought back."""
        with self._lock:
            return {
                "balance": self._ledger.balance(MERCHANT),
                "reserved": self._reserved,
                "available": self.available(),
                "bank_balance": self._ledger.balance(BANK),
                "withdrawn_total": self._withdrawn,
            }

    def _move_out(self, amount: int) -> None:
        if amount > 0:
            self._ledger.move(Movement(MERCHANT, BANK, amount, "withdraw"))
        elif amount < 0:
            self._ledger.move(Movement(BANK, MERCHANT, -amount, "top_up"))
        self._withdrawn += amount
