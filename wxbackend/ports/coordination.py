"""Short-lived things that processes share: values with a time to live and single-flight leases.

Nothing here is truth about money; losing all of it costs a repeated log-in.
"""

from __future__ import annotations

from typing import Protocol


class Coordination(Protocol):
    """The embedded default keeps it in a second SQLite file."""

    def get(self, key: str) -> str | None:
        """The value, or None when there is none or its time is over."""
        ...

    def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Keep a value for that long."""
        ...

    def add(self, key: str, value: str, *, ttl_s: int) -> bool:
        """Keep a value unless one is there; whether it was kept. This is also how a lease is taken."""
        ...

    def remove(self, key: str, *, value: str | None = None) -> None:
        """Forget it; with `value`, only while that is still the value (a lease gives back only itself)."""
        ...
