"""Refunds: what our adapter sends and what the simulator answers fits the description."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.witness.description import Description, answer_faults, request_faults
from tests.witness.listening import IN_BOTH_MODES, Wire, check, paid
from wxbackend.domain.card import Card, Holder
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Paid, RefundAbnormal, RefundProcessing
from wxbackend.domain.refund import Refund
from wxbackend.providers.wechat_v3.adapter import PaymentCalls
from wxbackend.providers.wechat_v3.card_refunds import BANKS

pytestmark = IN_BOTH_MODES


def card_refunds(wire: Wire) -> PaymentCalls:
    """The adapter, which can send refunds to cards."""
    return wire.side.v3


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
        merchant=wire.side.mchid,
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


@pytest.mark.parametrize("card", [Card(Holder.MERCHANT), Card(Holder.BUYER, "NBCB", "6222000000000000007", "小明")])
def test_an_abnormal_refunds_way_to_a_card_fits(described: Description, wire: Wire, card: Card) -> None:
    wire.side.desk("POST", "/refunds/rules", {"outcome": "ABNORMAL", "times": 1, "settle_after_s": 0})
    refund = a_refund(wire, 700, None)
    wire.send(wire.side.provider.refund(refund))
    said = wire.send(wire.side.provider.query_refund(refund))
    assert isinstance(said, RefundAbnormal)
    wire.side.desk("POST", "/refunds/rules", {"settle_after_s": 2})
    asked = card_refunds(wire).refund_to_card(replace(refund, handle=said.handle), card)
    assert isinstance(wire.send(asked), RefundProcessing)
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert answer_faults(operation, reply.status, reply.body) == []
    assert b"6222000000000000007" not in asked.body


@pytest.mark.parametrize("bank", sorted(BANKS))
def test_every_bank_that_we_name_is_one_of_theirs(described: Description, wire: Wire, bank: str) -> None:
    refund = replace(a_refund(wire, 1, None), handle="50000000382019052709732678859")
    asked = card_refunds(wire).refund_to_card(refund, Card(Holder.BUYER, bank, "6222000000000000007", "小明"))
    operation = described.operation(asked.method, asked.target)
    assert request_faults(operation, asked.target, dict(asked.headers), asked.body) == []
