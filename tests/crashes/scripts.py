"""What merchant, buyer and WeChat do in one case, written so that a second life can go through it again.

Every request has a key of its own and is repeated under it; whatever happened in a life before is not
done a second time. Up to `watch` a script only sets the scene.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.crashes.life import Life
from tests.journeys.reckoning import reckon


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
        paid_late,
        paid_twice,
    )
}
