"""What happens in a case about a buyer's permission: it is signed, charged, and ended."""

from __future__ import annotations

from typing import Any, Final

from tests.crashes.life import LEASE_S, ROUNDS_MAX, Life
from tests.journeys.reckoning import reckon
from tests.support.mandates import page_of, signing
from tests.support.stack import BUYER

SETUPS: Final = "/v1/setup_intents"
CHARGED: Final = 500


def signed(life: Life) -> None:
    """The buyer is led to WeChat's page and signs."""
    customer = _customer(life)
    life.watch()
    setup = life.ask("set up", SETUPS, {"customer": customer, "confirm": True, **signing()})
    _sign(life, setup)
    life.rest()
    shown = life.look(f"{SETUPS}/{setup['id']}")
    assert shown["status"] == "succeeded"
    assert life.look(f"/v1/mandates/{shown['mandate']}")["status"] == "active"
    assert [each["contract_state"] for each in life.desk("GET", "/contracts")["contracts"]].count("SIGNED") == 1


def signed_unheard(life: Life) -> None:
    """The buyer signed and WeChat's notice comes late: the worker asks before."""
    setup = life.ask("set up", SETUPS, {"customer": _customer(life), "confirm": True, **signing()})
    _sign(life, setup)
    life.watch()
    life.clock.move(10)
    life.work()
    life.rest()
    assert life.look(f"{SETUPS}/{setup['id']}")["status"] == "succeeded"


def charged(life: Life) -> None:
    """The shop charges a buyer who is away."""
    setup = _saved(life)
    life.watch()
    intent = life.ask("charge", "/v1/payment_intents", _charge(setup))
    life.rest()
    assert reckon(life, intent)["amount_received"] == CHARGED


def revoked(life: Life) -> None:
    """The shop ends the permission; from then on nothing is charged."""
    setup = _saved(life)
    life.watch()
    life.ask("revoke", f"/v1/mandates/{setup['mandate']}/revoke", {})
    life.rest()
    assert life.rows("SELECT state FROM mandates") == [{"state": "ended"}]
    assert [each["contract_state"] for each in life.desk("GET", "/contracts")["contracts"]] == ["TERMINATED"]
    answer = life.ask("charge", "/v1/payment_intents", _charge(setup))
    assert answer["error"]["code"] == "payment_method_unexpected_state"


def charged_and_revoked(life: Life) -> None:
    """The permission ends while a debit is under way: WeChat says whether it was still paid."""
    setup = _saved(life)
    intent = life.ask("charge", "/v1/payment_intents", _charge(setup))
    life.watch()
    life.ask("revoke", f"/v1/mandates/{setup['mandate']}/revoke", {})
    life.rest()
    # A debit is carried out when WeChat gets to it: in a second life that may be before the end came there.
    paid = any(order["trade_state"] == "SUCCESS" for order in life.desk("GET", "/orders")["orders"])
    reckon(life, intent, paid=paid)
    assert life.rows("SELECT state FROM mandates") == [{"state": "ended"}]


def _customer(life: Life) -> str:
    found: str = life.ask("customer", "/v1/customers", {"openids": {life.appid(): life.openid(life.appid())}})["id"]
    life.desk("POST", "/debits/rules", {"settle_after_s": None, "notice_required": False})
    return found


def _saved(life: Life) -> dict[str, Any]:
    """A SetupIntent whose mandate is in force."""
    setup = life.ask("set up", SETUPS, {"customer": _customer(life), "confirm": True, **signing()})
    _sign(life, setup)
    life.rest()
    return life.look(f"{SETUPS}/{setup['id']}")


def _charge(setup: dict[str, Any]) -> dict[str, Any]:
    return {
        "amount": CHARGED,
        "currency": "CNY",
        "customer": setup["customer"],
        "payment_method": setup["payment_method"],
        "off_session": True,
        "confirm": True,
    }


def _sign(life: Life, setup: dict[str, Any]) -> None:
    """The buyer signs on the page that the front end leads to, unless that was done in a life before.

    A shop whose request was cut off looks, and confirms anew where there is no page.
    """
    for again in range(ROUNDS_MAX):
        found = life.look(f"{SETUPS}/{setup['id']}")
        contracts = life.desk("GET", "/contracts")["contracts"]
        if found["status"] == "succeeded" or any(each["contract_state"] != "UNSIGNED" for each in contracts):
            return
        if "next_action" in found:
            life.desk("POST", f"/buyers/{BUYER}/sign", {"page": page_of(found), "answer": "agree"})
            return
        life.work()
        life.clock.move(LEASE_S)
        life.ask(f"confirm anew {again} {life.clock.now_ms()}", f"{SETUPS}/{setup['id']}/confirm", signing())
    raise AssertionError(f"never to be signed: {setup}")
