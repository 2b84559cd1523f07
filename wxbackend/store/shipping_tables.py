"""The tables of shippings and pushes; they belong to `tables.metadata` as all others do."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, text

from wxbackend.store.tables import Number, metadata

shippings: Final = Table(
    "shippings",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("intent_id", Number, nullable=False),
    Column("attempt_id", Number, nullable=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("app", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("out_trade_no", Text, nullable=False),
    Column("payer", Text, nullable=False),
    Column("amount", Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("frozen", Number, nullable=False),
    Column("paid_ms", Number, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("ship_by_ms", Number, nullable=False),
    Column("state", Text, nullable=False),
    Column("telling", Text),
    Column("told_ms", Number),
    Column("tellings", Integer, nullable=False),
    Column("failure", Text),
    Column("reminded_ms", Number),
    Column("settles_ms", Number),
    Column("settled_ms", Number),
    Column("version", Integer, nullable=False),
    Column("group_id", Number),
)
# One payment is shipped once, whatever happens at the same time.
Index("shippings_by_intent", shippings.c.intent_id, unique=True)
Index("shippings_by_number", shippings.c.merchant, shippings.c.out_trade_no, shippings.c.provider, unique=True)
Index("shippings_newest", shippings.c.account, shippings.c.livemode, shippings.c.id)
NOT_TOLD: Final = text("state IN ('awaited', 'recorded', 'uncertain', 'later', 'refused', 'partly')")
Index("shippings_late", shippings.c.ship_by_ms, sqlite_where=NOT_TOLD, postgresql_where=NOT_TOLD)

shipping_queue: Final = Table(
    "shipping_queue",
    metadata,
    Column("shipping_id", Number, primary_key=True, autoincrement=False),
    Column("due_ms", Number, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index("shipping_queue_due", shipping_queue.c.due_ms)

pushes: Final = Table(
    "pushes",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("appid", Text, nullable=False),
    Column("push_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("received_ms", Number, nullable=False),
    Column("content", Text, nullable=False),
    Column("times_seen", Integer, nullable=False),
    Column("verdict", Text),
    Column("handled_ms", Number),
)
Index("pushes_once", pushes.c.appid, pushes.c.push_id, unique=True)
_UNHANDLED = text("handled_ms IS NULL")
Index("pushes_unhandled", pushes.c.received_ms, sqlite_where=_UNHANDLED, postgresql_where=_UNHANDLED)
