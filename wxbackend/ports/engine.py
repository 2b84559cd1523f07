"""The port to a queue of somebody else's, which carries the numbers of due rows to whoever has a free hand.

It may lose a message, double it or bring it late: the row in the database decides what is done.
"""

from __future__ import annotations

from typing import Protocol

from wxbackend.domain.errors import WxbackendError
from wxbackend.ports.store import Kind


class EngineAway(WxbackendError):
    """The queue took no message. The text names no address: it may hold a password."""


class Engine(Protocol):
    """Carries messages."""

    def send(self, kind: Kind, item: int) -> None:
        """Hand a row's number over, without waiting for what comes of it; raises `EngineAway`."""
        ...
