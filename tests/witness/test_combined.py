"""Combined orders, their answers, queries, closes and notices fit the description."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

import orjson
import pytest

from tests.support.wechat_side import BUYER, MINI_PROGRAM, OFFICIAL_ACCOUNT
from tests.witness.description import Description, Operation, answer_faults, faults, request_faults
from tests.witness.listening import Wire
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.observation import Opened
from wxbackend.domain.terminal import Terminal
from wxbackend.providers.wechat_v3.signing import unseal

# One description serves platforms too, whose orders name the shop on the platform; a merchant of its own has none
# (reference: WeChat Pay v3 combine orders, fields by role).
OF_PLATFORMS: Final = '"sub_mchid" is a required property'
# What only a payment brings.
NOT_BEFORE_PAYMENT: Final = '"combine_transaction_id" is a required property'
NUMBERS: Final = count(10**12)
PLACES: Final = (Terminal.OFFICIAL_ACCOUNT, Terminal.MINI_PROGRAM, Terminal.WEB, Terminal.WAP, Terminal.APP)


def group(wire: Wire, terminal: Terminal = Terminal.OFFICIAL_ACCOUNT) -> list[Attempt]:
    """Two orders that are to be one."""
    number = next(NUMBERS)
    same: dict[str, Any] = {"group_id": number}
    if terminal in (Terminal.OFFICIAL_ACCOUNT, Terminal.MINI_PROGRAM):
        appid = MINI_PROGRAM if terminal is Terminal.MINI_PROGRAM else OFFICIAL_ACCOUNT
        return [wire.side.attempt(appid, **same) for _ in "ab"]
    return [wire.side.attempt_at(terminal, **same) for _ in "ab"]


def opened(wire: Wire, terminal: Terminal = Terminal.OFFICIAL_ACCOUNT) -> list[Attempt]:
    """The same, open."""
    attempts = group(wire, terminal)
    assert isinstance(wire.send(wire.side.wechat_v3.order_group(attempts)), Opened)
    return attempts


def last(described: Description, wire: Wire) -> tuple[Operation, list[str]]:
    """The last call's operation, and what in the call does not fit it."""
    exchange, _ = wire.seen[-1]
    operation = described.operation(exchange.method, exchange.target)
    found = request_faults(operation, exchange.target, dict(exchange.headers), exchange.body)
    return operation, [fault for fault in found if not fault.endswith(OF_PLATFORMS)]


@pytest.mark.parametrize("terminal", PLACES, ids=lambda each: each.value)
def test_an_order_and_its_answer_fit(described: Description, wire: Wire, terminal: Terminal) -> None:
    opened(wire, terminal)
    operation, wrong = last(described, wire)
    reply = wire.seen[-1][1]
    assert (wrong, answer_faults(operation, reply.status, reply.body)) == ([], [])


def test_a_query_and_its_answer_fit(described: Description, wire: Wire) -> None:
    attempts = opened(wire)
    wire.send(wire.side.wechat_v3.query_group(attempts))
    operation, wrong = last(described, wire)
    reply = wire.seen[-1][1]
    found = answer_faults(operation, reply.status, reply.body)
    assert (wrong, [fault for fault in found if not fault.endswith(NOT_BEFORE_PAYMENT)]) == ([], [])
    wire.side.pay(attempts[0])
    wire.send(wire.side.wechat_v3.query_group(attempts))
    reply = wire.seen[-1][1]
    assert answer_faults(operation, reply.status, reply.body) == []


def test_a_close_and_its_answer_fit(described: Description, wire: Wire) -> None:
    wire.send(wire.side.wechat_v3.close_group(opened(wire)))
    operation, wrong = last(described, wire)
    reply = wire.seen[-1][1]
    assert (wrong, reply.status, answer_faults(operation, reply.status, reply.body)) == ([], 204, [])


def test_a_notices_plain_text_fits_the_answer_to_a_query(described: Description, wire: Wire) -> None:
    attempts = opened(wire)
    told = {"out_trade_no": attempts[0].out_trade_no, "channel": "official_account"}
    wire.side.desk("POST", f"/buyers/{BUYER}/pay_order", told)
    sealed = orjson.loads(wire.side.mailbox.wait()[0].body)["resource"]
    names = ("nonce", "associated_data", "ciphertext")
    key = (wire.side.directory / "merchant" / "apiv3_key.txt").read_bytes().strip()
    plain = orjson.loads(unseal((key,), **{name: sealed[name] for name in names}))
    schema = described.operation("GET", "/v3/combine-transactions/out-trade-no/c1").responses[200]
    assert faults(schema, plain, where="notice/") == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"combine_appid": 5}, "combine_appid"),
        ({"sub_orders": [{"mchid": "1", "color": "red"}]}, "color"),
        ({"combine_payer_info": {"name": "x"}}, "name"),
        ({"color": "red"}, "color"),
        ({"limit_pay": ["gold"]}, "limit_pay"),
    ],
)
def test_the_witness_would_notice_a_wrong_order(
    described: Description, wire: Wire, change: dict[str, Any], told: str
) -> None:
    exchange = wire.side.wechat_v3.order_group(group(wire))
    operation = described.operation(exchange.method, exchange.target)
    body = orjson.dumps(orjson.loads(exchange.body) | change)
    found = request_faults(operation, exchange.target, dict(exchange.headers), body)
    assert any(told in fault for fault in found)
