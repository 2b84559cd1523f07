"""The reckoning of a whole world: WeChat's books, the ledger, intents, refunds and what the merchant was told."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import orjson

from tests.crashes.life import Life
from tests.journeys.reckoning import CANCELED, DISCREPANCY, SUCCEEDED, body_of
from wxbackend.domain.event import BY_NAME_ONLY

RESOLVED: Final = "discrepancy.resolved"
UNASKED: Final = frozenset(kind.value for kind in BY_NAME_ONLY)
"""The shop wants `*`, which these are not in."""
TOLD_ONCE: Final = {
    "payment_intent.created": "SELECT id FROM payment_intents",
    SUCCEEDED: "SELECT id FROM payment_intents WHERE status = 'succeeded'",
    CANCELED: "SELECT id FROM payment_intents WHERE status = 'canceled'",
    "refund.created": "SELECT id FROM refunds",
    DISCREPANCY: "SELECT id FROM discrepancies",
    RESOLVED: "SELECT id FROM discrepancies WHERE state <> 'open'",
    "transfer.created": "SELECT id FROM merchant_transfers",
    "transfer.paid": "SELECT id FROM merchant_transfers WHERE state = 'paid'",
    "transfer.canceled": "SELECT id FROM merchant_transfers WHERE state = 'canceled'",
    "profit_sharing.created": "SELECT id FROM profit_sharings",
    "profit_sharing_return.created": "SELECT id FROM profit_sharing_returns",
    "setup_intent.created": "SELECT id FROM setup_intents",
    "setup_intent.succeeded": "SELECT id FROM setup_intents WHERE status = 'succeeded'",
    "payment_method.attached": "SELECT method_id AS id FROM mandates WHERE signed_ms IS NOT NULL",
    "payment_method.detached": "SELECT method_id AS id FROM mandates WHERE state IN ('ending', 'ended')",
}
"""Events that become true once for each subject, and the subjects for which they are true."""


def reckon_all(life: Life) -> None:
    """Everybody tells the same story to the fen, and nothing is left undone."""
    books = life.desk("GET", "/books")
    assert books["balanced"], books
    _payments(life)
    _refunds(life)
    _money_out(life)
    _mandates(life)
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


def _money_out(life: Life) -> None:
    there = {each["out_bill_no"]: (each["state"], each["transfer_amount"])
             for each in life.desk("GET", "/transfers")["transfers"]}  # fmt: skip
    words = {"paid": "SUCCESS", "failed": "FAIL", "canceled": "CANCELLED"}
    rows = life.rows("SELECT * FROM merchant_transfers WHERE state <> 'declined'")
    # What surely never left us is canceled here without WeChat.
    ours = {row["out_bill_no"]: (words[row["state"]], row["amount"]) for row in rows
            if row["state"] != "canceled" or row["out_bill_no"] in there}  # fmt: skip
    agree("transfers", ours, there)
    book = life.desk("GET", "/sharings")
    theirs = {
        each["out_order_no"]: sorted((p["account"], p["amount"], p["result"]) for p in each.get("receivers", []))
        for each in book["sharings"]
    }
    rows = life.rows("SELECT * FROM profit_sharings WHERE state <> 'declined'")
    agree("sharings", {row["out_order_no"]: _given(row["parts"]) for row in rows}, theirs)
    back = {each["out_return_no"]: (each["result"], each["amount"]) for each in book["returns"]}
    rows = life.rows("SELECT * FROM profit_sharing_returns WHERE state <> 'declined'")
    words = {"succeeded": "SUCCESS", "failed": "FAILED"}
    agree("returns", {row["out_return_no"]: (words[row["state"]], row["amount"]) for row in rows}, back)


def _given(kept: str) -> list[tuple[str, int, str]]:
    """The parts of a sharing as its row holds them, in WeChat's words."""
    words = {"succeeded": "SUCCESS", "closed": "CLOSED"}
    return sorted((part[1], part[2], words[part[5]]) for part in orjson.loads(kept))


def _mandates(life: Life) -> None:
    theirs = {each["out_contract_code"]: each["contract_state"] for each in life.desk("GET", "/contracts")["contracts"]
              if each["contract_state"] != "UNSIGNED"}  # fmt: skip
    words = {"active": "SIGNED", "ended": "TERMINATED"}
    rows = life.rows("SELECT * FROM mandates WHERE signed_ms IS NOT NULL")
    agree("mandates", {row["out_mandate_no"]: words[row["state"]] for row in rows}, theirs)


def _ledger(life: Life, books: dict[str, Any]) -> None:
    balances: Counter[str] = Counter()
    for row in life.rows("SELECT debit, credit, amount FROM ledger"):
        balances[row["debit"]] += row["amount"]
        balances[row["credit"]] -= row["amount"]
    at_wechat = sum(amount for account, amount in balances.items() if account.startswith("provider:"))
    agree("money at WeChat", at_wechat, books["merchant_balance"])
    agree("suspense", balances["suspense"], 0)
    for under_way in ("refunds_pending", "transfers_pending", "sharings_pending"):
        agree(under_way, balances[under_way], 0)
    agree("given to people", balances["transfers"], books["transferred_total"])
    agree("given to others", balances["sharings"], books["shared_total"])
    gone = books["refunded_total"] + books["transferred_total"] + books["shared_total"]
    agree("paid and gone", at_wechat, books["paid_total"] - gone)
    agree("frozen until it is shipped", balances["frozen"], life.desk("GET", "/shipping")["frozen"])


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
    twice = [each for each, times in counted.items() if each[0] in TOLD_ONCE and times > 1]
    agree("events told twice", twice, [])
    for kind, query in TOLD_ONCE.items():
        subjects = {row["subject_id"] for row in events if row["type"] == kind}
        agree(kind, subjects, {row["id"] for row in life.rows(query)})


def _nothing_left(life: Life) -> None:
    agree("notices not settled", life.rows("SELECT id FROM notices WHERE handled_ms IS NULL"), [])
    looked_at = {row["attempt_id"] for row in life.rows("SELECT attempt_id FROM poll_queue")}
    unresolved = life.rows("SELECT id FROM attempts WHERE state IN ('recorded', 'uncertain', 'open', 'closing')")
    agree("orders that are looked at", looked_at, {row["id"] for row in unresolved})
    for queue in ("refund_queue", "merchant_transfer_queue", "profit_sharing_queue"):
        agree(f"what is looked at in {queue}", life.rows(f"SELECT * FROM {queue}"), [])
    looked_at = {row["mandate_id"] for row in life.rows("SELECT mandate_id FROM mandate_queue")}
    wanted = life.rows("SELECT id FROM mandates WHERE state IN ('recorded', 'open', 'active', 'ending')")
    agree("mandates that nobody looks at", {row["id"] for row in wanted} - looked_at, set())
    looked_at = {row["shipping_id"] for row in life.rows("SELECT shipping_id FROM shipping_queue")}
    wanted = life.rows("SELECT id FROM shippings WHERE state NOT IN ('settled', 'refunded')")
    agree("shippings that are looked at", looked_at, {row["id"] for row in wanted})
    agree("what is parked", life.rows("SELECT kind, item FROM failures WHERE failures >= 5"), [])
