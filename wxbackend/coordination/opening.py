"""Which kind of coordination an address names; the settings have checked it before."""

from __future__ import annotations

from collections.abc import Callable

from wxbackend.coordination.redis import RedisCoordination
from wxbackend.coordination.sqlite import SqliteCoordination

SQLITE_PREFIX = "sqlite:///"


def open_coordination(url: str, clock_ms: Callable[[], int]) -> SqliteCoordination | RedisCoordination:
    """`sqlite:///path` makes the file; `redis://` (or `rediss://`, `unix://`) connects at the first use."""
    if url.startswith(SQLITE_PREFIX):
        return SqliteCoordination(url.removeprefix(SQLITE_PREFIX), clock_ms)
    return RedisCoordination(url)
