"""What every provider must do, held against the other side over real HTTP. A new provider joins by a new side.

A side is what `WechatSide` shows: `provider`, `attempt`, `send`, `open`, `pay`, `misbehave`, `mailbox`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest

from tests.support.global_side import GlobalSide
from tests.support.partner_side import PartnerSide
from tests.support.wechat_side import (
    MINI_PROGRAM,
    OFFICIAL_ACCOUNT,
    UNBOUND_APP,
    Letter,
    WechatSide,
    WechatV2HmacSide,
    WechatV2Side,
    wechat_side,
)
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import BadSignature, ProviderUnknown, StaleMessage, Untrusted
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Closed, Declined, Observation, Opened, Paid, Pending, Uncertain
from wxbackend.ports.provider import Exchange, Provider

SIDES: Final = {
    "wechat_v3": WechatSide,
    "partner": PartnerSide,
    "wechat_v2": WechatV2Side,
    "wechat_v2_hmac": WechatV2HmacSide,
    "wechat_global": GlobalSide,
}
V3: Final = ("wechat_v3", "partner")
# Every way in which an answer can prove nothing, as the other side knows to produce it.
FAULTS: Final = (
    "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429", "truncate",
    "unsigned", "bad_signature", "probe", "unknown_serial",
)  # fmt: skip
CALLS: Final = ("order", "query", "close")
# The answer to a close has no body, so there is nothing to cut off.
UNPROVEN: Final = [(call, fault) for call in CALLS for fault in FAULTS if (call, fault) != ("close", "truncate")]


@pytest.fixture(scope="module", params=SIDES)
def running_side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side of each provider, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("provider"), SIDES[request.param]) as made:
        yield made


@pytest.fixture
def side(running_side: WechatSide) -> WechatSide:
    """The other side, behaving."""
    running_side.behave()
    return running_side


def build(provider: Provider, call: str, attempt: Attempt) -> Exchange[Observation]:
    """One of the three calls."""
    calls: dict[str, Callable[[Attempt], Exchange[Observation]]] = {
        "order": provider.order,
        "query": provider.query,
        "close": provider.close,
    }
    return calls[call](attempt)


def unproven(side: WechatSide, call: str, attempt: Attempt) -> bool:
    """Whether the call ended in "may have arrived, ask again"."""
    try:
        return isinstance(side.send(build(side.provider, call, attempt)), Uncertain)
    except ProviderUnknown:
        return True


def query(side: WechatSide, attempt: Attempt) -> Observation:
    """What the provider says about the order now."""
    return side.send(side.provider.query(attempt))


def test_it_says_who_it_is(side: WechatSide) -> None:
    provider: Provider = side.provider
    assert provider.name == side.name
    assert provider.merchant == side.mchid
    assert side.currency in provider.currencies


@pytest.mark.parametrize("appid", [OFFICIAL_ACCOUNT, MINI_PROGRAM])
def test_an_order_opens_and_the_front_end_gets_what_it_needs(side: WechatSide, appid: str) -> None:
    attempt = side.attempt(appid)
    said = side.open(attempt)
    assert said.client_params["package"] == f"prepay_id={said.handle}"
    assert said.client_params["signType"] == side.sign_type
    assert said.client_params["appId"] == side.app(appid)
    assert attempt.sent_ms < said.presentable_until_ms <= attempt.expires_ms
    assert query(side, attempt) == Pending("NOTPAY")


def test_the_same_attempt_gives_the_same_order_however_often(side: WechatSide) -> None:
    attempt = side.attempt()
    first, second = side.provider.order(attempt), side.provider.order(attempt)
    (asked, fresh), (again, fresh_again) = side.parts(first), side.parts(second)
    assert asked == again
    assert fresh != fresh_again
    side.open(attempt)
    side.open(attempt)
    side.pay(attempt)
    assert side.paid_in_the_books(attempt) == 2000


def test_a_paid_order_is_paid_with_everything_that_can_be_compared(side: WechatSide) -> None:
    attempt = side.attempt()
    side.open(attempt)
    side.pay(attempt)
    said = query(side, attempt)
    assert isinstance(said, Paid)
    assert (said.amount, said.currency) == (2000, side.currency)
    assert (said.payer, said.app, said.merchant) == (attempt.payer, attempt.app, attempt.merchant)
    assert said.transaction
    assert abs(said.paid_ms - side.surroundings.now_ms()) < 120_000


def test_an_order_that_was_never_made_is_absent_and_not_closed(side: WechatSide) -> None:
    attempt = side.attempt()
    assert query(side, attempt) == Absent()
    assert not isinstance(side.send(side.provider.close(attempt)), Closed | Paid)


def test_a_closed_order_is_closed_for_every_question(side: WechatSide) -> None:
    attempt = side.attempt()
    side.open(attempt)
    assert isinstance(side.send(side.provider.close(attempt)), Closed)
    assert isinstance(side.send(side.provider.close(attempt)), Closed)
    assert isinstance(query(side, attempt), Closed)
    assert isinstance(side.send(side.provider.order(attempt)), Closed)


def test_a_paid_order_is_neither_closed_nor_declined_whatever_is_asked(side: WechatSide) -> None:
    attempt = side.attempt()
    side.open(attempt)
    side.pay(attempt)
    assert isinstance(side.send(side.provider.close(attempt)), Uncertain | Paid)
    assert isinstance(side.send(side.provider.order(attempt)), Uncertain | Paid)
    assert isinstance(query(side, attempt), Paid)


def test_a_refusal_is_declined_in_words_for_buyers_with_the_reason_for_the_operator(side: WechatSide) -> None:
    stranger = side.attempt(payer=side.openid(MINI_PROGRAM))
    said = side.send(side.provider.order(stranger))
    assert isinstance(said, Declined)
    assert said.code == "payment_method_provider_decline"
    assert "openid" in said.message
    assert stranger.payer not in said.message + said.operator_hint
    assert query(side, stranger) == Absent()


def test_a_mistake_in_the_settings_is_told_the_operator_and_not_the_buyer(side: WechatSide) -> None:
    said = side.send(side.provider.order(side.attempt(app=UNBOUND_APP)))
    assert isinstance(said, Declined)
    assert (said.code, said.decline_code) == ("payment_method_not_available", "configuration_error")
    assert "APPID_MCHID_NOT_MATCH" in said.operator_hint
    assert "APPID" not in said.message


def test_a_repeat_with_another_amount_proves_nothing_about_the_first_order(side: WechatSide) -> None:
    attempt = side.attempt()
    side.open(attempt)
    other = replace(attempt, money=Money(1, side.currency))
    assert unproven(side, "order", other)
    side.pay(attempt)
    assert side.paid_in_the_books(attempt) == 2000


@pytest.mark.parametrize(("call", "fault"), UNPROVEN)
def test_an_answer_that_is_not_proven_is_unknown_and_the_next_one_tells(
    side: WechatSide, call: str, fault: str
) -> None:
    attempt = side.attempt()
    if call != "order":
        side.open(attempt)
    side.misbehave(fault, call)
    assert unproven(side, call, attempt)
    side.behave()
    expected = {"order": Opened, "query": Pending, "close": Closed}[call]
    assert isinstance(side.send(build(side.provider, call, attempt)), expected)


def test_money_that_overtakes_the_answer_is_found_by_asking(side: WechatSide) -> None:
    attempt = side.attempt()
    side.misbehave("paid_before_reply", "order")
    side.open(attempt)
    assert isinstance(query(side, attempt), Paid)
    notice = read(side, side.mailbox.wait()[0])
    assert notice == query(side, attempt)


def read(side: WechatSide, letter: Letter) -> Observation | None:
    """What a notice says."""
    return side.provider.read_notice(letter.headers, letter.body).observation


def paid_letter(side: WechatSide) -> tuple[Attempt, Letter]:
    """An order that was paid, and the notice about it."""
    attempt = side.attempt()
    side.open(attempt)
    side.pay(attempt)
    return attempt, side.mailbox.wait()[0]


def test_a_notice_says_what_a_query_says(side: WechatSide) -> None:
    attempt, letter = paid_letter(side)
    notice = side.provider.read_notice(letter.headers, letter.body)
    assert notice.observation == query(side, attempt)
    assert (notice.out_trade_no, notice.merchant) == (attempt.out_trade_no, attempt.merchant)
    assert notice.id
    assert side.provider.reread_notice(letter.body) == notice


def test_a_notice_of_which_anything_that_proves_it_was_changed_is_refused(side: WechatSide) -> None:
    _, letter = paid_letter(side)
    lies = side.changed(letter)
    assert len(lies) > 3
    for lie in lies:
        with pytest.raises(BadSignature):
            read(side, lie)
    assert isinstance(read(side, letter), Paid)


@pytest.mark.parametrize("running_side", V3, indirect=True)
def test_a_notice_whose_bytes_or_time_are_not_theirs_is_refused(side: WechatSide) -> None:
    _, letter = paid_letter(side)
    with pytest.raises(Untrusted):
        read(side, Letter(letter.headers, letter.body + b" "))
    with pytest.raises(Untrusted):
        read(side, Letter({}, letter.body))
    for name in ("wechatpay-nonce", "wechatpay-serial", "wechatpay-signature"):
        other = "y" if letter.headers[name].startswith("x") else "x"
        with pytest.raises(BadSignature):
            read(side, Letter(letter.headers | {name: other + letter.headers[name][1:]}, letter.body))
    side.surroundings.ahead_ms = 400_000
    with pytest.raises(StaleMessage):
        read(side, letter)
    assert side.provider.reread_notice(letter.body).observation is not None


@pytest.mark.parametrize("knob", ["probe", "unknown_serial", "stale_s", "tamper"])
def test_a_notice_that_is_forged_probing_or_stale_is_refused_and_the_good_one_is_read(
    side: WechatSide, knob: str
) -> None:
    side.desk("POST", "/mischief", {"notices": {knob: {"times": 1}}})
    attempt, letter = paid_letter(side)
    with pytest.raises(Untrusted):
        read(side, letter)
    good = side.desk("GET", f"/notices?out_trade_no={attempt.out_trade_no}")["notices"][0]
    side.mailbox.empty()
    side.desk("POST", f"/notices/{good['id']}/send", {})
    assert isinstance(read(side, side.mailbox.wait()[0]), Paid)


def test_yes_and_no_are_different_answers_to_a_notice(side: WechatSide) -> None:
    yes, no = side.provider.acknowledge(accepted=True), side.provider.acknowledge(accepted=False)
    assert 200 <= yes.status < 300
    assert no.status >= 400


@pytest.mark.parametrize("call", CALLS)
def test_an_exchange_shows_no_key_and_no_openid_in_its_address(side: WechatSide, call: str) -> None:
    attempt = side.attempt()
    exchange = build(side.provider, call, attempt)
    assert exchange.purpose == call
    assert attempt.payer not in exchange.target
    assert attempt.payer not in repr(exchange.headers)
    assert "PRIVATE" not in repr(side.provider)


@pytest.mark.parametrize("running_side", V3, indirect=True)
@pytest.mark.parametrize("mode", ["cert", "gray", "pubkey"])
def test_in_every_key_mode_answers_and_notices_are_believed(side: WechatSide, mode: str) -> None:
    side.desk("POST", "/mode", {"mode": mode})
    try:
        attempt, letter = paid_letter(side)
        assert isinstance(query(side, attempt), Paid)
        assert isinstance(read(side, letter), Paid)
    finally:
        side.desk("POST", "/mode", {"mode": "gray"})


@pytest.mark.parametrize("running_side", V3, indirect=True)
def test_a_merchant_with_certificates_alone_trusts_them_after_fetching_and_not_before(side: WechatSide) -> None:
    side.desk("POST", "/mode", {"mode": "cert"})
    try:
        provider, attempt = side.adapter(with_public_key=False), side.attempt()
        with pytest.raises(ProviderUnknown):
            side.send(provider.order(attempt))
        fetched = side.transport.send(provider.certificates())
        assert fetched
        provider.trust(fetched)
        assert isinstance(side.send(provider.order(attempt)), Opened)
    finally:
        side.desk("POST", "/mode", {"mode": "gray"})


@pytest.mark.parametrize("running_side", V3, indirect=True)
def test_a_wrong_apiv3_key_opens_no_certificate_and_no_notice(side: WechatSide) -> None:
    _, letter = paid_letter(side)
    provider = side.adapter(apiv3_keys=(b"0" * 32,))
    with pytest.raises(ProviderUnknown):
        side.transport.send(provider.certificates())
    with pytest.raises(Untrusted):
        provider.reread_notice(letter.body)
