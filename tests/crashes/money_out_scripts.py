"""What happens in a case about money that goes out: to a person, to other merchants and back, to a card."""

from __future__ import annotations

from typing import Any, Final

from tests.crashes.life import LEASE_S, ROUNDS_MAX, Life
from tests.support.stack import BUYER, MINI_PROGRAM

TRANSFERS: Final = "/v1/transfers"
SHARINGS: Final = "/v1/profit_sharings"
RETURNS: Final = "/v1/profit_sharing_returns"
RECEIVERS: Final = "/v1/profit_sharing_receivers"
SUPPLIER: Final = "1900000110"
PAID, SENT, SHARED, RETURNED = 2000, 500, 300, 200
ENDED: Final = ("paid", "failed", "canceled")


def transferred(life: Life) -> None:
    """Give money to a person, who confirms it."""
    _open_till(life)
    life.watch()
    made = life.ask("transfer", TRANSFERS, _transfer(life))
    _confirm(life, made)
    life.rest()
    assert life.look(f"{TRANSFERS}/{made['id']}")["status"] == "paid"
    _one_transfer(life, "SUCCESS")


def transfer_unheard(life: Life) -> None:
    """The person confirms and WeChat's notice comes late: the worker asks before."""
    _open_till(life)
    made = life.ask("transfer", TRANSFERS, _transfer(life))
    _confirm(life, made)
    life.watch()
    life.clock.move(10)
    life.work()
    life.rest()
    assert life.look(f"{TRANSFERS}/{made['id']}")["status"] == "paid"
    _one_transfer(life, "SUCCESS")


def transfer_canceled(life: Life) -> None:
    """Take a transfer back before the person confirms it."""
    _open_till(life)
    made = life.ask("transfer", TRANSFERS, _transfer(life))
    life.watch()
    life.ask("cancel the transfer", f"{TRANSFERS}/{made['id']}/cancel", {})
    life.rest()
    assert life.look(f"{TRANSFERS}/{made['id']}")["status"] == "canceled"
    _one_transfer(life, "CANCELLED")


def shared(life: Life) -> None:
    """Share a payment's money, and release what remains of it."""
    intent = _sold_to_be_shared(life)
    life.watch()
    life.ask("share", SHARINGS, _sharing(intent, SHARED))
    life.rest()
    life.ask("finish", SHARINGS, {"payment_intent": intent["id"], "finish": True})
    life.rest()
    states = life.rows("SELECT state FROM profit_sharings")
    assert [row["state"] for row in states] == ["finished", "finished"]
    assert life.desk("GET", "/books")["shared_total"] == SHARED


def shared_and_returned(life: Life) -> None:
    """Bring a part back from whom it was shared with, and give it back to the buyer."""
    intent = _sold_to_be_shared(life)
    sharing = life.ask("share", SHARINGS, _sharing(intent, SHARED))
    life.rest()
    life.watch()
    body = {"profit_sharing": sharing["id"], "receiver": SUPPLIER, "amount": RETURNED, "description": "Refund"}
    life.ask("bring back", RETURNS, body)
    life.rest()
    life.ask("refund", "/v1/refunds", {"payment_intent": intent["id"], "amount": RETURNED})
    life.rest()
    assert life.rows("SELECT state, amount FROM profit_sharing_returns") == [{"state": "succeeded", "amount": RETURNED}]
    assert life.rows("SELECT state, amount FROM refunds") == [{"state": "succeeded", "amount": RETURNED}]
    assert life.desk("GET", "/books")["shared_total"] == SHARED - RETURNED


def sent_to_card(life: Life) -> None:
    """The buyer's account cannot take a refund: a person sends it to a card."""
    intent = _open_till(life)
    refund = life.ask("refund", "/v1/refunds", {"payment_intent": intent["id"], "amount": 700})
    if life.first:
        for each in life.desk("GET", "/refunds")["refunds"]:
            life.desk("POST", f"/refunds/{each['out_refund_no']}/settle", {"outcome": "ABNORMAL"})
        life.rest()
        assert life.rows("SELECT state FROM refunds") == [{"state": "abnormal"}]
    life.watch()
    for again in range(ROUNDS_MAX):
        life.ask(f"to the card {again}", f"/v1/refunds/{refund['id']}/send_to_card", {"holder": "merchant"})
        life.rest()
        life.clock.move(LEASE_S)  # by then it was asked what became of a request without an answer
        life.rest()
        # Nothing of a card is kept here: what a death kept back, the person asks for again.
        if life.look(f"/v1/refunds/{refund['id']}")["status"] != "requires_action":
            break
    assert life.rows("SELECT state, amount FROM refunds") == [{"state": "succeeded", "amount": 700}]


def _open_till(life: Life) -> dict[str, Any]:
    """The merchant has the money of a sale at WeChat, and WeChat does at once what it is asked for."""
    intent = life.created()
    life.pay(life.payable(intent))
    life.rest()
    life.desk("POST", "/transfers/rules", {"review_s": 0, "moving_s": 0, "cancel_s": 0})
    return intent


def _sold_to_be_shared(life: Life) -> dict[str, Any]:
    """A paid order whose money is held back, and somebody to share it with."""
    receiver = {"type": "merchant", "account": SUPPLIER, "name": "示例商贸有限公司", "relation": "supplier"}
    life.ask("receiver", RECEIVERS, receiver | {"app_id": life.appid()})
    paying = life.paying()
    paying["payment_method_options"]["wechat_pay"]["profit_sharing"] = True
    intent = life.created(**paying)
    life.pay(life.payable(intent))
    life.rest()
    return intent


def _transfer(life: Life) -> dict[str, Any]:
    return {
        "amount": SENT,
        "currency": "CNY",
        "destination": {"openid": life.openid(MINI_PROGRAM), "app_id": MINI_PROGRAM},
        "description": "June commission",
        "scene": "1005",
        "scene_report": [{"type": "岗位类型", "content": "外卖员"}, {"type": "报酬说明", "content": "六月"}],
    }


def _sharing(intent: dict[str, Any], amount: int) -> dict[str, Any]:
    part = {"type": "merchant", "account": SUPPLIER, "amount": amount, "description": "Supplier"}
    return {"payment_intent": intent["id"], "receivers": [part]}


def _confirm(life: Life, made: dict[str, Any]) -> None:
    """The person confirms what the front end was handed, unless that was done in a life before.

    What a death kept back is brought by the worker, which asks WeChat for it under the one number.
    """
    for _ in range(ROUNDS_MAX):
        found = life.look(f"{TRANSFERS}/{made['id']}")
        if found["status"] in ENDED:
            return
        if "next_action" in found:
            params = found["next_action"]["wechat_pay_request_merchant_transfer"]
            life.desk("POST", f"/buyers/{BUYER}/confirm_transfer", {"params": params, "outcome": "confirm"})
            return
        life.work()
        life.clock.move(LEASE_S)
    raise AssertionError(f"never to be confirmed: {made}")


def _one_transfer(life: Life, state: str) -> None:
    """However often it was asked for: one transfer at WeChat, and it ended so."""
    found = life.desk("GET", "/transfers")["transfers"]
    assert [(each["state"], each["transfer_amount"]) for each in found] == [(state, SENT)]
