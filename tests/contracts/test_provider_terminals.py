"""Orders that name no payer, held against the other side over real HTTP: opened, paid by whoever comes, told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.partner_side import PartnerSide
from tests.support.wechat_side import (
    BUYER,
    MOBILE_APP,
    OFFICIAL_ACCOUNT,
    WechatSide,
    WechatV2HmacSide,
    WechatV2Side,
    wechat_side,
)
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.observation import Closed, Opened, Paid
from wxbackend.domain.terminal import Terminal
from wxbackend.providers.wechat_v2 import wire as v2_wire
from wxbackend.providers.wechat_v3 import wire

SIDES: Final = {
    "wechat_v3": WechatSide,
    "wechat_v2": WechatV2Side,
    "wechat_v2_hmac": WechatV2HmacSide,
    "partner": PartnerSide,
}
NOBODY_NAMED: Final = (Terminal.WEB, Terminal.WAP, Terminal.APP)
PATHS: Final = {Terminal.WEB: "native", Terminal.WAP: "h5", Terminal.APP: "app"}
TRADE_TYPES: Final = {Terminal.WEB: "NATIVE", Terminal.WAP: "MWEB", Terminal.APP: "APP"}
TWO_HOURS_MS: Final = 7_200_000
FIVE_MINUTES_MS: Final = 300_000


@pytest.fixture(scope="module", params=SIDES)
def running_side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The other side of each provider, once for the module."""
    with wechat_side(tmp_path_factory.mktemp("terminals"), SIDES[request.param]) as made:
        yield made


@pytest.fixture
def side(running_side: WechatSide) -> WechatSide:
    """The other side, behaving."""
    running_side.behave()
    return running_side


def come_and_pay(side: WechatSide, attempt: Attempt, said: Opened) -> Any:
    """A buyer opens the cashier with what the front end was handed."""
    paths = {Terminal.WEB: "scan", Terminal.WAP: "open_h5", Terminal.APP: "pay_app"}
    given: dict[Terminal, dict[str, Any]] = {
        Terminal.WEB: {"code": said.client_params.get("data")},
        Terminal.WAP: {"url": said.client_params.get("url")},
        Terminal.APP: {"params": dict(said.client_params)},
    }
    return side.desk("POST", f"/buyers/{BUYER}/{paths[attempt.terminal]}", given[attempt.terminal])


@pytest.mark.parametrize("terminal", NOBODY_NAMED, ids=lambda each: each.value)
def test_whoever_opens_the_order_first_pays_it_once(side: WechatSide, terminal: Terminal) -> None:
    attempt = side.attempt_at(terminal)
    said = side.open(attempt)
    assert not come_and_pay(side, attempt, said)["err_msg"].endswith(("fail", "cancel"))
    paid = side.send(side.provider.query(attempt))
    assert isinstance(paid, Paid)
    assert (paid.amount, paid.app, paid.payer) == (2000, attempt.app, side.openid(attempt.app))
    assert side.paid_in_the_books(attempt) == 2000
    (letter,) = side.mailbox.wait()
    told = side.provider.read_notice(letter.headers, letter.body)
    assert (told.out_trade_no, told.observation) == (attempt.out_trade_no, paid)
    assert "已支付" in come_and_pay(side, attempt, said)["err_desc"]


@pytest.mark.parametrize("terminal", NOBODY_NAMED, ids=lambda each: each.value)
def test_each_terminal_has_its_own_product(side: WechatSide, terminal: Terminal) -> None:
    attempt = side.attempt_at(terminal)
    exchange = side.provider.order(attempt)
    if side.name == "wechat_v3":
        assert exchange.target == f"{side.orders}/{PATHS[terminal]}"
    else:
        assert v2_wire.parse(exchange.body)["trade_type"] == TRADE_TYPES[terminal]
    assert b"openid" not in exchange.body
    assert side.parts(exchange)[0] == side.parts(side.provider.order(attempt))[0]
    said = side.open(attempt)
    come_and_pay(side, attempt, said)
    assert side.desk("GET", f"/orders/{attempt.out_trade_no}")["trade_type"] == TRADE_TYPES[terminal]


