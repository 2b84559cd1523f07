"""Several intents paid in one go, on the running product: opened, paid, told to the shop, shipped and refunded."""

from __future__ import annotations

from typing import Any

from tests.support.stack import BUYER, MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

GROUPS = "/v1/payment_groups"
PRICES = (2000, 1500)


def opened(stack: RunningStack, terminal: str) -> dict[str, Any]:
    """A group of two intents whose order is open for the default buyer."""
    names = [stack.create_intent(amount=amount)["id"] for amount in PRICES]
    return stack.api("POST", GROUPS, {"payment_intents": names} | stack.paying_with(terminal))


def pay(stack: RunningStack, group: dict[str, Any], terminal: str) -> None:
    """The buyer pays with what the group holds."""
    params = group["next_action"][group["next_action"]["type"]]
    appid = OFFICIAL_ACCOUNT if terminal == "official_account" else MINI_PROGRAM
    told = {"channel": terminal, "appid": appid, "params": params, "outcome": "pay"}
    assert stack.desk("POST", f"/buyers/{BUYER}/pay", told)["err_msg"].endswith(":ok")


def test_two_intents_are_paid_in_one_go_told_to_the_shop_shipped_and_refunded(stack: RunningStack) -> None:
    stack.desk("POST", "/shipping/rules", {"not_known_s": 0})
    before = stack.desk("GET", "/books")
    wrong = stack.rows("SELECT id FROM discrepancies")
    group = opened(stack, "mini_program")
    assert (group["status"], group["amount"]) == ("requires_action", sum(PRICES))
    pay(stack, group, "mini_program")
    for name, amount in zip(group["payment_intents"], PRICES, strict=True):
        assert stack.wait_status(name, "succeeded")["amount_received"] == amount
    seen = stack.api("GET", f"{GROUPS}/{group['id']}")
    assert (seen["status"], "next_action" in seen) == ("succeeded", False)
    stack.wait_for(stack.is_at_rest, "the shop to be told")
    for name in group["payment_intents"]:
        told = stack.rows("SELECT type FROM events WHERE subject_id = ?", int(name.removeprefix("pi_")))
        assert [row["type"] for row in told].count("payment_intent.succeeded") == 1
    for name in group["payment_intents"]:
        parcel = {"logistics_type": "virtual", "items": [{"description": "Tea"}]}
        assert stack.api("POST", f"/v1/payment_intents/{name}/shipping", parcel)["status"] == "shipped"
    first = group["payment_intents"][0]
    refund = stack.api("POST", "/v1/refunds", {"payment_intent": first, "amount": 700})
    stack.wait_for(
        lambda: stack.api("GET", f"/v1/refunds/{refund['id']}")["status"] == "succeeded", "the refund to be final"
    )
    books = stack.desk("GET", "/books")
    gained = books["merchant_balance"] - before["merchant_balance"]
    assert (gained, books["balanced"]) == (sum(PRICES) - 700, True)
    assert stack.rows("SELECT id FROM discrepancies") == wrong


def test_without_any_notice_the_worker_finds_that_all_were_paid(stack: RunningStack) -> None:
    stack.desk("POST", "/mischief", {"notices": {"lose": {"times": 1}}})
    before = stack.desk("GET", "/books")["merchant_balance"]
    group = opened(stack, "official_account")
    pay(stack, group, "official_account")
    for name in group["payment_intents"]:
        stack.wait_status(name, "succeeded")
    stack.wait_for(stack.is_at_rest, "the shop to be told")
    assert stack.desk("GET", "/books")["merchant_balance"] - before == sum(PRICES)
