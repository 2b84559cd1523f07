"""Settings of a merchant number abroad are right or name the fix; what a buyer paid with is read with care."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.support.objects import an_attempt, an_intent, paid
from wxbackend.domain import lifecycle, representation
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.errors import InvalidRequest, UnreadableBill, UnreadableMessage
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Closed, Paid, PayersShare, Pending
from wxbackend.flows.order_limit import require_within
from wxbackend.providers.wechat_global import mapping, statements
from wxbackend.providers.wechat_global.config import Terms
from wxbackend.settings_cross_border import GLOBAL_URL, cross_border
from wxbackend.settings_document import WrongSettings
from wxbackend.settings_shape import Merchant

TABLE: Final = {
    "merchant_category_code": "5812", "store_name": "Tea", "store_address": "Road 1", "currencies": ["GBP", "USD"],
    "usd_rates": {"GBP": "1.3"},
}  # fmt: skip


def entry(**changes: Any) -> dict[str, Any]:
    """A merchant's table."""
    return {"mchid": "1900000216", "cross_border": TABLE | changes}


def test_it_goes_to_the_global_host_and_has_no_second_one() -> None:
    found = cross_border(entry(), "mchid 1")
    assert (found["api_url"], found["backup_url"]) == (GLOBAL_URL, None)
    assert found["cross_border"].usd_rates == {"GBP": 1_300_000}
    assert cross_border(entry() | {"api_url": "http://127.0.0.1:1"}, "mchid 1")["api_url"] == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"usd_rates": {}}, "usd_rates: GBP has no rate"),
        ({"usd_rates": {"GBP": "0"}}, "usd_rates.GBP: '0' is not a rate"),
        ({"usd_rates": {"GBP": "1,3"}}, "is not a rate"),
        ({"usd_rates": {"GBP": "-1.3"}}, "is not a rate"),
        ({"usd_rates": {"GBP": "1.3000001"}}, "at most six decimals"),
        ({"usd_rates": {"GBP": "1.3", "EUR": "1.1"}}, "EUR needs no rate"),
        ({"usd_rates": {"GBP": "1.3", "USD": "1"}}, "USD needs no rate"),
    ],
)
def test_a_wrong_rate_names_itself_and_the_fix(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongSettings, match="mchid 1 cross_border") as refused:
        cross_border(entry(**changes), "mchid 1")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "beside",
    [
        {"api_version": "v2"}, {"apiv2_key_file": "x"}, {"v3_codepay": True}, {"auto_debit": {"plan_id": 1}},
        {"service_provider": {"sp_mchid": "1900009231", "sp_appid": "wx1"}},
    ],
)  # fmt: skip
def test_what_the_global_api_has_not_is_refused_beside_it(beside: dict[str, Any]) -> None:
    with pytest.raises(WrongSettings, match="does not go with cross_border"):
        cross_border(entry() | beside, "mchid 1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("merchant_category_code", "58"), ("merchant_category_code", None), ("store_name", ""), ("store_address", None),
        ("currencies", []), ("currencies", ["JPY"]), ("currencies", None), ("rates", {}),
    ],
)  # fmt: skip
def test_the_shape_of_the_table_is_held(name: str, value: Any) -> None:
    table = {key: each for key, each in (TABLE | {name: value}).items() if each is not None}
    told = {"mode": "test", "mchid": "1900000216", "certificate_file": "c", "private_key_file": "k"}
    assert Merchant().validate(told | {"cross_border": TABLE}) == {}
    assert name in Merchant().validate(told | {"cross_border": table})["cross_border"]


def test_the_limit_is_fifty_thousand_dollars_worth_and_not_a_cent_more() -> None:
    terms = Terms("5812", "Tea", "Road 1", frozenset({"GBP", "USD"}), {"GBP": 1_300_000})
    assert (terms.amount_max("USD"), terms.amount_max("GBP"), terms.amount_max("EUR")) == (5_000_000, 3_846_153, None)
    require_within(terms.amount_max("USD"), Money(5_000_000, "USD"))
    require_within(None, Money(99_999_999, "EUR"))
    with pytest.raises(InvalidRequest, match=r"at most 5000000 \(50000\.00 USD\)"):
        require_within(terms.amount_max("USD"), Money(5_000_001, "USD"))


