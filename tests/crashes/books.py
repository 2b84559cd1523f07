"""The reckoning of a whole world: WeChat's books, the ledger, intents, refunds and what the merchant was told."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from tests.crashes.life import Life
from tests.journeys.reckoning import CANCELED, DISCREPANCY, SUCCEEDED, body_of
from wxbackend.domain.event import BY_NAME_ONLY

RESOLVED: Final = "discrepancy.resolved"
UNASKED: Final = frozenset(kind.value for kind in BY_NAME_ONLY)
"""The shop wants `*`, which these are not in."""
ONCE: Final = frozenset({SUCCEEDED, CANCELED, DISCREPANCY, RESOLVED, "payment_intent.created", "refund.created"})
"""Events that can become true only once for their subject."""


def reckon_all(life: Life) -> None:
    """Everybody tells the same story to the fen, and nothing is left undone."""
    books = life.desk("GET", "/books")
    assert books["balanced"], books
    _payments(life)
    _refunds(life)
    _ledger(life, books)
    _told(life)
    _nothing_left(life)


def agree(what: str, ours: Any, theirs: Any) -> None:
    """Two of them must be the same."""
    assert ours == theirs, f"{what}: {ours!r} here, {theirs!r} there"


def _payments(life: Life) -> None:
    orders = life.desk("GET", "/orders")["orders"]
    attempts = {row["out_trade_no"]: row for row in life.rows("SELECT * FROM attempts")}
    agree("orders unknown to us", [o["out_trade_no"] for o in orders if o["out_trade_no"] not in attempts], [])
    paid = {o["out_trade_no"]: (o["transaction_id"], o["total"]) for o in orders if "transaction_id" in o}
    ours = {n: (row["transaction_id"], row["amount"]) for n, row in attempts.items() if row["state"] == "paid"}
    agree("payments", ours, paid)
    payable = sorted(o["out_trade_no"] for o in orders if o["trade_state"] == "NOTPAY")
    agree("payable orders", sorted(n for n, row in attempts.items() if row["state"] == "open"), payable)
    for intent in life.rows("SELECT * FROM payment_intents"):
        shown = life.intent(f"pi_{intent['id']}")
        booked = life.rows("SELECT amount FROM ledger WHERE kind = 'payment' AND subject_id = ?", intent["id"])
        sold = shown["status"] == "succeeded"
        agree("what an intent sold", [row["amount"] for row in booked], [intent["amount"]] if sold else [])
        agree("what an intent received", shown.get("amount_received"), intent["amount"] if sold else None)
        if sold:
            current = next(row for row in attempts.values() if row["id"] == intent["attempt_id"])
            agree("the order that sold it", (current["state"], current["intent_id"]), ("paid", intent["id"]))


def _refunds(life: Life) -> None:
    theirs = {
        refund["out_refund_no"]: (refund["status"], refund["amount"]["refund"])
        for refund in life.desk("GET", "/refunds")["refunds"]
    }
    words = {"succeeded": "SUCCESS", "closed": "CLOSED"}
    rows = life.rows("SELECT * FROM refunds WHERE state NOT IN ('declined', 'canceled')")
    agree("refunds", {row["out_refund_no"]: (words[row["state"]], row["amount"]) for row in rows}, theirs)
    given_back = {row["discrepancy_id"]: row["amount"] for row in rows if row["discrepancy_id"] is not None}
    found = life.rows("SELECT * FROM discrepancies")
    agree("misplaced money", given_back, {row["id"]: row["amount"] for row in found})
    agree("open discrepancies", [row for row in found if row["state"] == "open"], [])
    paid = life.rows("SELECT id FROM attempts WHERE state = 'paid'")
    sold = life.rows("SELECT id FROM payment_intents WHERE status = 'succeeded'")
    agree("payments that sold nothing", len(paid) - len(sold), len(found))


def _ledger(life: Life, books: dict[str, Any]) -> None:
    balances: Counter[str] = Counter()
    for row in life.rows("SELECT debit, credit, amount FROM ledger"):
        balances[row["debit"]] += row["amount"]
        balances[row["credit"]] -= row["amount"]
    at_wechat = sum(amount for account, amount in balances.items() if account.startswith("provider:"))
    agree("money at WeChat", at_wechat, books["merchant_balance"])
    agree("suspense", balances["suspense"], 0)
    agree("refunds under way", balances["refunds_pending"], 0)
    agree("paid and refunded", at_wechat, books["paid_total"] - books["refunded_total"])


def _told(life: Life) -> None:
    events = life.rows("SELECT * FROM events")
    told: dict[str, dict[str, Any]] = {}
    for webhook in life.desk("GET", "/shop/webhooks")["webhooks"]:
        assert webhook["verified"], webhook
        told[webhook["event_id"]] = webhook["subject"]
    delivered = [row for row in events if row["type"] not in UNASKED]
    agree("events", {f"evt_{row['id']}": body_of(row)["data"]["object"] for row in delivered}, told)
    states = life.rows("SELECT event_id, state FROM deliveries")
    agree("deliveries", {row["event_id"]: row["state"] for row in states}, {r["id"]: "delivered" for r in delivered})
    counted = Counter((row["type"], row["subject_id"]) for row in events)
    agree("events told twice", [each for each, times in counted.items() if each[0] in ONCE and times > 1], [])
    for kind, query in {
        "payment_intent.created": "SELECT id FROM payment_intents",
        SUCCEEDED: "SELECT id FROM payment_intents WHERE status = 'succeeded'",
        CANCELED: "SELECT id FROM payment_intents WHERE status = 'canceled'",
        "refund.created": "SELECT id FROM refunds",
        DISCREPANCY: "SELECT id FROM discrepancies",
        RESOLVED: "SELECT id FROM discrepancies WHERE state <> 'open'",
    }.items():
        subjects = {row["subject_id"] for row in events if row["type"] == kind}
        agree(kind, subjects, {row["id"] for row in life.rows(query)})


def _nothing_left(life: Life) -> None:
    agree("notices not settled", life.rows("SELECT id FROM notices WHERE handled_ms IS NULL"), [])
    looked_at = {row["attempt_id"] for row in life.rows("SELECT attempt_id FROM poll_queue")}
    unresolved = life.rows("SELECT id FROM attempts WHERE state IN ('recorded', 'uncertain', 'open', 'closing')")
    agree("orders that are looked at", looked_at, {row["id"] for row in unresolved})
    agree("refunds that are looked at", life.rows("SELECT refund_id FROM refund_queue"), [])
