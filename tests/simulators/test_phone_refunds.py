"""What the telephone says of refunds: they stand below the payment, with their fen and where they are."""

from __future__ import annotations

from typing import Any

import pytest

from .merchant import Merchant
from .refunding import ask, paid, refund, rules


def bills(merchant: Merchant) -> list[dict[str, Any]]:
    """What the default buyer has paid, newest first."""
    found: list[dict[str, Any]] = merchant.client.get("/phone/orders?buyer=buyer_1").get_json()["paid"]
    return found


def test_a_payment_without_refunds_has_none(merchant: Merchant) -> None:
    paid(merchant)
    assert [bill["refunds"] for bill in bills(merchant)] == [[]]


@pytest.mark.parametrize("outcome", ["SUCCESS", "ABNORMAL", "CLOSED"])
def test_a_refund_stands_below_its_payment_and_says_how_it_ended(merchant: Merchant, outcome: str) -> None:
    paid(merchant)
    rules(merchant, outcome=outcome, times=1)
    ask(merchant, refund(30))
    (bill,) = bills(merchant)
    assert bill["total"] == 100
    assert bill["refunds"] == [{"fen": 30, "state": "PROCESSING", "to": "支付用户零钱"}]
    merchant.desk("POST", "/clock", {"advance_s": 2})
    assert [line["state"] for line in bills(merchant)[0]["refunds"]] == [outcome]
