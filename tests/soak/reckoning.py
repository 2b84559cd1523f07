"""The reckoning of a soak: WeChat's books, the journal, intents, refunds, events and callers agree to the fen.

Every law yields what breaks it, in words and with a kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import orjson

from tests.journeys.reckoning import CANCELED, DISCREPANCY, SUCCEEDED
from tests.soak import reckoning_money_out
from tests.soak.books import Books, Row, grouped
from tests.soak.difference import DIFFERS, DOUBLED, LOST, Difference
from tests.soak.tally import Said
from wxbackend.domain.event import BY_NAME_ONLY

CREATED: Final = "payment_intent.created"
REFUND_CREATED: Final = "refund.created"
UNASKED: Final = frozenset(kind.value for kind in BY_NAME_ONLY)
"""The shop wants `*`, which these are not in."""
WORDS: Final = {"succeeded": "SUCCESS", "closed": "CLOSED", "abnormal": "ABNORMAL"}
CUT_MS_MAX: Final = 3_000
PAID_STATES: Final = ("SUCCESS", "REFUND")


def differences(books: Books) -> list[Difference]:
    """All that does not agree; empty when the books agree."""
    laws = (_orders, _intents, _refunds, _totals, _events, _deliveries, _callers, *reckoning_money_out.LAWS)
    return [found for law in laws for found in law(books)]


def _orders(books: Books) -> Iterator[Difference]:
    """What was paid at WeChat is paid here, by the same transaction, and nothing else is."""
    attempts = {row["out_trade_no"]: row for row in books.tables["attempts"]}
    for order in books.orders:
        number = order["out_trade_no"]
        attempt = attempts.get(number)
        paid = order["trade_state"] in PAID_STATES
        if attempt is None:
            yield Difference(LOST, f"WeChat has the order {number} ({order['trade_state']}), which was never recorded")
        elif paid and attempt["state"] != "paid":
            yield Difference(LOST, f"the order {number} was paid at WeChat and is {attempt['state']} here")
        elif paid and (attempt["transaction_id"], attempt["amount"]) != (order["transaction_id"], order["total"]):
            yield Difference(DIFFERS, f"the order {number} was paid otherwise at WeChat")
        elif not paid and attempt["state"] == "paid":
            yield Difference(DOUBLED, f"the order {number} is paid here and {order['trade_state']} at WeChat")
        elif order["trade_state"] == "NOTPAY" and attempt["state"] != "open":
            yield Difference(DIFFERS, f"the order {number} is {attempt['state']} here and can still be paid at WeChat")
    known = {order["out_trade_no"] for order in books.orders}
    for number, attempt in attempts.items():
        if attempt["state"] in ("paid", "open") and number not in known:
            yield Difference(DIFFERS, f"the order {number} is {attempt['state']} here and unknown to WeChat")
        if attempt["state"] not in ("paid", "closed", "declined"):
            yield Difference(DIFFERS, f"the order {number} is still {attempt['state']}")


def _intents(books: Books) -> Iterator[Difference]:
    """An intent has one payment or none; every other payment of it went back by itself, or waits for a person."""
    attempts = books.by("attempts", "intent_id")
    payments = Counter(row["subject_id"] for row in books.tables["ledger"] if row["kind"] == "payment")
    apart = _set_apart(books)
    for intent in books.tables["payment_intents"]:
        name, number = f"pi_{intent['id']}", intent["id"]
        paid = [row for row in attempts[number] if row["state"] == "paid"]
        kept = [row for row in paid if row["transaction_id"] not in apart]
        wanted = 1 if intent["status"] == "succeeded" else 0
        if len(kept) > wanted:
            yield Difference(DOUBLED, f"{name} is {intent['status']} and keeps {len(kept)} payments")
        if len(kept) < wanted:
            yield Difference(LOST, f"{name} is succeeded and keeps no payment")
        if payments[number] != wanted:
            kind = DOUBLED if payments[number] > wanted else LOST
            yield Difference(kind, f"{name} is {intent['status']} and is booked as paid {payments[number]} times")
        if intent["amount_received"] != intent["amount"] * wanted:
            yield Difference(DIFFERS, f"{name} received {intent['amount_received']} of {intent['amount']}")
        if intent["cancel_requested_ms"] and intent["status"] not in ("canceled", "succeeded"):
            yield Difference(DIFFERS, f"{name} shall be canceled and is {intent['status']}")


def _set_apart(books: Books) -> set[str]:
    """Transactions that fit nothing: they went back in full, or WeChat closed that refund and a person was told."""
    refunds = books.by("refunds", "discrepancy_id")
    return {
        found["transaction_id"]
        for found in books.tables["discrepancies"]
        for refund in refunds[found["id"]]
        if refund["amount"] == found["amount"]
        and (refund["state"], found["state"]) in (("succeeded", "refunded"), ("closed", "open"))
    }


def _refunds(books: Books) -> Iterator[Difference]:
    """Each refund ended at WeChat as it ended here, and no payment gave back more than it brought."""
    theirs = {row["out_refund_no"]: row for row in books.paid_back}
    ours = {row["out_refund_no"]: row for row in books.tables["refunds"]}
    for number in theirs.keys() - ours.keys():
        yield Difference(DOUBLED, f"WeChat has the refund {number}, which was never recorded")
    for number, refund in ours.items():
        wanted = WORDS.get(refund["state"])
        there = theirs.get(number)
        found = there["status"] if there else None
        if refund["state"] == "declined" and found in (None, "CLOSED"):
            continue
        if wanted is None or wanted != found:
            kind = LOST if found == "SUCCESS" else DIFFERS
            yield Difference(kind, f"the refund {number} is {refund['state']} here and {found} at WeChat")
        elif there is not None and there["amount"]["refund"] != refund["amount"]:
            yield Difference(DIFFERS, f"the refund {number} has another amount at WeChat")
    for attempt_id, rows in books.by("refunds", "attempt_id").items():
        gone = sum(row["amount"] for row in rows if row["state"] in ("succeeded", "abnormal"))
        if gone > rows[0]["total"]:
            yield Difference(DOUBLED, f"{gone} of {rows[0]['total']} fen were given back of the attempt {attempt_id}")
    refunds = books.by("refunds", "discrepancy_id")
    for found_money in books.tables["discrepancies"]:
        made = refunds[found_money["id"]]
        closed = made and all(row["state"] == "closed" for row in made)
        if len(made) != 1 or (found_money["state"] == "open") != bool(closed):
            text = f"the {found_money['kind']} money {found_money['transaction_id']} is {found_money['state']}"
            yield Difference(DIFFERS, f"{text} with {len(made)} refunds of it")


def _totals(books: Books) -> Iterator[Difference]:
    """The journal's accounts against WeChat's totals."""
    balance: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for row in books.tables["ledger"]:
        balance[row["debit"].partition(":")[0]] += row["amount"]
        balance[row["credit"].partition(":")[0]] -= row["amount"]
        moved[row["kind"]] += row["amount"]
    totals = books.totals
    received = sum(row["amount_received"] for row in books.tables["payment_intents"])
    abnormal = sum(row["amount"] for row in books.tables["refunds"] if row["state"] == "abnormal")
    stuck = sum(row["amount"] for row in books.tables["discrepancies"] if row["state"] == "open")
    pairs = (
        ("fen paid at WeChat, and in the journal", totals["paid_total"], moved["payment"] + moved["misplaced"]),
        ("fen of succeeded intents, and of payments in the journal", received, moved["payment"]),
        ("fen given back at WeChat, and in the journal", totals["refunded_total"], moved["refund_paid"]),
        (
            "fen that are left at WeChat, and in the journal",
            totals["paid_total"] - totals["refunded_total"] - totals["transferred_total"] - totals["shared_total"],
            balance["provider"],
        ),
        ("fen on their way to buyers, and reserved in the journal", abnormal, -balance["refunds_pending"]),
        ("fen of open discrepancies, and held apart in the journal", stuck, -balance["suspense"]),
    )
    for what, theirs, ours in pairs:
        if theirs != ours:
            yield Difference(DIFFERS, f"{what}: {theirs} and {ours}")
    if not totals["balanced"]:
        yield Difference(DIFFERS, "WeChat's own books do not balance: the simulator has a defect")


def _events(books: Books) -> Iterator[Difference]:
    """What became true was announced once, and nothing else was."""
    told = Counter((row["subject_id"], row["type"]) for row in books.tables["events"])
    for intent in books.tables["payment_intents"]:
        wanted = {CREATED: 1, SUCCEEDED: intent["status"] == "succeeded", CANCELED: intent["status"] == "canceled"}
        for kind, times in wanted.items():
            yield from _announced(f"pi_{intent['id']}", kind, told[intent["id"], kind], int(times))
    for refund in books.tables["refunds"]:
        yield from _announced(f"re_{refund['id']}", REFUND_CREATED, told[refund["id"], REFUND_CREATED], 1)
    for found in books.tables["discrepancies"]:
        yield from _announced(f"the discrepancy {found['id']}", DISCREPANCY, told[found["id"], DISCREPANCY], 1)


def _announced(subject: str, kind: str, found: int, wanted: int) -> Iterator[Difference]:
    if found != wanted:
        yield Difference(LOST if found < wanted else DOUBLED, f"{kind} of {subject} was announced {found} times")


def _deliveries(books: Books) -> Iterator[Difference]:
    """Every event reached the shop with the bytes that it was frozen with; the shop heard of nothing else."""
    deliveries = books.by("deliveries", "event_id")
    heard = grouped((row for row in books.heard if row["verified"]), lambda row: row["event_id"])
    yield from _unproven(books)
    events = {f"evt_{row['id']}": row for row in books.tables["events"]}
    for name, event in events.items():
        if event["type"] in UNASKED:
            continue
        states = [row["state"] for row in deliveries[event["id"]]]
        accepted = [row for row in heard[name] if row["answered"] < 300]
        if states != ["delivered"] or not accepted:
            yield Difference(LOST, f"{name} {event['type']}: {states}, taken by the shop {len(accepted)} times")
        subject = orjson.loads(event["body"])["data"]["object"]
        if any(row["subject"] != subject for row in heard[name]):
            yield Difference(DIFFERS, f"{name}: the shop heard something else than what is kept")
    for name, rows in heard.items():
        if name not in events:
            yield Difference(LOST, f"the shop was told {name!r} {rows[0]['type']}, of which nothing is kept")


def _unproven(books: Books) -> Iterator[Difference]:
    """The shop refuses what it cannot verify; nothing but the death of a worker cuts a webhook off."""
    for row in books.heard:
        cut = any(abs(row["at_ms"] - cut_ms) <= CUT_MS_MAX for cut_ms in books.cuts_ms)
        if not row["verified"] and (not cut or row["answered"] < 300):
            yield Difference(DIFFERS, f"a webhook at {row['at_ms']} could not be verified, answered {row['answered']}")


def _callers(books: Books) -> Iterator[Difference]:
    """What callers were told is so; a key made one object, however often and wherever it was asked."""
    for text in books.troubles:
        yield Difference(DIFFERS, text)
    intents = {f"pi_{row['id']}": row for row in books.tables["payment_intents"]}
    refunds = {f"re_{row['id']}": row for row in books.tables["refunds"]}
    transfers = {f"tr_{row['id']}": row for row in books.tables["merchant_transfers"]}
    sharings = {f"ps_{row['id']}": row for row in books.tables["profit_sharings"]}
    returns = {f"psr_{row['id']}": row for row in books.tables["profit_sharing_returns"]}
    kept: dict[str, dict[str, Row]] = {
        "create": intents, "confirm": intents, "cancel": intents, "refund": refunds,
        "transfer": transfers, "cancel transfer": transfers, "sharing": sharings, "return": returns,
    }  # fmt: skip
    answers: dict[str, list[Said]] = {}
    for said in books.answers:
        answers.setdefault(said.key, []).append(said)
    for key, told in answers.items():
        if len({_meaning(said) for said in told}) > 1:
            yield Difference(DOUBLED, f"the key {key} was answered in {len(told)} different ways")
        for said in told:
            if said.status == 200 and said.shown["id"] not in kept[said.kind]:
                yield Difference(LOST, f"{said.kind} {key} was answered with {said.shown['id']}, which is not kept")
    states = {name: row["status"] for name, row in intents.items()}
    states |= {name: row["state"] for name, row in (refunds | transfers | returns).items()}
    for name, status in books.finals.items():
        if states.get(name) != status:
            yield Difference(LOST, f"{name} was shown as {status} and is {states.get(name, 'gone')}")
    yield from _once_each(books)


def _meaning(said: Said) -> tuple[int, bytes | str]:
    """What was answered; a refusal changed nothing and is not kept, so each has a request's number of its own."""
    return said.status, said.body if said.status == 200 else str(said.shown["error"]["code"])


def _once_each(books: Books) -> Iterator[Difference]:
    for order, rows in books.by("payment_intents", "merchant_order_id").items():
        if len(rows) > 1:
            yield Difference(DOUBLED, f"the shop's order {order} became {len(rows)} PaymentIntents")
    asked: Counter[Any] = Counter()
    for refund in books.tables["refunds"]:
        if refund["origin"] == "merchant":
            asked[orjson.loads(refund["metadata"])["asked"]] += 1
    for key, times in asked.items():
        if times > 1:
            yield Difference(DOUBLED, f"the refund that was asked for with {key} was made {times} times")
