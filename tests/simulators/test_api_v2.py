"""API v2 at the simulator: as strict as WeChat, over the same books as API v3, and signed both ways."""

from __future__ import annotations

import pytest

from wxbackend.simulators.credentials import MCHID, UNBOUND_APPID
from wxbackend.simulators.wechat_pay.v2.signing import HMAC_SHA256, MD5, fits
from wxbackend.simulators.wechat_pay.v2.xml import BadXmlError, document, parse
from wxbackend.simulators.world import World

from .merchant import Merchant
from .old_merchant import NUMBER, ORDER, Old
from .receiver import Receiver

QUERY, CLOSE = "/pay/orderquery", "/pay/closeorder"
REFUND, REFUND_QUERY = "/secapi/pay/refund", "/pay/refundquery"


@pytest.fixture(params=[MD5, HMAC_SHA256])
def old(world: World, request: pytest.FixtureRequest) -> Old:
    """A merchant on API v2, signing in each way."""
    return Old(world, request.param)


def test_an_order_is_placed_paid_and_found_by_both_versions(old: Old, merchant: Merchant) -> None:
    assert old.pay()["err_msg"].endswith(":ok")
    said = old.ask(QUERY, NUMBER)
    assert (said["trade_state"], said["total_fee"], said["mch_id"]) == ("SUCCESS", "100", MCHID)
    assert old.ask(QUERY, {"transaction_id": said["transaction_id"]})["out_trade_no"] == "order_0001"
    assert merchant.query("order_0001").body["transaction_id"] == said["transaction_id"]


def test_what_api_v3_ordered_is_the_same_order(old: Old, merchant: Merchant) -> None:
    merchant.place()
    assert old.ask(QUERY, NUMBER)["trade_state"] == "NOTPAY"
    assert old.ask(ORDER, old.order())["err_code"] == "INVALID_REQUEST"
    assert old.ask(CLOSE, NUMBER)["result_code"] == "SUCCESS"
    assert merchant.query("order_0001").body["trade_state"] == "CLOSED"


def test_a_repeat_is_the_same_order_and_a_changed_one_is_told_by_its_state(old: Old) -> None:
    first, second = old.ask(ORDER, old.order()), old.ask(ORDER, old.order())
    assert first["prepay_id"] != second["prepay_id"]
    assert old.ask(ORDER, old.order(total_fee="1"))["err_code"] == "INVALID_REQUEST"
    assert old.cashier(old.params(first["prepay_id"]))["err_msg"].endswith(":ok")
    assert old.ask(ORDER, old.order())["err_code"] == "ORDERPAID"
    assert old.ask(ORDER, old.order(total_fee="1"))["err_code"] == "OUT_TRADE_NO_USED"
    assert old.ask(CLOSE, NUMBER)["err_code"] == "ORDERPAID"
    other = {"out_trade_no": "order_0002"}
    old.ask(ORDER, old.order(**other))
    assert [old.ask(CLOSE, other)["result_code"] for _ in range(2)] == ["SUCCESS", "SUCCESS"]
    assert old.ask(ORDER, old.order(**other))["err_code"] == "ORDERCLOSED"
    assert old.ask(QUERY, {"out_trade_no": "order_0003"})["err_code"] == "ORDERNOTEXIST"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"sign": "0" * 32}, "SIGNERROR"), ({"sign_type": "RSA"}, "SIGNERROR"), ({"total_fee": "1"}, "SIGNERROR"),
        ({"mch_id": "1900000110"}, "MCHID_NOT_EXIST"), ({"appid": "wx0000000000000000"}, "APPID_NOT_EXIST"),
        ({"sign": ""}, "LACK_PARAMS"), ({"nonce_str": ""}, "LACK_PARAMS"),
    ],
)  # fmt: skip
def test_who_does_not_sign_rightly_is_not_heard(old: Old, change: dict[str, str], verdict: str) -> None:
    said = parse(old.post(ORDER, document(old.signed(old.order()) | change)).data)
    assert (said["return_code"], old.verdict()) == ("FAIL", verdict)
    assert "sign" not in said
    assert old.world.orders.everything() == []


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"body": ""}, "LACK_PARAMS"), ({"openid": ""}, "LACK_PARAMS"), ({"spbill_create_ip": ""}, "LACK_PARAMS"),
        ({"total_fee": "1.0"}, "PARAM_ERROR"), ({"total_fee": "0"}, "PARAM_ERROR"),
        ({"body": "茶" * 43}, "PARAM_ERROR"), ({"body": "😀"}, "PARAM_ERROR"), ({"out_trade_no": "a b"}, "PARAM_ERROR"),
        ({"trade_type": "jsapi"}, "PARAM_ERROR"), ({"fee_type": "USD"}, "PARAM_ERROR"), ({"more": "1"}, "PARAM_ERROR"),
        ({"time_expire": "20261301000000"}, "PARAM_ERROR"), ({"notify_url": "nowhere"}, "PARAM_ERROR"),
        ({"appid": UNBOUND_APPID}, "APPID_MCHID_NOT_MATCH"), ({"openid": "nobody"}, "PARAM_ERROR"),
    ],
)  # fmt: skip
def test_an_order_that_breaks_a_rule_is_refused(old: Old, change: dict[str, str], verdict: str) -> None:
    said = old.ask(ORDER, old.order() | change)
    assert "prepay_id" not in said
    assert old.verdict() == verdict
    assert old.world.orders.everything() == []


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b"", "POST_DATA_EMPTY"), (b"\xff", "NOT_UTF8"), (b"{}", "XML_FORMAT_ERROR"), (b"<xml/>", "LACK_PARAMS"),
        (b"<xml><a><b>1</b></a></xml>", "XML_FORMAT_ERROR"), (b"<xml><a>1</a><a>1</a></xml>", "XML_FORMAT_ERROR"),
        (b"<!DOCTYPE xml><xml><a>1</a></xml>", "XML_FORMAT_ERROR"), (b"<xml><!-- --></xml>", "XML_FORMAT_ERROR"),
        (b"<xml><a b='1'>1</a></xml>", "XML_FORMAT_ERROR"), (b"<xml>1</xml>", "XML_FORMAT_ERROR"),
    ],
)  # fmt: skip
def test_what_is_not_flat_xml_is_not_heard(old: Old, body: bytes, verdict: str) -> None:
    assert parse(old.post(ORDER, body).data)["return_code"] == "FAIL"
    assert old.verdict() == verdict


