"""What tests of refunds share: a paid order, a refund request, and the desk's rules."""

from __future__ import annotations

from typing import Any

from .merchant import Answer, Merchant

REFUNDS = "/v3/refund/domestic/refunds"
NOWHERE = "http://127.0.0.1:9/notices"


def paid(merchant: Merchant, out_trade_no: str = "order_0001", total: int = 100) -> str:
    """A paid order; its WeChat number."""
    prepay_id = merchant.place(out_trade_no, amount={"total": total, "currency": "CNY"})
    order = merchant.pay(merchant.params(prepay_id))["order"]
    return str(order["transaction_id"])


def refund(fen: int = 100, number: str = "refund_1", *, total: int = 100, **changes: Any) -> dict[str, Any]:
    """A request to refund that much of order_0001."""
    return {
        "out_trade_no": "order_0001",
        "out_refund_no": number,
        "amount": {"refund": fen, "total": total, "currency": "CNY"},
        **changes,
    }


def ask(merchant: Merchant, body: object) -> Answer:
    """Request a refund."""
    return merchant.call("POST", REFUNDS, body)


def state(merchant: Merchant, number: str = "refund_1") -> Answer:
    """Query a refund."""
    return merchant.call("GET", f"{REFUNDS}/{number}")


def rules(merchant: Merchant, **wish: Any) -> Any:
    """Set the desk's rules of refunds."""
    return merchant.desk("POST", "/refunds/rules", wish)


def books(merchant: Merchant) -> Any:
    """The books, which always balance."""
    seen = merchant.desk("GET", "/books")
    assert seen["balanced"] is True
    return seen


def balance(merchant: Merchant) -> int:
    """Fen in the default buyer's wallet."""
    return int(merchant.desk("GET", "/buyers/buyer_1")["balance"])
