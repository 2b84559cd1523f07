"""A refund number means one refund for ever, no more is given back than was paid, and a refund ends exactly once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from wxbackend.simulators.world import World

from .merchant import JSAPI, MCHID, Merchant
from .refunding import REFUNDS, ask, balance, books, paid, refund, rules, state

WALLET_FEN = 10_000_00


def test_a_refund_is_accepted_first_and_succeeds_later(merchant: Merchant) -> None:
    transaction_id = paid(merchant)
    accepted = ask(merchant, refund(30, total=100))
    assert accepted.status == 200
    assert accepted.body["status"] == "PROCESSING"
    assert "success_time" not in accepted.body
    assert balance(merchant) == WALLET_FEN - 100
    merchant.desk("POST", "/clock", {"advance_s": 2})
    told = state(merchant).body
    assert (told["status"], told["transaction_id"]) == ("SUCCESS", transaction_id)
    assert told["success_time"].endswith("+08:00")
    assert balance(merchant) == WALLET_FEN - 70


def test_a_refund_is_told_with_every_documented_member(merchant: Merchant) -> None:
    transaction_id = paid(merchant)
    body = ask(merchant, refund(30)).body
    assert body["refund_id"].isdigit()
    assert body["create_time"].endswith("+08:00")
    assert body == {
        "refund_id": body["refund_id"],
        "out_refund_no": "refund_1",
        "transaction_id": transaction_id,
        "out_trade_no": "order_0001",
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": body["create_time"],
        "status": "PROCESSING",
        "funds_account": "AVAILABLE",
        "amount": {
            "total": 100,
            "refund": 30,
            "payer_total": 100,
            "payer_refund": 30,
            "settlement_refund": 30,
            "settlement_total": 100,
            "discount_refund": 0,
            "currency": "CNY",
        },
    }


def test_a_refund_succeeds_by_itself_in_real_time(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, settle_after_s=0.2)
    ask(merchant, refund())
    seen = merchant.desk("GET", "/refunds?wait_s=20")
    assert (seen["settled"], seen["refunds"][0]["status"]) == (True, "SUCCESS")


def test_the_order_is_found_by_wechats_number_too(merchant: Merchant) -> None:
    wish = refund(transaction_id=paid(merchant))
    del wish["out_trade_no"]
    assert ask(merchant, wish).body["out_trade_no"] == "order_0001"


def test_an_order_shows_refund_from_the_first_one_accepted(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, outcome="CLOSED", settle_after_s=0)
    ask(merchant, refund(1))
    assert state(merchant).body["status"] == "CLOSED"
    order = merchant.query("order_0001").body
    assert (order["trade_state"], order["trade_state_desc"]) == ("REFUND", "转入退款")
    assert order["amount"]["total"] == 100


def test_a_refunded_order_is_neither_paid_nor_closed_nor_placed_again(merchant: Merchant) -> None:
    params = merchant.params(merchant.place())
    merchant.pay(params)
    ask(merchant, refund())
    assert merchant.pay(params)["err_desc"] == "该订单已支付"
    assert merchant.close("order_0001").body["code"] == "ORDER_PAID"
    assert merchant.call("POST", JSAPI, merchant.order()).body["code"] == "ORDER_PAID"
    assert merchant.call("POST", JSAPI, merchant.order(description="x")).body["code"] == "OUT_TRADE_NO_USED"


def test_the_same_number_again_is_the_same_refund_as_it_stands_now(merchant: Merchant) -> None:
    paid(merchant)
    first = ask(merchant, refund(30))
    assert ask(merchant, refund(30)).body == first.body
    merchant.desk("POST", "/clock", {"advance_s": 2})
    again = ask(merchant, refund(30))
    assert (again.status, again.body["status"]) == (200, "SUCCESS")
    assert again.body["refund_id"] == first.body["refund_id"]
    assert books(merchant)["refunded_total"] == 30


def test_the_same_number_at_once_from_many_is_one_refund(merchant: Merchant) -> None:
    paid(merchant)
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: ask(merchant, refund(60)), range(16)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["refund_id"] for answer in answers}) == 1
    assert books(merchant)["refunds_count"] == 1


def test_many_at_once_never_promise_more_than_was_paid(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, min_spacing_s=0)
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda index: ask(merchant, refund(30, f"refund_{index}")), range(10)))
    assert sorted(answer.status for answer in answers) == [200] * 3 + [400] * 7
    assert books(merchant)["pending"] + books(merchant)["refunded_total"] == 90


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": {"refund": 31, "total": 100, "currency": "CNY"}},
        {"reason": "another"},
        {"out_trade_no": "order_0002"},
        {"notify_url": "http://127.0.0.1:9/other"},
    ],
)
def test_the_same_number_with_other_parameters_is_refused(merchant: Merchant, changes: dict[str, object]) -> None:
    paid(merchant)
    ask(merchant, refund(30))
    answer = ask(merchant, refund(30) | changes)
    assert (answer.status, answer.body["code"], answer.cause) == (400, "INVALID_REQUEST", 268498688)
    assert books(merchant)["refunds_count"] == 1


@pytest.mark.parametrize("named", [{"out_trade_no": "order_0009"}, {"transaction_id": "4200000000000000000000000000"}])
def test_an_unknown_order_cannot_be_refunded(merchant: Merchant, named: dict[str, str]) -> None:
    wish = refund()
    del wish["out_trade_no"]
    answer = ask(merchant, wish | named)
    assert (answer.status, answer.body["code"], answer.cause) == (404, "RESOURCE_NOT_EXISTS", 268512771)


def test_an_unknown_refund_is_not_found(merchant: Merchant) -> None:
    answer = state(merchant, "refund_9")
    assert (answer.status, answer.body["code"]) == (404, "RESOURCE_NOT_EXISTS")


def test_a_refund_number_with_every_allowed_character_is_found_again(merchant: Merchant) -> None:
    paid(merchant)
    assert ask(merchant, refund(number="a-Z_0|1*2@3")).status == 200
    assert state(merchant, "a-Z_0%7C1*2%403").body["out_refund_no"] == "a-Z_0|1*2@3"


def test_only_a_paid_order_is_refunded(merchant: Merchant) -> None:
    merchant.place()
    assert ask(merchant, refund()).body["code"] == "INVALID_REQUEST"
    merchant.close("order_0001")
    assert ask(merchant, refund()).body["code"] == "INVALID_REQUEST"
    assert merchant.query("order_0001").body["trade_state"] == "CLOSED"


def test_the_total_must_be_the_orders_total(merchant: Merchant) -> None:
    paid(merchant)
    answer = ask(merchant, refund(50, total=99))
    assert (answer.status, answer.body["code"]) == (400, "INVALID_REQUEST")
    assert merchant.query("order_0001").body["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(("outcome", "then"), [("SUCCESS", 400), ("ABNORMAL", 400), ("CLOSED", 200)])
def test_what_is_promised_or_given_back_is_gone_but_what_was_closed_is_not(
    merchant: Merchant, outcome: str, then: int
) -> None:
    paid(merchant)
    rules(merchant, outcome=outcome, min_spacing_s=0)
    ask(merchant, refund(60))
    assert ask(merchant, refund(41, "refund_2")).body["code"] == "INVALID_REQUEST"
    merchant.desk("POST", "/clock", {"advance_s": 2})
    answer = ask(merchant, refund(41, "refund_2"))
    assert (state(merchant).body["status"], answer.status) == (outcome, then)


def test_a_fully_refunded_order_has_nothing_left(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, min_spacing_s=0)
    for index in range(4):
        assert ask(merchant, refund(25, f"refund_{index}")).status == 200
    assert ask(merchant, refund(1, "refund_5")).body["message"] == "订单已全额退款"


def test_an_order_is_refunded_for_a_year_and_no_longer(merchant: Merchant) -> None:
    paid(merchant)
    merchant.desk("POST", "/clock", {"advance_s": 365 * 86400 - 60, "wait_s": 0})
    assert ask(merchant, refund(10)).status == 200
    merchant.desk("POST", "/clock", {"advance_s": 120, "wait_s": 0})
    answer = ask(merchant, refund(10, "refund_2"))
    assert (answer.status, answer.body["code"]) == (400, "INVALID_REQUEST")
    assert ask(merchant, refund(10)).body["status"] == "SUCCESS"


def test_an_order_has_fifty_refunds_and_no_more(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, min_spacing_s=0)
    statuses = [ask(merchant, refund(1, f"refund_{index}")).status for index in range(51)]
    assert statuses == [200] * 50 + [400]
    assert ask(merchant, refund(1, "refund_0")).status == 200


def test_a_minute_lies_between_two_refunds_of_one_order(merchant: Merchant) -> None:
    paid(merchant)
    paid(merchant, "order_0002")
    ask(merchant, refund(10))
    early = ask(merchant, refund(10, "refund_2"))
    assert (early.status, early.body["code"], early.cause) == (429, "FREQUENCY_LIMITED", 268447840)
    assert state(merchant, "refund_2").status == 404
    assert ask(merchant, refund(10)).status == 200
    assert ask(merchant, refund(10, "refund_3", out_trade_no="order_0002")).status == 200
    merchant.desk("POST", "/clock", {"advance_s": 50})
    assert ask(merchant, refund(10, "refund_2")).status == 429
    merchant.desk("POST", "/clock", {"advance_s": 10})
    assert ask(merchant, refund(10, "refund_2")).status == 200
    merchant.desk("POST", "/clock", {"advance_s": 50})
    assert ask(merchant, refund(10, "refund_4")).status == 429


def test_the_minute_can_be_switched_off(merchant: Merchant) -> None:
    paid(merchant)
    rules(merchant, min_spacing_s=0)
    assert [ask(merchant, refund(10, f"refund_{index}")).status for index in range(3)] == [200, 200, 200]


def test_a_refund_needs_money_and_the_same_number_serves_after_a_top_up(merchant: Merchant) -> None:
    paid(merchant)
    merchant.desk("POST", "/merchant", {"withdraw": 41})
    short = ask(merchant, refund(60))
    assert (short.status, short.body["code"]) == (403, "NOT_ENOUGH")
    assert merchant.query("order_0001").body["trade_state"] == "SUCCESS"
    assert books(merchant)["refunds_count"] == 0
    merchant.desk("POST", "/merchant", {"top_up": 1})
    assert ask(merchant, refund(60)).status == 200
    assert merchant.desk("GET", "/merchant")["available"] == 0


def test_money_promised_to_one_refund_is_not_there_for_another(merchant: Merchant) -> None:
    paid(merchant)
    paid(merchant, "order_0002")
    merchant.desk("POST", "/merchant", {"available": 100})
    ask(merchant, refund(100))
    other = refund(1, "refund_2", out_trade_no="order_0002")
    assert ask(merchant, other).body["code"] == "NOT_ENOUGH"
    merchant.desk("POST", "/refunds/refund_1/settle", {"outcome": "CLOSED"})
    assert ask(merchant, other).status == 200


def test_a_merchant_without_unavailable_money_cannot_refund_from_it(merchant: Merchant) -> None:
    paid(merchant)
    amount = {"refund": 10, "total": 100, "currency": "CNY"}
    sources = [{"account": "UNAVAILABLE", "amount": 4}, {"account": "AVAILABLE", "amount": 6}]
    assert ask(merchant, refund(amount=amount | {"from": sources})).body["code"] == "NOT_ENOUGH"
    sources = [{"account": "AVAILABLE", "amount": 10}]
    assert ask(merchant, refund(amount=amount | {"from": sources})).body["amount"]["from"] == sources


def test_a_query_is_for_direct_merchants(merchant: Merchant) -> None:
    paid(merchant)
    ask(merchant, refund())
    answer = merchant.call("GET", f"{REFUNDS}/refund_1?sub_mchid={MCHID}")
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")


def test_a_reset_forgets_refunds_and_their_rules(merchant: Merchant, world: World) -> None:
    paid(merchant)
    before = merchant.desk("GET", "/refunds/rules")
    rules(merchant, min_spacing_s=0, outcome="CLOSED", settle_after_s=None)
    ask(merchant, refund())
    merchant.desk("POST", "/reset")
    assert merchant.desk("GET", "/refunds/rules") == before
    assert merchant.desk("GET", "/refunds")["refunds"] == []
    assert world.funds.available() == 0
