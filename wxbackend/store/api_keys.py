"""API keys by their hashes; one indexed read finds one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, or_, select, update

from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import ApiKey
from wxbackend.store import tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = tables.api_keys
_INSERT = Statement(insert(_T))
_FIND = Statement(select(_T).where(_T.c.key_hash == bindparam("named")))
_LIST = Statement(select(_T).order_by(_T.c.id))
_USED = Statement(
    update(_T)
    .where(_T.c.id == bindparam("of_key"), or_(_T.c.last_used_day.is_(None), _T.c.last_used_day < bindparam("day")))
    .values(last_used_day=bindparam("day"))
)
_REVOKE = Statement(
    update(_T)
    .where(_T.c.id == bindparam("of_key"), _T.c.revoked_ms.is_(None))
    .values(revoked_ms=bindparam("now"))
    .returning(_T.c.id)
)


class ApiKeys:
    """See `ports.store.ApiKeys`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, key: ApiKey) -> None:
        """Keep a new one."""
        _INSERT.run(
            self._link,
            {
                "id": key.id,
                "account": key.actor.account,
                "livemode": key.actor.livemode,
                "kind": key.actor.kind.value,
                "name": key.name,
                "key_hash": key.key_hash,
                "prefix": key.prefix,
                "last_four": key.last_four,
                "created_ms": key.created_ms,
                "last_used_day": key.last_used_day,
                "revoked_ms": key.revoked_ms,
            },
        )

    def find(self, key_hash: str) -> ApiKey | None:
        """Read one."""
        row = _FIND.first(self._link, {"named": key_hash})
        return None if row is None else _key(row)

    def list(self) -> Sequence[ApiKey]:
        """All of them: an installation has a few."""
        return [_key(row) for row in _LIST.all(self._link)]

    def used(self, key_id: int, *, day: int) -> None:
        """Days only go forward."""
        _USED.run(self._link, {"of_key": key_id, "day": day})

    def revoke(self, key_id: int, *, now_ms: int) -> bool:
        """Once; the row stays, so that the list tells what was."""
        return bool(_REVOKE.all(self._link, {"of_key": key_id, "now": now_ms}))


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        actor=Actor(row.account, row.livemode, KeyKind(row.kind)),
        name=row.name,
        key_hash=row.key_hash,
        prefix=row.prefix,
        last_four=row.last_four,
        created_ms=row.created_ms,
        last_used_day=row.last_used_day,
        revoked_ms=row.revoked_ms,
    )
