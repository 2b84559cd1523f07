"""What only the global API has, held against the other side over real HTTP: currencies, its own words, statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import orjson
import pytest

from tests.contracts.test_provider_refunds import ask, look, paid, refund_of, settle
from tests.contracts.test_provider_terminals import come_and_pay
from tests.support.global_side import MCHID_ABROAD, GlobalSide
from tests.support.wechat_side import wechat_side
from wxbackend.domain.errors import ProviderUnknown, UnreadableMessage
from wxbackend.domain.misplaced_money import disagreement
from wxbackend.domain.money import Money
from wxbackend.domain.observation import (
    Absent,
    Declined,
    Opened,
    Paid,
    RefundClosed,
    RefundProcessing,
    Uncertain,
)
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import CardRefunds, OrderLimits, Reply

PRODUCTS: Final = {
    Terminal.OFFICIAL_ACCOUNT: ("jsapi", "JSAPI"),
    Terminal.MINI_PROGRAM: ("jsapi", "JSAPI"),
    Terminal.WEB: ("native", "NATIVE"),
    Terminal.WAP: ("mweb", "MWEB"),
    Terminal.APP: ("app", "APP"),
}
YUAN: Final = {"CNY": 2000, "HKD": 1840, "GBP": 18620, "USD": 14360, "EUR": 15700}
"""What the simulator takes for 20.00, in fen."""


@pytest.fixture(scope="module")
def running_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlobalSide]:
    """The other side, once for the module; refunds stay open until a test ends them."""
    with wechat_side(tmp_path_factory.mktemp("global"), GlobalSide) as made:
        assert isinstance(made, GlobalSide)
        made.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
        yield made


@pytest.fixture
def side(running_side: GlobalSide) -> GlobalSide:
    """The other side, behaving."""
    running_side.behave()
    return running_side


@pytest.mark.parametrize("terminal", PRODUCTS, ids=lambda each: each.value)
def test_each_terminal_has_its_own_product_and_says_what_it_sells(side: GlobalSide, terminal: Terminal) -> None:
    named = terminal in (Terminal.OFFICIAL_ACCOUNT, Terminal.MINI_PROGRAM)
    attempt = side.attempt(terminal=terminal) if named else side.attempt_at(terminal)
    path, trade_type = PRODUCTS[terminal]
    exchange = side.provider.order(attempt)
    body = orjson.loads(exchange.body)
    assert exchange.target == f"/v3/global/transactions/{path}"
    assert (body["trade_type"], body["merchant_category_code"]) == (trade_type, "5812")
    assert (body["mchid"], body["amount"]) == (MCHID_ABROAD, {"total": 2000, "currency": "GBP"})
    assert ("payer" in body) is named
    assert ("scene_info" in body) is (terminal is Terminal.WAP)


@pytest.mark.parametrize("terminal", [Terminal.WEB, Terminal.WAP, Terminal.APP], ids=lambda each: each.value)
def test_whoever_opens_the_order_first_pays_it_once(side: GlobalSide, terminal: Terminal) -> None:
    attempt = side.attempt_at(terminal)
    said = side.open(attempt)
    assert not come_and_pay(side, attempt, said)["err_msg"].endswith(("fail", "cancel"))
    found = side.send(side.provider.query(attempt))
    assert isinstance(found, Paid)
    assert (found.amount, found.currency, found.merchant) == (2000, "GBP", MCHID_ABROAD)
    assert "已支付" in come_and_pay(side, attempt, said)["err_desc"]


@pytest.mark.parametrize("currency", YUAN)
def test_the_buyer_pays_in_yuan_what_was_ordered_in_any_currency(side: GlobalSide, currency: str) -> None:
    before = side.desk("GET", "/buyers/buyer_1")["balance"]
    attempt = side.attempt(money=Money(2000, currency))
    side.open(attempt)
    side.pay(attempt)
    said = side.send(side.provider.query(attempt))
    assert isinstance(said, Paid)
    assert (said.amount, said.currency) == (2000, currency)
    assert said.share is not None
    assert (said.share.amount, said.share.currency) == (YUAN[currency], "CNY")
    assert before - side.desk("GET", "/buyers/buyer_1")["balance"] == YUAN[currency]
    assert side.desk("GET", "/books")["balanced"]


@pytest.mark.parametrize(
    ("override", "value", "wrong"), [("amount.currency", "USD", "currency"), ("amount.total", 1999, "amount")]
)
def test_money_in_another_currency_or_amount_is_not_the_money_that_was_ordered(
    side: GlobalSide, override: str, value: Any, wrong: str
) -> None:
    attempt = side.attempt()
    side.open(attempt)
    told = {"url": side.mailbox.url, "out_trade_no": attempt.out_trade_no, "plaintext_overrides": {override: value}}
    side.desk("POST", "/notices/forge", told)
    letter = side.mailbox.wait()[0]
    said = side.provider.read_notice(letter.headers, letter.body).observation
    assert isinstance(said, Paid)
    found = disagreement(attempt, said)
    assert found is not None
    assert list(found.expected) == [wrong]


def test_a_notice_that_names_no_currency_is_not_read(side: GlobalSide) -> None:
    attempt = side.attempt()
    side.open(attempt)
    lie = {"amount.currency": None}
    told = {"url": side.mailbox.url, "out_trade_no": attempt.out_trade_no, "plaintext_overrides": lie}
    side.desk("POST", "/notices/forge", told)
    letter = side.mailbox.wait()[0]
    with pytest.raises(UnreadableMessage, match=r"no amount\.currency"):
        side.provider.read_notice(letter.headers, letter.body)


def test_an_order_above_the_limit_is_refused_by_us_and_by_them(side: GlobalSide) -> None:
    limits = side.provider
    assert isinstance(limits, OrderLimits)
    assert {currency: limits.amount_max(currency) for currency in YUAN} == {
        "USD": 5_000_000, "GBP": 3_846_153, "EUR": 4_545_454, "HKD": 39_062_500, "CNY": 35_714_285,
    }  # fmt: skip
    assert limits.amount_max("JPY") is None
    said = side.send(side.provider.order(side.attempt(money=Money(5_000_001, "USD"))))
    assert isinstance(said, Declined)
    assert isinstance(side.send(side.provider.order(side.attempt(money=Money(5_000_000, "USD")))), Opened)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"merchant_category_code": "58"}, "merchant_category_code"),
        ({"trade_type": "NATIVE"}, "trade_type"),
        ({"amount": {"total": 1, "currency": "XYZ"}}, "currency"),
        ({"sp_mchid": "1900000100"}, "sp_mchid"),
        ({"payer": {}}, "openid"),
        ({"mchid": "1900000109"}, "mchid"),
    ],
)
def test_the_other_side_refuses_what_wechat_refuses(side: GlobalSide, change: dict[str, Any], field: str) -> None:
    attempt = side.attempt()
    body = orjson.dumps(orjson.loads(side.provider.order(attempt).body) | change)
    line = side.wechat_global._line
    status, answer = side.transport.send(line.exchange("order", "POST", "/v3/global/transactions/jsapi", body, _whole))
    assert (status, answer["code"]) == (400, "PARAM_ERROR")
    assert field in orjson.dumps(answer).decode()
    assert side.send(side.provider.query(attempt)) == Absent()


def _whole(reply: Reply) -> tuple[int, Any]:
    return reply.status, orjson.loads(reply.body)


def test_the_two_merchant_numbers_know_nothing_of_each_other(side: GlobalSide) -> None:
    attempt = side.attempt()
    side.open(attempt)
    at_home = side.adapter(mchid="1900000109")
    mine = replace(attempt, merchant="1900000109", money=Money(2000, "CNY"))
    assert side.transport.send(at_home.query(mine)) == Absent()
    refused = side.transport.send(at_home.order(replace(side.attempt(), merchant="1900000109")))
    assert isinstance(refused, Declined)
    stranger = side.abroad(mchid="1900000109")
    with pytest.raises(ProviderUnknown):
        side.transport.send(stranger.certificates())


# --- refunds -----------------------------------------------------------------------------------------------------


def test_a_refund_is_paid_in_the_currency_of_the_order_and_ends_by_its_own_word(side: GlobalSide) -> None:
    attempt = paid(side)
    before = side.desk("GET", "/buyers/buyer_1")["balance"]
    refund = refund_of(attempt)
    assert isinstance(ask(side, refund), RefundProcessing)
    settle(side, refund, "SUCCESS")
    assert side.desk("GET", "/buyers/buyer_1")["balance"] - before == YUAN["GBP"] // 4
    other = refund_of(attempt)
    ask(side, other)
    settle(side, other, "CLOSED")
    line, target = side.wechat_global._line, side.provider.query_refund(other).target
    _, told = side.transport.send(line.exchange("query_refund", "GET", target, b"", _whole))
    assert told["status"] == "REFUNDCLOSE"
    assert isinstance(look(side, other), RefundClosed)
    assert side.desk("GET", "/books")["balanced"]


def test_a_refund_in_another_currency_is_refused(side: GlobalSide) -> None:
    refund = replace(refund_of(paid(side)), money=Money(500, "USD"))
    assert isinstance(ask(side, refund), Declined)
    assert look(side, refund) == Absent()


def test_a_refund_of_another_amount_under_our_number_proves_nothing(side: GlobalSide) -> None:
    refund = refund_of(paid(side))
    ask(side, refund)
    settle(side, refund, "SUCCESS")
    for other in (Money(499, "GBP"), Money(500, "USD")):
        assert isinstance(look(side, replace(refund, money=other)), Uncertain)


def test_what_a_refunds_notice_says_is_a_hint_and_no_more(side: GlobalSide) -> None:
    refund = refund_of(paid(side))
    ask(side, refund)
    settle(side, refund, "SUCCESS")
    letter = side.mailbox.wait()[0]
    assert side.provider.read_notice(letter.headers, letter.body).refund_observation is None
    assert not isinstance(side.provider, CardRefunds)
