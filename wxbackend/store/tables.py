"""The tables of both databases: times are Unix milliseconds, money is minor units, structures are JSON text."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()

# SQLite keeps a table in the order of its INTEGER primary key without a second index.
Number = BigInteger().with_variant(Integer, "sqlite")

id_nodes = Table(
    "id_nodes",
    metadata,
    Column("node", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("leased_until_ms", Number, nullable=False),
)

payment_intents = Table(
    "payment_intents",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("amount", Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("client_secret", Text, nullable=False),
    Column("description", Text),
    Column("merchant_order_id", Text),
    Column("merchant_user_id", Text),
    Column("customer", Text),
    Column("return_url", Text),
    Column("metadata", Text),
    Column("payment_method", Text),
    Column("last_payment_error", Text),
    Column("attempt_id", Number),
    Column("amount_received", Number, nullable=False),
    Column("cancel_requested_ms", Number),
    Column("cancellation_reason", Text),
    Column("canceled_ms", Number),
    Column("version", Integer, nullable=False),
)
Index(
    "payment_intents_newest",
    payment_intents.c.account,
    payment_intents.c.livemode,
    payment_intents.c.id,
)
Index(
    "payment_intents_by_order",
    payment_intents.c.account,
    payment_intents.c.livemode,
    payment_intents.c.merchant_order_id,
    payment_intents.c.id,
    sqlite_where=text("merchant_order_id IS NOT NULL"),
    postgresql_where=text("merchant_order_id IS NOT NULL"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("intent_id", Number, nullable=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("out_trade_no", Text, nullable=False),
    Column("payer", Text, nullable=False),
    Column("amount", Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("sent_ms", Number, nullable=False),
    Column("expires_ms", Number, nullable=False),
    Column("state", Text, nullable=False),
    Column("handle", Text),
    Column("client_params", Text),
    Column("presentable_until_ms", Number),
    Column("transaction_id", Text),
    Column("paid_ms", Number),
    Column("profit_sharing", Boolean, nullable=False, server_default=false()),
    Column("client_ip", Text),
    Column("os_type", Text),
    Column("return_url", Text),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("code_mark", Text),
    Column("reversal_sent_ms", Number),
    Column("mandate_id", Number),
    Column("mandate_handle", Text),
    Column("group_id", Number),
    Column("payer_amount", Number),
    Column("payer_currency", Text),
    Column("exchange_rate", Number),
)
_GROUPED = text("group_id IS NOT NULL")
Index("attempts_by_group", attempts.c.group_id, sqlite_where=_GROUPED, postgresql_where=_GROUPED)
Index(
    "attempts_by_number",
    attempts.c.merchant,
    attempts.c.out_trade_no,
    attempts.c.provider,
    unique=True,
)
_UNRESOLVED = text("state IN ('recorded', 'uncertain', 'open', 'closing')")
# The database itself refuses a second order of one intent while the first may still be paid.
Index(
    "attempts_one_unresolved",
    attempts.c.intent_id,
    unique=True,
    sqlite_where=_UNRESOLVED,
    postgresql_where=_UNRESOLVED,
)
Index(
    "attempts_by_transaction",
    attempts.c.provider,
    attempts.c.merchant,
    attempts.c.transaction_id,
    unique=True,
    sqlite_where=text("transaction_id IS NOT NULL"),
    postgresql_where=text("transaction_id IS NOT NULL"),
)

# What the metrics count: each index holds unfinished things only.
_UNCLEAR = text("state IN ('recorded', 'uncertain', 'closing')")
Index("attempts_unclear", attempts.c.state, sqlite_where=_UNCLEAR, postgresql_where=_UNCLEAR)

poll_queue = Table(
    "poll_queue",
    metadata,
    Column("attempt_id", Number, primary_key=True, autoincrement=False),
    Column("due_ms", Number, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index("poll_queue_due", poll_queue.c.due_ms)

events = Table(
    "events",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("type", Text, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("subject_id", Number, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("events_newest", events.c.account, events.c.livemode, events.c.id)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("event_id", Number, nullable=False),
    Column("endpoint_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_ms", Number),
    Column("tries", Integer, nullable=False),
    Column("last_status", Integer),
    Column("last_reason", Text),
    Column("delivered_ms", Number),
)
# Endpoint first: a worker takes a few of each endpoint's, however many are waiting for one of them.
Index(
    "deliveries_pending",
    deliveries.c.endpoint_id,
    deliveries.c.due_ms,
    sqlite_where=text("state = 'pending'"),
    postgresql_where=text("state = 'pending'"),
)
Index("deliveries_by_event", deliveries.c.event_id)
_PENDING = text("state = 'pending'")
Index("deliveries_oldest", deliveries.c.event_id, sqlite_where=_PENDING, postgresql_where=_PENDING)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("delivery_id", Number, nullable=False),
    Column("number", Integer, nullable=False),
    Column("begun_ms", Number, nullable=False),
    Column("duration_ms", Number, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
)
Index("delivery_attempts_by_delivery", delivery_attempts.c.delivery_id)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("retired", Text),
    Column("enabled_events", Text, nullable=False),
    Column("description", Text),
    Column("metadata", Text),
    Column("disabled", Boolean, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("version", Integer, nullable=False),
)
Index("webhook_endpoints_newest", webhook_endpoints.c.account, webhook_endpoints.c.livemode, webhook_endpoints.c.id)

notices = Table(
    "notices",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("notice_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("out_trade_no", Text),
    Column("received_ms", Number, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("times_seen", Integer, nullable=False),
    Column("verdict", Text),
    Column("handled_ms", Number),
)
Index("notices_once", notices.c.merchant, notices.c.notice_id, notices.c.provider, unique=True)
Index(
    "notices_unhandled",
    notices.c.received_ms,
    sqlite_where=text("handled_ms IS NULL"),
    postgresql_where=text("handled_ms IS NULL"),
)

_UNMATCHED = text("verdict IN ('no such order', 'no such refund')")
Index("notices_unmatched", notices.c.received_ms, sqlite_where=_UNMATCHED, postgresql_where=_UNMATCHED)

discrepancies = Table(
    "discrepancies",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("intent_id", Number),
    Column("attempt_id", Number),
    Column("transaction_id", Text, nullable=False),
    Column("amount", Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("expected", Text, nullable=False),
    Column("observed", Text, nullable=False),
    Column("created_ms", Number, nullable=False),
    *(Column(name, Number) for name in ("bill_id", "seen_ms", "resolved_ms")),
    *(Column(name, Text) for name in ("day", "note")),
)
Index(
    "discrepancies_once",
    discrepancies.c.account,
    discrepancies.c.kind,
    discrepancies.c.transaction_id,
    unique=True,
)

_OPEN = text("state = 'open'")
Index("discrepancies_open", discrepancies.c.kind, sqlite_where=_OPEN, postgresql_where=_OPEN)

refunds = Table(
    "refunds",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("intent_id", Number, nullable=False),
    Column("attempt_id", Number, nullable=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("out_refund_no", Text, nullable=False),
    Column("amount", Number, nullable=False),
    Column("total", Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("reason", Text),
    Column("description", Text),
    Column("discrepancy_id", Number),
    Column("metadata", Text),
    Column("state", Text, nullable=False),
    Column("handle", Text),
    Column("failure", Text),
    Column("created_ms", Number, nullable=False),
    Column("sent_ms", Number, nullable=False),
    Column("succeeded_ms", Number),
    Column("version", Integer, nullable=False),
)
Index("refunds_newest", refunds.c.account, refunds.c.livemode, refunds.c.id)
Index("refunds_by_attempt", refunds.c.attempt_id)
Index("refunds_by_intent", refunds.c.intent_id)
# One refund for each discrepancy, whatever happens at the same time.
Index(
    "refunds_by_discrepancy",
    refunds.c.discrepancy_id,
    unique=True,
    sqlite_where=text("discrepancy_id IS NOT NULL"),
    postgresql_where=text("discrepancy_id IS NOT NULL"),
)
Index("refunds_by_number", refunds.c.merchant, refunds.c.out_refund_no, refunds.c.provider, unique=True)

_UNRESOLVED_REFUND = text("state IN ('queued', 'recorded', 'uncertain', 'short', 'processing', 'abnormal')")
Index("refunds_unresolved", refunds.c.state, sqlite_where=_UNRESOLVED_REFUND, postgresql_where=_UNRESOLVED_REFUND)

refund_queue = Table(
    "refund_queue",
    metadata,
    Column("refund_id", Number, primary_key=True, autoincrement=False),
    Column("due_ms", Number, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index("refund_queue_due", refund_queue.c.due_ms)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Number, nullable=False),
    Column("occasion", Integer, nullable=False),
    Column("debit", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("amount", Number, nullable=False),
    Column("currency", Text, nullable=False),
    Column("created_ms", Number, nullable=False),
    # One amount with a giver and a receiver: no row can make or lose money.
    CheckConstraint("amount > 0", name="ledger_amount_positive"),
    CheckConstraint("debit <> credit", name="ledger_two_accounts"),
)
Index("ledger_once", ledger.c.kind, ledger.c.subject_id, ledger.c.occasion, unique=True)
Index("ledger_newest", ledger.c.account, ledger.c.livemode, ledger.c.id)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("last_four", Text, nullable=False),
    Column("created_ms", Number, nullable=False),
    Column("last_used_day", Integer),
    Column("revoked_ms", Number),
)
Index("api_keys_by_hash", api_keys.c.key_hash, unique=True)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account", Text, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Column("object_id", Number),
    Column("begun_ms", Number, nullable=False),
)
Index("idempotency_keys_age", idempotency_keys.c.begun_ms)

platform_certificates = Table(
    "platform_certificates",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("merchant", Text, primary_key=True),
    Column("serial", Text, primary_key=True),
    Column("pem", Text, nullable=False),
    Column("effective_ms", Number, nullable=False),
    Column("expires_ms", Number, nullable=False),
)
