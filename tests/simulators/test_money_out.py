"""Transfers and profit sharing: as strict as WeChat, a number means one thing for ever, and no fen is given twice."""

from __future__ import annotations

from typing import Any

import pytest

from .merchant import MINI_PROGRAM, OFFICIAL_ACCOUNT, Merchant
from .refunding import NOWHERE, ask, books, refund

BILLS = "/v3/fund-app/mch-transfer/transfer-bills"
SHARING = "/v3/profitsharing"
SUPPLIER = "1900000110"
INFOS = [{"info_type": "岗位类型", "info_content": "外卖员"}, {"info_type": "报酬说明", "info_content": "六月"}]


def bill(merchant: Merchant, number: str = "bill1", **changes: Any) -> dict[str, Any]:
    """A request to give the default buyer five yuan; None leaves a member out."""
    body: dict[str, Any] = {
        "appid": MINI_PROGRAM, "out_bill_no": number, "transfer_scene_id": "1005",
        "openid": merchant.openids[MINI_PROGRAM], "transfer_amount": 500, "transfer_remark": "佣金",
        "transfer_scene_report_infos": INFOS, "notify_url": NOWHERE,
    }  # fmt: skip
    return {name: value for name, value in (body | changes).items() if value is not None}


def rich(merchant: Merchant) -> None:
    """Money to give away."""
    merchant.desk("POST", "/merchant", {"top_up": 10_000})


def held_back(merchant: Merchant) -> str:
    """The WeChat number of a paid order of ten yuan whose money is held back."""
    amount = {"total": 1000, "currency": "CNY"}
    prepay_id = merchant.place("order_0001", amount=amount, settle_info={"profit_sharing": True})
    merchant.desk("POST", "/sharings/rules", {"percent_max": 100})
    added = {"appid": OFFICIAL_ACCOUNT, "type": "MERCHANT_ID", "account": SUPPLIER, "relation_type": "SUPPLIER"}
    assert merchant.call("POST", f"{SHARING}/receivers/add", added).body["detail"]["field"] == "/name"
    merchant.desk("GET", "/sharings")
    return str(merchant.pay(merchant.params(prepay_id))["order"]["transaction_id"])


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"out_bill_no": "with-dash"}, 400, "PARAM_ERROR"),
        ({"out_bill_no": "x" * 33}, 400, "PARAM_ERROR"),
        ({"transfer_amount": 0}, 400, "PARAM_ERROR"),
        ({"transfer_amount": "500"}, 400, "PARAM_ERROR"),
        ({"transfer_remark": "长" * 33}, 400, "PARAM_ERROR"),
        ({"transfer_scene_id": "7"}, 400, "INVALID_REQUEST"),
        ({"transfer_scene_report_infos": INFOS[:1]}, 400, "PARAM_ERROR"),
        ({"transfer_amount": 200_000}, 400, "PARAM_ERROR"),
        ({"user_name": "not encrypted"}, 400, "PARAM_ERROR"),
        ({"transfer_amount": 29, "user_name": "x"}, 400, "PARAM_ERROR"),
        ({"openid": "oNobody"}, 400, "INVALID_REQUEST"),
        ({"appid": OFFICIAL_ACCOUNT}, 400, "INVALID_REQUEST"),
        ({"mchid": "1900000109"}, 400, "PARAM_ERROR"),
        ({"notify_url": "http://127.0.0.1:9/x?y=1"}, 400, "PARAM_ERROR"),
    ],
)
def test_a_wrong_transfer_is_refused_with_wechats_code(
    merchant: Merchant, changes: dict[str, Any], status: int, code: str
) -> None:
    rich(merchant)
    answer = merchant.call("POST", BILLS, bill(merchant, **changes))
    assert (answer.status, answer.body["code"]) == (status, code)
    assert merchant.desk("GET", "/transfers")["transfers"] == []


def test_a_number_is_one_transfer_whose_package_only_its_own_request_tells(merchant: Merchant) -> None:
    rich(merchant)
    first, again = (merchant.call("POST", BILLS, bill(merchant)).body for _ in range(2))
    assert first == again
    assert first["state"] == "WAIT_USER_CONFIRM"
    assert "package_info" not in merchant.call("GET", f"{BILLS}/out-bill-no/bill1").body
    changed = merchant.call("POST", BILLS, bill(merchant, transfer_amount=501))
    assert (changed.status, changed.body["code"]) == (400, "INVALID_REQUEST")
    assert merchant.call("GET", f"{BILLS}/out-bill-no/nosuch").body["code"] == "NOT_FOUND"
    assert books(merchant)["locked_for_transfers"] == 500


