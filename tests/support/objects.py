"""Values of the domain that tests start from; every one takes changes by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.intent import IntentStatus, PaymentIntent, PaymentMethod
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Opened, Paid
from wxbackend.domain.terminal import Terminal

NOW_MS: Final = 1_795_000_000_000
APP: Final = "wx2421b1c4370ec43b"
MERCHANT: Final = "1900000109"
PAYER: Final = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
ACCOUNT: Final = "acct_demo"
ORDER_LASTS_MS: Final = 7_200_000

METHOD: Final = PaymentMethod(
    id=3, type="wechat_pay", created_ms=NOW_MS, terminal=Terminal.OFFICIAL_ACCOUNT, openid=PAYER
)


def an_intent(number: int = 1, **changes: Any) -> PaymentIntent:
    """An intent of 20.00 CNY that was just created."""
    intent = PaymentIntent(
        id=number,
        account=ACCOUNT,
        livemode=False,
        created_ms=NOW_MS,
        money=Money(2000, "CNY"),
        status=IntentStatus.REQUIRES_PAYMENT_METHOD,
        client_secret=f"pi_{number:019d}_secret_x",
    )
    return replace(intent, **changes)


def an_attempt(number: int = 11, intent_id: int = 1, **changes: Any) -> Attempt:
    """An attempt of that intent that was just recorded."""
    attempt = Attempt(
        id=number,
        intent_id=intent_id,
        account=ACCOUNT,
        livemode=False,
        provider="wechat_v3",
        merchant=MERCHANT,
        app=APP,
        terminal=Terminal.OFFICIAL_ACCOUNT,
        out_trade_no=f"order{number}",
        payer=PAYER,
        money=Money(2000, "CNY"),
        description="Tea",
        created_ms=NOW_MS,
        sent_ms=NOW_MS,
        expires_ms=NOW_MS + ORDER_LASTS_MS,
    )
    return replace(attempt, **changes)


def opened(handle: str = "wx201410272009395522657a690389285100") -> Opened:
    """The provider took the order."""
    return Opened(handle, {"package": f"prepay_id={handle}"}, NOW_MS + ORDER_LASTS_MS)


def paid(transaction: str = "4200000001", **changes: Any) -> Paid:
    """The buyer paid what was ordered."""
    said = Paid(
        transaction=transaction,
        amount=2000,
        currency="CNY",
        payer=PAYER,
        app=APP,
        merchant=MERCHANT,
        paid_ms=NOW_MS + 5_000,
    )
    return replace(said, **changes)
