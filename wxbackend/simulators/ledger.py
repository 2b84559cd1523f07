"""Where all simulated money lies: every movement debits one account and credits another, so the sum never changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer of fen from an account to another, and why."""

    debited: str
    credited: str
    amount: int
    memo: str


class NotEnoughMoneyError(Exception):
    """The account to be debited holds less than the amount."""


class Ledger:
    """Balances in fen by account name."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._balances: dict[str, int] = {MERCHANT: 0}
        self._issued = 0
        self._overdrawable: set[str] = set()
        self._movements: list[Movement] = []

    def open(self, account: str, balance: int, *, may_overdraw: bool = False) -> None:
        """Open an account with newly issued money. Raises ValueError for a name in use or a negative balance."""
        with self._lock:
            if account in self._balances or balance < 0:
                raise ValueError(f"account {account} cannot be opened with {balance} fen")
            self._balances[account] = balance
            self._issued += balance
            if may_overdraw:
                self._overdrawable.add(account)

    def balance(self, account: str) -> int:
        """Fen in the account."""
        with self._lock:
            return self._balances[account]

    def move(self, movement: Movement) -> None:
        """Carry out a movement whole, or raise NotEnoughMoneyError and change nothing."""
        with self._lock:
            if movement.amount < 1:
                raise ValueError(f"a movement needs a positive amount, got {movement.amount}")
            short = self._balances[movement.debited] < movement.amount
            if short and movement.debited not in self._overdrawable:
                raise NotEnoughMoneyError(movement.debited)
            self._balances[movement.debited] -= movement.amount
            self._balances[movement.credited] += movement.amount
            self._movements.append(movement)

    def accounts(self) -> frozenset[str]:
        """The names of all accounts."""
        with self._lock:
            return frozenset(self._balances)

    def issued(self) -> int:
        """All fen ever put into accounts when they were opened."""
        with self._lock:
            return self._issued

    def total(self) -> int:
        """Fen in all accounts together."""
        with self._lock:
            return sum(self._balances.values())

    def total_of(self, prefix: str) -> int:
        """Fen in all accounts whose name begins so."""
        with self._lock:
            return sum(fen for account, fen in self._balances.items() if account.startswith(prefix))

    def movements(self) -> tuple[Movement, ...]:
        """Every movement so far, oldest first."""
        with self._lock:
            return tuple(self._movements)
