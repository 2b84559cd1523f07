"""Sharings of paid orders in the database, and the queue of sharings and returns that are due to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, bindparam, insert, select, text

from wxbackend.domain.profit_sharing import Part, PartState, PartyKind, ProfitSharing, SharingState
from wxbackend.ports.store import Page, Poll
from wxbackend.store import tables
from wxbackend.store.due_queue import DueQueue
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

TABLE: Final = Table(
    "profit_sharings",
    tables.metadata,
    Column("id", tables.Number, primary_key=True, autoincrement=False),
    Column("intent_id", tables.Number, nullable=False),
    Column("attempt_id", tables.Number, nullable=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("out_order_no", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("parts", Text, nullable=False),
    Column("finish", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata", Text),
    Column("state", Text, nullable=False),
    Column("handle", Text),
    Column("failure", Text),
    Column("created_ms", tables.Number, nullable=False),
    Column("sent_ms", tables.Number, nullable=False),
    Column("finished_ms", tables.Number),
    Column("version", Integer, nullable=False),
)
Index("profit_sharings_newest", TABLE.c.account, TABLE.c.livemode, TABLE.c.id)
Index("profit_sharings_by_attempt", TABLE.c.attempt_id)
Index("profit_sharings_by_number", TABLE.c.merchant, TABLE.c.out_order_no, TABLE.c.provider, unique=True)
_UNRESOLVED = text("state NOT IN ('finished', 'declined')")
Index("profit_sharings_unresolved", TABLE.c.state, sqlite_where=_UNRESOLVED, postgresql_where=_UNRESOLVED)
QUEUE: Final = Table(
    "profit_sharing_queue",
    tables.metadata,
    Column("item", tables.Number, primary_key=True, autoincrement=False),
    Column("due_ms", tables.Number, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index("profit_sharing_queue_due", QUEUE.c.due_ms)

_T = TABLE
_QUEUE = DueQueue(QUEUE)
_INSERT = Statement(insert(_T))
_FIND = Statement(select(_T).where(_T.c.id == bindparam("sharing_id")))
_FIND_BY_NUMBER = Statement(
    select(_T).where(
        _T.c.provider == bindparam("named_provider"),
        _T.c.merchant == bindparam("named_merchant"),
        _T.c.out_order_no == bindparam("number"),
    )
)
_OF_ATTEMPT = Statement(select(_T).where(_T.c.attempt_id == bindparam("of_attempt")).order_by(_T.c.id))
_CHANGING = ("parts", "metadata", "state", "handle", "failure", "sent_ms", "finished_ms")
_SAVE = Saves(_T, _CHANGING, unlocked="a sharing was changed without its intent's lock")


class ProfitSharings:
    """See `ports.store.ProfitSharings`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, sharing: ProfitSharing) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(sharing))

    def find(self, sharing_id: int) -> ProfitSharing | None:
        """Read one."""
        row = _FIND.first(self._link, {"sharing_id": sharing_id})
        return None if row is None else _sharing_from(row)

    def find_by_number(self, provider: str, merchant: str, out_order_no: str) -> ProfitSharing | None:
        """Read one by the number that the provider knows."""
        named = {"named_provider": provider, "named_merchant": merchant, "number": out_order_no}
        row = _FIND_BY_NUMBER.first(self._link, named)
        return None if row is None else _sharing_from(row)

    def of_attempt(self, attempt_id: int) -> list[ProfitSharing]:
        """All sharings of one order."""
        return [_sharing_from(row) for row in _OF_ATTEMPT.all(self._link, {"of_attempt": attempt_id})]

    def save(self, sharing: ProfitSharing, *, was: ProfitSharing) -> ProfitSharing:
        """Write what changed."""
        if sharing == was:
            return sharing
        _SAVE.run(self._link, _row(sharing), _row(was))
        return replace(sharing, version=sharing.version + 1)

    def page(self, account: str, *, livemode: bool, page: Page, intent_id: int | None) -> Sequence[ProfitSharing]:
        """Newest first, one more than asked."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        if intent_id is not None:
            query = query.where(_T.c.intent_id == intent_id)
        return [_sharing_from(row) for row in paged(self._link.core, query, _T, page)]


class SharingLooks:
    """See `ports.store.SharingLooks`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def schedule(self, item: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look."""
        _QUEUE.schedule(self._link, item, due_ms=due_ms, tries=tries)

    def unschedule(self, item: int) -> None:
        """Plan none."""
        _QUEUE.unschedule(self._link, item)

    def hurry(self, *, due_ms: int) -> int:
        """Look at all of them by then."""
        return _QUEUE.hurry(self._link, due_ms=due_ms)

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        return _QUEUE.claim(self._link, now_ms=now_ms, lease_ms=lease_ms, limit=limit)

    def take(self, item: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one."""
        return _QUEUE.take(self._link, item, now_ms=now_ms, lease_ms=lease_ms)


def _row(sharing: ProfitSharing) -> dict[str, Any]:
    return {
        "id": sharing.id,
        "intent_id": sharing.intent_id,
        "attempt_id": sharing.attempt_id,
        "account": sharing.account,
        "livemode": sharing.livemode,
        "provider": sharing.provider,
        "merchant": sharing.merchant,
        "app": sharing.app,
        "transaction_id": sharing.transaction,
        "out_order_no": sharing.out_order_no,
        "currency": sharing.currency,
        "parts": to_text([_part_to(part) for part in sharing.parts]),
        "finish": sharing.finish,
        "description": sharing.description,
        "metadata": to_text(dict(sharing.metadata)),
        "state": sharing.state.value,
        "handle": sharing.handle,
        "failure": sharing.failure,
        "created_ms": sharing.created_ms,
        "sent_ms": sharing.sent_ms,
        "finished_ms": sharing.finished_ms,
        "version": sharing.version,
    }


def _part_to(part: Part) -> list[Any]:
    return [part.kind.value, part.party, part.amount, part.description, part.name, part.state.value, part.failure]


def _part_from(kept: list[Any]) -> Part:
    kind, party, amount, description, name, state, failure = kept
    return Part(PartyKind(kind), party, amount, description, name, PartState(state), failure)


def _sharing_from(row: Any) -> ProfitSharing:
    return ProfitSharing(
        id=row.id,
        intent_id=row.intent_id,
        attempt_id=row.attempt_id,
        account=row.account,
        livemode=row.livemode,
        provider=row.provider,
        merchant=row.merchant,
        app=row.app,
        transaction=row.transaction_id,
        out_order_no=row.out_order_no,
        currency=row.currency,
        parts=tuple(_part_from(kept) for kept in from_text(row.parts)),
        finish=row.finish,
        description=row.description,
        metadata=from_text(row.metadata) or {},
        state=SharingState(row.state),
        handle=row.handle,
        failure=row.failure,
        created_ms=row.created_ms,
        sent_ms=row.sent_ms,
        finished_ms=row.finished_ms,
        version=row.version,
    )
