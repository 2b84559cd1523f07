"""Refunds over real processes: one number for ever, never more than was paid, and the books agree to the fen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.journeys.reckoning import body_of, real_notice
from tests.support.stack import RunningStack


def paid(stack: RunningStack, **fields: Any) -> dict[str, Any]:
    """A payment that arrived."""
    intent = stack.confirmed_intent(**fields)
    assert stack.pay(intent)["err_msg"] == "get_brand_wcpay_request:ok"
    return stack.wait_status(intent["id"], "succeeded")


def refund_of(stack: RunningStack, intent: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A refund that is taken."""
    return stack.api("POST", "/v1/refunds", {"payment_intent": intent["id"], **fields})


def wait_refund(stack: RunningStack, refund: dict[str, Any], status: str) -> dict[str, Any]:
    """Wait until a refund has that status."""
    return stack.wait_for(
        lambda: found if (found := stack.api("GET", f"/v1/refunds/{refund['id']}"))["status"] == status else None,
        f"{refund['id']} to be {status}",
    )


def at_wechat(stack: RunningStack, refund: dict[str, Any]) -> dict[str, Any]:
    """The refund as the simulator's books have it."""
    found: dict[str, Any] = stack.desk("GET", f"/refunds/{refund['id'].removeprefix('re_')}")
    return found


def ledger_sums(stack: RunningStack) -> dict[str, int]:
    """Debits less credits of every ledger account."""
    sums: dict[str, int] = {}
    for row in stack.rows("SELECT debit, credit, amount FROM ledger"):
        sums[row["debit"]] = sums.get(row["debit"], 0) + row["amount"]
        sums[row["credit"]] = sums.get(row["credit"], 0) - row["amount"]
    return sums


def test_refunded_in_parts_until_nothing_remains(stack: RunningStack) -> None:
    """Partial, partial, the rest; then there is nothing to give back."""
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0})
    intent = paid(stack)
    first = refund_of(stack, intent, amount=500, reason="requested_by_customer", metadata={"why": "cold"})
    assert first["status"] == "pending"
    assert (first["amount"], first["currency"], first["payment_intent"]) == (500, "CNY", intent["id"])
    refund_of(stack, intent, amount=700)
    rest = refund_of(stack, intent)
    assert rest["amount"] == 800
    again = stack.call("POST", "/v1/refunds", {"payment_intent": intent["id"], "amount": 1})
    assert (again.status, again.json()["error"]["code"]) == (400, "charge_already_refunded")
    for refund in (first, rest):
        assert wait_refund(stack, refund, "succeeded")["amount"] == refund["amount"]
        assert at_wechat(stack, refund)["status"] == "SUCCESS"
    listed = stack.api("GET", f"/v1/refunds?payment_intent={intent['id']}")
    assert sorted(entry["amount"] for entry in listed["data"]) == [500, 700, 800]


def test_a_refund_is_told_by_webhook(stack: RunningStack) -> None:
    """Created and then settled, each frozen as it was."""
    intent = paid(stack)
    refund = refund_of(stack, intent)
    wait_refund(stack, refund, "succeeded")
    number = int(refund["id"].removeprefix("re_"))
    rows = stack.rows("SELECT * FROM events WHERE subject_id = ? ORDER BY id", number)
    told = [(row["type"], body_of(row)["data"]["object"]["status"]) for row in rows]
    assert told[0] == ("refund.created", "pending")
    assert told[-3:] == [
        (name, "succeeded") for name in ("charge.refund.updated", "refund.updated", "refund.succeeded")
    ]
    # The shop's endpoint wants `*`, and hears each change once.
    heard = stack.wait_for(
        lambda: [hook for hook in stack.webhooks(intent, "charge.refund.updated")
                 if hook["subject"]["status"] == "succeeded"], "the shop to hear of it",
    )  # fmt: skip
    assert heard
    names = {webhook["type"] for webhook in stack.webhooks(intent)}
    assert not names & {"refund.updated", "refund.succeeded", "refund.failed"}


def test_never_more_than_was_paid_though_asked_by_twenty_at_once(stack: RunningStack) -> None:
    """Twenty refunds of 300 for a payment of 2000: six fit."""
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0})
    intent = paid(stack)
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda _: stack.call("POST", "/v1/refunds", {"payment_intent": intent["id"], "amount": 300}),
                range(20),
            )
        )
    assert sorted(answer.status for answer in answers) == [200] * 6 + [400] * 14
    refunds = [answer.json() for answer in answers if answer.status == 200]
    for refund in refunds:
        wait_refund(stack, refund, "succeeded")
    assert sum(at_wechat(stack, refund)["amount"]["refund"] for refund in refunds) == 1800


def test_a_time_out_is_not_a_failure_and_not_a_second_refund(stack: RunningStack) -> None:
    """WeChat takes the refund and its answer is lost: the same number again, one refund in its books."""
    intent = paid(stack)
    stack.mischief(api=[{"fault": "drop_after", "path": "refund", "times": 1}])
    refund = refund_of(stack, intent, amount=900)
    assert refund["status"] == "pending"
    wait_refund(stack, refund, "succeeded")
    books = [
        entry
        for entry in stack.desk("GET", "/refunds")["refunds"]
        if entry["out_trade_no"] == stack.out_trade_no(intent)
    ]
    assert [entry["amount"]["refund"] for entry in books] == [900]


