"""What every provider must do about refunds, held against the other side over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final, cast
from uuid import uuid4

import pytest

from tests.support.global_side import GlobalSide
from tests.support.partner_side import PartnerSide
from tests.support.wechat_side import MINI_PROGRAM, OFFICIAL_ACCOUNT, WechatSide, WechatV2Side, wechat_side
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached, UnreadableMessage, Untrusted
from wxbackend.domain.money import Money
from wxbackend.domain.observation import (
    Absent,
    Declined,
    Paid,
    RefundAbnormal,
    RefundClosed,
    RefundObservation,
    RefundProcessing,
    RefundShort,
    RefundSucceeded,
    Uncertain,
)
from wxbackend.domain.refund import Refund
from wxbackend.ports.provider import ClientCertificate, Hosts
from wxbackend.providers.wechat_v2 import wire
from wxbackend.simulators.credentials import ensure

SIDES: Final = {
    "wechat_v3": WechatSide, "partner": PartnerSide, "wechat_v2": WechatV2Side, "wechat_global": GlobalSide,
}  # fmt: skip
FAULTS: Final = (
    "drop_before", "drop_after", "error_500_before", "error_500_after", "html_502", "limit_429", "limit_429_after",
    "truncate", "unsigned", "bad_signature",
)  # fmt: skip
V2: Final = pytest.mark.parametrize("running_side", ["wechat_v2"], indirect=True)


@pytest.fixture(scope="module", params=SIDES)
def running_side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side of each provider, once for the module; refunds stay open until a test ends them."""
    with wechat_side(tmp_path_factory.mktemp("provider"), SIDES[request.param]) as made:
        made.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
        yield made


@pytest.fixture
def side(running_side: WechatSide) -> WechatSide:
    """The other side, behaving."""
    running_side.behave()
    return running_side


def paid(side: WechatSide, appid: str = OFFICIAL_ACCOUNT) -> Attempt:
    """An order of 2000 fen that was paid, with the provider's number for it."""
    attempt = side.attempt(appid)
    side.open(attempt)
    side.pay(attempt)
    said = side.send(side.provider.query(attempt))
    assert isinstance(said, Paid)
    side.mailbox.wait()
    side.mailbox.empty()
    return replace(attempt, transaction=said.transaction)


def refund_of(attempt: Attempt, amount: int = 500) -> Refund:
    """A refund of a part of it that was just recorded."""
    return Refund(
        id=1, intent_id=attempt.intent_id, attempt_id=attempt.id, account=attempt.account, livemode=False,
        provider=attempt.provider, merchant=attempt.merchant, transaction=attempt.transaction or "",
        out_refund_no=f"r{uuid4().hex}", money=Money(amount, attempt.money.currency), total=2000, created_ms=1,
        sent_ms=1, reason="requested_by_customer", app=attempt.app,
    )  # fmt: skip


def ask(side: WechatSide, refund: Refund) -> RefundObservation:
    """Send the refund."""
    return side.transport.send(side.provider.refund(refund))


def look(side: WechatSide, refund: Refund) -> RefundObservation:
    """What became of it."""
    return side.transport.send(side.provider.query_refund(refund))


def settle(side: WechatSide, refund: Refund, outcome: str) -> None:
    """Let it end."""
    side.desk("POST", f"/refunds/{refund.out_refund_no}/settle", {"outcome": outcome})


@pytest.mark.parametrize("appid", [OFFICIAL_ACCOUNT, MINI_PROGRAM])
def test_a_refund_is_taken_once_however_often_it_is_sent(side: WechatSide, appid: str) -> None:
    attempt = paid(side, appid)
    refund = refund_of(attempt)
    before = side.desk("GET", "/books")["refunds_count"]
    first = ask(side, refund)
    assert isinstance(first, RefundProcessing)
    assert ask(side, refund) == first
    assert look(side, refund) == first
    assert side.desk("GET", "/books")["refunds_count"] == before + 1


@pytest.mark.parametrize(
    ("outcome", "expected"), [("SUCCESS", RefundSucceeded), ("CLOSED", RefundClosed), ("ABNORMAL", RefundAbnormal)]
)
def test_a_query_tells_how_a_refund_ended(side: WechatSide, outcome: str, expected: type) -> None:
    refund = refund_of(paid(side))
    taken = ask(side, refund)
    settle(side, refund, outcome)
    said = look(side, refund)
    assert isinstance(said, expected)
    assert isinstance(taken, RefundProcessing)
    assert taken.handle
    assert getattr(said, "handle", None) == taken.handle
    if isinstance(said, RefundSucceeded):
        assert abs(said.succeeded_ms - side.surroundings.now_ms()) < 120_000


def test_one_that_was_never_asked_for_is_absent(side: WechatSide) -> None:
    assert look(side, refund_of(paid(side))) == Absent()


