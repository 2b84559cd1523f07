"""Payment codes: what our adapter sends and what the simulator answers fits the description."""

from __future__ import annotations

import pytest

from tests.support.wechat_side import BUYER
from tests.witness.description import Description, answer_faults
from tests.witness.listening import IN_BOTH_MODES, Wire, check
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.terminal import Terminal

pytestmark = IN_BOTH_MODES


def charged(wire: Wire, *, ask_pin: bool) -> Attempt:
    """An order by payment code that was just sent."""
    code = wire.side.desk("POST", f"/buyers/{BUYER}/payment_code", {"ask_pin": ask_pin})["code"]
    attempt = wire.side.attempt(terminal=Terminal.SCAN_CODE, payer="")
    wire.send(wire.side.provider.charge_code(attempt, PaymentCode(code)))
    return attempt


@pytest.mark.parametrize("ask_pin", [True, False], ids=["the pin is asked for", "paid at once"])
def test_a_charge_and_its_answer_fit(described: Description, wire: Wire, ask_pin: bool) -> None:
    charged(wire, ask_pin=ask_pin)
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status == 200
    assert answer_faults(operation, reply.status, reply.body) == []


@pytest.mark.parametrize("ask_pin", [True, False], ids=["not paid", "paid"])
def test_a_reversal_and_its_answer_fit(described: Description, wire: Wire, ask_pin: bool) -> None:
    attempt = charged(wire, ask_pin=ask_pin)
    wire.send(wire.side.provider.reverse(attempt))
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status == 200
    assert answer_faults(operation, reply.status, reply.body) == []