@pytest.mark.parametrize("terminal", NOBODY_NAMED, ids=lambda each: each.value)
def test_a_closed_order_lets_nobody_in(side: WechatSide, terminal: Terminal) -> None:
    attempt = side.attempt_at(terminal)
    said = side.open(attempt)
    assert isinstance(side.send(side.provider.close(attempt)), Closed)
    assert come_and_pay(side, attempt, said)["err_msg"].endswith(("fail", "-1"))
    assert side.paid_in_the_books(attempt) == 0
    assert isinstance(side.send(side.provider.order(attempt)), Closed)


def test_a_browser_is_sent_back_to_where_the_merchant_wants_it(side: WechatSide) -> None:
    attempt = side.attempt_at(Terminal.WAP)
    url = side.open(attempt).client_params["url"]
    assert parse_qs(urlsplit(url).query)["redirect_url"] == [attempt.return_url]
    assert url.endswith("&redirect_url=https%3A%2F%2Fshop.example.com%2Fdone%3Fa%3D1")
    without = side.open(side.attempt_at(Terminal.WAP, return_url=None)).client_params["url"]
    assert "redirect_url" not in without


@pytest.mark.parametrize(
    ("os_type", "type_name"), [("IOS", "iOS"), ("android", "Android"), ("Windows", "Wap"), (None, "Wap")]
)
def test_what_a_browser_runs_on_is_told_in_wechats_words(side: WechatSide, os_type: str | None, type_name: str) -> None:
    exchange = side.provider.order(side.attempt_at(Terminal.WAP, os_type=os_type))
    if side.name == "wechat_v3":
        scene = wire.parse_object(exchange.body)["scene_info"]
        assert scene == {"payer_client_ip": "36.110.147.2", "h5_info": {"type": type_name}}
    else:
        fields = v2_wire.parse(exchange.body)
        assert fields["spbill_create_ip"] == "36.110.147.2"
        assert json.loads(fields["scene_info"]) == {"h5_info": {"type": "Wap"}}  # the other words are of apps


@pytest.mark.parametrize(
    ("terminal", "lasts_ms"),
    [(Terminal.WEB, TWO_HOURS_MS), (Terminal.APP, TWO_HOURS_MS), (Terminal.WAP, FIVE_MINUTES_MS)],
)
def test_nothing_is_presented_after_wechat_lets_it_end(side: WechatSide, terminal: Terminal, lasts_ms: int) -> None:
    long = side.surroundings.now_ms() + 10 * TWO_HOURS_MS
    before_ms = side.surroundings.now_ms()
    until = side.open(side.attempt_at(terminal, expires_ms=long)).presentable_until_ms
    assert before_ms < until < side.surroundings.now_ms() + lasts_ms


def test_an_app_is_handed_what_the_opensdk_takes(side: WechatSide) -> None:
    attempt = side.attempt_at(Terminal.APP)
    said = side.open(attempt)
    params = dict(said.client_params)
    assert list(params) == ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"]
    assert (params["appid"], params["partnerid"]) == (side.app(MOBILE_APP), side.signer)
    assert (params["prepayid"], params["package"]) == (said.handle, "Sign=WXPay")
    for name in ("appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"):
        spoiled = params | {name: "1" + params[name][1:] if params[name][0] != "1" else "2" + params[name][1:]}
        answer = side.desk("POST", f"/buyers/{BUYER}/pay_app", {"params": spoiled})
        assert answer["err_msg"] == "errCode:-1", name
    assert side.paid_in_the_books(attempt) == 0


def test_the_code_of_a_repeated_order_replaces_the_one_before(side: WechatSide) -> None:
    attempt = side.attempt_at(Terminal.WEB)
    first, second = side.open(attempt), side.open(attempt)
    assert first.client_params != second.client_params
    assert come_and_pay(side, attempt, first)["err_msg"] == "scan:fail"
    assert come_and_pay(side, attempt, second)["err_msg"] == "scan:ok"
    assert side.paid_in_the_books(attempt) == 2000


def test_any_app_of_the_merchant_may_show_a_code(side: WechatSide) -> None:
    for appid in (OFFICIAL_ACCOUNT, MOBILE_APP):
        said = side.open(side.attempt_at(Terminal.WEB, app=appid))
        assert said.client_params["data"].startswith("weixin://wxpay/bizpayurl?pr=")