def test_more_than_was_paid_is_declined_and_too_low_a_balance_is_short(side: WechatSide) -> None:
    attempt = paid(side)
    assert isinstance(ask(side, refund_of(attempt, 2001)), Declined)
    available = side.desk("GET", "/merchant")["available"]
    side.desk("POST", "/merchant", {"available": 1})
    assert ask(side, refund_of(attempt)) == RefundShort()
    side.desk("POST", "/merchant", {"available": available})


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_proves_nothing_leaves_the_refund_to_the_next_question(side: WechatSide, fault: str) -> None:
    refund = refund_of(paid(side))
    side.misbehave(fault, "refund")
    with suppress(ProviderUnknown):
        assert isinstance(ask(side, refund), Uncertain)
    side.behave()
    assert isinstance(ask(side, refund), RefundProcessing)
    assert side.desk("GET", f"/refunds/{refund.out_refund_no}")["amount"]["refund"] == 500


@pytest.mark.parametrize("fault", ["unsigned", "bad_signature", "truncate", "error_500_after"])
def test_a_question_about_a_refund_believes_no_more_than_is_proven(side: WechatSide, fault: str) -> None:
    refund = refund_of(paid(side))
    ask(side, refund)
    settle(side, refund, "SUCCESS")
    side.misbehave(fault, "refund_query")
    with suppress(ProviderUnknown):
        assert isinstance(look(side, refund), Uncertain)
    assert isinstance(look(side, refund), RefundSucceeded)


def test_a_notice_names_the_refund(side: WechatSide) -> None:
    refund = refund_of(paid(side))
    ask(side, refund)
    settle(side, refund, "SUCCESS")
    letter = side.mailbox.wait()[0]
    notice = side.provider.read_notice(letter.headers, letter.body)
    assert (notice.out_refund_no, notice.merchant) == (refund.out_refund_no, refund.merchant)
    assert notice.observation is None
    assert side.provider.reread_notice(letter.body) == notice


# --- what only API v2 has: a notice without a signature, and a certificate to be shown ----------------------------


@V2
def test_what_an_unsigned_notice_says_of_a_refund_is_not_even_carried_on(side: WechatSide) -> None:
    refund = refund_of(paid(side))
    ask(side, refund)
    settle(side, refund, "SUCCESS")
    letter = side.mailbox.wait()[0]
    assert b"req_info" in letter.body
    assert side.provider.read_notice(letter.headers, letter.body).refund_observation is None


@V2
def test_a_refund_notice_sealed_with_another_key_or_of_another_merchant_is_refused(side: WechatSide) -> None:
    refund = refund_of(paid(side))
    ask(side, refund)
    side.desk("POST", "/mischief", {"notices": {"tamper": {"times": 1}}})
    settle(side, refund, "SUCCESS")
    letter = side.mailbox.wait()[0]
    with pytest.raises(UnreadableMessage):
        side.provider.read_notice(letter.headers, letter.body)
    fields = wire.parse(letter.body)
    for lie in ({"mch_id": "1900000110"}, {"appid": "wx0000000000000000"}, {"req_info": "AAAA"}, {"req_info": "*"}):
        with pytest.raises(Untrusted):
            side.provider.read_notice({}, wire.document(fields | lie))


@V2
def test_the_same_notice_again_is_the_same_whatever_its_nonce(side: WechatSide) -> None:
    attempt = side.attempt()
    side.open(attempt)
    side.pay(attempt)
    letter = side.mailbox.wait()[0]
    first = side.provider.reread_notice(letter.body)
    again = side.provider.reread_notice(wire.document(wire.parse(letter.body) | {"nonce_str": "another"}))
    other = side.provider.reread_notice(wire.document(wire.parse(letter.body) | {"total_fee": "1"}))
    assert first.id == again.id != other.id


@V2
@pytest.mark.parametrize("shown", ["none", "another", "by nobody known", "over plain HTTP"])
def test_no_money_goes_back_without_the_merchants_certificate(
    side: WechatSide, tmp_path_factory: pytest.TempPathFactory, shown: str
) -> None:
    mine, refund = cast("WechatV2Side", side), refund_of(paid(side))
    good = mine.second_adapter().refund(refund)
    assert good.client is not None
    exchange = {
        "none": replace(good, client=None),
        "another": replace(good, client=replace(good.client, **_of_another(tmp_path_factory))),
        "by nobody known": replace(good, client=replace(good.client, authority_file=None)),
        "over plain HTTP": replace(good, hosts=Hosts(side.url)),
    }[shown]
    with pytest.raises((ProviderUnknown, ProviderUnreached)):
        side.transport.send(exchange)
    assert look(side, refund) == Absent()
    assert isinstance(side.transport.send(good), RefundProcessing)


def _of_another(factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of another merchant."""
    folder = ensure(factory.mktemp("another")).directory / "merchant"
    return {
        "certificate_file": str(folder / "apiclient_cert.pem"),
        "private_key_file": str(folder / "apiclient_key.pem"),
    }


@V2
def test_a_certificate_that_cannot_be_read_sends_nothing(side: WechatSide) -> None:
    mine, refund = cast("WechatV2Side", side), refund_of(paid(side))
    nowhere = ClientCertificate("/nowhere/cert.pem", "/nowhere/key.pem")
    with pytest.raises(ProviderUnknown):
        side.transport.send(mine.second_adapter(client=nowhere).refund(refund))
    assert look(side, refund) == Absent()
