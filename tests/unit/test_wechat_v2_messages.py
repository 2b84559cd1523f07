"""API v2 from outside: only flat XML comes in, every word of theirs has a meaning, and nothing unproven is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tests.support.objects import an_attempt
from tests.vectors.test_wechat_v2 import CONFIG, adapter, answered
from wxbackend.domain.errors import ProviderUnknown, UnreadableMessage, Untrusted
from wxbackend.domain.money import Money
from wxbackend.domain.observation import (
    Absent,
    Closed,
    Declined,
    Paid,
    Pending,
    RefundAbnormal,
    RefundClosed,
    RefundProcessing,
    RefundShort,
    RefundSucceeded,
    Uncertain,
)
from wxbackend.domain.payment_code import parse_code
from wxbackend.domain.refund import Refund
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.provider import Reply
from wxbackend.providers.wechat_v2 import code_payments, mapping, opening, signing, wire

OK: Final = {"result_code": "SUCCESS"}
PAID: Final = {
    "transaction_id": "4200", "total_fee": "2000", "fee_type": "CNY", "openid": "o1", "time_end": "20260101080000",
    "out_trade_no": an_attempt().out_trade_no,
}  # fmt: skip
REFUND: Final = Refund(
    id=1, intent_id=1, attempt_id=11, account="acct_a", livemode=False, provider="wechat_v2", merchant=CONFIG.mchid,
    transaction="4200", out_refund_no="r1", money=Money(500, "CNY"), total=2000, created_ms=1, sent_ms=1,
    app=an_attempt().app, reason="duplicate",
)  # fmt: skip
CODE: Final = parse_code("134567890123456789", param="payment_code")


def failed(code: str, text: str = "") -> Reply:
    """A signed refusal."""
    return answered({"result_code": "FAIL", "err_code": code, "err_code_des": text})


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{}", b"<xml>", b"<xml><a>1</a>", b"<yml><a>1</a></yml>", b"<xml><a>1</a></xml><xml/>",
        b'<!DOCTYPE xml [<!ENTITY e "2000">]><xml><total_fee>&e;</total_fee></xml>',
        b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><a>1</a></xml>',
        b"<!DOCTYPE xml><xml><a>1</a></xml>",
        b"<xml><a>&e;</a></xml>",
        b"<xml><total_fee>1</total_fee><total_fee>2000</total_fee></xml>",
        b"<xml><a><total_fee>1</total_fee></a></xml>",
        b"<xml><a>1<b/>2</a></xml>",
        b"<xml><a x='1'>1</a></xml>", b"<xml a='1'><b>1</b></xml>",
        b"<xml>loose<a>1</a></xml>", b"<xml><a>1</a>loose</xml>",
        b"<xml><a>1<!-- -->2</a></xml>", b"<xml><?php x?><a>1</a></xml>",
        b"<xml><a>\xff</a></xml>", "<xml><a>1</a></xml>".encode("utf-16"), "<xml><a>1</a></xml>".encode("utf-16-le"),
        b"<xml><a>" + b"1" * wire.MESSAGE_BYTES_MAX + b"</a></xml>",
        b"<xml>" * 5000,
    ],
)  # fmt: skip
def test_what_is_more_or_less_than_a_flat_list_of_values_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        wire.parse(body)


def test_values_come_in_as_they_were_meant_and_go_out_so_that_they_come_in_again() -> None:
    assert wire.parse(b"<?xml version='1.0'?>\n<xml>\n<a><![CDATA[<b>&]]></a>\n<c></c><d> x </d></xml>\n") == {
        "a": "<b>&", "c": "", "d": " x ",
    }  # fmt: skip
    nasty = {"a": "]]><b>1</b><![CDATA[", "c": "&amp;<>\"'", "d": "一杯咖啡"}
    assert wire.parse(wire.document(nasty)) == nasty


@pytest.mark.parametrize("value", ["", "12.5", "-1", "+1", "1e3", "٣", "1 ", "9" * 16])
def test_money_is_whole_fen_or_not_read_at_all(value: str) -> None:
    with pytest.raises(UnreadableMessage, match="total_fee"):
        wire.required_amount({"total_fee": value}, "total_fee")
    assert wire.required_amount({"total_fee": "2000"}, "total_fee") == 2000


def test_times_are_beijings() -> None:
    assert wire.compact_time(1_767_225_600_000) == "20260101080000"
    assert wire.read_time_ms("20260101080000") == wire.read_time_ms("2026-01-01 08:00:00") == 1_767_225_600_000
    assert [wire.read_time_ms(text) for text in (None, "", "2026", "20261301080000", "x" * 14)] == [None] * 5


def test_a_long_description_is_cut_between_characters() -> None:
    fields = wire.order_fields(an_attempt(description="茶" * 60), notify_url="https://x")
    assert fields["body"] == "茶" * 42
    assert len(fields["body"].encode()) <= wire.BODY_BYTES_MAX


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("ORDERPAID", "", Uncertain), ("OUT_TRADE_NO_USED", "", Uncertain), ("ORDERCLOSED", "", Closed),
        ("SYSTEMERROR", "", Uncertain), ("FREQUENCY_LIMITED", "", Uncertain), ("NOTENOUGH", "", Declined),
        ("INVALID_REQUEST", "请求重入时，参数与首次请求时不一致", Uncertain), ("INVALID_REQUEST", "", Declined),
        ("NOAUTH", "", Declined), ("PARAM_ERROR", "无效的openid", Declined), ("A_NEW_ONE", "", Declined),
    ],
)  # fmt: skip
def test_a_refused_order_is_closed_declined_or_to_be_asked_about(code: str, text: str, expected: type) -> None:
    assert isinstance(adapter().order(an_attempt()).read(failed(code, text)), expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("签名错误", Declined), ("系统繁忙，请稍后再试", Uncertain), ("SYSTEMERROR", Uncertain)]
)
def test_a_refusal_that_nobody_signed_may_end_an_order_that_nobody_can_pay_but_never_a_refund(
    text: str, expected: type
) -> None:
    reply = Reply(200, {}, wire.document({"return_code": "FAIL", "return_msg": text}))
    assert isinstance(adapter().order(an_attempt()).read(reply), expected)
    assert isinstance(adapter().query(an_attempt()).read(reply), Uncertain)
    assert isinstance(adapter().close(an_attempt()).read(reply), Uncertain)
    assert isinstance(adapter().refund(REFUND).read(reply), Uncertain)
    assert isinstance(adapter().query_refund(REFUND).read(reply), Uncertain)
    assert isinstance(adapter().charge_code(an_attempt(), CODE).read(reply), Uncertain)
    assert isinstance(adapter().reverse(an_attempt()).read(reply), Uncertain)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("SUCCESS", Paid), ("REFUND", Paid), ("NOTPAY", Pending), ("USERPAYING", Pending), ("A_NEW_ONE", Pending),
        ("CLOSED", Closed), ("REVOKED", Closed), ("PAYERROR", Closed),
    ],
)  # fmt: skip
def test_a_state_of_theirs_is_one_of_ours(state: str, expected: type) -> None:
    reply = answered(OK | PAID | {"trade_state": state})
    assert isinstance(adapter().query(an_attempt()).read(reply), expected)


def test_a_payment_holds_everything_that_is_compared_with_the_order() -> None:
    said = adapter().query(an_attempt()).read(answered(OK | PAID | {"trade_state": "SUCCESS"}))
    attempt = an_attempt()
    assert said == Paid("4200", 2000, "CNY", "o1", attempt.app, attempt.merchant, 1_767_225_600_000)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("ORDERNOTEXIST", Absent), ("SYSTEMERROR", Uncertain), ("", Uncertain), ("A_NEW_ONE", Uncertain)],
)
def test_a_refused_question_tells_at_most_that_there_is_nothing(code: str, expected: type) -> None:
    assert isinstance(adapter().query(an_attempt()).read(failed(code)), expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ORDERPAID", Uncertain), ("TRADE_STATE_ERROR", Uncertain), ("SYSTEMERROR", Uncertain),
        ("ORDERCLOSED", Closed), ("ORDERNOTEXIST", Absent),
    ],
)  # fmt: skip
def test_a_refused_close_closes_only_what_was_closed(code: str, expected: type) -> None:
    assert isinstance(adapter().close(an_attempt()).read(failed(code)), expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NOTENOUGH", RefundShort), ("SYSTEMERROR", Uncertain), ("BIZERR_NEED_RETRY", Uncertain),
        ("FREQUENCY_LIMITED", Uncertain), ("INVALID_REQ_TOO_MUCH", Uncertain), ("ORDER_NOT_READY", Uncertain),
        ("SIGNERROR", Uncertain), ("TRADE_OVERDUE", Declined), ("REFUND_FEE_MISMATCH", Declined),
        ("USER_ACCOUNT_ABNORMAL", Declined), ("A_NEW_ONE", Declined), ("", Uncertain),
    ],
)  # fmt: skip
def test_a_refused_refund_releases_its_amount_only_where_the_refusal_is_final(code: str, expected: type) -> None:
    assert isinstance(adapter().refund(REFUND).read(failed(code)), expected)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("PROCESSING", RefundProcessing), ("SUCCESS", RefundSucceeded), ("REFUNDCLOSE", RefundClosed),
        ("CHANGE", RefundAbnormal), ("A_NEW_ONE", Pending),
    ],
)  # fmt: skip
def test_our_refund_is_found_among_others(state: str, expected: type) -> None:
    others = {"out_refund_no_0": "r0", "refund_status_0": "PROCESSING", "refund_id_0": "50"}
    ours = {"out_refund_no_1": "r1", "refund_status_1": state, "refund_id_1": "51"}
    exchange = adapter().query_refund(REFUND)
    assert isinstance(exchange.read(answered(OK | others | ours)), expected)
    assert isinstance(exchange.read(answered(OK | others)), Uncertain)
    assert exchange.read(failed("REFUNDNOTEXIST")) == Absent()
    assert isinstance(exchange.read(failed("SYSTEMERROR")), Uncertain)


@pytest.mark.parametrize("number", ["order12", "ORDER11", ""])
def test_a_proven_answer_about_another_order_or_refund_tells_nothing(number: str) -> None:
    """Nothing signed in an answer tells its time, so an old one about something else stays proven for ever."""
    paid = OK | PAID | {"out_trade_no": number}
    with pytest.raises(ProviderUnknown):
        adapter().query(an_attempt()).read(answered(paid | {"trade_state": "SUCCESS"}))
    with pytest.raises(ProviderUnknown):
        adapter().charge_code(an_attempt(), CODE).read(answered(paid))
    with pytest.raises(ProviderUnknown):
        adapter().refund(REFUND).read(answered(OK | {"out_refund_no": number, "refund_id": "50"}))
    said = adapter().refund(REFUND).read(answered(OK | {"out_refund_no": "r1", "refund_id": "50"}))
    assert said == RefundProcessing("50")


@pytest.mark.parametrize(
    "lie", [{"mch_id": "1900000110"}, {"appid": "wx0000000000000000"}, {"mch_id": ""}, {"appid": ""}]
)
def test_a_proven_answer_of_another_merchant_or_app_tells_nothing(lie: dict[str, str]) -> None:
    for exchange in (adapter().query(an_attempt()), adapter().close(an_attempt())):
        with pytest.raises(ProviderUnknown):
            exchange.read(answered(OK | PAID | {"trade_state": "SUCCESS"} | lie))


@pytest.mark.parametrize("reply", [Reply(502, {}, b"<html/>"), Reply(200, {}, b"<html/>"), Reply(200, {}, b"")])
def test_what_is_no_answer_of_theirs_tells_nothing(reply: Reply) -> None:
    with pytest.raises(ProviderUnknown):
        adapter().query(an_attempt()).read(reply)


@pytest.mark.parametrize(
    "change", [{"total_fee": "1.00"}, {"total_fee": ""}, {"transaction_id": ""}, {"out_trade_no": ""}]
)
def test_a_signed_notice_without_what_it_must_say_is_refused(change: dict[str, str]) -> None:
    good = OK | PAID | {"out_trade_no": "order11"}
    assert isinstance(adapter().read_notice({}, answered(good).body).observation, Paid)
    with pytest.raises(Untrusted):
        adapter().read_notice({}, answered(good | change).body)


@pytest.mark.parametrize("state", ["NOTPAY", "REVOKED", "CLOSED", "USERPAYING"])
def test_a_notice_that_does_not_say_paid_moves_nothing(state: str) -> None:
    """The signature of an answer to a query fits a notice too."""
    notice = adapter().read_notice({}, answered(OK | PAID | {"trade_state": state}).body)
    assert (notice.out_trade_no, notice.observation) == (PAID["out_trade_no"], None)


def test_a_notice_of_a_failed_payment_says_nothing_of_the_order() -> None:
    notice = adapter().read_notice({}, answered({"result_code": "FAIL", "out_trade_no": "order11"}).body)
    assert (notice.out_trade_no, notice.observation) == ("order11", None)


# --- payment codes: what a cashier scans -----------------------------------------------------------------------


def test_a_code_and_a_reversal_are_sent_as_they_must_be() -> None:
    charge = adapter().charge_code(an_attempt(), CODE)
    sent = wire.parse(charge.body)
    assert (charge.target, charge.client) == ("/pay/micropay", None)
    assert (sent["auth_code"], sent["total_fee"]) == ("134567890123456789", "2000")
    assert not {"notify_url", "openid", "trade_type", "time_expire"} & set(sent)
    back = adapter().reverse(an_attempt())
    assert (back.target, back.client, back.hosts) == ("/secapi/pay/reverse", CONFIG.client, CONFIG.certificate_hosts)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("USERPAYING", Pending), ("SYSTEMERROR", Uncertain), ("BANKERROR", Uncertain), ("ORDERPAID", Uncertain),
        ("ORDERCLOSED", Closed), ("ORDERREVERSED", Closed), ("AUTHCODEEXPIRE", Declined), ("NOTENOUGH", Declined),
        ("AUTH_CODE_INVALID", Declined), ("TRADE_ERROR", Declined), ("NOTSUPORTCARD", Declined),
        ("PARAM_ERROR", Declined), ("NOAUTH", Declined), ("OUT_TRADE_NO_USED", Uncertain),
        ("A_NEW_ONE", Uncertain), ("", Uncertain), ("fail", Uncertain),
    ],
)  # fmt: skip
def test_a_refused_code_waits_is_asked_about_or_ends(code: str, expected: type) -> None:
    said = adapter().charge_code(an_attempt(), CODE).read(failed(code))
    assert isinstance(said, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("商户号该产品权限未开通", Declined), ("201 商户订单号重复", Uncertain), ("请求过于频繁", Uncertain)],
)
def test_an_invalid_request_ends_a_charge_unless_it_may_tell_of_another_one(text: str, expected: type) -> None:
    said = adapter().charge_code(an_attempt(), CODE).read(failed("INVALID_REQUEST", text))
    assert isinstance(said, expected)


def test_a_code_that_paid_is_paid() -> None:
    said = adapter().charge_code(an_attempt(), CODE).read(answered(OK | PAID))
    assert isinstance(said, Paid)
    assert (said.amount, said.transaction) == (2000, "4200")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (OK | {"recall": "N"}, Closed), (OK | {"recall": "Y"}, Pending), (OK, Closed), (OK | {"recall": "?"}, Pending),
        ({"result_code": "FAIL", "err_code": "A_NEW_ONE", "recall": "N"}, Declined),
        ({"result_code": "FAIL", "err_code": "A_NEW_ONE"}, Uncertain),
        ({"result_code": "FAIL", "err_code": "REVERSE_EXPIRE", "recall": "N"}, Declined),
        ({"result_code": "FAIL", "err_code": "SYSTEMERROR", "recall": "Y"}, Uncertain),
        ({"result_code": "FAIL", "err_code": "USERPAYING", "recall": "Y"}, Uncertain),
        ({"result_code": "FAIL", "err_code": "SIGNERROR", "recall": "N"}, Uncertain),
        ({"result_code": "FAIL", "err_code": "TRADE_ERROR", "recall": "N"}, Declined),
        ({"result_code": "FAIL", "err_code": "TRADE_ERROR", "recall": "Y"}, Uncertain),
        ({"result_code": "FAIL", "err_code": "ORDERNOTEXIST", "recall": "N"}, Absent),
        ({"result_code": "FAIL", "err_code": "ORDERREVERSED", "recall": "N"}, Closed),
    ],
)  # fmt: skip
def test_a_reversal_is_done_only_when_they_want_no_other(fields: dict[str, str], expected: type) -> None:
    assert isinstance(adapter().reverse(an_attempt()).read(answered(fields)), expected)


def test_every_word_for_an_unknown_result_proves_nothing_anywhere() -> None:
    for code in mapping.UNKNOWN_RESULT:
        assert isinstance(mapping.of_order_error(code, ""), Uncertain)
        assert isinstance(mapping.of_refund_error(code, ""), Uncertain)
        assert isinstance(code_payments.of_charge_error(code, ""), Uncertain)
        assert isinstance(code_payments.of_reversal_error(code, "", {}), Uncertain)


# --- what each product hands on ---------------------------------------------------------------------------------


def test_an_app_is_handed_lower_case_names_under_a_signature_of_their_own() -> None:
    stamp = opening.Stamp(1_767_225_600_000, "n", CONFIG.key, signing.HMAC_SHA256)
    handed = opening.OPENINGS["APP"].hand_on(an_attempt(), "wx1", stamp)
    assert (handed["prepayid"], handed["package"], handed["partnerid"]) == ("wx1", "Sign=WXPay", CONFIG.mchid)
    assert all(name == name.lower() for name in handed)
    signing.verify(handed, key=CONFIG.key, sign_type=signing.HMAC_SHA256)
    assert CONFIG.key not in repr(stamp)


STAMP: Final = opening.Stamp(0, "n", CONFIG.key, signing.MD5)


def test_a_code_is_handed_on_as_it_is() -> None:
    found = opening.OPENINGS["NATIVE"]
    assert found.member == "code_url"
    assert found.hand_on(an_attempt(), "weixin://x", STAMP) == {"data": "weixin://x"}


def test_a_page_is_told_where_to_send_the_buyer() -> None:
    found = opening.OPENINGS["MWEB"]
    assert found.member == "mweb_url"
    attempt = replace(an_attempt(), return_url="https://shop.example/done?a=1")
    told = found.hand_on(attempt, "https://wx.example/h5?p=1", STAMP)
    assert told == {"url": "https://wx.example/h5?p=1&redirect_url=https%3A%2F%2Fshop.example%2Fdone%3Fa%3D1"}
    with pytest.raises(UnreadableMessage, match="mweb_url"):
        found.hand_on(attempt, "weixin://x", STAMP)


@pytest.mark.parametrize(("lasts_ms", "told_ms"), [(60_000, 360_000), (360_000, 360_000), (7_200_000, 7_200_000)])
def test_an_order_ends_no_sooner_than_wechat_takes_it(lasts_ms: int, told_ms: int) -> None:
    attempt = an_attempt()
    short = replace(attempt, expires_ms=attempt.created_ms + lasts_ms, sent_ms=attempt.created_ms + 240_000)
    sent = wire.order_fields(short, notify_url="https://a.example/n")
    assert sent["time_expire"] == wire.compact_time(attempt.created_ms + told_ms)


def test_an_order_for_a_page_says_where_the_buyer_is() -> None:
    attempt = replace(an_attempt(), terminal=Terminal.WAP, client_ip="203.0.113.9")
    fields = wire.order_fields(attempt, notify_url="https://a.example/n")
    assert (fields["trade_type"], fields["spbill_create_ip"]) == ("MWEB", "203.0.113.9")
    assert fields["scene_info"] == '{"h5_info":{"type":"Wap"}}'
    assert "openid" not in fields


def test_every_terminal_is_a_product_that_can_be_opened() -> None:
    ordered = {terminal for terminal in Terminal if terminal.name != "SCAN_CODE"}
    assert set(wire.TRADE_TYPES) == ordered
    assert set(wire.TRADE_TYPES.values()) <= set(opening.OPENINGS)
