"""Attempts in the database, and the queue of those that are due to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, insert, or_, select

from wxbackend.domain.attempt import UNRESOLVED, Attempt, AttemptState
from wxbackend.domain.money import Money
from wxbackend.domain.observation import PayersShare
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.store import Poll
from wxbackend.store import tables
from wxbackend.store.due_queue import DueQueue
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

_T = tables.attempts
_INSERT = Statement(insert(_T))
_FIND = Statement(select(_T).where(_T.c.id == bindparam("attempt_id")))
_UNRESOLVED = Statement(
    select(_T).where(
        _T.c.intent_id == bindparam("of_intent"),
        or_(*(_T.c.state == word for word in sorted(state.value for state in UNRESOLVED))),
    )
)
_OF_GROUP = Statement(select(_T).where(_T.c.group_id == bindparam("of_group")).order_by(_T.c.id))
_CHANGING = (
    "sent_ms", "state", "handle", "client_params", "presentable_until_ms", "transaction_id", "paid_ms", "code_mark",
    "reversal_sent_ms", "payer_amount", "payer_currency", "exchange_rate",
)  # fmt: skip
_SAVE = Saves(_T, _CHANGING, unlocked="an attempt was changed without its intent's lock")
_QUEUE = DueQueue(tables.poll_queue)


class Attempts:
    """See `ports.store.Attempts`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, attempt: Attempt) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(attempt))

    def find(self, attempt_id: int) -> Attempt | None:
        """Read one."""
        row = _FIND.first(self._link, {"attempt_id": attempt_id})
        return None if row is None else attempt_from(row)

    def unresolved(self, intent_id: int) -> Attempt | None:
        """The one that may still be paid; a unique index allows no second."""
        row = _UNRESOLVED.first(self._link, {"of_intent": intent_id})
        return None if row is None else attempt_from(row)

    def of_group(self, group_id: int) -> tuple[Attempt, ...]:
        """Those that one combined order is made of, in their order."""
        return tuple(attempt_from(row) for row in _OF_GROUP.all(self._link, {"of_group": group_id}))

    def save(self, attempt: Attempt, *, was: Attempt | None = None) -> Attempt:
        """Write what changed; its `version` is the one that was read."""
        _SAVE.run(self._link, _row(attempt), None if was is None else _row(was))
        return replace(attempt, version=attempt.version + 1)

    def schedule(self, attempt_id: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look."""
        _QUEUE.schedule(self._link, attempt_id, due_ms=due_ms, tries=tries)

    def unschedule(self, attempt_id: int) -> None:
        """Plan none."""
        _QUEUE.unschedule(self._link, attempt_id)

    def hurry(self, *, due_ms: int) -> int:
        """Look at all of them by then."""
        return _QUEUE.hurry(self._link, due_ms=due_ms)

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        return _QUEUE.claim(self._link, now_ms=now_ms, lease_ms=lease_ms, limit=limit)

    def take(self, attempt_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one."""
        return _QUEUE.take(self._link, attempt_id, now_ms=now_ms, lease_ms=lease_ms)


def _row(attempt: Attempt) -> dict[str, Any]:
    share = attempt.share
    return {
        "id": attempt.id,
        "intent_id": attempt.intent_id,
        "account": attempt.account,
        "livemode": attempt.livemode,
        "provider": attempt.provider,
        "merchant": attempt.merchant,
        "app": attempt.app,
        "terminal": attempt.terminal.value,
        "out_trade_no": attempt.out_trade_no,
        "payer": attempt.payer,
        "amount": attempt.money.amount,
        "currency": attempt.money.currency,
        "description": attempt.description,
        "created_ms": attempt.created_ms,
        "sent_ms": attempt.sent_ms,
        "expires_ms": attempt.expires_ms,
        "state": attempt.state.value,
        "handle": attempt.handle,
        "client_params": to_text(dict(attempt.client_params) if attempt.client_params else None),
        "presentable_until_ms": attempt.presentable_until_ms,
        "transaction_id": attempt.transaction,
        "paid_ms": attempt.paid_ms,
        "profit_sharing": attempt.profit_sharing,
        "client_ip": attempt.client_ip,
        "os_type": attempt.os_type,
        "return_url": attempt.return_url,
        "version": attempt.version,
        "code_mark": attempt.code_mark,
        "reversal_sent_ms": attempt.reversal_sent_ms,
        "mandate_id": attempt.mandate_id,
        "mandate_handle": attempt.mandate_handle,
        "group_id": attempt.group_id,
        "payer_amount": share.amount if share else None,
        "payer_currency": share.currency if share else None,
        "exchange_rate": share.rate if share else None,
    }


def attempt_from(row: Any) -> Attempt:
    """The attempt that a row holds."""
    return Attempt(
        id=row.id,
        intent_id=row.intent_id,
        account=row.account,
        livemode=row.livemode,
        provider=row.provider,
        merchant=row.merchant,
        app=row.app,
        terminal=Terminal(row.terminal),
        out_trade_no=row.out_trade_no,
        payer=row.payer,
        money=Money(row.amount, row.currency),
        description=row.description,
        created_ms=row.created_ms,
        sent_ms=row.sent_ms,
        expires_ms=row.expires_ms,
        state=AttemptState(row.state),
        handle=row.handle,
        client_params=from_text(row.client_params),
        presentable_until_ms=row.presentable_until_ms,
        transaction=row.transaction_id,
        paid_ms=row.paid_ms,
        profit_sharing=row.profit_sharing,
        client_ip=row.client_ip,
        os_type=row.os_type,
        return_url=row.return_url,
        version=row.version,
        code_mark=row.code_mark,
        reversal_sent_ms=row.reversal_sent_ms,
        mandate_id=row.mandate_id,
        mandate_handle=row.mandate_handle,
        group_id=row.group_id,
        share=_share(row),
    )


def _share(row: Any) -> PayersShare | None:
    if row.payer_amount is None:
        return None
    return PayersShare(row.payer_amount, row.payer_currency, row.exchange_rate)
