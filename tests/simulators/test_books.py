"""Whatever is done in whatever order, no fen appears or vanishes, and the desk shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wxbackend.simulators.buyers import Buyers
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.ledger import Movement
from wxbackend.simulators.wechat_pay.cashier import CHANNELS, OUTCOMES, settle_order
from wxbackend.simulators.wechat_pay.order_request import OrderRequest
from wxbackend.simulators.wechat_pay.refund_request import RescueRequest, read_refund
from wxbackend.simulators.wechat_pay.refunds import OUTCOMES as REFUND_OUTCOMES
from wxbackend.simulators.wechat_pay.refusal import Refusal
from wxbackend.simulators.world import World

from .merchant import OFFICIAL_ACCOUNT, Merchant

numbers = st.sampled_from([f"number_{index}" for index in range(4)])
steps = st.one_of(
    st.tuples(st.just("place"), numbers, st.integers(1, 600_000)),
    st.tuples(st.just("pay"), numbers, st.sampled_from(OUTCOMES)),
    st.tuples(st.just("close"), numbers, st.none()),
    st.tuples(st.just("wait"), numbers, st.integers(0, 400_000)),
)
refund_steps = st.one_of(
    st.tuples(st.just("refund"), numbers, st.tuples(st.integers(1, 5), st.integers(1, 600_000))),
    st.tuples(st.just("settle"), numbers, st.tuples(st.integers(1, 5), st.sampled_from(REFUND_OUTCOMES))),
    st.tuples(st.just("rescue"), numbers, st.integers(1, 5)),
    st.tuples(st.just("outcome"), numbers, st.sampled_from(REFUND_OUTCOMES)),
    st.tuples(st.just("available"), numbers, st.integers(0, 600_000)),
    st.tuples(st.just("withdraw"), numbers, st.integers(0, 600_000)),
)
MAY_BECOME = {
    None: {"PROCESSING", *REFUND_OUTCOMES},
    "PROCESSING": {"PROCESSING", *REFUND_OUTCOMES},
    "ABNORMAL": {"ABNORMAL", "PROCESSING", "SUCCESS"},
    "SUCCESS": {"SUCCESS"},
    "CLOSED": {"CLOSED"},
}


def request(buyers: Buyers, number: str, total: int) -> OrderRequest:
    """An order of the default buyer."""
    return OrderRequest(
        appid=OFFICIAL_ACCOUNT,
        mchid="1900000109",
        out_trade_no=number,
        description="x",
        notify_url="http://127.0.0.1:9/",
        total=total,
        openid=buyers.default().openids[OFFICIAL_ACCOUNT],
        trade_type="JSAPI",
        lifetime_ends=None,
        attach=None,
        device_id=None,
        body={"total": total},
    )


def take(world: World, step: tuple[str, str, Any]) -> None:
    """Carry out one step; a refusal is an answer like any other."""
    what, number, detail = step
    order = world.orders.find(number)
    try:
        match what:
            case "place":
                world.orders.place(request(world.buyers, number, detail))
            case "pay" if order is not None:
                buyer, channel = world.buyers.default(), CHANNELS["official_account"]
                settle_order(world, buyer=buyer, channel=channel, order=order, outcome=detail)
            case "close":
                world.orders.close(number)
            case "wait":
                world.advance(detail)
    except Refusal:
        return


def take_refund(world: World, step: tuple[str, str, Any]) -> None:
    """Carry out one step about refunds; a refusal is an answer like any other."""
    what, number, detail = step
    try:
        match what:
            case "refund":
                order = world.orders.get(number)
                amount = {"refund": detail[1], "total": order.request.total, "currency": "CNY"}
                wish = read_refund({"out_trade_no": number, "out_refund_no": f"{number}-{detail[0]}", "amount": amount})
                if world.refunds.repeated(wish) is None:
                    world.refunds.accept(wish, order=order, receiver="buyer:buyer_1")
            case "settle":
                world.refunds.settle(f"{number}-{detail[0]}", detail[1])
            case "rescue":
                refund = world.refunds.get(f"{number}-{detail}")
                world.refunds.rescue(
                    refund.refund_id, RescueRequest(refund.request.out_refund_no, "MERCHANT_BANK_CARD", None, {})
                )
            case "outcome":
                world.refunds.rules = replace(world.refunds.rules, outcome=detail)
            case "available":
                world.funds.set_available(detail)
            case _:
                world.funds.withdraw(detail)
    except (Refusal, ValueError):
        return


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=30))
def test_the_books_balance_after_any_history(credentials: Credentials, history: list[tuple[str, str, Any]]) -> None:
    world = World(credentials)
    ended: dict[str, str] = {}
    for step in history:
        take(world, step)
        for order in world.orders.everything():
            number = order.request.out_trade_no
            assert ended.get(number, "NOTPAY") in ("NOTPAY", order.state)
            ended[number] = order.state
        books = world.books()
        paid = [item.request.total for item in world.orders.everything() if item.state == "SUCCESS"]
        spent = 10_000_00 - sum(paid)
        assert (books["merchant_balance"], books["buyers_total"]) == (sum(paid), spent)
        assert books["balanced"] is True
        assert books["paid_count"] == list(ended.values()).count("SUCCESS")
    assert len(world.courier.parcels()) == list(ended.values()).count("SUCCESS")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(steps, refund_steps, refund_steps), min_size=5, max_size=60))
def test_the_books_balance_after_any_history_of_refunds(
    credentials: Credentials, history: list[tuple[str, str, Any]]
) -> None:
    world = World(credentials)
    world.refunds.rules = replace(world.refunds.rules, min_spacing_s=0)
    before: dict[str, str] = {}
    for number in ("number_0", "number_1"):
        take(world, ("place", number, 90_000))
        take(world, ("pay", number, "pay"))
    for step in history:
        if step[0] in ("place", "pay", "close", "wait"):
            take(world, step)
        else:
            take_refund(world, step)
        refunds = world.refunds.everything()
        for refund in refunds:
            number = refund.request.out_refund_no
            assert refund.status in MAY_BECOME[before.get(number)]
            before[number] = refund.status
        books, funds = world.books(), world.funds.view()
        assert books["balanced"] is True
        assert funds["available"] >= 0
        to_buyer = sum(r.request.refund for r in refunds if r.status == "SUCCESS" and r.rescue is None)
        assert world.ledger.balance("buyer:buyer_1") == 10_000_00 - int(str(books["paid_total"])) + to_buyer
        for order in world.orders.everything():
            mine = [refund for refund in refunds if refund.out_trade_no == order.request.out_trade_no]
            assert sum(r.request.refund for r in mine if r.status != "CLOSED") <= order.request.total
            assert (order.state == "REFUND") is bool(mine)


def test_money_moved_without_an_order_unbalances_the_books(world: World) -> None:
    world.ledger.move(Movement("buyer:buyer_1", "merchant", 1, "no order"))
    assert world.books()["balanced"] is False


def test_the_desk_shows_what_waits_for_a_buyer(merchant: Merchant) -> None:
    merchant.place("order_0001")
    merchant.place("order_0002")
    waiting = merchant.desk("GET", "/buyers/buyer_1/orders")["orders"]
    assert [order["out_trade_no"] for order in waiting] == ["order_0002", "order_0001"]
    wish = {"out_trade_no": "order_0001", "outcome": "pay"}
    said = merchant.desk("POST", "/buyers/buyer_1/pay_order", wish)
    assert said["order"]["trade_state"] == "SUCCESS"
    assert len(merchant.desk("GET", "/buyers/buyer_1/orders")["orders"]) == 1
    assert merchant.desk("GET", "/buyers/buyer_1")["balance"] == 10_000_00 - 100


def test_a_reset_forgets_all_but_the_keys(merchant: Merchant) -> None:
    merchant.pay(merchant.params(merchant.place()))
    merchant.desk("POST", "/buyers", {"balance": 5})
    merchant.desk("POST", "/clock", {"advance_s": 86400, "wait_s": 0})
    merchant.desk("POST", "/mischief", {"notices": {"lose": True}})
    merchant.desk("POST", "/mode", {"mode": "pubkey"})
    before = merchant.desk("GET", "/world")
    merchant.desk("POST", "/reset")
    after = merchant.desk("GET", "/world")
    assert merchant.desk("GET", "/notices")["notices"] == []
    assert merchant.desk("GET", "/requests")["requests"] == []
    assert merchant.desk("GET", "/mischief")["notices"] == {}
    assert (after["mode"], after["clock"]["offset_s"]) == ("gray", 0)
    assert after["buyer"]["openids"] == before["buyer"]["openids"]
    assert after["merchant_serial"] == before["merchant_serial"]
    assert merchant.desk("GET", "/books") == {
        "orders": 0,
        "paid_count": 0,
        "paid_total": 0,
        "refunds_count": 0,
        "refunded_count": 0,
        "refunded_total": 0,
        "pending": 0,
        "transferred_total": 0,
        "locked_for_transfers": 0,
        "shared_total": 0,
        "promised_to_receivers": 0,
        "merchant_balance": 0,
        "bank_balance": 0,
        "buyers_total": 10_000_00,
        "issued_total": 10_000_00,
        "balanced": True,
    }
    assert merchant.place()


@pytest.mark.parametrize("seconds", [-1, 10**12, "1", True])
def test_the_clock_cannot_be_moved_out_of_reason(merchant: Merchant, seconds: object) -> None:
    reply = merchant.client.post("/_desk/clock", json={"advance_s": seconds})
    assert reply.status_code == 400
    assert merchant.desk("GET", "/clock")["offset_s"] == 0


def test_the_desk_lists_all_it_offers(merchant: Merchant) -> None:
    offers = merchant.desk("GET", "")["offers"]
    paths = {offer["path"] for offer in offers}
    assert {"/_desk/world", "/_desk/buyers/<buyer_id>/pay", "/_desk/notices/forge"} <= paths
    assert all(offer["meaning"] for offer in offers if offer["path"] != "/_desk")


def test_the_desk_is_closed_to_other_machines_and_other_sites(merchant: Merchant) -> None:
    far = merchant.client.get("/_desk/world", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert far.status_code == 403
    other = merchant.client.post("/_desk/reset", headers={"Origin": "http://evil.example"})
    assert other.status_code == 403
    own = merchant.client.post("/_desk/reset", headers={"Origin": "http://localhost"})
    assert own.status_code == 200


def test_the_desk_does_not_tell_secrets(merchant: Merchant) -> None:
    shown = merchant.client.get("/_desk/world").get_data(as_text=True)
    assert merchant.apiv3_key.decode() not in shown
    assert all(secret not in shown for secret in merchant.secrets.values())


def test_requests_are_logged_with_their_verdict(merchant: Merchant) -> None:
    merchant.place()
    merchant.query("order_0009")
    newest, oldest = merchant.desk("GET", "/requests?limit=2")["requests"]
    assert (newest["status"], newest["verdict"]) == (404, "ORDER_NOT_EXIST")
    assert (oldest["method"], oldest["verdict"]) == ("POST", "ok")
    assert oldest["body"]["out_trade_no"] == "order_0001"
