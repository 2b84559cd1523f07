"""Every request that our adapter builds, and every answer and notice that the simulator gives, fits the description."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import orjson
import pytest

from tests.support.partner_side import PartnerSide
from tests.support.wechat_side import MINI_PROGRAM, OFFICIAL_ACCOUNT
from tests.witness.description import Description, answer_faults, faults, request_faults
from tests.witness.listening import IN_BOTH_MODES, Wire, check, paid, unpaid
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnknown
from wxbackend.domain.observation import Paid
from wxbackend.providers.wechat_v3.signing import unseal

# The description of the query's answer repeats what an order must send. WeChat's own example of that answer
# has neither of the first two, and before the payment it has no amount (reference: WeChat Pay v3 order query).
NOT_IN_ANSWERS: Final = frozenset({"'description' is a required property", "'notify_url' is a required property"})
NOT_BEFORE_PAYMENT: Final = "'amount' is a required property"


def unexpected(found: list[str], *, paid: bool) -> list[str]:
    """The faults without those that the description itself is known to have."""
    allowed = set(NOT_IN_ANSWERS) if paid else NOT_IN_ANSWERS | {NOT_BEFORE_PAYMENT}
    return [fault for fault in found if not any(fault.endswith(known.replace("'", '"')) for known in allowed)]


@IN_BOTH_MODES
@pytest.mark.parametrize("appid", [OFFICIAL_ACCOUNT, MINI_PROGRAM])
@pytest.mark.parametrize("description", ["茶", "x" * 127])
def test_an_order_and_its_answer_fit(described: Description, wire: Wire, appid: str, description: str) -> None:
    wire.send(wire.side.provider.order(wire.side.attempt(appid, description=description)))
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status == 200
    assert answer_faults(operation, reply.status, reply.body) == []


def closed(wire: Wire) -> Attempt:
    """A closed order."""
    attempt = unpaid(wire)
    wire.send(wire.side.provider.close(attempt))
    return attempt


@IN_BOTH_MODES
@pytest.mark.parametrize("made", [unpaid, paid, closed], ids=["unpaid", "paid", "closed"])
def test_a_query_and_its_answer_fit(described: Description, wire: Wire, made: Callable[[Wire], Attempt]) -> None:
    wire.send(wire.side.provider.query(made(wire)))
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status == 200
    assert unexpected(answer_faults(operation, reply.status, reply.body), paid=made is paid) == []


# The description of the same query of a merchant's own does not know what the payer paid.
@pytest.mark.parametrize("side", [PartnerSide], indirect=True, ids=["partner"])
def test_a_query_by_their_number_and_its_answer_fit(described: Description, wire: Wire) -> None:
    attempt = paid(wire)
    ours = wire.side.v3.query(attempt)
    truth = wire.send(ours)
    assert isinstance(truth, Paid)
    asked = ours.target.replace(f"out-trade-no/{attempt.out_trade_no}", f"id/{truth.transaction}")
    wire.send(wire.side.v3.exchange("query", "GET", asked, b"", lambda reply: reply.status))
    operation, reply = check(described, wire), wire.seen[-1][1]
    assert reply.status == 200
    assert unexpected(answer_faults(operation, reply.status, reply.body), paid=True) == []


@IN_BOTH_MODES
def test_the_question_for_a_bill_fits(described: Description, wire: Wire) -> None:
    for kind in wire.side.v3.bill_kinds:
        wire.send(wire.side.v3.bill(kind, "2026-01-02"))
        check(described, wire)


@IN_BOTH_MODES
def test_a_close_and_its_answer_fit(described: Description, wire: Wire) -> None:
    closed(wire)
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status == 204
    assert answer_faults(operation, reply.status, reply.body) == []


@IN_BOTH_MODES
def test_the_certificates_fit(described: Description, wire: Wire) -> None:
    wire.send(wire.side.adapter().certificates())
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert reply.status == 200
    assert answer_faults(operation, reply.status, reply.body) == []


@IN_BOTH_MODES
def test_a_notices_plain_text_fits_the_answer_to_a_query(described: Description, wire: Wire) -> None:
    paid(wire)
    sealed = orjson.loads(wire.side.mailbox.wait()[0].body)["resource"]
    names = ("nonce", "associated_data", "ciphertext")
    key = (wire.side.keys / "apiv3_key.txt").read_bytes().strip()
    plain = orjson.loads(unseal((key,), **{name: sealed[name] for name in names}))
    schema = described.operation("GET", f"{wire.side.orders}/out-trade-no/order1").responses[200]
    assert unexpected(faults(schema, plain, where="notice/"), paid=True) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"amount": {"total": "2000"}}, "body/amount/total"),
        ({"amount": {"currency": "CNY"}}, "total"),
        ({"amount": {"total": 1, "fee": 1}}, "fee"),
        ({"payer": {}}, "openid"),
        ({"time_expire": "tomorrow"}, "time_expire"),
        ({"color": "red"}, "color"),
        ({"limit_pay": ["gold"]}, "limit_pay"),
    ],
)
def test_the_witness_would_notice_a_wrong_order(
    described: Description, wire: Wire, change: dict[str, Any], told: str
) -> None:
    exchange = wire.side.provider.order(wire.side.attempt())
    operation = described.operation(exchange.method, exchange.target)
    body = orjson.dumps(orjson.loads(exchange.body) | change)
    found = request_faults(operation, exchange.target, dict(exchange.headers), body)
    assert len(found) == 1
    assert told in found[0]


def test_the_witness_would_notice_a_wrong_place_header_or_query(described: Description, wire: Wire) -> None:
    exchange = wire.side.provider.query(wire.side.attempt())
    operation = described.operation("GET", exchange.target)
    headers = dict(exchange.headers)
    assert request_faults(operation, exchange.target + "&page=1", headers, b"") == ["query page is not described"]
    assert request_faults(operation, exchange.target.partition("?")[0], headers, b"") == ["query mchid is missing"]
    assert request_faults(operation, exchange.target, headers | {"X-A": "b"}, b"") == ["header x-a is not described"]
    assert request_faults(operation, exchange.target, headers, b"{}") == ["a body is sent where none is described"]
    order = wire.side.provider.order(wire.side.attempt())
    bare = {name: value for name, value in order.headers.items() if name != "Wechatpay-Serial"}
    described_order = described.operation("POST", order.target)
    assert request_faults(described_order, order.target, bare, order.body) == ["header Wechatpay-Serial is missing"]
    with pytest.raises(AssertionError, match="nothing describes"):
        described.operation("PUT", exchange.target)


def test_the_witness_would_notice_a_wrong_answer(described: Description) -> None:
    order = described.operation("POST", "/v3/pay/transactions/jsapi")
    assert len(answer_faults(order, 200, b"{}")) == 1
    assert len(answer_faults(order, 200, b'{"prepay_id": 7}')) == 1
    assert len(answer_faults(order, 200, b'{"prepay_id": "wx", "more": 1}')) == 1
    assert answer_faults(order, 201, b"{}") == ["status 201 is not described"]
    close = described.operation("POST", "/v3/pay/transactions/out-trade-no/order1/close")
    assert answer_faults(close, 204, b"{}") == ["a body where none is described"]


def test_an_error_answer_is_nobodys_success(described: Description, wire: Wire) -> None:
    wire.side.misbehave("limit_429", "query")
    attempt = wire.side.attempt()
    with suppress(ProviderUnknown):
        wire.send(wire.side.provider.query(attempt))
    operation = check(described, wire)
    reply = wire.seen[-1][1]
    assert answer_faults(operation, reply.status, reply.body) == [f"status {reply.status} is not described"]
