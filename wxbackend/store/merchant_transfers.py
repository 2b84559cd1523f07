"""Transfers to people in the database, and the queue of those that are due to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, bindparam, insert, select, text

from wxbackend.domain.merchant_transfer import MerchantTransfer, MerchantTransferState, ReportInfo
from wxbackend.domain.money import Money
from wxbackend.ports.store import Page, Poll
from wxbackend.store import tables
from wxbackend.store.due_queue import DueQueue
from wxbackend.store.json_text import from_text, to_text
from wxbackend.store.links import Link
from wxbackend.store.paging import paged
from wxbackend.store.saves import Saves
from wxbackend.store.statement import Statement

TABLE: Final = Table(
    "merchant_transfers",
    tables.metadata,
    Column("id", tables.Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("payee", Text, nullable=False),
    Column("payee_name", Text),
    Column("out_bill_no", Text, nullable=False),
    Column("amount", tables.Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("scene", Text, nullable=False),
    Column("reports", Text, nullable=False),
    Column("perception", Text),
    Column("metadata", Text),
    Column("state", Text, nullable=False),
    Column("handle", Text),
    Column("client_params", Text),
    Column("confirm_until_ms", tables.Number),
    Column("cancel_requested_ms", tables.Number),
    Column("failure", Text),
    Column("created_ms", tables.Number, nullable=False),
    Column("sent_ms", tables.Number, nullable=False),
    Column("paid_ms", tables.Number),
    Column("version", Integer, nullable=False),
)
Index("merchant_transfers_newest", TABLE.c.account, TABLE.c.livemode, TABLE.c.id)
Index("merchant_transfers_by_number", TABLE.c.merchant, TABLE.c.out_bill_no, TABLE.c.provider, unique=True)
_UNRESOLVED = text("state NOT IN ('paid', 'failed', 'canceled', 'declined')")
Index("merchant_transfers_unresolved", TABLE.c.state, sqlite_where=_UNRESOLVED, postgresql_where=_UNRESOLVED)

QUEUE: Final = Table(
    "merchant_transfer_queue",
    tables.metadata,
    Column("transfer_id", tables.Number, primary_key=True, autoincrement=False),
    Column("due_ms", tables.Number, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index("merchant_transfer_queue_due", QUEUE.c.due_ms)

_T = TABLE
_QUEUE = DueQueue(QUEUE)
_INSERT = Statement(insert(_T))
_NAMED = select(_T).where(_T.c.id == bindparam("transfer_id"))
_FIND = Statement(_NAMED)
_LOCK = Statement(_NAMED.with_for_update())
_FIND_BY_NUMBER = Statement(
    select(_T).where(
        _T.c.provider == bindparam("named_provider"),
        _T.c.merchant == bindparam("named_merchant"),
        _T.c.out_bill_no == bindparam("number"),
    )
)
_CHANGING = (
    "payee_name", "metadata", "state", "handle", "client_params", "confirm_until_ms", "cancel_requested_ms", "failure",
    "sent_ms", "paid_ms",
)  # fmt: skip
_SAVE = Saves(_T, _CHANGING, unlocked="a transfer was changed without its lock")


class MerchantTransfers:
    """See `ports.store.MerchantTransfers`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def insert(self, transfer: MerchantTransfer) -> None:
        """Keep a new one."""
        _INSERT.run(self._link, _row(transfer))

    def find(self, transfer_id: int) -> MerchantTransfer | None:
        """Read one."""
        row = _FIND.first(self._link, {"transfer_id": transfer_id})
        return None if row is None else _transfer_from(row)

    def lock(self, transfer_id: int) -> MerchantTransfer | None:
        """Read one for changing. SQLite has one writer at a time, so there the read is enough."""
        row = _LOCK.first(self._link, {"transfer_id": transfer_id})
        return None if row is None else _transfer_from(row)

    def find_by_number(self, provider: str, merchant: str, out_bill_no: str) -> MerchantTransfer | None:
        """Read one by the number that the provider knows."""
        named = {"named_provider": provider, "named_merchant": merchant, "number": out_bill_no}
        row = _FIND_BY_NUMBER.first(self._link, named)
        return None if row is None else _transfer_from(row)

    def save(self, transfer: MerchantTransfer, *, was: MerchantTransfer) -> MerchantTransfer:
        """Write what changed."""
        if transfer == was:
            return transfer
        _SAVE.run(self._link, _row(transfer), _row(was))
        return replace(transfer, version=transfer.version + 1)

    def page(self, account: str, *, livemode: bool, page: Page) -> Sequence[MerchantTransfer]:
        """Newest first, one more than asked."""
        query = select(_T).where(_T.c.account == account, _T.c.livemode == livemode)
        return [_transfer_from(row) for row in paged(self._link.core, query, _T, page)]

    def schedule(self, transfer_id: int, *, due_ms: int, tries: int) -> None:
        """Plan the next look."""
        _QUEUE.schedule(self._link, transfer_id, due_ms=due_ms, tries=tries)

    def unschedule(self, transfer_id: int) -> None:
        """Plan none."""
        _QUEUE.unschedule(self._link, transfer_id)

    def hurry(self, *, due_ms: int) -> int:
        """Look at all of them by then."""
        return _QUEUE.hurry(self._link, due_ms=due_ms)

    def claim(self, *, now_ms: int, lease_ms: int, limit: int) -> Sequence[Poll]:
        """Take due ones."""
        return _QUEUE.claim(self._link, now_ms=now_ms, lease_ms=lease_ms, limit=limit)

    def take(self, transfer_id: int, *, now_ms: int, lease_ms: int) -> Poll | None:
        """Take this one."""
        return _QUEUE.take(self._link, transfer_id, now_ms=now_ms, lease_ms=lease_ms)


