"""Refunds in the database, and the queue of those that are due to be looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select

from wxbackend.domain.money import Money
from wxbackend.domain.refund import Origin, Refund, RefundState
from wxbackend.ports.store import Page, Poll
from wxbackend.store import tables
from wxbackend.store.due_queue import DueQueue
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = tables.refunds
_QUEUE = DueQueue(tables.refund_queue)
_INSERT = Statement(insert(_T))
_A = tables.attempts
_WITH_APP = select(_T, _A.c.app).outerjoin(_A, _A.c.id == _T.c.attempt_id)
_FIND = Statement(_WITH_APP.where(_T.c.id == bindparam("refund_id")))
_FIND_BY_NUMBER = Statement(
    _WITH_APP.where(
        _T.c.provider == bindparam("named_provider"),
        _T.c.merchant == bindparam("named_merchant"),
        _T.c.out_refund_no == bindparam("number"),
    )
)
_OF_ATTEMPT = Statement(_WITH_APP.where(_T.c.attempt_id == bindparam("of_attempt")).order_by(_T.c.id))
_OF_DISCREPANCY = Statement(_WITH_APP.where(_T.c.discrepancy_id == bindparam("of_discrepancy")))
_CHANGING = ("sent_ms", "state", "handle", "failure", "succeeded_ms", "metadata")
_SAVE = Saves(_T, _CHANGING, unlocked="a refund was changed without its intent's lock")


class Refunds:
    """See `ports.store.Refunds`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, refund: Refund) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(refund))

    def find(self, refund_id: int) -> Refund | None:
        """Read one."""
        row = _FIND.first(self._link, {"refund_id": refund_id})
        return None if row is None else _refund_from(row)

    def find_by_number(self, provider: str, merchant: str, out_refund_no: str) -> Refund | None:
        """Read one by the number that the provider knows."""
        named = {"named_provider": provider, "named_merchant": merchant, "number": out_refund_no}
        row = _FIND_BY_NUMBER.first(self._link, named)
        return None if row is None else _refund_from(row)

    def of_attempt(self, attempt_id: int) -> list[Refund]:
        """All refunds of one order."""
        rows = _OF_ATTEMPT.all(self._link, {"of_attempt": attempt_id})
        return [_refund_from(row) for row in rows]

    def of_discrepancy(self, discrepancy_id: int) -> Refund | None:
        """The refund that gives misplaced money back."""
        row = _OF_DISCREPANCY.first(self._link, {"of_discrepancy": discrepancy_id})
        return None if row is None else _refund_from(row)

    def save(self, refund: Refund, *, was: Refund | None = None) -> None:
        """Write what changed; its `version` is the one that was read."""
        _SAVE.run(self._link, _row(refund), None if was is None else _row(was))

    def page(
        self,
        account: str,
        *,
        livemode: bool,
        page: Page,
        intent_id: int | None,
        states: Collection[RefundState] | None = None,
    ) -> Sequence[Refund]:
        """Newest first, one more than asked."""
        query = _WITH_APP.where(_T.c.account == account, _T.c.livemode == livemode)
        if intent_id is not None:
            query = query.where(_T.c.intent_id == intent_id)
        if states is not None:
            query = query.where(_T.c.state.in_(sorted(state.value for state in states)))
        return [_refund_from(row) for row in paged(self._link.core, query, _T, page)]

    def schedule(self, refund_id: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look."""
        _QUEUE.schedule(self._link, refund_id, due_ms=due_ms, tries=tries)

    def unschedule(self, refund_id: int) -> None:
        """Plan none."""
        _QUEUE.unschedule(self._link, refund_id)

    def hurry(self, *, due_ms: int) -> int:
        """Look at all of them by then."""
        return _QUEUE.hurry(self._link, due_ms=due_ms)

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        return _QUEUE.claim(self._link, now_ms=now_ms, lease_ms=lease_ms, limit=limit)

    def take(self, refund_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one."""
        return _QUEUE.take(self._link, refund_id, now_ms=now_ms, lease_ms=lease_ms)


def _row(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "intent_id": refund.intent_id,
        "attempt_id": refund.attempt_id,
        "account": refund.account,
        "livemode": refund.livemode,
        "provider": refund.provider,
        "merchant": refund.merchant,
        "transaction_id": refund.transaction,
        "out_refund_no": refund.out_refund_no,
        "amount": refund.money.amount,
        "total": refund.total,
        "currency": refund.money.currency,
        "origin": refund.origin.value,
        "reason": refund.reason,
        "description": refund.description,
        "discrepancy_id": refund.discrepancy_id,
        "metadata": to_text(dict(refund.metadata)),
        "state": refund.state.value,
        "handle": refund.handle,
        "failure": refund.failure,
        "created_ms": refund.created_ms,
        "sent_ms": refund.sent_ms,
        "succeeded_ms": refund.succeeded_ms,
        "version": refund.version,
    }


def _refund_from(row: Any) -> Refund:
    return Refund(
        id=row.id,
        intent_id=row.intent_id,
        attempt_id=row.attempt_id,
        account=row.account,
        livemode=row.livemode,
        provider=row.provider,
        merchant=row.merchant,
        transaction=row.transaction_id,
        out_refund_no=row.out_refund_no,
        money=Money(row.amount, row.currency),
        total=row.total,
        created_ms=row.created_ms,
        sent_ms=row.sent_ms,
        origin=Origin(row.origin),
        reason=row.reason,
        description=row.description,
        discrepancy_id=row.discrepancy_id,
        metadata=from_text(row.metadata) or {},
        state=RefundState(row.state),
        handle=row.handle,
        failure=row.failure,
        succeeded_ms=row.succeeded_ms,
        version=row.version,
        app=row.app or "",
    )
