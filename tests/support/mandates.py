"""Buyers who let themselves be charged: a customer, a signed mandate, and debits that end soon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

PAGE_MARK = "pre_entrust_id="


@dataclass(frozen=True)
class Saved:
    """What was signed; all are identifiers but `code`, the contract's number at WeChat."""

    customer: str
    setup: str
    mandate: str
    method: str
    code: str


def quick_debits(stack: RunningStack, **rules: Any) -> None:
    """Debits end soon after they are accepted and need no notice to the buyer, unless `rules` say otherwise."""
    plain = {"settle_after_s": 0.15, "outcome": "pay", "times": None, "notice_required": False}
    stack.desk("POST", "/debits/rules", plain | rules)


def a_customer(stack: RunningStack, **fields: Any) -> dict[str, Any]:
    """A customer who is the default buyer in both apps."""
    openids = {app: stack.openid(app) for app in (OFFICIAL_ACCOUNT, MINI_PROGRAM)}
    return stack.api("POST", "/v1/customers", {"openids": openids, **fields})


def signing(terminal: str = "official_account") -> dict[str, Any]:
    """The payment method parameters of a customer whose openid is known."""
    return {
        "payment_method_data": {"type": "wechat_pay"},
        "payment_method_options": {"wechat_pay": {"terminal_type": terminal}},
    }


def a_setup(stack: RunningStack, customer: str, terminal: str = "official_account", **fields: Any) -> dict[str, Any]:
    """A SetupIntent that the buyer can sign."""
    body = {"customer": customer, "confirm": True, **signing(terminal), **fields}
    return stack.api("POST", "/v1/setup_intents", body)


def page_of(setup: dict[str, Any]) -> str:
    """The page that a SetupIntent leads the buyer to."""
    action = setup["next_action"]
    if action["type"] == "redirect_to_url":
        url: str = action["redirect_to_url"]["url"]
        return url.partition(PAGE_MARK)[2]
    page: str = action["navigate_to_mini_program"]["extraData"]["pre_entrustweb_id"]
    return page


def sign(stack: RunningStack, setup: dict[str, Any], answer: str = "agree", buyer: str = "buyer_1") -> dict[str, Any]:
    """Play the buyer on the page of a SetupIntent; the contract as WeChat has it."""
    found: dict[str, Any] = stack.desk("POST", f"/buyers/{buyer}/sign", {"page": page_of(setup), "answer": answer})
    return found


def wait_setup(stack: RunningStack, setup: str, status: str) -> dict[str, Any]:
    """Wait until a SetupIntent has that status."""
    return stack.wait_for(
        lambda: found if (found := stack.api("GET", f"/v1/setup_intents/{setup}"))["status"] == status else None,
        f"{setup} to be {status}",
    )


def wait_mandate(stack: RunningStack, mandate: str, status: str) -> dict[str, Any]:
    """Wait until a mandate has that status."""
    return stack.wait_for(
        lambda: found if (found := stack.api("GET", f"/v1/mandates/{mandate}"))["status"] == status else None,
        f"{mandate} to be {status}",
    )


def saved(stack: RunningStack, terminal: str = "official_account") -> Saved:
    """A buyer who signed."""
    customer = a_customer(stack)["id"]
    setup = a_setup(stack, customer, terminal)
    code = sign(stack, setup)["out_contract_code"]
    signed = wait_setup(stack, setup["id"], "succeeded")
    return Saved(customer, setup["id"], signed["mandate"], signed["payment_method"], code)


def charging(of: Saved, amount: int = 500, **fields: Any) -> dict[str, Any]:
    """The body of a PaymentIntent that charges what was signed."""
    return {
        "amount": amount,
        "currency": "CNY",
        "customer": of.customer,
        "payment_method": of.method,
        "off_session": True,
        "confirm": True,
        **fields,
    }


def charge(stack: RunningStack, of: Saved, **fields: Any) -> dict[str, Any]:
    """Charge what was signed."""
    return stack.api("POST", "/v1/payment_intents", charging(of, **fields))
