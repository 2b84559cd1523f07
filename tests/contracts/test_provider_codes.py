"""What every provider that charges payment codes must do, held against the other side over real HTTP.

A side is what `WechatSide` shows: `provider`, `attempt`, `send`, `misbehave` and `desk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.support.partner_side import PartnerSide
from tests.support.wechat_side import (
    BUYER,
    OFFICIAL_ACCOUNT,
    WechatSide,
    WechatV2HmacSide,
    WechatV2Side,
    wechat_side,
)
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnknown
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Paid, Pending, Uncertain
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import Exchange

SIDES: Final = {
    "wechat_v3": WechatSide,
    "wechat_v2": WechatV2Side,
    "wechat_v2_hmac": WechatV2HmacSide,
    "partner": PartnerSide,
}
FAULTS: Final = (
    "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429", "truncate",
    "unsigned", "bad_signature", "probe", "unknown_serial",
)  # fmt: skip


@pytest.fixture(scope="module", params=SIDES)
def running_side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side of each provider, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("codes"), SIDES[request.param]) as made:
        yield made


@pytest.fixture
def side(running_side: WechatSide) -> WechatSide:
    """The other side, behaving."""
    running_side.behave()
    running_side.desk("POST", "/payment_codes/rules", {"recalls": 0})
    return running_side


def by_code(side: WechatSide, **changes: Any) -> Attempt:
    """An attempt whose payer nobody knows yet."""
    return side.attempt(OFFICIAL_ACCOUNT, terminal=Terminal.SCAN_CODE, payer="", **changes)


def shown(side: WechatSide, *, ask_pin: bool = False) -> PaymentCode:
    """A code on the default buyer's phone."""
    return PaymentCode(side.desk("POST", f"/buyers/{BUYER}/payment_code", {"ask_pin": ask_pin})["code"])


def charge(side: WechatSide, attempt: Attempt, code: PaymentCode) -> Observation:
    """Charge a code."""
    return side.send(side.provider.charge_code(attempt, code))


def reverse(side: WechatSide, attempt: Attempt) -> Observation:
    """Reverse the charge."""
    return side.send(side.provider.reverse(attempt))


def query(side: WechatSide, attempt: Attempt) -> Observation:
    """What became of it."""
    return side.send(side.provider.query(attempt))


def unproven(side: WechatSide, exchange: Exchange[Observation]) -> bool:
    """Whether the call ended in "may have arrived, ask again"."""
    try:
        return isinstance(side.send(exchange), Uncertain)
    except ProviderUnknown:
        return True


def test_without_a_pin_the_answer_is_the_payment_and_a_query_says_the_same(side: WechatSide) -> None:
    attempt = by_code(side)
    said = charge(side, attempt, shown(side))
    assert isinstance(said, Paid)
    assert (said.amount, said.currency, said.app, said.merchant) == (2000, "CNY", attempt.app, attempt.merchant)
    assert query(side, attempt) == said


def test_while_the_pin_is_asked_for_it_is_pending_and_then_paid(side: WechatSide) -> None:
    attempt, code = by_code(side), shown(side, ask_pin=True)
    assert isinstance(charge(side, attempt, code), Pending)
    assert isinstance(query(side, attempt), Pending)
    assert isinstance(charge(side, attempt, code), Pending)
    side.desk("POST", f"/buyers/{BUYER}/pin", {"out_trade_no": attempt.out_trade_no})
    assert isinstance(query(side, attempt), Paid)


@pytest.mark.parametrize("pin", [True, False], ids=["not paid", "paid"])
def test_a_reversal_ends_it_for_every_question_and_can_be_repeated(side: WechatSide, pin: bool) -> None:
    before = side.desk("GET", f"/buyers/{BUYER}")["balance"]
    attempt, code = by_code(side), shown(side, ask_pin=pin)
    charge(side, attempt, code)
    assert isinstance(reverse(side, attempt), Closed)
    assert isinstance(reverse(side, attempt), Closed)
    assert isinstance(query(side, attempt), Closed)
    assert isinstance(charge(side, attempt, code), Closed)
    assert side.desk("GET", f"/buyers/{BUYER}")["balance"] == before


