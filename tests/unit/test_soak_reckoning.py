"""The soak's reckoning by itself: books that agree pass, and every single thing that is wrong with them is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.soak.books import Books
from tests.soak.difference import DIFFERS, DOUBLED, LOST
from tests.soak.reckoning import differences
from tests.soak.tally import Said

PAID, CANCELED, REFUND, GIVEN_BACK, MONEY = 1, 2, 31, 32, 41
GIFT, SHARED, BROUGHT_BACK = 71, 72, 73
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


def money_out() -> dict[str, list[dict[str, Any]]]:
    """100 fen to a person; 300 to another merchant, of which 200 came back."""
    asked = [orjson.dumps({"asked": f"key-{number}"}).decode() for number in (GIFT, SHARED, BROUGHT_BACK)]
    gift = {"id": GIFT, "out_bill_no": "71", "state": "paid", "amount": 100, "metadata": asked[0]}
    parts = orjson.dumps([["merchant", "1900000110", 300, "Supplier", None, "succeeded", None]]).decode()
    shared = {"id": SHARED, "out_order_no": "72", "state": "finished", "parts": parts, "metadata": asked[1]}
    back = {"id": BROUGHT_BACK, "out_return_no": "73", "state": "succeeded", "amount": 200, "metadata": asked[2]}
    return {"merchant_transfers": [gift], "profit_sharings": [shared], "profit_sharing_returns": [back]}


def good_books() -> Books:
    """A payment of which a part was given back, money that came after a cancel and went back by itself, and money out.

    It went to a person and to another merchant, who gave some of it back.
    """
    announced = [
        (51, "payment_intent.created", PAID), (52, "payment_intent.succeeded", PAID), (53, "refund.created", REFUND),
        (54, "payment_intent.created", CANCELED), (55, "payment_intent.canceled", CANCELED),
        (56, "discrepancy.opened", MONEY), (57, "refund.created", GIVEN_BACK),
        (81, "transfer.created", GIFT), (82, "transfer.paid", GIFT), (83, "profit_sharing.created", SHARED),
        (84, "profit_sharing_return.created", BROUGHT_BACK),
    ]  # fmt: skip
    tables = money_out() | {
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
            moved("transfer_reserved", GIFT, 100, ("transfers", "transfers_pending")),
            moved("transfer_paid", GIFT, 100, ("transfers_pending", AT_WECHAT)),
            moved("sharing_reserved", SHARED, 300, ("sharings", "sharings_pending")),
            moved("sharing_paid", SHARED, 300, ("sharings_pending", AT_WECHAT)),
            moved("sharing_returned", BROUGHT_BACK, 200, (AT_WECHAT, "sharings")),
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
        transfers=[{"out_bill_no": "71", "state": "SUCCESS", "transfer_amount": 100}],
        sharings=[{"out_order_no": "72", "state": "FINISHED",
                   "receivers": [{"account": "1900000110", "amount": 300, "result": "SUCCESS"}]}],
        returns=[{"out_return_no": "73", "result": "SUCCESS", "amount": 200}],
        totals={"paid_total": 4000, "refunded_total": 2500, "transferred_total": 100, "shared_total": 100,
                "balanced": True},
        heard=[heard(number, subject) for number, _, subject in announced],
        answers=[Said("create", "key-1", 200, b"same", {"id": "pi_1"}) for _ in range(2)],
        finals={"pi_1": "succeeded", "pi_2": "canceled", "re_31": "succeeded"},
        troubles=[],
        cuts_ms=[20_000],
    )  # fmt: skip


def test_books_that_agree_pass() -> None:
    assert differences(good_books()) == []


def test_a_webhook_that_was_cut_off_by_a_kill_and_refused_is_explained() -> None:
    books = good_books()
    books.heard.append({"event_id": "", "type": "", "answered": 400, "verified": False, "subject": {}, "at_ms": 20_500})
    assert differences(books) == []


def test_a_refusal_given_twice_is_one_answer_and_an_acceptance_beside_it_is_not() -> None:
    books = good_books()
    for number in ("1", "2"):
        shown = {"error": {"code": "amount_too_large", "request_id": f"req_{number}"}}
        books.answers.append(Said("refund", "key-3", 400, orjson.dumps(shown), shown))
    assert differences(books) == []
    books.answers.append(Said("refund", "key-3", 200, b"{}", {"id": "re_31"}))
    assert [found.kind for found in differences(books)] == [DOUBLED]


def test_misplaced_money_whose_refund_wechat_closed_waits_for_a_person() -> None:
    books = good_books()
    books.tables["discrepancies"][0]["state"] = "open"
    books.tables["refunds"][1]["state"] = "closed"
    books.paid_back[1]["status"] = "CLOSED"
    books.tables["ledger"][5] = moved("refund_released", GIVEN_BACK, 2000, ("refunds_pending", "suspense"))
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
    "a transfer unknown here": (DOUBLED, lambda books: books.tables["merchant_transfers"].pop(0)),
    "a transfer given up that was paid": (
        LOST, lambda books: books.tables["merchant_transfers"][0].update(state="failed"),
    ),
    "a transfer believed that was not paid": (DIFFERS, lambda books: books.transfers[0].update(state="FAIL")),
    "a transfer of another amount": (DIFFERS, lambda books: books.transfers[0].update(transfer_amount=101)),
    "a transfer made twice": (
        DOUBLED, lambda books: books.tables["merchant_transfers"].append(money_out()["merchant_transfers"][0]),
    ),
    "a transfer not booked": (DIFFERS, lambda books: books.tables["ledger"].pop(7)),
    "a transfer still reserved": (DIFFERS, lambda books: books.tables["ledger"].append(books.tables["ledger"][6])),
    "a transfer's payment not announced": (LOST, lambda books: books.tables["events"].pop(8)),
    "a sharing unknown here": (DOUBLED, lambda books: books.tables["profit_sharings"].pop(0)),
    "a sharing unknown to WeChat": (DIFFERS, lambda books: books.sharings.pop(0)),
    "a part with somebody else": (DIFFERS, lambda books: books.sharings[0]["receivers"][0].update(account="1")),
    "a return unknown here": (DOUBLED, lambda books: books.tables["profit_sharing_returns"].pop(0)),
    "a return believed that failed": (DIFFERS, lambda books: books.returns[0].update(result="FAILED")),
    "a return not booked as come back": (DIFFERS, lambda books: books.tables["ledger"].pop(10)),
    "a story that broke": (DIFFERS, lambda books: books.troubles.append("it broke")),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_one_thing_that_is_wrong_is_found(what: str) -> None:
    kind, break_it = BROKEN[what]
    books = good_books()
    break_it(books)
    assert kind in {found.kind for found in differences(books)}