def test_throttled_and_failing_answers_keep_the_number(stack: RunningStack) -> None:
    """429, 500 after the work, 500 before it: pending all the while, refunded once."""
    intent = paid(stack)
    stack.mischief(
        api=[
            {"fault": "limit_429", "path": "refund", "times": 1},
            {"fault": "error_500_before", "path": "refund", "times": 1},
            {"fault": "error_500_after", "path": "refund", "times": 1},
        ]
    )
    refund = refund_of(stack, intent)
    assert refund["status"] == "pending"
    wait_refund(stack, refund, "succeeded")
    assert at_wechat(stack, refund)["amount"]["refund"] == 2000


def test_the_same_key_refunds_once(stack: RunningStack) -> None:
    """A merchant's retry gets the same refund."""
    intent = paid(stack)
    headers = {"Idempotency-Key": f"refund-{intent['id']}"}
    asked = {"payment_intent": intent["id"], "amount": 400}
    first = stack.call("POST", "/v1/refunds", asked, headers=headers)
    second = stack.call("POST", "/v1/refunds", asked, headers=headers)
    assert first.body == second.body
    assert second.headers["idempotent-replayed"] == "true"
    assert len(stack.api("GET", f"/v1/refunds?payment_intent={intent['id']}")["data"]) == 1


def test_closed_at_wechat_the_amount_may_be_refunded_again(stack: RunningStack) -> None:
    """A closed refund failed; the money is the merchant's and a new refund has a new number."""
    intent = paid(stack)
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0, "outcome": "CLOSED", "times": 1})
    failed = wait_refund(stack, refund_of(stack, intent), "failed")
    assert failed["failure_reason"] == "declined"
    again = refund_of(stack, intent)
    assert again["id"] != failed["id"]
    assert wait_refund(stack, again, "succeeded")["amount"] == 2000


def test_an_abnormal_refund_waits_for_a_person_and_stays_reserved(stack: RunningStack) -> None:
    """The buyer's account cannot take it: requires_action, and nothing else can be refunded."""
    intent = paid(stack)
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0, "outcome": "ABNORMAL", "times": 1})
    refund = refund_of(stack, intent)
    wait_refund(stack, refund, "requires_action")
    again = stack.call("POST", "/v1/refunds", {"payment_intent": intent["id"], "amount": 1})
    assert again.json()["error"]["code"] == "charge_already_refunded"
    stack.desk("POST", f"/refunds/{refund['id'].removeprefix('re_')}/settle", {"outcome": "SUCCESS"})
    wait_refund(stack, refund, "succeeded")


def test_the_books_say_what_happened(stack: RunningStack) -> None:
    """Every fen that came and went is in the journal, and its sum is zero."""
    before = ledger_sums(stack)
    intent = paid(stack)
    wait_refund(stack, refund_of(stack, intent, amount=1200), "succeeded")
    after = ledger_sums(stack)
    assert sum(after.values()) == 0
    provider = "provider:wechat_v3:1900000109"
    assert after[provider] - before.get(provider, 0) == 800
    balance = stack.api("GET", "/v1/balance")
    assert balance["available"][0]["currency"] == "CNY"
    rows = stack.api("GET", "/v1/balance_transactions?limit=100")["data"]
    moved = [row["amount"] for row in rows if row["source"] == intent["id"]]
    assert moved == [2000]
    assert -1200 in [row["amount"] for row in rows if row["type"] == "refund"]


def test_money_that_came_after_the_close_goes_back_by_itself(stack: RunningStack) -> None:
    """WeChat confirmed the close and the buyer's payment won all the same: recorded, given back, resolved."""
    intent = stack.confirmed_intent()
    stack.mischief(api=[{"fault": "paid_after_close", "path": "close", "times": 1}], notices={"hold": 1})
    canceled = stack.api("POST", f"/v1/payment_intents/{intent['id']}/cancel")
    assert canceled["status"] == "canceled"
    assert stack.order(intent)["trade_state"] == "SUCCESS"
    notice = real_notice(stack, intent)
    stack.desk("POST", f"/notices/{notice['id']}/release")
    number = int(intent["id"].removeprefix("pi_"))
    found = stack.wait_for(lambda: stack.rows("SELECT * FROM discrepancies WHERE intent_id = ?", number), "late money")
    assert (found[0]["kind"], found[0]["amount"]) == ("late", 2000)
    (row,) = stack.wait_for(
        lambda: stack.rows("SELECT * FROM refunds WHERE discrepancy_id = ? AND state = 'succeeded'", found[0]["id"]),
        "the money to go back",
    )
    refund = stack.api("GET", f"/v1/refunds/re_{row['id']}")
    assert (refund["status"], refund["amount"]) == ("succeeded", 2000)
    assert refund["description"] == "given back: paid after it was canceled"
    assert at_wechat(stack, refund)["status"] == "SUCCESS"
    assert stack.intent(intent["id"])["status"] == "canceled"
    assert stack.rows("SELECT state FROM discrepancies WHERE id = ?", found[0]["id"]) == [{"state": "refunded"}]
    sums = stack.rows(
        "SELECT SUM(amount * (debit = 'suspense')) - SUM(amount * (credit = 'suspense')) AS held FROM ledger"
        " WHERE subject_id IN (?, ?)",
        found[0]["id"],
        row["id"],
    )
    assert sums == [{"held": 0}]
