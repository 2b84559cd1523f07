"""Each fault does what its name says, as often as it was asked for, and then the simulator behaves again."""

from __future__ import annotations

from typing import Any

import pytest

from .merchant import JSAPI, Merchant
from .receiver import Receiver


def wish(merchant: Merchant, fault: str, path: str = "any", **more: Any) -> None:
    """One fault, once."""
    merchant.desk("POST", "/mischief", {"api": [{"fault": fault, "path": path, **more}]})


@pytest.mark.parametrize(("fault", "done"), [("drop_before", False), ("drop_after", True)])
def test_a_cut_connection_leaves_the_work_undone_or_done(merchant: Merchant, fault: str, *, done: bool) -> None:
    wish(merchant, fault, "order")
    with pytest.raises(ConnectionAbortedError):
        merchant.send("POST", JSAPI, merchant.order())
    assert (merchant.query("order_0001").status == 200) is done


@pytest.mark.parametrize(("fault", "done"), [("error_500_before", False), ("error_500_after", True)])
def test_a_system_error_says_nothing_about_the_work(merchant: Merchant, fault: str, *, done: bool) -> None:
    wish(merchant, fault, "order")
    answer = merchant.call("POST", JSAPI, merchant.order())
    assert (answer.status, answer.body["code"]) == (500, "SYSTEM_ERROR")
    assert (merchant.query("order_0001").status == 200) is done


def test_a_gateway_page_is_html_and_unsigned(merchant: Merchant) -> None:
    wish(merchant, "html_502")
    reply = merchant.send("POST", JSAPI, merchant.order())
    assert (reply.status_code, reply.mimetype) == (502, "text/html")
    assert "Wechatpay-Signature" not in reply.headers
    assert merchant.query("order_0001").status == 404


def test_a_limit_is_signed_and_named(merchant: Merchant) -> None:
    wish(merchant, "limit_429")
    answer = merchant.call("POST", JSAPI, merchant.order())
    assert (answer.status, answer.body["code"]) == (429, "FREQUENCY_LIMITED")


@pytest.mark.parametrize("fault", ["truncate", "unsigned", "bad_signature", "probe", "unknown_serial"])
def test_an_answer_that_cannot_be_trusted_follows_real_work(merchant: Merchant, fault: str) -> None:
    wish(merchant, fault, "order")
    reply = merchant.send("POST", JSAPI, merchant.order())
    assert reply.status_code == 200
    assert not merchant.genuine(dict(reply.headers), reply.get_data())
    assert merchant.query("order_0001").status == 200


def test_a_slow_answer_is_whole_in_the_end(merchant: Merchant) -> None:
    wish(merchant, "slow_body", "order", latency_s=0.05)
    answer = merchant.call("POST", JSAPI, merchant.order())
    assert (answer.status, "prepay_id" in answer.body) == (200, True)


def test_a_probed_answer_carries_the_probe_mark(merchant: Merchant) -> None:
    wish(merchant, "probe")
    reply = merchant.send("POST", JSAPI, merchant.order())
    assert reply.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")


def test_an_order_may_be_paid_and_told_before_its_creation_is_answered(merchant: Merchant, receiver: Receiver) -> None:
    wish(merchant, "paid_before_reply", "order")
    answer = merchant.call("POST", JSAPI, merchant.order(notify_url=receiver.url))
    assert (answer.status, len(receiver.received)) == (200, 1)
    assert merchant.query("order_0001").body["trade_state"] == "SUCCESS"


def test_a_fault_strikes_its_own_path_and_only_so_often(merchant: Merchant) -> None:
    wish(merchant, "error_500_before", "query", times=2)
    assert merchant.place()
    statuses = [merchant.query("order_0001").status for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_a_fault_without_end_lasts_until_cleared(merchant: Merchant) -> None:
    merchant.place()
    wish(merchant, "error_500_before", "query", times=None)
    assert {merchant.query("order_0001").status for _ in range(5)} == {500}
    merchant.desk("DELETE", "/mischief")
    assert merchant.query("order_0001").status == 200


def test_latency_comes_on_top_of_another_fault(merchant: Merchant) -> None:
    faults = [
        {"fault": "latency", "path": "order", "latency_s": 0.01},
        {"fault": "limit_429", "path": "order"},
    ]
    merchant.desk("POST", "/mischief", {"api": faults})
    assert merchant.call("POST", JSAPI, merchant.order()).status == 429
    (entry,) = merchant.desk("GET", "/requests?limit=1")["requests"]
    assert entry["mischief"] == ["latency", "limit_429"]
    assert entry["verdict"] == "FREQUENCY_LIMITED"


@pytest.mark.parametrize(
    "body",
    [
        {"apis": []},
        {"api": [{"fault": "melt"}]},
        {"api": [{"fault": "latency", "path": "moon"}]},
        {"api": [{"fault": "latency", "times": 0}]},
        {"notices": {"loose": 1}},
        {"notices": {"lose": "often"}},
        {"platform": {"busy": {"time": 1}}},
        {"pushes": {"loose": 1}},
    ],
)
def test_a_misspelt_wish_is_refused_and_changes_nothing(merchant: Merchant, body: dict[str, Any]) -> None:
    reply = merchant.client.post("/_desk/mischief", json=body)
    assert (reply.status_code, bool(reply.get_json()["error"])) == (400, True)
    assert merchant.desk("GET", "/mischief") == {"api": [], "notices": {}, "platform": {}, "pushes": {}}


def test_a_knob_set_to_zero_is_taken_away(merchant: Merchant) -> None:
    merchant.desk("POST", "/mischief", {"notices": {"hold": True, "tamper": 3}})
    merchant.desk("POST", "/mischief", {"notices": {"hold": False, "tamper": 0}})
    assert merchant.desk("GET", "/mischief")["notices"] == {}