def test_a_reversal_that_is_to_be_called_again_is_not_done_yet(side: WechatSide) -> None:
    attempt = by_code(side)
    charge(side, attempt, shown(side, ask_pin=True))
    side.desk("POST", "/payment_codes/rules", {"recalls": 1})
    assert isinstance(reverse(side, attempt), Pending)
    assert isinstance(query(side, attempt), Pending)
    assert isinstance(reverse(side, attempt), Closed)


def test_a_reversal_of_what_never_arrived_is_absent(side: WechatSide) -> None:
    attempt = by_code(side)
    assert query(side, attempt) == Absent()
    assert reverse(side, attempt) == Absent()


def test_a_reversal_that_can_never_be_done_is_declined_and_the_payment_stands(side: WechatSide) -> None:
    attempt = by_code(side)
    charge(side, attempt, shown(side))
    side.desk("POST", "/clock", {"advance_s": 8 * 86_400})
    assert isinstance(reverse(side, attempt), Declined)
    assert isinstance(query(side, attempt), Paid)


@pytest.mark.parametrize(("why", "told"), [("used", "invalid"), ("unknown", "invalid"), ("expired", "expired")])
def test_a_code_that_cannot_be_charged_is_declined_and_no_order_is_made(side: WechatSide, why: str, told: str) -> None:
    code = PaymentCode("134567890123456789") if why == "unknown" else shown(side)
    if why == "used":
        charge(side, by_code(side), code)
    if why == "expired":
        side.desk("POST", "/clock", {"advance_s": 61})
    attempt = by_code(side)
    said = charge(side, attempt, code)
    assert isinstance(said, Declined)
    assert (said.code, said.decline_code) == ("payment_method_provider_decline", f"auth_code_{told}")
    assert code.digits not in f"{said}"
    assert query(side, attempt) == Absent()


def test_a_buyer_without_the_money_is_declined_in_words_that_say_so(side: WechatSide) -> None:
    attempt = by_code(side, money=Money(20_000_00, "CNY"))
    said = charge(side, attempt, shown(side))
    assert isinstance(said, Declined)
    assert said.code == "insufficient_funds"
    assert not isinstance(query(side, attempt), Paid | Pending)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_to_a_charge_that_is_not_proven_is_unknown_and_a_query_tells(side: WechatSide, fault: str) -> None:
    attempt = by_code(side)
    side.misbehave(fault, "code_pay")
    assert unproven(side, side.provider.charge_code(attempt, shown(side)))
    assert isinstance(query(side, attempt), Paid | Absent)


def test_a_refusal_that_is_not_proven_is_unknown_too(side: WechatSide) -> None:
    side.misbehave("bad_signature", "code_pay")
    assert unproven(side, side.provider.charge_code(by_code(side), PaymentCode("134567890123456789")))


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_to_a_reversal_that_is_not_proven_is_unknown_and_the_next_one_tells(
    side: WechatSide, fault: str
) -> None:
    attempt = by_code(side)
    charge(side, attempt, shown(side, ask_pin=True))
    side.misbehave(fault, "reverse")
    assert unproven(side, side.provider.reverse(attempt))
    side.behave()
    assert isinstance(reverse(side, attempt), Closed)


def test_a_repeat_with_another_amount_or_another_code_proves_nothing(side: WechatSide) -> None:
    attempt, code = by_code(side), shown(side)
    charge(side, attempt, code)
    assert unproven(side, side.provider.charge_code(attempt, code))
    assert unproven(side, side.provider.charge_code(attempt, shown(side)))
    assert unproven(side, side.provider.charge_code(replace(attempt, money=Money(1, "CNY")), code))
    assert isinstance(query(side, attempt), Paid)


def test_neither_address_nor_headers_nor_words_show_the_code(side: WechatSide) -> None:
    attempt, code = by_code(side), shown(side)
    exchange = side.provider.charge_code(attempt, code)
    assert exchange.purpose == "code_pay"
    assert code.digits.encode() in exchange.body
    assert code.digits not in f"{exchange.target} {exchange.headers} {code} {code!r} {attempt!r}"
