"""What merchant, buyer and WeChat do in one case, written so that a second life can go through it again.

Every request has a key of its own and is repeated under it; whatever happened in a life before is not
done a second time. Up to `watch` a script only sets the scene.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.crashes import mandate_scripts, money_out_scripts, shipping_scripts
from tests.crashes.life import IN_FLIGHT_S, LEASE_S, Life
from tests.journeys.reckoning import reckon
from wxbackend.domain.payment_code import PIN_WAIT_S_MAX


def bought(life: Life) -> None:
    """Create with confirm, pay, hear of it, tell the merchant."""
    life.watch()
    intent = life.created()
    life.pay(life.payable(intent))
    life.rest()
    reckon(life, intent)


def notice_lost(life: Life) -> None:
    """The buyer paid and WeChat's notice comes late: the worker asks before."""
    intent = life.created()
    life.pay(life.payable(intent))
    life.watch()
    life.clock.move(10)
    life.work()
    life.rest()
    reckon(life, intent)


def confirmed_anew(life: Life) -> None:
    """Confirm for another terminal: the open order is closed before the second one is made, and that one is paid."""
    intent = life.created()
    life.watch()
    life.confirm("confirm anew", intent, "mini_program")
    life.pay(life.payable(intent, "mini_program"))
    life.rest()
    reckon(life, intent)


def confirmed_twice(life: Life) -> None:
    """Confirm for the same payer: the same order is handed out."""
    intent = life.created()
    life.watch()
    life.confirm("confirm once more", intent, "official_account")
    life.pay(life.payable(intent))
    life.rest()
    reckon(life, intent)
    assert len(life.rows("SELECT id FROM attempts")) == 1


def canceled(life: Life) -> None:
    """Cancel an intent whose order is open."""
    intent = life.created()
    life.watch()
    life.ask("cancel", f"/v1/payment_intents/{intent['id']}/cancel", {"cancellation_reason": "abandoned"})
    life.rest()
    assert reckon(life, intent, paid=False)["status"] == "canceled"


def refunded(life: Life) -> None:
    """Give a part of a payment back."""
    intent = _sold(life)
    life.watch()
    refund = life.ask("refund", "/v1/refunds", {"payment_intent": intent["id"], "amount": 700})
    life.rest()
    assert life.rows("SELECT state, amount FROM refunds") == [{"state": "succeeded", "amount": 700}]
    assert life.rows("SELECT id FROM refunds") == [{"id": int(refund["id"].removeprefix("re_"))}]


def refunded_in_a_row(life: Life) -> None:
    """Three refunds within a minute: one is sent, one waits for its turn, one is taken back before it came."""
    intent = _sold(life)
    life.desk("POST", "/refunds/rules", {"min_spacing_s": 0})
    life.watch()
    life.ask("refund", "/v1/refunds", {"payment_intent": intent["id"], "amount": 700})
    life.ask("refund again", "/v1/refunds", {"payment_intent": intent["id"], "amount": 300})
    regretted = life.ask("regretted", "/v1/refunds", {"payment_intent": intent["id"], "amount": 1000})
    life.ask("take back", f"/v1/refunds/{regretted['id']}/cancel", {})
    life.rest()
    rows = life.rows("SELECT state, amount FROM refunds ORDER BY id")
    assert [row["amount"] for row in rows] == [700, 300, 1000]
    assert [row["state"] for row in rows[:2]] == ["succeeded", "succeeded"]
    assert rows[2]["state"] in ("canceled", "succeeded"), "its time may pass while nobody lives"


def paid_late(life: Life) -> None:
    """Canceled, and the buyer's payment wins all the same: the money goes back by itself."""
    intent = life.created()
    _let_payments_win(life)
    life.watch()
    life.ask("cancel", f"/v1/payment_intents/{intent['id']}/cancel", {})
    life.rest()


def paid_twice(life: Life) -> None:
    """Confirmed anew, and both orders are paid: one payment stays, the other goes back by itself."""
    intent = life.created()
    _let_payments_win(life)
    life.watch()
    life.confirm("confirm anew", intent, "mini_program")
    life.pay(life.payable(intent, "mini_program"))
    life.rest()
    assert life.intent(intent["id"])["status"] == "succeeded"


def scanned(life: Life) -> None:
    """The shop scans a code that needs no PIN; what was never charged is scanned anew."""
    life.watch()
    intent = life.scanned("scan", "130000000000000001")
    life.rest()
    if life.intent(intent["id"])["status"] != "succeeded":
        life.clock.move(IN_FLIGHT_S)
        life.rest()
    if life.intent(intent["id"])["status"] == "requires_payment_method":
        life.scanned("scan anew", "130000000000000002", intent=intent)
        life.rest()
    reckon(life, intent)


def never_confirmed(life: Life) -> None:
    """The buyer never types the PIN: the order is reversed, once or more, and the shop is told."""
    intent = life.scanned("scan", "130000000000000003", ask_pin=True)
    life.watch()
    life.clock.move(PIN_WAIT_S_MAX)
    life.rest()
    if life.intent(intent["id"])["status"] == "requires_action":  # a worker that died or failed holds its lease
        life.clock.move(LEASE_S)
        life.rest()
    assert reckon(life, intent, paid=False)["status"] == "requires_payment_method"
    orders = life.desk("GET", "/orders")["orders"]
    assert [order["trade_state"] for order in orders] == ["REVOKED"]


def _sold(life: Life) -> dict[str, Any]:
    intent = life.created()
    life.pay(life.payable(intent))
    life.rest()
    return intent


def _let_payments_win(life: Life) -> None:
    """A close is confirmed, and the payment that was under way wins all the same."""
    if life.first:
        life.desk("POST", "/mischief", {"api": [{"fault": "paid_after_close", "path": "close", "times": 1}]})


SCRIPTS: Final[dict[str, Callable[[Life], None]]] = {
    script.__name__: script
    for script in (
        bought,
        notice_lost,
        confirmed_anew,
        confirmed_twice,
        canceled,
        refunded,
        refunded_in_a_row,
        paid_late,
        paid_twice,
        scanned,
        never_confirmed,
    )
}
MORE_SCRIPTS: Final[dict[str, Callable[[Life], None]]] = {
    script.__name__: script
    for script in (
        money_out_scripts.transferred,
        money_out_scripts.transfer_unheard,
        money_out_scripts.transfer_canceled,
        money_out_scripts.shared,
        money_out_scripts.shared_and_returned,
        money_out_scripts.sent_to_card,
        mandate_scripts.signed,
        mandate_scripts.signed_unheard,
        mandate_scripts.charged,
        mandate_scripts.charged_and_revoked,
        mandate_scripts.revoked,
        shipping_scripts.shipped,
    )
}
"""Of these the everyday share is smaller."""
ALL_SCRIPTS: Final = SCRIPTS | MORE_SCRIPTS
