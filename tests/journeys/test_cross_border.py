"""A journey across the border with real processes: a buyer pays pounds in yuan, hears of it, and has a part back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import BUYER, RunningStack, running
from wxbackend.development import ROOT


@pytest.fixture
def abroad(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack whose merchant number sells across the border."""
    yield from running(tmp_path / "stack", WXBACKEND_CONFIG=str(ROOT / "config" / "cross_border.toml"))


def test_pounds_are_sold_paid_told_and_given_back(abroad: RunningStack) -> None:
    abroad.desk("POST", "/refunds/rules", {"settle_after_s": 0.2})
    before = abroad.desk("GET", f"/buyers/{BUYER}")["balance"]
    intent = abroad.confirmed_intent("mini_program", currency="gbp")
    assert abroad.pay(intent)["err_msg"].endswith(":ok")
    paid = abroad.wait_status(intent["id"], "succeeded")
    assert (paid["currency"], paid["amount_received"]) == ("GBP", 2000)
    assert paid["presentment_details"]["presentment_amount"] == 18620
    assert before - abroad.desk("GET", f"/buyers/{BUYER}")["balance"] == 18620
    refund = abroad.api("POST", "/v1/refunds", {"payment_intent": intent["id"], "amount": 500})
    abroad.wait_for(
        lambda: abroad.api("GET", f"/v1/refunds/{refund['id']}")["status"] == "succeeded", "the refund to be through"
    )
    assert abroad.api("GET", "/v1/balance")["available"] == [{"amount": 1500, "currency": "GBP"}]
    (told,) = abroad.wait_for(lambda: abroad.webhooks(intent, "payment_intent.succeeded"), "the shop to hear of it")
    assert told["subject"]["currency"] == "GBP"
    assert told["subject"]["presentment_details"]["presentment_currency"] == "CNY"
    abroad.wait_for(abroad.is_at_rest, "everything to end")
    assert abroad.desk("GET", "/books")["balanced"]
