"""The codes that buyers show at a till: 18 digits, good for a minute and for one payment, whoever scans them."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, replace

from wxbackend.simulators.clock import Clock

CODE = re.compile(r"1[0-5][0-9]{16}")
# A phone shows a new code each minute (reference: WeChat Pay v2 micropay).
CODE_LIVES_S = 60.0
PIN_ABOVE_FEN_DEFAULT = 1000_00
CODES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class ShownCode:
    """A code on a buyer's phone. `ask_pin` is None where the amount decides; `used_for` is the order that took it."""

    digits: str
    buyer_id: str
    shown_at: float
    ask_pin: bool | None = None
    used_for: str | None = None


@dataclass(frozen=True, slots=True)
class CodeRules:
    """What the desk may set: from which amount on the PIN is asked for, and how many reversals are put off."""

    pin_above: int = PIN_ABOVE_FEN_DEFAULT
    recalls: int = 0


class BadCodeError(Exception):
    """The code cannot be charged: `why` is `unknown`, `used` or `expired`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class PaymentCodes:
    """All codes that were shown, and the rules."""

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        self._clock = clock
        self._lock = lock
        self._codes: dict[str, ShownCode] = {}
        self.rules = CodeRules()

    def show(self, buyer_id: str, *, digits: str | None = None, ask_pin: bool | None = None) -> ShownCode:
        """A fresh code for a buyer, or this one, whoever had it before. Raises ValueError for what is no code."""
        with self._lock:
            if digits is not None and not CODE.fullmatch(digits):
                raise ValueError("a payment code has 18 digits and begins with 10 to 15")
            drawn = digits is None
            if len(self._codes) >= CODES_MAX:
                raise ValueError(f"{CODES_MAX} codes were shown already")
            while digits is None or (drawn and digits in self._codes):
                digits = f"1{secrets.randbelow(6)}{secrets.randbelow(10**16):016d}"
            shown = ShownCode(digits, buyer_id, self._clock.now(), ask_pin)
            self._codes[digits] = shown
            return shown

    def take(self, digits: str, *, out_trade_no: str) -> ShownCode:
        """Use a code up for an order. Raises BadCodeError, and then nothing changed."""
        with self._lock:
            code = self._codes.get(digits)
            if code is None:
                raise BadCodeError("unknown")
            if code.used_for is not None:
                raise BadCodeError("used")
            if self._clock.now() >= code.shown_at + CODE_LIVES_S:
                raise BadCodeError("expired")
            self._codes[digits] = replace(code, used_for=out_trade_no)
            return code

    def asks_pin(self, code: ShownCode, amount: int) -> bool:
        """Whether the buyer has to type the PIN for this amount in fen."""
        return amount > self.rules.pin_above if code.ask_pin is None else code.ask_pin

    def take_recall(self) -> bool:
        """Whether this reversal is put off: it is to be asked for again."""
        with self._lock:
            if self.rules.recalls < 1:
                return False
            self.rules = replace(self.rules, recalls=self.rules.recalls - 1)
            return True
