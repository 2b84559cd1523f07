"""The tables of customers, SetupIntents and mandates; part of the one schema that `tables` begins.

Times are Unix milliseconds, money is minor units, structured values are JSON text.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, text

from wxbackend.store.tables import Number, metadata

customers = Table(
    "customers",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("merchant_user_id", Text),
    Column("description", Text),
    Column("payers", Text),
    Column("metadata", Text),
    Column("version", Integer, nullable=False),
)
Index("customers_newest", customers.c.account, customers.c.livemode, customers.c.id)

setup_intents = Table(
    "setup_intents",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("customer_id", Number, nullable=False),
    Column("status", Text, nullable=False),
    Column("client_secret", Text, nullable=False),
    Column("description", Text),
    Column("return_url", Text),
    Column("metadata", Text),
    Column("payment_method", Text),
    Column("last_setup_error", Text),
    Column("mandate_id", Number),
    Column("cancellation_reason", Text),
    Column("canceled_ms", Number),
    Column("version", Integer, nullable=False),
)
Index("setup_intents_newest", setup_intents.c.account, setup_intents.c.livemode, setup_intents.c.id)

mandates = Table(
    "mandates",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("setup_id", Number, nullable=False),
    Column("customer_id", Number, nullable=False),
    Column("method_id", Number, nullable=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("out_mandate_no", Text, nullable=False),
    Column("payer", Text, nullable=False),
    Column("method_type", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("sent_ms", Number, nullable=False),
    Column("expires_ms", Number, nullable=False),
    Column("state", Text, nullable=False),
    Column("handle", Text),
    Column("client_params", Text),
    Column("presentable_until_ms", Number),
    Column("signed_ms", Number),
    Column("ended_ms", Number),
    Column("notice", Text),
    Column("version", Integer, nullable=False),
)
Index("mandates_by_number", mandates.c.merchant, mandates.c.out_mandate_no, mandates.c.provider, unique=True)
Index("mandates_by_method", mandates.c.method_id, unique=True)
Index("mandates_by_customer", mandates.c.customer_id, mandates.c.id)
_UNRESOLVED = text("state IN ('recorded', 'open', 'ending')")
Index("mandates_unresolved", mandates.c.state, sqlite_where=_UNRESOLVED, postgresql_where=_UNRESOLVED)
_SIGNABLE = text("state IN ('recorded', 'open')")
# The database itself refuses a second page of one SetupIntent while the first may still be signed.
Index(
    "mandates_one_signable",
    mandates.c.setup_id,
    unique=True,
    sqlite_where=_SIGNABLE,
    postgresql_where=_SIGNABLE,
)

mandate_queue = Table(
    "mandate_queue",
    metadata,
    Column("mandate_id", Number, primary_key=True, autoincrement=False),
    Column("due_ms", Number, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index("mandate_queue_due", mandate_queue.c.due_ms)