def test_only_post_is_heard(old: Old) -> None:
    assert parse(old.client.get(ORDER).data)["return_code"] == "FAIL"
    assert old.verdict() == "REQUIRE_POST_METHOD"


@pytest.mark.parametrize(("name", "value"), [("signType", "RSA"), ("paySign", "0" * 32), ("nonceStr", "other")])
def test_the_cashier_opens_only_for_what_the_order_was_signed_with(old: Old, name: str, value: str) -> None:
    prepay_id = old.ask(ORDER, old.order())["prepay_id"]
    heard = old.cashier(old.params(prepay_id) | {name: value})
    assert (heard["err_msg"], heard["err_desc"]) == ("get_brand_wcpay_request:fail", "支付验证签名失败")
    another = Old(old.world, HMAC_SHA256 if old.sign_type == MD5 else MD5)
    assert another.cashier(another.params(prepay_id))["err_desc"] == "支付验证签名失败"


def a_refund(**changes: str) -> dict[str, str]:
    """A refund of 40 fen of order_0001."""
    return {**NUMBER, "out_refund_no": "refund_1", "total_fee": "100", "refund_fee": "40", **changes}


def test_a_refund_wants_the_certificate_and_no_header_stands_for_it(old: Old) -> None:
    old.pay()
    body = document(old.signed(a_refund()))
    reply = old.client.post(REFUND, data=body, headers={"SSL_CLIENT_CERT": "x", "Ssl-Client-Cert": "x"})
    assert (reply.status_code, b"No required SSL certificate" in reply.data) == (400, True)
    assert old.ask(REFUND_QUERY, {"out_refund_no": "refund_1"})["err_code"] == "REFUNDNOTEXIST"


def test_a_refund_is_made_once_and_found_by_every_number(old: Old, merchant: Merchant) -> None:
    old.pay()
    merchant.desk("POST", "/refunds/rules", {"settle_after_s": None, "min_spacing_s": 0})
    first, again = old.ask(REFUND, a_refund()), old.ask(REFUND, a_refund())
    assert first["refund_id"] == again["refund_id"]
    assert old.ask(REFUND, a_refund(refund_fee="41"))["err_code"] == "INVALID_REQUEST"
    numbers = {"out_refund_no": "refund_1", "refund_id": first["refund_id"], "transaction_id": first["transaction_id"]}
    for name, value in (numbers | NUMBER).items():
        said = old.ask(REFUND_QUERY, {name: value})
        assert (said["out_refund_no_0"], said["refund_status_0"], said["refund_count"]) == (
            "refund_1",
            "PROCESSING",
            "1",
        )
    for outcome, word in (("ABNORMAL", "CHANGE"), ("SUCCESS", "SUCCESS")):
        merchant.desk("POST", "/refunds/refund_1/settle", {"outcome": outcome})
        assert old.ask(REFUND_QUERY, NUMBER)["refund_status_0"] == word
    assert merchant.desk("GET", "/books")["balanced"]
    assert old.ask(QUERY, NUMBER)["trade_state"] == "REFUND"


def test_a_refund_that_cannot_be_is_refused_by_its_name(old: Old, merchant: Merchant) -> None:
    assert old.ask(REFUND, a_refund())["err_code"] == "ORDERNOTEXIST"
    old.pay()
    assert old.ask(REFUND, a_refund(refund_fee="101"))["err_code"] == "INVALID_REQUEST"
    assert old.ask(REFUND, a_refund(transaction_id="4200"))["return_code"] == "FAIL"
    merchant.desk("POST", "/merchant", {"available": 1})
    assert old.ask(REFUND, a_refund())["err_code"] == "NOTENOUGH"
    merchant.desk("POST", "/merchant", {"available": 100})
    merchant.desk("POST", "/clock", {"advance_s": 366 * 86400})
    assert old.ask(REFUND, a_refund())["err_code"] == "TRADE_OVERDUE"


def test_a_notice_is_told_until_its_answer_says_so_in_xml(old: Old, receiver: Receiver, merchant: Merchant) -> None:
    old.pay(notify_url=receiver.url)
    seen = merchant.desk("GET", "/notices?wait_s=5")["notices"]
    assert [(notice["event_type"], notice["state"]) for notice in seen] == [("v2.PAYMENT", "waiting")]
    said = parse(receiver.received[0].body)
    assert fits(said, old.key, old.sign_type)
    assert (said["total_fee"], said["out_trade_no"]) == ("100", "order_0001")
    assert "Wechatpay-Signature" not in receiver.received[0].headers


@pytest.mark.parametrize("value", ["]]>", "<a>&amp;</a>", "]]]]>>", "一杯咖啡"])
def test_values_are_written_so_that_they_are_read_again(value: str) -> None:
    assert parse(document({"a": value})) == {"a": value}
    with pytest.raises(BadXmlError):
        parse(document({"a": value}).replace(b"</a>", b""))
