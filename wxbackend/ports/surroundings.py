"""Clock, nonces and identifiers: the only source of time and chance in the product."""

from __future__ import annotations

from typing import Protocol


class Surroundings(Protocol):
    """The world around a flow; tests bring their own."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...

    def new_id(self) -> int:
        """A new time-ordered identifier, unique across processes and machines."""
        ...

    def nonce(self) -> str:
        """32 random letters and digits, for signatures."""
        ...

    def token(self) -> str:
        """A random secret of 192 bits or more in letters and digits."""
        ...

    def wait(self, seconds: float) -> None:
        """Let that much time pass."""
        ...
