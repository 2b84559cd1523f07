"""Money, identifiers, terminals, the pictures that merchants see, and when an order is looked at again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.objects import APP, METHOD, NOW_MS, PAYER, an_attempt, an_intent
from wxbackend.domain import ids, representation
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.errors import InvalidRequest, NotFound
from wxbackend.domain.intent import IntentStatus, PaymentError, PaymentMethod
from wxbackend.domain.money import AMOUNT_MINOR_UNITS_MAX, MINOR_DIGITS, Money
from wxbackend.domain.next_action import next_action
from wxbackend.domain.terminal import Terminal, parse_terminal
from wxbackend.flows.look_schedule import next_look_ms

LOOKS_S: Final = (10.0, 30.0, 120.0, 600.0)
# The identifiers that the seed documents print beside their `created` (rounded to the nearest second there).
SEED_IDS: Final = {
    1_666_729_870_215_872_512: 1_686_214_342_000,
    1_666_732_544_285_999_104: 1_686_214_980_000,
    1_666_625_039_547_498_496: 1_686_189_348_000,
    1_666_627_489_012_645_888: 1_686_189_932_000,
    1_666_626_536_515_567_616: 1_686_189_705_000,
    1_684_807_723_566_235_648: 1_690_524_438_000,
}
OPEN: Final = {"package": "prepay_id=wx1", "paySign": "s"}


@given(amount=st.integers(1, AMOUNT_MINOR_UNITS_MAX), currency=st.sampled_from(sorted(MINOR_DIGITS)))
def test_money_is_every_positive_amount_up_to_eight_digits_and_shows_all_of_them(amount: int, currency: str) -> None:
    units, _, rest = str(Money(amount, currency)).removesuffix(f" {currency}").partition(".")
    assert int(units) * 100 + int(rest) == amount
    assert len(rest) == 2


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "amount_too_small"),
        (-1, "amount_too_small"),
        (AMOUNT_MINOR_UNITS_MAX + 1, "amount_too_large"),
        (10**30, "amount_too_large"),
        (20.0, "parameter_invalid_integer"),
        ("20", "parameter_invalid_integer"),
        (True, "parameter_invalid_integer"),
        (None, "parameter_invalid_integer"),
    ],
)
def test_what_is_not_money_names_the_amount_and_the_reason(amount: Any, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Money(amount, "CNY")
    assert (refused.value.code, refused.value.param) == (code, "amount")


@pytest.mark.parametrize("currency", ["cny", "RMB", "", "JPY", "CNY "])
def test_a_currency_that_is_not_promised_is_refused(currency: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Money(1, currency)
    assert refused.value.param == "currency"


@pytest.mark.parametrize(("number", "created_ms"), SEED_IDS.items())
def test_the_seed_documents_identifiers_decode_to_the_time_printed_beside_them(number: int, created_ms: int) -> None:
    assert (ids.created_ms(number) + 500) // 1000 * 1000 == created_ms
    assert ids.parse("pi", ids.render("pi", number)) == number


@given(
    time_ms=st.integers(ids.EPOCH_MS, ids.EPOCH_MS + 2**41 - 1), node=st.integers(0, 1023), place=st.integers(0, 4095)
)
def test_an_identifier_sorts_by_its_time_and_comes_back_from_its_text(time_ms: int, node: int, place: int) -> None:
    number = ids.compose(time_ms, node, place)
    assert 0 <= number < 2**63
    assert ids.created_ms(number) == time_ms
    assert ids.parse("evt", ids.render("evt", number)) == number
    if time_ms + 1 < ids.EPOCH_MS + 2**41:
        assert ids.compose(time_ms + 1, 0, 0) > number


@pytest.mark.parametrize(
    "text",
    [
        "", "pi_", "pi_1", "pi_166662503954749849", "pi_16666250395474984966", "re_1666625039547498496",
        "pi_166662503954749849x", "pi_-66662503954749849", "pi_१६६६६२५०३९५४७४९८४९६", "pi_9999999999999999999",
        " pi_1666625039547498496", "pi_1666625039547498496\n", "PI_1666625039547498496",
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_ours_is_not_found(text: str) -> None:
    with pytest.raises(NotFound) as missing:
        ids.parse("pi", text)
    assert missing.value.code == "resource_missing"


def test_a_terminal_is_known_in_any_case_and_another_is_refused_with_the_choices() -> None:
    assert parse_terminal("Official_Account", param="p") is Terminal.OFFICIAL_ACCOUNT
    with pytest.raises(InvalidRequest, match="mini_program, official_account") as refused:
        parse_terminal("H5", param="p")
    assert refused.value.param == "p"


def test_an_intent_shows_what_is_set_and_leaves_out_the_rest() -> None:
    shown = representation.payment_intent(an_intent(description="Tea", created_ms=NOW_MS + 999), None)
    assert shown == {
        "id": "pi_0000000000000000001",
        "object": "payment_intent",
        "created": NOW_MS,
        "livemode": False,
        "currency": "CNY",
        "amount": 2000,
        "status": "requires_payment_method",
        "client_secret": "pi_0000000000000000001_secret_x",
        "payment_method_types": ["wechat_pay"],
        "confirmation_method": "automatic",
        "capture_method": "automatic",
        "description": "Tea",
    }


def test_the_buyers_side_sees_no_secret_no_metadata_and_no_merchant_data() -> None:
    full = an_intent(
        status=IntentStatus.REQUIRES_ACTION,
        metadata={"margin": "40"},
        merchant_order_id="o-1",
        merchant_user_id="u-1",
        payment_method=METHOD,
        attempt_id=11,
    )
    attempt = an_attempt(state=AttemptState.OPEN, client_params=OPEN)
    shown = representation.buyers_payment_intent(full, attempt)
    assert set(shown) <= set(representation.BUYER_FIELDS)
    assert "client_secret" not in shown
    assert PAYER not in repr(shown)
    assert shown["next_action"] == {
        "type": "wechat_pay_official_account_params",
        "wechat_pay_official_account_params": OPEN,
    }


def test_a_declined_intent_shows_the_error_with_the_method_that_was_declined() -> None:
    error = PaymentError("payment_method_provider_decline", "invalid_request_error", "no")
    shown = representation.payment_intent(an_intent(payment_method=METHOD, last_payment_error=error), None)
    told = shown["last_payment_error"]
    assert (told["code"], told["decline_code"], told["message"]) == (error.code, error.decline_code, "no")
    assert told["payment_method"]["id"] == "pm_0000000000000000003"
    assert shown["payment_method_options"]["wechat_pay"]["openid"] == PAYER


def test_options_that_nobody_set_are_not_shown() -> None:
    bare = PaymentMethod(id=3, type="wechat_pay", created_ms=NOW_MS)
    assert "payment_method_options" not in representation.payment_intent(an_intent(payment_method=bare), None)


@pytest.mark.parametrize(
    ("intent", "attempt"),
    [
        ({"status": IntentStatus.SUCCEEDED}, {}),
        ({"cancel_requested_ms": 1}, {}),
        ({"attempt_id": 12}, {}),
        ({}, {"state": AttemptState.CLOSING}),
        ({}, {"state": AttemptState.UNCERTAIN}),
        ({}, {"client_params": None}),
    ],
)
def test_there_is_nothing_to_do_unless_the_current_order_is_open(
    intent: dict[str, Any], attempt: dict[str, Any]
) -> None:
    waiting = an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=11)
    order = an_attempt(state=AttemptState.OPEN, client_params=OPEN)
    assert next_action(waiting, order) is not None
    assert next_action(replace(waiting, **intent), replace(order, **attempt)) is None
    assert next_action(waiting, None) is None


def test_a_mini_programs_parameters_are_named_for_it() -> None:
    waiting = an_intent(status=IntentStatus.REQUIRES_ACTION, attempt_id=11)
    order = an_attempt(state=AttemptState.OPEN, client_params=OPEN, terminal=Terminal.MINI_PROGRAM, app=APP)
    found = next_action(waiting, order)
    assert found == {"type": "wechat_pay_mini_program_params", "wechat_pay_mini_program_params": OPEN}


@given(
    state=st.sampled_from([AttemptState.RECORDED, AttemptState.UNCERTAIN, AttemptState.OPEN, AttemptState.CLOSING]),
    tries=st.integers(0, 10_000),
    since_ms=st.integers(0, 30 * 86_400_000),
)
def test_the_next_look_is_always_ahead_and_never_later_than_the_expiry_or_ten_minutes(
    state: AttemptState, tries: int, since_ms: int
) -> None:
    attempt, now_ms = an_attempt(state=state), NOW_MS + since_ms
    due_ms = next_look_ms(attempt, tries=tries, now_ms=now_ms, look_after_s=LOOKS_S)
    assert due_ms > now_ms
    if state is AttemptState.OPEN and now_ms < attempt.expires_ms:
        assert due_ms <= attempt.expires_ms
    else:
        assert due_ms <= now_ms + 600_000


def test_an_open_order_is_looked_at_as_planned_and_then_at_its_expiry() -> None:
    attempt = an_attempt(state=AttemptState.OPEN)
    planned = [next_look_ms(attempt, tries=n, now_ms=NOW_MS, look_after_s=LOOKS_S) - NOW_MS for n in range(6)]
    assert planned == [10_000, 30_000, 120_000, 600_000, 7_200_000, 7_200_000]
    late = next_look_ms(attempt, tries=0, now_ms=NOW_MS + 20_000, look_after_s=LOOKS_S)
    assert late == NOW_MS + 20_100
