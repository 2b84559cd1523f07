"""Replies kept under idempotency keys, scoped to an account and its mode."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from wxbackend.ports.store import IdempotentRequest, KeptReply
from wxbackend.store import tables
from wxbackend.store.links import Link
from wxbackend.store.statement import Statement

_T = tables.idempotency_keys
_BEGIN = Statement(
    {
        "sqlite": sqlite_insert(_T).on_conflict_do_nothing().returning(_T.c.key),
        "postgresql": postgresql_insert(_T).on_conflict_do_nothing().returning(_T.c.key),
    }
)
_NAMED = (
    _T.c.account == bindparam("of_account"),
    _T.c.livemode == bindparam("of_livemode"),
    _T.c.key == bindparam("of_key"),
)
_FIND = Statement(select(_T).where(*_NAMED))
_MINE = (*_NAMED, _T.c.fingerprint == bindparam("of_fingerprint"), _T.c.status.is_(None))
# Only the request that holds the claim answers it, and only once: a kept answer is never written over.
_FINISH = Statement(update(_T).where(*_MINE).values(status=bindparam("answered"), body=bindparam("answer")))
_RELEASE = Statement(delete(_T).where(*_MINE))
_FORGET = Statement(delete(_T).where(_T.c.begun_ms < bindparam("before")))


class Idempotency:
    """See `ports.store.Idempotency`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def begin(self, request: IdempotentRequest, *, object_id: int | None, now_ms: int) -> KeptReply | None:
        """Claim the key, or read what is under it."""
        claimed = _BEGIN.all(
            self._link,
            {
                "account": request.account,
                "livemode": request.livemode,
                "key": request.key,
                "fingerprint": request.fingerprint,
                "object_id": object_id,
                "begun_ms": now_ms,
            },
        )
        if claimed:
            return None
        kept = self.find(request)
        assert kept is not None, "a key that could not be claimed is there"
        return kept

    def find(self, request: IdempotentRequest) -> KeptReply | None:
        """Read what is under the key."""
        row = _FIND.first(self._link, _named(request))
        return None if row is None else KeptReply(row.fingerprint, row.status, row.body, row.object_id, row.begun_ms)

    def finish(self, request: IdempotentRequest, *, status: int, body: bytes) -> None:
        """Keep the answer."""
        told = _mine(request) | {"answered": status, "answer": body}
        _FINISH.run(self._link, told)

    def release(self, request: IdempotentRequest) -> None:
        """Give the key back."""
        _RELEASE.run(self._link, _mine(request))

    def forget(self, *, begun_before_ms: int) -> None:
        """Drop old ones."""
        _FORGET.run(self._link, {"before": begun_before_ms})


def _named(request: IdempotentRequest) -> dict[str, Any]:
    return {"of_account": request.account, "of_livemode": request.livemode, "of_key": request.key}


def _mine(request: IdempotentRequest) -> dict[str, Any]:
    return _named(request) | {"of_fingerprint": request.fingerprint}
