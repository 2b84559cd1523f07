"""The soak's reckoning by itself: books that agree pass, and every single thing that is wrong with them is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.soak.books import Books
from tests.soak.reckoning import DIFFERS, DOUBLED, LOST, differences
from tests.soak.tally import Said

PAID, CANCELED, REFUND, GIVEN_BACK, MONEY = 1, 2, 31, 32, 41
AT_WECHAT = "provider:wechat_v3:1900000109"


def moved(kind: str, subject: int, amount: int, way: tuple[str, str]) -> dict[str, Any]:
    return {"kind": kind, "subject_id": subject, "amount": amount, "debit": way[0], "credit": way[1]}


def event(number: int, kind: str, subject: int) -> dict[str, Any]:
    body = orjson.dumps({"data": {"object": {"about": subject}}})
    return {"id": number, "type": kind, "subject_id": subject, "body": body}


def heard(number: int, subject: int) -> dict[str, Any]:
    told = {"event_id": f"evt_{number}", "type": "any", "answered": 200, "verified": True, "at_ms": 60_000}
    return told | {"subject": {"about": subject}}


def intent(number: int, status: str, received: int) -> dict[str, Any]:
    told = {"id": number, "status": status, "amount": 2000, "amount_received": received}
    return told | {"cancel_requested_ms": None, "merchant_order_id": f"order-{number}"}


def attempt(number: int, of: int) -> dict[str, Any]:
    told = {"id": number, "intent_id": of, "out_trade_no": str(number), "state": "paid", "amount": 2000}
    return told | {"transaction_id": f"t{number}"}


def refund(number: int, of: int, amount: int, origin: str) -> dict[str, Any]:
    told = {"id": number, "attempt_id": of, "out_refund_no": str(number), "state": "succeeded", "amount": amount}
    told |= {"total": 2000, "origin": origin, "discrepancy_id": MONEY if origin == "automatic" else None}
    return told | {"metadata": orjson.dumps({"asked": f"key-{number}"}).decode()}


def good_books() -> Books:
    """A payment of which a part was given back, and money that came after a cancel and went back by itself."""
    announced = [
        (51, "payment_intent.created", PAID), (52, "payment_intent.succeeded", PAID), (53, "refund.created", REFUND),
        (54, "payment_intent.created", CANCELED), (55, "payment_intent.canceled", CANCELED),
        (56, "discrepancy.opened", MONEY), (57, "refund.created", GIVEN_BACK),
    ]  # fmt: skip
    tables = {
        "payment_intents": [intent(PAID, "succeeded", 2000), intent(CANCELED, "canceled", 0)],
        "attempts": [attempt(11, PAID), attempt(12, CANCELED)],
        "refunds": [refund(REFUND, 11, 500, "merchant"), refund(GIVEN_BACK, 12, 2000, "automatic")],
        "ledger": [
            moved("payment", PAID, 2000, (AT_WECHAT, "sales")),
            moved("refund_reserved", REFUND, 500, ("refunds", "refunds_pending")),
            moved("refund_paid", REFUND, 500, ("refunds_pending", AT_WECHAT)),
            moved("misplaced", MONEY, 2000, (AT_WECHAT, "suspense")),
            moved("refund_reserved", GIVEN_BACK, 2000, ("suspense", "refunds_pending")),
            moved("refund_paid", GIVEN_BACK, 2000, ("refunds_pending", AT_WECHAT)),
        ],
        "events": [event(*each) for each in announced],
        "deliveries": [{"event_id": number, "state": "delivered"} for number, _, _ in announced],
        "discrepancies": [{"id": MONEY, "kind": "late", "state": "refunded", "transaction_id": "t12", "amount": 2000}],
    }
    orders = [
        {"out_trade_no": number, "trade_state": "REFUND", "transaction_id": f"t{number}", "total": 2000}
        for number in ("11", "12")
    ]
    paid_back = [
        {"out_refund_no": number, "status": "SUCCESS", "amount": {"refund": amount}}
        for number, amount in (("31", 500), ("32", 2000))
    ]
    return Books(
        tables=tables,
        orders=orders,
        paid_back=paid_back,
        totals={"paid_total": 4000, "refunded_total": 2500, "balanced": True},
        heard=[heard(number, subject) for number, _, subject in announced],
        answers=[Said("create", "key-1", 200, b"same", {"id": "pi_1"}) for _ in range(2)],
        finals={"pi_1": "succeeded", "pi_2": "canceled", "re_31": "succeeded"},
        troubles=[],
        cuts_ms=[20_000],
    )


def test_books_that_agree_pass() -> None:
    assert differences(good_books()) == []


def test_a_webhook_that_was_cut_off_by_a_kill_and_refused_is_explained() -> None:
    books = good_books()
    books.heard.append({"event_id": "", "type": "", "answered": 400, "verified": False, "subject": {}, "at_ms": 20_500})
    assert differences(books) == []


def test_misplaced_money_whose_refund_wechat_closed_waits_for_a_person() -> None:
    books = good_books()
    books.tables["discrepancies"][0]["state"] = "open"
    books.tables["refunds"][1]["state"] = "closed"
    books.paid_back[1]["status"] = "CLOSED"
    books.tables["ledger"][-1] = moved("refund_released", GIVEN_BACK, 2000, ("refunds_pending", "suspense"))
    books.totals["refunded_total"] = 500
    assert differences(books) == []
    books.tables["discrepancies"][0]["state"] = "refunded"
    assert {found.kind for found in differences(books)} == {DIFFERS, DOUBLED}


Breaking = Callable[[Books], object]
BROKEN: dict[str, tuple[str, Breaking]] = {
    "a payment unknown here": (LOST, lambda books: books.tables["attempts"][0].update(state="closed")),
    "an order never recorded": (LOST, lambda books: books.tables["attempts"].pop(0)),
    "an order left open": (DIFFERS, lambda books: books.tables["attempts"].append(attempt(13, 1) | {"state": "open"})),
    "another transaction": (DIFFERS, lambda books: books.tables["attempts"][0].update(transaction_id="t99")),
    "a payment that nobody made": (DOUBLED, lambda books: books.orders[0].update(trade_state="CLOSED")),
    "a second payment kept": (DOUBLED, lambda books: books.tables["attempts"].append(attempt(13, PAID))),
    "late money kept": (DOUBLED, lambda books: books.tables["refunds"][1].update(discrepancy_id=None)),
    "a payment booked twice": (DOUBLED, lambda books: books.tables["ledger"].append(books.tables["ledger"][0])),
    "a payment not booked": (LOST, lambda books: books.tables["ledger"].pop(0)),
    "a return not booked": (DIFFERS, lambda books: books.tables["ledger"].pop(2)),
    "an intent without money": (DIFFERS, lambda books: books.tables["payment_intents"][0].update(amount_received=0)),
    "a refund unknown here": (DOUBLED, lambda books: books.tables["refunds"].pop(0)),
    "a refund given up that was paid out": (LOST, lambda books: books.tables["refunds"][0].update(state="closed")),
    "a refund believed that was not paid out": (DIFFERS, lambda books: books.paid_back[0].update(status="CLOSED")),
    "more given back than paid": (DOUBLED, lambda books: books.tables["refunds"][0].update(amount=2001)),
    "a success not announced": (LOST, lambda books: books.tables["events"].pop(1)),
    "a success announced twice": (
        DOUBLED, lambda books: books.tables["events"].append(event(58, "payment_intent.succeeded", PAID)),
    ),
    "an event not delivered": (LOST, lambda books: books.tables["deliveries"][1].update(state="pending")),
    "an event that the shop refused": (LOST, lambda books: books.heard[1].update(answered=500)),
    "an event with other bytes": (DIFFERS, lambda books: books.heard[1].update(subject={})),
    "a webhook that is not signed": (
        DIFFERS, lambda books: books.heard.append(heard(51, PAID) | {"verified": False, "answered": 400}),
    ),
    "a webhook that is not signed and taken": (
        DIFFERS, lambda books: books.heard.append(heard(51, PAID) | {"verified": False, "at_ms": 20_001}),
    ),
    "an event of which nothing is kept": (LOST, lambda books: books.heard.append(heard(99, PAID))),
    "a promise broken": (LOST, lambda books: books.finals.update(pi_2="succeeded")),
    "a created object gone": (
        LOST, lambda books: books.answers.append(Said("create", "key-2", 200, b"", {"id": "pi_9"})),
    ),
    "two answers to one key": (
        DOUBLED, lambda books: books.answers.append(Said("create", "key-1", 200, b"other", {"id": "pi_2"})),
    ),
    "one order of the shop, two intents": (
        DOUBLED, lambda books: books.tables["payment_intents"][1].update(merchant_order_id="order-1"),
    ),
    "a story that broke": (DIFFERS, lambda books: books.troubles.append("it broke")),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_one_thing_that_is_wrong_is_found(what: str) -> None:
    kind, break_it = BROKEN[what]
    books = good_books()
    break_it(books)
    assert kind in {found.kind for found in differences(books)}
