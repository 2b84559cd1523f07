"""The global API: what our adapter sends and what the simulator answers fits the description, in common mode.

The description draws common and institutional mode as one: what only an institution has (`sp_…`, `sub_…`) is required
there and may not be sent by a merchant number of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.contracts.test_provider_refunds import refund_of
from tests.support.global_side import GlobalSide
from tests.support.wechat_side import wechat_side
from tests.witness.description import Description, answer_faults, request_faults
from tests.witness.listening import Wire, paid, unpaid
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.observation import Paid
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import Exchange

INSTITUTIONS: Final = ("sp_mchid", "sub_mchid", "sp_appid", "sub_appid", "sp_openid", "sub_openid")
# Before the payment an order has none of these, though the description requires them always.
NOT_BEFORE_PAYMENT: Final = ("id", "trade_type", "bank_type", "success_time", "payer", "amount")


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlobalSide]:
    """The simulator, and our adapter."""
    with wechat_side(tmp_path_factory.mktemp("witness"), GlobalSide) as made:
        assert isinstance(made, GlobalSide)
        yield made


def required(found: list[str], *names: str) -> list[str]:
    """The faults but for these names that are missing."""
    silent = {f'"{name}" is a required property' for name in names} | {f"query {name} is missing" for name in names}
    return [fault for fault in found if not any(fault.endswith(known) for known in silent)]


def fits(described: Description, wire: Wire, exchange: Exchange[Any], *absent: str) -> None:
    """The call and its answer fit."""
    wire.send(exchange)
    operation = described.operation(exchange.method, exchange.target)
    sent = request_faults(operation, exchange.target, dict(exchange.headers), exchange.body)
    assert required(sent, *INSTITUTIONS) == []
    reply = wire.seen[-1][1]
    assert reply.status in (200, 204)
    assert required(answer_faults(operation, reply.status, reply.body), *INSTITUTIONS, *absent) == []


@pytest.mark.parametrize("terminal", [Terminal.OFFICIAL_ACCOUNT, Terminal.WEB, Terminal.WAP, Terminal.APP])
def test_an_order_and_its_answer_fit(described: Description, wire: Wire, terminal: Terminal) -> None:
    named = terminal is Terminal.OFFICIAL_ACCOUNT
    attempt = wire.side.attempt() if named else wire.side.attempt_at(terminal)
    fits(described, wire, wire.side.provider.order(attempt))


def closed(wire: Wire) -> Attempt:
    """A closed order."""
    attempt = unpaid(wire)
    wire.send(wire.side.provider.close(attempt))
    return attempt


def test_a_query_a_close_and_their_answers_fit(described: Description, wire: Wire) -> None:
    fits(described, wire, wire.side.provider.query(paid(wire)))
    for attempt in (unpaid(wire), closed(wire)):
        fits(described, wire, wire.side.provider.query(attempt), *NOT_BEFORE_PAYMENT)
    fits(described, wire, wire.side.provider.close(unpaid(wire)))


@pytest.mark.parametrize("outcome", ["SUCCESS", "CLOSED", "ABNORMAL", None])
def test_a_refund_its_query_and_their_answers_fit(described: Description, wire: Wire, outcome: str | None) -> None:
    wire.side.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
    attempt = paid(wire)
    said = wire.side.transport.send(wire.side.provider.query(attempt))
    assert isinstance(said, Paid)
    refund = refund_of(replace(attempt, transaction=said.transaction))
    fits(described, wire, wire.side.provider.refund(refund))
    if outcome is not None:
        wire.side.desk("POST", f"/refunds/{refund.out_refund_no}/settle", {"outcome": outcome})
    fits(described, wire, wire.side.provider.query_refund(refund))


def test_certificates_fit(described: Description, wire: Wire) -> None:
    assert isinstance(wire.side, GlobalSide)
    fits(described, wire, wire.side.wechat_global.certificates())