def _row(transfer: MerchantTransfer) -> dict[str, Any]:
    return {
        "id": transfer.id,
        "account": transfer.account,
        "livemode": transfer.livemode,
        "provider": transfer.provider,
        "merchant": transfer.merchant,
        "app": transfer.app,
        "payee": transfer.payee,
        "payee_name": transfer.payee_name,
        "out_bill_no": transfer.out_bill_no,
        "amount": transfer.money.amount,
        "currency": transfer.money.currency,
        "description": transfer.description,
        "scene": transfer.scene,
        "reports": to_text([[info.type, info.content] for info in transfer.reports]),
        "perception": transfer.perception,
        "metadata": to_text(dict(transfer.metadata)),
        "state": transfer.state.value,
        "handle": transfer.handle,
        "client_params": to_text(None if transfer.client_params is None else dict(transfer.client_params)),
        "confirm_until_ms": transfer.confirm_until_ms,
        "cancel_requested_ms": transfer.cancel_requested_ms,
        "failure": transfer.failure,
        "created_ms": transfer.created_ms,
        "sent_ms": transfer.sent_ms,
        "paid_ms": transfer.paid_ms,
        "version": transfer.version,
    }


def _transfer_from(row: Any) -> MerchantTransfer:
    return MerchantTransfer(
        id=row.id,
        account=row.account,
        livemode=row.livemode,
        provider=row.provider,
        merchant=row.merchant,
        app=row.app,
        payee=row.payee,
        payee_name=row.payee_name,
        out_bill_no=row.out_bill_no,
        money=Money(row.amount, row.currency),
        description=row.description,
        scene=row.scene,
        reports=tuple(ReportInfo(kind, content) for kind, content in from_text(row.reports)),
        perception=row.perception,
        metadata=from_text(row.metadata) or {},
        state=MerchantTransferState(row.state),
        handle=row.handle,
        client_params=from_text(row.client_params),
        confirm_until_ms=row.confirm_until_ms,
        cancel_requested_ms=row.cancel_requested_ms,
        failure=row.failure,
        created_ms=row.created_ms,
        sent_ms=row.sent_ms,
        paid_ms=row.paid_ms,
        version=row.version,
    )
