"""Short-lived things that processes share: values with a time to live and single-flight leases.

Nothing here is truth about money; losing all of it costs a repeated log-in and a fetched token.
A lease is a key that `add` kept: its value names the holder, and its time to live is how long the
others wait when the holder dies. A holder that was slower than its lease is fenced off by `put_held`.

Every method raises `domain.errors.CoordinationAway` when the place where it is kept does not answer.
"""

from __future__ import annotations

from typing import Protocol


class Coordination(Protocol):
    """The embedded default keeps it in a second SQLite file; several machines share a Redis."""

    def get(self, key: str) -> str | None:
        """The value, or None when there is none or its time is over."""
        ...

    def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Keep a value for that long, one second at least."""
        ...

    def put_held(self, key: str, value: str, *, ttl_s: int, lease: str, holder: str) -> bool:
        """Keep a value only while `lease` still has the value `holder`, in one step; whether it was kept."""
        ...

    def add(self, key: str, value: str, *, ttl_s: int) -> bool:
        """Keep a value unless one is there; whether it was kept. This is also how a lease is taken."""
        ...

    def remove(self, key: str, *, value: str | None = None) -> None:
        """Forget it; with `value`, only while that is still the value (a lease gives back only itself)."""
        ...
