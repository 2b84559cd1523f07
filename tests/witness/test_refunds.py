"""Refunds: what our adapter sends and what the simulator answers fits the description."""

from __future__ import annotations

import pytest

from tests.support.stack import MCHID
from tests.witness.description import Description, answer_faults
from tests.witness.listening import Wire, check, paid
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Paid
from wxbackend.domain.refund import Refund


def a_refund(wire: Wire, amount: int, reason: str | None) -> Refund:
    """A refund of an order that was just paid."""
    attempt = paid(wire)
    truth = wire.side.transport.send(wire.side.provider.query(attempt))
    assert isinstance(truth, Paid)
    return Refund(
        id=attempt.id + 1,
        intent_id=attempt.intent_id,
        attempt_id=attempt.id,
        account=attempt.account,
        livemode=False,
        provider="wechat_v3",
        merchant=MCHID,
        transaction=truth.transaction,
        out_refund_no=f"r{attempt.out_trade_no}",
        money=Money(amount, "CNY"),
        total=truth.amount,
        created_ms=1,
        sent_ms=1,
        reason=reason,
    )


@pytest.mark.parametrize(("amount", "reason"), [(1, None), (2000, "requested_by_customer")])
def test_a_refund_its_answer_and_its_query_fit(
    described: Description,
    wire: Wire,
    amount: int,
    reason: str | None,
) -> None:
    refund = a_refund(wire, amount, reason)
    for exchange in (wire.side.provider.refund(refund), wire.side.provider.query_refund(refund)):
        wire.send(exchange)
        operation = check(described, wire)
        reply = wire.seen[-1][1]
        assert reply.status == 200
        assert answer_faults(operation, reply.status, reply.body) == []
