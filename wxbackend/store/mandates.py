"""Mandates in the database, and the queue of those that are due to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, insert, select

from wxbackend.domain.mandate import DebitNotice, Mandate, MandateState
from wxbackend.domain.money import Money
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.store import Page, Poll
from wxbackend.store import mandate_tables
from wxbackend.store.due_queue import DueQueue
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = mandate_tables.mandates
_QUEUE = DueQueue(mandate_tables.mandate_queue)
_INSERT = Statement(insert(_T))
_BY_ID = select(_T).where(_T.c.id == bindparam("named_mandate"))
_FIND = Statement(_BY_ID)
_LOCK = Statement(_BY_ID.with_for_update())
_BY_METHOD = select(_T).where(_T.c.method_id == bindparam("named_method"))
_FIND_BY_METHOD = Statement(_BY_METHOD)
_LOCK_BY_METHOD = Statement(_BY_METHOD.with_for_update())
_FIND_BY_NUMBER = Statement(
    select(_T).where(
        _T.c.provider == bindparam("named_provider"),
        _T.c.merchant == bindparam("named_merchant"),
        _T.c.out_mandate_no == bindparam("number"),
    )
)
_CHANGING = (
    "sent_ms", "state", "handle", "client_params", "presentable_until_ms", "signed_ms", "ended_ms", "notice",
)  # fmt: skip
_SAVE = Saves(_T, _CHANGING, unlocked="a mandate was changed without its lock")


class Mandates:
    """See `ports.store.Mandates`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, mandate: Mandate) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(mandate))

    def find(self, mandate_id: int) -> Mandate | None:
        """Read one."""
        return _maybe(_FIND.first(self._link, {"named_mandate": mandate_id}))

    def lock(self, mandate_id: int) -> Mandate | None:
        """Read one for changing, or so that nobody ends it meanwhile."""
        return _maybe(_LOCK.first(self._link, {"named_mandate": mandate_id}))

    def find_by_method(self, method_id: int) -> Mandate | None:
        """The one behind a payment method."""
        return _maybe(_FIND_BY_METHOD.first(self._link, {"named_method": method_id}))

    def lock_by_method(self, method_id: int) -> Mandate | None:
        """The same, so that nobody ends it meanwhile."""
        return _maybe(_LOCK_BY_METHOD.first(self._link, {"named_method": method_id}))

    def find_by_number(self, provider: str, merchant: str, out_mandate_no: str) -> Mandate | None:
        """Read one by the number that the provider knows."""
        named = {"named_provider": provider, "named_merchant": merchant, "number": out_mandate_no}
        return _maybe(_FIND_BY_NUMBER.first(self._link, named))

    def save(self, mandate: Mandate, *, was: Mandate) -> Mandate:
        """Write what changed; its `version` is the one that was read."""
        _SAVE.run(self._link, _row(mandate), _row(was))
        return replace(mandate, version=mandate.version + 1)

    def methods(self, account: str, *, livemode: bool, page: Page, customer_id: int) -> Sequence[Mandate]:
        """Those of a customer that can be charged, newest first, one more than asked."""
        query = select(_T).where(
            _T.c.account == account,
            _T.c.livemode == livemode,
            _T.c.customer_id == customer_id,
            _T.c.state == MandateState.ACTIVE.value,
        )
        return [mandate_from(row) for row in paged(self._link.core, query, _T, page)]

    def schedule(self, mandate_id: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look."""
        _QUEUE.schedule(self._link, mandate_id, due_ms=due_ms, tries=tries)

    def unschedule(self, mandate_id: int) -> None:
        """Plan none."""
        _QUEUE.unschedule(self._link, mandate_id)

    def hurry(self, *, due_ms: int) -> int:
        """Look at all of them by then."""
        return _QUEUE.hurry(self._link, due_ms=due_ms)

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        return _QUEUE.claim(self._link, now_ms=now_ms, lease_ms=lease_ms, limit=limit)

    def take(self, mandate_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one."""
        return _QUEUE.take(self._link, mandate_id, now_ms=now_ms, lease_ms=lease_ms)


def _row(mandate: Mandate) -> dict[str, Any]:
    return {
        "id": mandate.id,
        "setup_id": mandate.setup_id,
        "customer_id": mandate.customer_id,
        "method_id": mandate.method_id,
        "account": mandate.account,
        "livemode": mandate.livemode,
        "provider": mandate.provider,
        "merchant": mandate.merchant,
        "app": mandate.app,
        "terminal": mandate.terminal.value,
        "out_mandate_no": mandate.out_mandate_no,
        "payer": mandate.payer,
        "method_type": mandate.method_type,
        "display_name": mandate.display_name,
        "created_ms": mandate.created_ms,
        "sent_ms": mandate.sent_ms,
        "expires_ms": mandate.expires_ms,
        "state": mandate.state.value,
        "handle": mandate.handle,
        "client_params": to_text(dict(mandate.client_params) if mandate.client_params else None),
        "presentable_until_ms": mandate.presentable_until_ms,
        "signed_ms": mandate.signed_ms,
        "ended_ms": mandate.ended_ms,
        "notice": to_text(_notice_to(mandate.notice)),
        "version": mandate.version,
    }


def _maybe(row: Any | None) -> Mandate | None:
    return None if row is None else mandate_from(row)


def mandate_from(row: Any) -> Mandate:
    """The mandate that a row holds."""
    return Mandate(
        id=row.id,
        setup_id=row.setup_id,
        customer_id=row.customer_id,
        method_id=row.method_id,
        account=row.account,
        livemode=row.livemode,
        provider=row.provider,
        merchant=row.merchant,
        app=row.app,
        terminal=Terminal(row.terminal),
        out_mandate_no=row.out_mandate_no,
        payer=row.payer,
        method_type=row.method_type,
        display_name=row.display_name,
        created_ms=row.created_ms,
        sent_ms=row.sent_ms,
        expires_ms=row.expires_ms,
        state=MandateState(row.state),
        handle=row.handle,
        client_params=from_text(row.client_params),
        presentable_until_ms=row.presentable_until_ms,
        signed_ms=row.signed_ms,
        ended_ms=row.ended_ms,
        notice=_notice_from(from_text(row.notice)),
        version=row.version,
    )


def _notice_to(notice: DebitNotice | None) -> dict[str, Any] | None:
    if notice is None:
        return None
    return {
        "amount": notice.money.amount,
        "currency": notice.money.currency,
        "told_ms": notice.told_ms,
        "from_day": notice.from_day,
        "until_day": notice.until_day,
    }


def _notice_from(kept: dict[str, Any] | None) -> DebitNotice | None:
    if kept is None:
        return None
    money = Money(kept["amount"], kept["currency"])
    return DebitNotice(money, kept["told_ms"], kept["from_day"], kept["until_day"])
