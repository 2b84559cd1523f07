"""Short-lived shared values in a second SQLite file, so that they never queue behind money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Column, MetaData, Table, Text, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from wxbackend.store.engines import sqlite_writing_engine
from wxbackend.store.tables import Number

_metadata = MetaData()
_T = Table(
    "coordination",
    _metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("until_ms", Number, nullable=False, index=True),
)
_VALUES: Final[dict[str, Any]] = {
    "key": bindparam("named"),
    "value": bindparam("given"),
    "until_ms": bindparam("until"),
}
_CHANGE: Final[dict[str, Any]] = {"value": bindparam("given"), "until_ms": bindparam("until")}
_GET = select(_T.c.value).where(_T.c.key == bindparam("named"), _T.c.until_ms > bindparam("now"))
_PUT = insert(_T).values(_VALUES).on_conflict_do_update(index_elements=["key"], set_=_CHANGE)
_ADD = (
    insert(_T)
    .values(_VALUES)
    .on_conflict_do_update(index_elements=["key"], set_=_CHANGE, where=_T.c.until_ms <= bindparam("now"))
    .returning(_T.c.key)
)
_REMOVE = delete(_T).where(_T.c.key == bindparam("named"))
_REMOVE_OWN = _REMOVE.where(_T.c.value == bindparam("given"))
_SWEEP = delete(_T).where(_T.c.until_ms <= bindparam("now"))
SWEEP_EVERY_WRITES: Final = 500


class SqliteCoordination:
    """See `ports.coordination.Coordination`."""

    def __init__(self, url: str, clock_ms: Callable[[], int]) -> None:
        self._engine = sqlite_writing_engine(url, synchronous="NORMAL")
        self._clock_ms = clock_ms
        self._writes = 0
        with self._engine.begin() as connection:
            _metadata.create_all(connection)

    def get(self, key: str) -> str | None:
        """The value while its time lasts."""
        with self._engine.begin() as connection:
            row = connection.execute(_GET, {"named": key, "now": self._clock_ms()}).first()
        return None if row is None else str(row.value)

    def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Keep a value."""
        until = self._clock_ms() + ttl_s * 1000
        with self._engine.begin() as connection:
            connection.execute(_PUT, {"named": key, "given": value, "until": until})
            self._writes += 1
            if self._writes % SWEEP_EVERY_WRITES == 0:
                connection.execute(_SWEEP, {"now": self._clock_ms()})

    def add(self, key: str, value: str, *, ttl_s: int) -> bool:
        """Keep a value unless one is there."""
        now = self._clock_ms()
        told = {"named": key, "given": value, "until": now + ttl_s * 1000, "now": now}
        with self._engine.begin() as connection:
            return bool(connection.execute(_ADD, told).all())

    def remove(self, key: str, *, value: str | None = None) -> None:
        """Forget it."""
        with self._engine.begin() as connection:
            if value is None:
                connection.execute(_REMOVE, {"named": key})
            else:
                connection.execute(_REMOVE_OWN, {"named": key, "given": value})

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()
