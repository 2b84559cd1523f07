"""Replies kept under idempotency keys, scoped to an account and its mode."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import IdempotentRequest, KeptReply
from wxbackend.store import tables

_T = tables.idempotency_keys
_BEGIN = {
    "sqlite": sqlite_insert(_T).on_conflict_do_nothing().returning(_T.c.key),
    "postgresql": postgresql_insert(_T).on_conflict_do_nothing().returning(_T.c.key),
}
_NAMED = (
    _T.c.account == bindparam("of_account"),
    _T.c.livemode == bindparam("of_livemode"),
    _T.c.key == bindparam("of_key"),
)
_FIND = select(_T).where(*_NAMED)
# Only the request that holds the claim answers it, and only once: a kept answer is never written over.
_FINISH = (
    update(_T)
    .where(*_NAMED, _T.c.fingerprint == bindparam("of_fingerprint"), _T.c.status.is_(None))
    .values(status=bindparam("answered"), body=bindparam("answer"))
)
_RELEASE = delete(_T).where(*_NAMED, _T.c.fingerprint == bindparam("of_fingerprint"), _T.c.status.is_(None))
_FORGET = delete(_T).where(_T.c.begun_ms < bindparam("before"))


class Idempotency:
    """See `ports.store.Idempotency`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, request: IdempotentRequest, *, object_id: int | None, now_ms: int) -> KeptReply | None:
        """Claim the key, or read what is under it."""
        claimed = self._connection.execute(
            _BEGIN[self._connection.dialect.name],
            {
                "account": request.account,
                "livemode": request.livemode,
                "key": request.key,
                "fingerprint": request.fingerprint,
                "object_id": object_id,
                "begun_ms": now_ms,
            },
        ).all()
        if claimed:
            return None
        row = self._connection.execute(_FIND, _named(request)).one()
        return KeptReply(row.fingerprint, row.status, row.body, row.object_id, row.begun_ms)

    def finish(self, request: IdempotentRequest, *, status: int, body: bytes) -> None:
        """Keep the answer."""
        told = _named(request) | {"of_fingerprint": request.fingerprint}
        self._connection.execute(_FINISH, told | {"answered": status, "answer": body})

    def release(self, request: IdempotentRequest) -> None:
        """Give the key back."""
        self._connection.execute(_RELEASE, _named(request) | {"of_fingerprint": request.fingerprint})

    def forget(self, *, begun_before_ms: int) -> None:
        """Drop old ones."""
        self._connection.execute(_FORGET, {"before": begun_before_ms})


def _named(request: IdempotentRequest) -> dict[str, Any]:
    return {"of_account": request.account, "of_livemode": request.livemode, "of_key": request.key}
