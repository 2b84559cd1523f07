"""Money that goes out: what is wrong is named by its parameter, and then nothing has changed."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.calling import form, nothing_changes, refused
from tests.api.idempotent_requests import RECEIVER, RECEIVERS, RETURNS, SHARINGS, TRANSFERS, transfer_body
from tests.support.stack import MINI_PROGRAM, RunningStack

NOBODY: Final = f"pi_{1:019d}"
PART: Final = {"type": "merchant", "account": "1900000110", "amount": 1, "description": "x"}

TRANSFER_FAULTS: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"amount": None}, "parameter_invalid_empty", "amount"),
    ({"amount": 1.5}, "parameter_invalid_integer", "amount"),
    ({"amount": 0}, "amount_too_small", "amount"),
    ({"currency": "USD"}, "transfer_currency_mismatch", "currency"),
    ({"description": "x" * 33}, "parameter_too_long", "description"),
    ({"description": "😀"}, "parameter_invalid_string", "description"),
    ({"scene": "9999"}, "parameter_invalid", "scene"),
    ({"scene_report": []}, "parameter_invalid", "scene_report"),
    ({"scene_report": "x"}, "parameter_invalid", "scene_report"),
    ({"scene_report": [{"type": "岗位类型"}]}, "parameter_missing", "scene_report[0][content]"),
    ({"scene_report": [{"type": "岗位类型", "content": "x"}]}, "parameter_invalid", "scene_report"),
    ({"destination": "x"}, "parameter_invalid", "destination"),
    ({"destination": {"app_id": MINI_PROGRAM}}, "parameter_missing", "destination[openid]"),
    ({"destination": {"openid": "o"}}, "parameter_missing", "destination[app_id]"),
    ({"destination": {"openid": "o", "app_id": "wx0"}}, "parameter_invalid", "destination[app_id]"),
    ({"amount": 200_000}, "parameter_missing", "destination[name]"),
    ({"unknown": "x"}, "parameter_unknown", "unknown"),
]
SHARING_FAULTS: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({}, "parameter_missing", "receivers"),
    ({"receivers": []}, "parameter_invalid", "receivers"),
    ({"receivers": [PART] * 51}, "parameter_invalid", "receivers"),
    ({"receivers": [PART, PART]}, "parameter_duplicate", "receivers"),
    ({"receivers": [PART | {"type": "dog"}]}, "parameter_invalid_enum", "receivers[0][type]"),
    ({"receivers": [PART | {"amount": 0}]}, "parameter_invalid_integer", "receivers[0][amount]"),
    ({"receivers": [PART | {"amount": "x"}]}, "parameter_invalid_integer", "receivers[0][amount]"),
    ({"receivers": [PART | {"x": 1}]}, "parameter_unknown", "receivers[0][x]"),
    ({"finish": "maybe"}, "parameter_invalid_boolean", "finish"),
]


@pytest.mark.parametrize(("wrong", "code", "param"), TRANSFER_FAULTS)
def test_a_wrong_transfer_is_refused_by_name(stack: RunningStack, wrong: dict[str, Any], code: str, param: str) -> None:
    body = transfer_body(stack, 300) | wrong
    with nothing_changes(stack):
        refused(stack.call("POST", TRANSFERS, body), 400, code, param)


@pytest.mark.parametrize(("wrong", "code", "param"), SHARING_FAULTS)
def test_a_wrong_sharing_is_refused_by_name(stack: RunningStack, wrong: dict[str, Any], code: str, param: str) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", SHARINGS, {"payment_intent": NOBODY} | wrong), 400, code, param)


def test_what_does_not_exist_is_not_found(stack: RunningStack) -> None:
    number = f"{1:019d}"
    part = {"receiver": "1900000110", "amount": 1, "description": "x"}
    with nothing_changes(stack):
        refused(stack.call("GET", f"{TRANSFERS}/tr_{number}"), 404, "resource_missing", "id")
        refused(stack.call("POST", f"{TRANSFERS}/tr_{number}/cancel", {}), 404, "resource_missing", "id")
        refused(stack.call("GET", f"{SHARINGS}/ps_{number}"), 404, "resource_missing", "id")
        refused(stack.call("GET", f"{RETURNS}/psr_{number}"), 404, "resource_missing", "id")
        refused(
            stack.call("POST", RETURNS, part | {"profit_sharing": f"ps_{number}"}), 404, "resource_missing",
            "profit_sharing",
        )  # fmt: skip
        refused(stack.call("POST", SHARINGS, {"payment_intent": NOBODY, "finish": True}), 404, "resource_missing", "id")


def test_an_unpaid_payment_and_one_that_is_not_to_be_shared_say_so(stack: RunningStack) -> None:
    unpaid = stack.create_intent()["id"]
    with nothing_changes(stack):
        answer = stack.call("POST", SHARINGS, {"payment_intent": unpaid, "finish": True})
        refused(answer, 400, "profit_sharing_not_possible", "payment_intent")


def test_a_buyers_key_can_move_no_money_and_decide_about_no_sharing(stack: RunningStack) -> None:
    key, intent = stack.publishable_key, stack.create_intent()
    with nothing_changes(stack):
        for path, body in {
            TRANSFERS: transfer_body(stack, 300),
            SHARINGS: {"payment_intent": intent["id"], "finish": True},
            RETURNS: {"profit_sharing": f"ps_{1:019d}", "receiver": "1", "amount": 1, "description": "x"},
            RECEIVERS: RECEIVER,
        }.items():
            assert stack.call("POST", path, body, key=key).status == 403, path
        answer = stack.call(
            "POST", f"/v1/payment_intents/{intent['id']}/confirm",
            {"payment_method_options": {"wechat_pay": {"profit_sharing": True}}},
            key=key, headers={"Client-Secret": intent["client_secret"]},
        )  # fmt: skip
        refused(answer, 400, "parameter_unknown", "payment_method_options[wechat_pay][profit_sharing]")


def test_a_transfer_can_be_asked_for_by_form(stack: RunningStack) -> None:
    stack.desk("POST", "/merchant", {"top_up": 1_000})
    body = transfer_body(stack, 300)
    fields = {
        "amount": "300", "currency": "CNY", "description": "June", "scene": "1005",
        "destination[openid]": body["destination"]["openid"], "destination[app_id]": MINI_PROGRAM,
    }  # fmt: skip
    for place, info in enumerate(body["scene_report"]):
        fields |= {f"scene_report[{place}][{name}]": value for name, value in info.items()}
    made = form(stack, TRANSFERS, fields)
    assert (made.status, made.json()["status"]) == (200, "requires_action"), made.body
