"""Native, H5 and App orders, their answers, queries and notices, fit the description."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.wechat_side import BUYER
from tests.witness.description import Description, answer_faults
from tests.witness.listening import IN_BOTH_MODES, Wire, check
from tests.witness.test_openapi import unexpected
from wxbackend.domain.observation import Opened
from wxbackend.domain.terminal import Terminal

NOBODY_NAMED: Final = (Terminal.WEB, Terminal.WAP, Terminal.APP)
ENTRANCES: Final = {Terminal.WEB: ("scan", "code", "data"), Terminal.WAP: ("open_h5", "url", "url")}

pytestmark = IN_BOTH_MODES


def opened(wire: Wire, terminal: Terminal) -> tuple[str, Opened]:
    """An open order and what it opened."""
    attempt = wire.side.attempt_at(terminal)
    said = wire.send(wire.side.provider.order(attempt))
    assert isinstance(said, Opened)
    return attempt.out_trade_no, said


@pytest.mark.parametrize("terminal", NOBODY_NAMED, ids=lambda each: each.value)
def test_an_order_and_its_answer_fit(described: Description, wire: Wire, terminal: Terminal) -> None:
    opened(wire, terminal)
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status == 200
    assert answer_faults(operation, reply.status, reply.body) == []


@pytest.mark.parametrize("terminal", NOBODY_NAMED, ids=lambda each: each.value)
def test_a_query_after_the_payment_fits(described: Description, wire: Wire, terminal: Terminal) -> None:
    attempt = wire.side.attempt_at(terminal)
    said = wire.send(wire.side.provider.order(attempt))
    path, name, member = ENTRANCES.get(terminal, ("pay_app", "params", ""))
    given = said.client_params[member] if member else dict(said.client_params)
    wire.side.desk("POST", f"/buyers/{BUYER}/{path}", {name: given})
    wire.send(wire.side.provider.query(attempt))
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert unexpected(answer_faults(operation, reply.status, reply.body), paid=True) == []
