"""The real clock, chance and identifiers; everything else is handed these."""

from __future__ import annotations

import secrets
import string
import time
from typing import Final

from wxbackend.store.nodes import Identifiers

ALPHABET: Final = string.ascii_letters + string.digits
_LETTERS: Final = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNEVEN: Final = bytes(range(256 - 256 % len(ALPHABET), 256))
NONCE_CHARACTERS: Final = 32
TOKEN_CHARACTERS: Final = 36
"""36 letters and digits carry 214 bits."""


def clock_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class RealSurroundings:
    """See `ports.surroundings.Surroundings`."""

    def __init__(self, identifiers: Identifiers) -> None:
        self._identifiers = identifiers

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return clock_ms()

    def new_id(self) -> int:
        """A new identifier."""
        return self._identifiers.new()

    def nonce(self) -> str:
        """Random letters and digits for a signature."""
        return random_text(NONCE_CHARACTERS)

    def token(self) -> str:
        """A random secret."""
        return random_text(TOKEN_CHARACTERS)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


def random_text(characters: int) -> str:
    """So many random letters and digits, all equally likely: bytes that would favour some are thrown away."""
    found = b""
    while len(found) < characters:
        found += secrets.token_bytes(characters * 2).translate(_LETTERS, _UNEVEN)
    return found[:characters].decode("ascii")