ORDER: Final = {
    "mchid": "1900000216", "appid": "wx1", "out_trade_no": "n", "id": "4200", "trade_state": "SUCCESS",
    "success_time": "2026-11-22T10:00:00+08:00", "payer": {"openid": "o"},
    "amount": {
        "total": 2000, "currency": "GBP", "payer_total": 18620, "payer_currency": "CNY",
        "exchange_rate": {"type": "SETTLEMENT_RATE", "rate": 931_000_000},
    },
}  # fmt: skip


def test_a_paid_order_is_read_with_both_currencies() -> None:
    said = mapping.of_transaction(dict(ORDER))
    assert isinstance(said, Paid)
    assert (said.transaction, said.amount, said.currency) == ("4200", 2000, "GBP")
    assert said.share == PayersShare(18620, "CNY", 931_000_000)


@pytest.mark.parametrize("wrong", [{"currency": None}, {"currency": ""}, {"total": "2000"}, {"total": 20.0}])
def test_money_without_currency_or_amount_is_not_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnreadableMessage):
        mapping.of_transaction({**ORDER, "amount": {**ORDER["amount"], **wrong}})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("odd", "share"),
    [
        ({"payer_total": "1"}, None),
        ({"payer_total": -1}, None),
        ({"payer_currency": None}, None),
        ({"payer_currency": "YUAN"}, None),
        ({"payer_total": 2**70}, None),
        ({"exchange_rate": None}, PayersShare(18620, "CNY")),
        ({"exchange_rate": {"rate": "1"}}, PayersShare(18620, "CNY")),
        ({"exchange_rate": {"rate": 2**70}}, PayersShare(18620, "CNY")),
    ],
)
def test_what_the_buyer_paid_decides_nothing_and_is_left_out_when_odd(odd: dict[str, Any], share: Any) -> None:
    said = mapping.of_transaction({**ORDER, "amount": {**ORDER["amount"], **odd}})  # type: ignore[dict-item]
    assert isinstance(said, Paid)
    assert (said.amount, said.currency, said.share) == (2000, "GBP", share)


@pytest.mark.parametrize(
    ("state", "kind"),
    [("CLOSED", Closed), ("REVOKED", Closed), ("PAYERROR", Closed), ("NOTPAY", Pending), ("NEW", Pending)],
)
def test_states_are_read_and_an_unknown_one_is_pending(state: str, kind: type) -> None:
    assert isinstance(mapping.of_transaction({**ORDER, "trade_state": state}), kind)


def test_the_share_is_kept_with_the_attempt_and_shown_once_it_is_paid() -> None:
    intent = an_intent(money=Money(2000, "GBP"), status=IntentStatus.REQUIRES_ACTION, attempt_id=11)
    attempt = an_attempt(money=Money(2000, "GBP"), state=AttemptState.OPEN)
    assert "presentment_details" not in representation.payment_intent(intent, attempt)
    said = paid(currency="GBP", share=PayersShare(18620, "CNY", 931_000_000))
    step = lifecycle.advance(intent, attempt, said, now_ms=intent.created_ms)
    shown = representation.payment_intent(step.intent, step.attempt)["presentment_details"]
    assert shown == {"presentment_amount": 18620, "presentment_currency": "CNY", "exchange_rate": "9.31"}
    again = lifecycle.advance(step.intent, step.attempt or attempt, said, now_ms=intent.created_ms)
    assert (again.attempt, again.events) == (step.attempt, ())


@pytest.mark.parametrize("spelled", [b"100", b"1e2", b"1.234567", b"abc", "１.00".encode(), b"1.005"])
def test_an_amount_whose_unit_is_in_doubt_is_not_read(spelled: bytes) -> None:
    with pytest.raises(UnreadableBill):
        statements._minor(spelled)


@pytest.mark.parametrize(("spelled", "minor"), [(b"", 0), (b"0", 0), (b"0.00", 0), (b"20.00", 2000), (b"-0.30", -30)])
def test_an_amount_with_decimals_is_exact(spelled: bytes, minor: int) -> None:
    assert statements._minor(spelled) == minor
