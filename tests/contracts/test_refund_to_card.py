"""A refund that the buyer's account cannot take: a person sends it to a card, and nothing of the card is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from sqlalchemy import make_url

from tests.contracts.conftest import Database
from tests.support.shop import MERCHANTS, Shop
from tests.support.wechat_side import WechatSide, wechat_side
from wxbackend.domain import representation
from wxbackend.domain.card import Card, Holder
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.refund import Refund, RefundState
from wxbackend.flows.send_refund_to_card import send_refund_to_card

# What the two databases do differently is held by the queue's suite.
pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
NUMBER: Final = "6222000000000000007"
NAME: Final = "小明明"
SHOPS: Final = Card(Holder.MERCHANT)
BUYERS: Final = Card(Holder.BUYER, "ICBC", NUMBER, NAME)


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """WeChat with all its rules."""
    with wechat_side(tmp_path_factory.mktemp("card")) as made:
        yield made


@pytest.fixture
def shop(database: Database, side: WechatSide) -> Shop:
    """A merchant of its own for each test."""
    side.desk("DELETE", "/mischief")
    return Shop(database.store, side)


def abnormal(shop: Shop) -> tuple[int, Refund]:
    """A payment and a refund of it that WeChat could not carry out."""
    shop.side.desk("POST", "/refunds/rules", {"outcome": "ABNORMAL", "times": 1})
    intent = shop.sale()
    refund = shop.refund(intent, 700)
    shop.pass_time(31)
    shop.work()
    found = shop.now(refund)
    assert found.state is RefundState.ABNORMAL
    return intent, found


def send(shop: Shop, refund: Refund, card: Card) -> Refund:
    """As the API does it."""
    return send_refund_to_card(shop.deps, MERCHANTS, refund.id, card)


def test_an_abnormal_refund_says_what_a_person_has_to_do_and_keeps_its_amount(shop: Shop) -> None:
    intent, refund = abnormal(shop)
    shown = representation.refund(refund)
    assert shown["status"] == "requires_action"
    assert shown["next_action"] == {"type": "send_to_card", "send_to_card": {"holders": ["merchant", "buyer"]}}
    with pytest.raises(InvalidRequest):
        shop.refund(intent, 1301)
    counted = shop.deps.store.read(lambda unit: unit.gauges.unresolved_refunds())
    assert counted == {"abnormal": 1}


@pytest.mark.parametrize("with_public_key", [True, False], ids=["public key", "certificate"])
@pytest.mark.parametrize("card", [SHOPS, BUYERS], ids=["the shop's", "the buyer's"])
def test_it_goes_to_a_card_once_and_is_the_same_refund(shop: Shop, card: Card, with_public_key: bool) -> None:
    intent, refund = abnormal(shop)
    if not with_public_key:
        adapter = shop.side.adapter(with_public_key=False)
        adapter.trust(shop.side.transport.send(adapter.certificates()))
        providers = SimpleNamespace(of=lambda *_: adapter)
        shop.deps = replace(shop.deps, providers=cast("Any", providers))
    sent = send(shop, refund, card)
    assert (sent.state, sent.out_refund_no) == (RefundState.PROCESSING, refund.out_refund_no)
    assert "next_action" not in representation.refund(sent)
    with pytest.raises(Conflict) as again:
        send(shop, refund, card)
    assert again.value.code == "status_transition_invalid"
    shop.pass_time(31)
    shop.work()
    assert shop.now(refund).state is RefundState.SUCCEEDED
    assert shop.at_wechat(intent) == {refund.out_refund_no: ("SUCCESS", 700)}
    assert shop.balances()["refunds_pending"] == 0


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_500_after"])
def test_a_time_out_leaves_the_truth_to_be_asked_for_soon(shop: Shop, fault: str) -> None:
    intent, refund = abnormal(shop)
    shop.side.misbehave(fault, "refund_rescue")
    assert send(shop, refund, SHOPS).state is RefundState.ABNORMAL
    shop.pass_time(31)
    shop.work()
    if fault == "drop_before":  # it never arrived: the person does it again
        assert shop.now(refund).state is RefundState.ABNORMAL
        assert send(shop, refund, SHOPS).state is RefundState.PROCESSING
        shop.pass_time(31)
        shop.work()
    assert shop.now(refund).state is RefundState.SUCCEEDED
    assert shop.at_wechat(intent) == {refund.out_refund_no: ("SUCCESS", 700)}


def test_what_wechat_refuses_is_told_and_still_needs_another_way(shop: Shop) -> None:
    _, refund = abnormal(shop)
    broken = replace(refund, handle="5030000000000000000000000000")
    shop.deps.store.write(lambda unit: unit.refunds.save(broken, was=refund))
    with pytest.raises(Conflict) as refused:
        send(shop, refund, SHOPS)
    assert refused.value.code == "refund_declined"
    assert shop.now(refund).state is RefundState.ABNORMAL


def test_one_that_wechat_never_numbered_is_left_to_its_console(shop: Shop) -> None:
    _, refund = abnormal(shop)
    shop.deps.store.write(lambda unit: unit.refunds.save(replace(refund, handle=None), was=refund))
    with pytest.raises(Conflict) as refused:
        send(shop, refund, SHOPS)
    assert refused.value.code == "status_transition_invalid"


def test_only_an_abnormal_refund_is_sent_to_a_card(shop: Shop) -> None:
    intent = shop.sale()
    first, queued = shop.refund(intent, 100), shop.refund(intent, 100)
    for refund in (first, queued):
        with pytest.raises(Conflict) as refused:
            send(shop, refund, SHOPS)
        assert refused.value.code == "status_transition_invalid"
        assert shop.now(refund) == refund
    assert "refund_to_card" not in shop.wire.purposes


def test_a_bank_that_wechat_does_not_know_is_named_before_anything_is_sent(shop: Shop) -> None:
    _, refund = abnormal(shop)
    with pytest.raises(InvalidRequest) as refused:
        send(shop, refund, replace(BUYERS, bank="HSBC"))
    assert (refused.value.param, "ICBC" in refused.value.message) == ("bank", True)
    assert "refund_to_card" not in shop.wire.purposes


def test_nothing_of_the_card_is_kept_or_logged(
    shop: Shop, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    _, refund = abnormal(shop)
    send(shop, refund, BUYERS)
    assert NUMBER not in repr(BUYERS)
    printed = capsys.readouterr()
    with closing(sqlite3.connect(make_url(database.url).database or "")) as db:
        kept = "\n".join(db.iterdump())
    assert refund.out_refund_no in kept
    assert NUMBER not in kept
    assert NAME not in kept
    assert NUMBER not in printed.out + printed.err
    assert NAME not in printed.out + printed.err
