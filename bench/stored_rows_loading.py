"""Many payments in a moment: rows that the product has written itself, multiplied inside PostgreSQL.

Each copy differs from its model in identifiers, numbers and times; long bodies are shortened, because nothing that is
measured reads them. Secondary indexes are dropped before and built after, as for any large load.
"""

from __future__ import annotations

from typing import Final

import psycopg

from bench.product import Place, driver_url
from wxbackend.domain import ids

SPREAD_DAYS: Final = 90
OPEN_SHARE: Final = 100
"""One in so many orders is open."""
IDEMPOTENCY_SHARE: Final = 20
"""One in so many has an idempotency key that is kept yet."""
DUE_NOW: Final = 500
_MOMENT: Final = "(%(from_ms)s + n * %(step_ms)s)"
_ID: Final = f"((({_MOMENT} - {ids.EPOCH_MS}) << {ids.NODE_BITS + ids.SEQUENCE_BITS}) | (1000::bigint << 12) | {{}})"
_COPIES: Final[dict[str, dict[str, str]]] = {
    "payment_intents": {
        "id": _ID.format(0),
        "created_ms": _MOMENT,
        "client_secret": "'pi_' || n || '_secret_' || md5(n::text)",
        "merchant_order_id": "'order-' || n",
        "attempt_id": _ID.format(1),
    },
    "attempts": {
        "id": _ID.format(1),
        "intent_id": _ID.format(0),
        "out_trade_no": "'bench' || n",
        "transaction_id": "'bench' || n",
        "client_params": "NULL",
        "created_ms": _MOMENT,
        "sent_ms": _MOMENT,
    },
    "events": {
        "id": _ID.format(2),
        "subject_id": _ID.format(0),
        "created_ms": _MOMENT,
        "body": "substring(body for 300)",
    },
    "deliveries": {
        "id": _ID.format(3),
        "event_id": _ID.format(2),
        "state": "'delivered'",
        "due_ms": "NULL",
    },
    "notices": {
        "id": _ID.format(4),
        "notice_id": "md5(n::text)",
        "out_trade_no": "'bench' || n",
        "received_ms": _MOMENT,
        "body": "substring(body for 200)",
    },
    "ledger": {
        "id": _ID.format(5),
        "subject_id": _ID.format(0),
        "created_ms": _MOMENT,
    },
}
_OPEN: Final = """
INSERT INTO poll_queue SELECT id, CASE WHEN n <= %(due)s THEN 0 ELSE 10000000000000 + n END, 0
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM attempts ORDER BY id LIMIT %(open)s) AS oldest
"""
_KEYS: Final = """
INSERT INTO idempotency_keys SELECT {columns} FROM generate_series(1, %(kept)s) AS n,
(SELECT * FROM idempotency_keys WHERE body IS NOT NULL LIMIT 1) AS model
"""


def load(place: Place, rows: int) -> None:
    """Fill the database with so many payments, older than those that are there."""
    with psycopg.connect(driver_url(place.database_url), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '512MB'")
        span_ms = SPREAD_DAYS * 86_400_000
        (now_ms,) = connection.execute("SELECT (extract(epoch FROM now()) * 1000)::bigint").fetchone() or (0,)
        told = {
            "rows": rows,
            "from_ms": now_ms - span_ms - 3_600_000,
            "step_ms": span_ms // rows,
            "open": max(DUE_NOW, rows // OPEN_SHARE),
            "due": DUE_NOW,
            "kept": rows // IDEMPOTENCY_SHARE,
        }
        for table, different in _COPIES.items():
            definitions = _dropped_indexes(connection, table)
            columns = ", ".join(different.get(name, f"model.{name}") for name in _columns(connection, table))
            connection.execute(
                f"INSERT INTO {table} SELECT {columns} FROM generate_series(1, %(rows)s::bigint) AS n, "
                f"(SELECT * FROM {table} ORDER BY id DESC LIMIT 1) AS model".encode(),
                told,
            )
            for definition in definitions:
                connection.execute(definition.encode())
        keys = {"key": "'bench-' || md5(n::text)"}
        columns = ", ".join(keys.get(name, f"model.{name}") for name in _columns(connection, "idempotency_keys"))
        connection.execute(_KEYS.format(columns=columns).encode(), told)
        connection.execute(_OPEN.encode(), told)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def middle_intent(place: Place) -> str:
    """A payment in the middle of all, by time."""
    ((oldest, newest),) = place.rows("SELECT min(id), max(id) FROM payment_intents")
    ((found,),) = place.rows("SELECT min(id) FROM payment_intents WHERE id >= ?", (oldest + newest) // 2)
    return ids.render(ids.INTENT, found)


def _columns(connection: psycopg.Connection[tuple[object, ...]], table: str) -> list[str]:
    query = b"SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    return [str(row[0]) for row in connection.execute(query, [table])]


def _dropped_indexes(connection: psycopg.Connection[tuple[object, ...]], table: str) -> list[str]:
    """Drop all but the primary key; what creates them again."""
    query = (
        b"SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index AS i "
        b"WHERE i.indrelid = %s::regclass AND NOT i.indisprimary"
    )
    found = [(str(name), str(definition)) for name, definition in connection.execute(query, [table])]
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}".encode())
    return [definition for _, definition in found]