def test_money_that_is_not_there_is_given_to_nobody(merchant: Merchant) -> None:
    answer = merchant.call("POST", BILLS, bill(merchant))
    assert (answer.status, answer.body["code"]) == (403, "NOT_ENOUGH")
    rich(merchant)
    assert merchant.call("POST", BILLS, bill(merchant)).status == 200


def test_a_confirmed_transfer_is_given_once_and_cannot_be_canceled(merchant: Merchant) -> None:
    rich(merchant)
    package = merchant.call("POST", BILLS, bill(merchant)).body["package_info"]
    params = {"mchId": "1900000109", "appId": MINI_PROGRAM, "package": package}
    spoilt = merchant.desk("POST", "/buyers/buyer_1/confirm_transfer", {"params": params | {"package": "x"}})
    assert ":fail" in spoilt["err_msg"]
    before = merchant.desk("GET", "/buyers/buyer_1")["balance"]
    for expected in (":ok", ":fail nothing to confirm"):
        said = merchant.desk("POST", "/buyers/buyer_1/confirm_transfer", {"params": params})
        assert said["err_msg"].endswith(expected)
    merchant.call("GET", f"{BILLS}/out-bill-no/bill1")
    assert merchant.desk("GET", "/buyers/buyer_1")["balance"] - before == 500
    late = merchant.call("POST", f"{BILLS}/out-bill-no/bill1/cancel", headers={"Content-Type": "application/json"})
    assert (late.status, late.body["code"]) == (400, "INVALID_REQUEST")
    assert books(merchant)["transferred_total"] == 500


def test_a_receiver_has_to_be_added_and_a_part_is_given_once(merchant: Merchant) -> None:
    transaction_id = held_back(merchant)
    part = {"type": "MERCHANT_ID", "account": SUPPLIER, "amount": 300, "description": "货款"}
    wish: dict[str, Any] = {"transaction_id": transaction_id, "out_order_no": "share_1", "receivers": [part],
            "unfreeze_unsplit": False}  # fmt: skip
    unknown = merchant.call("POST", f"{SHARING}/orders", wish)
    assert (unknown.status, unknown.body["code"]) == (400, "INVALID_REQUEST")
    openid = merchant.openids[OFFICIAL_ACCOUNT]
    person = {"appid": OFFICIAL_ACCOUNT, "type": "PERSONAL_OPENID", "account": openid}
    assert merchant.call("POST", f"{SHARING}/receivers/add", person | {"relation_type": "STAFF"}).status == 200
    wish |= {"appid": OFFICIAL_ACCOUNT, "receivers": [part | {"type": "PERSONAL_OPENID", "account": openid}]}
    first, again = (merchant.call("POST", f"{SHARING}/orders", wish).body for _ in range(2))
    assert first == again
    assert first["receivers"][0]["result"] == "SUCCESS"
    changed = merchant.call("POST", f"{SHARING}/orders", wish | {"unfreeze_unsplit": True})
    assert changed.body["code"] == "INVALID_REQUEST"
    left = merchant.call("GET", f"{SHARING}/transactions/{transaction_id}/amounts").body
    assert left["unsplit_amount"] == 700
    much = merchant.call("POST", f"{SHARING}/orders", wish | {
        "out_order_no": "share_2", "receivers": [wish["receivers"][0] | {"amount": 701}],
    })  # fmt: skip
    assert much.body["code"] in {"RULE_LIMIT", "NOT_ENOUGH"}
    assert books(merchant)["shared_total"] == 300


def test_an_order_that_is_not_held_back_is_not_shared_and_one_that_is_is_refunded_as_any(merchant: Merchant) -> None:
    transaction_id = held_back(merchant)
    assert ask(merchant, refund(1000, total=1000)).status == 200
    released = {"transaction_id": transaction_id, "out_order_no": "finish_1", "description": "完结"}
    assert merchant.call("POST", f"{SHARING}/orders/unfreeze", released).body["state"] == "FINISHED"
    again = merchant.call("POST", f"{SHARING}/orders/unfreeze", released | {"out_order_no": "finish_2"})
    assert again.body["code"] == "INVALID_REQUEST"
