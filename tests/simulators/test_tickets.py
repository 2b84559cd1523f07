"""The platform's jsapi tickets, and what the desk tells about tokens: counted, revoked, checked."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from .merchant import MINI_PROGRAM, OFFICIAL_ACCOUNT, Merchant
from .test_platform import get, stable, verdict


def ticket(merchant: Merchant, token: str, **changes: str) -> Any:
    return get(merchant, "/cgi-bin/ticket/getticket", **{"access_token": token, "type": "jsapi", **changes})


def fetches(merchant: Merchant) -> Any:
    return merchant.desk("GET", "/tokens")["fetches"]


def test_a_ticket_stays_until_its_last_five_minutes(merchant: Merchant) -> None:
    first = ticket(merchant, stable(merchant)["access_token"])
    assert (first["errcode"], first["errmsg"]) == (0, "ok")
    assert 7190 <= first["expires_in"] <= 7200
    merchant.desk("POST", "/clock", {"advance_s": 6000})
    again = ticket(merchant, stable(merchant)["access_token"])
    assert again["ticket"] == first["ticket"]
    assert again["expires_in"] <= 1200
    merchant.desk("POST", "/clock", {"advance_s": 950})
    assert ticket(merchant, stable(merchant)["access_token"])["ticket"] != first["ticket"]


@pytest.mark.parametrize(("token", "errcode"), [("", 41001), ("made up", 40001)])
def test_a_ticket_wants_a_living_token(merchant: Merchant, token: str, errcode: int) -> None:
    assert ticket(merchant, token)["errcode"] == errcode


def test_an_expired_token_gives_no_ticket(merchant: Merchant) -> None:
    token = stable(merchant)["access_token"]
    merchant.desk("POST", "/clock", {"advance_s": 7200})
    assert ticket(merchant, token)["errcode"] == 42001


def test_a_mini_program_has_no_ticket(merchant: Merchant) -> None:
    token = stable(merchant, appid=MINI_PROGRAM, secret=merchant.secrets[MINI_PROGRAM])["access_token"]
    assert ticket(merchant, token)["errcode"] == 48001


def test_there_is_no_other_kind_of_ticket(merchant: Merchant) -> None:
    token = stable(merchant)["access_token"]
    assert ticket(merchant, token, type="wx_card")["errcode"] == 40097


def test_tickets_are_rationed_by_the_day(merchant: Merchant) -> None:
    token = stable(merchant)["access_token"]
    errcodes = [ticket(merchant, token)["errcode"] for _ in range(1001)]
    assert errcodes == [0] * 1000 + [45009]


def test_the_desk_counts_what_was_fetched(merchant: Merchant) -> None:
    assert fetches(merchant) == {}
    token = stable(merchant)["access_token"]
    stable(merchant)
    stable(merchant, force_refresh=True)
    assert stable(merchant, secret="wrong")["errcode"] == 40125
    ticket(merchant, stable(merchant)["access_token"])
    assert ticket(merchant, token)["errcode"] == 42001
    assert fetches(merchant) == {OFFICIAL_ACCOUNT: {"stable": 3, "forced": 1, "ticket": 1}}


def test_a_revoked_token_is_invalid_and_the_next_one_is_new(merchant: Merchant) -> None:
    first = stable(merchant)["access_token"]
    merchant.desk("DELETE", f"/tokens/{OFFICIAL_ACCOUNT}")
    assert verdict(merchant, first) == 40001
    second = stable(merchant)["access_token"]
    assert second != first
    assert verdict(merchant, second) == 0


def test_a_refused_token_is_refused_as_told_and_as_often(merchant: Merchant) -> None:
    merchant.desk("POST", "/mischief", {"platform": {"token_refused": {"times": 1, "amount": 40164}}})
    assert stable(merchant)["errcode"] == 40164
    assert "access_token" in stable(merchant)


def test_the_desk_knows_a_right_signature_from_a_wrong_one(merchant: Merchant) -> None:
    given = {"noncestr": "abc", "timestamp": "1414587457", "url": "http://127.0.0.1:5000/pay?x=1"}
    path = f"/apps/{OFFICIAL_ACCOUNT}/js_sdk"
    assert not merchant.desk("POST", path, {**given, "signature": "0" * 40})["valid"]
    value = ticket(merchant, stable(merchant)["access_token"])["ticket"]
    text = f"jsapi_ticket={value}&noncestr=abc&timestamp=1414587457&url={given['url']}"
    right = hashlib.sha1(text.encode()).hexdigest()
    assert merchant.desk("POST", path, {**given, "signature": right})["valid"]
    assert not merchant.desk("POST", path, {**given, "url": f"{given['url']}&y=2", "signature": right})["valid"]
