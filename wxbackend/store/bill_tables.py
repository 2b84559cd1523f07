"""The tables of bills, and the indexes by which a day's payments and refunds are found."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, text

from wxbackend.store.tables import Number, attempts, discrepancies, metadata, refunds

bills = Table(
    "bills",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rows", Number, nullable=False),
    Column("digest", Text, nullable=False),
    Column("checked_ms", Number),
    Column("version", Integer, nullable=False),
)
Index("bills_once", bills.c.merchant, bills.c.day, bills.c.kind, bills.c.provider, unique=True)

bill_queue = Table(
    "bill_queue",
    metadata,
    Column("bill_id", Number, primary_key=True, autoincrement=False),
    Column("due_ms", Number, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index("bill_queue_due", bill_queue.c.due_ms)

_PAID = text("paid_ms IS NOT NULL")
Index("attempts_paid", attempts.c.merchant, attempts.c.paid_ms, sqlite_where=_PAID, postgresql_where=_PAID)
_SUCCEEDED = text("succeeded_ms IS NOT NULL")
Index(
    "refunds_succeeded",
    refunds.c.merchant,
    refunds.c.succeeded_ms,
    sqlite_where=_SUCCEEDED,
    postgresql_where=_SUCCEEDED,
)

Index("discrepancies_newest", discrepancies.c.account, discrepancies.c.livemode, discrepancies.c.id)
_OPEN_OF_BILL = text("state = 'open' AND bill_id IS NOT NULL")
Index(
    "discrepancies_of_bill",
    discrepancies.c.bill_id,
    sqlite_where=_OPEN_OF_BILL,
    postgresql_where=_OPEN_OF_BILL,
)
