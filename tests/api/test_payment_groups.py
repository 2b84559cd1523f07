"""PaymentGroups over HTTP: the shape of the answer, who may ask, and what is wrong with a bad question."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.api.calling import form, nothing_changes, refused
from tests.api.idempotent_requests import GROUPS, group_body
from tests.api.test_seed_documents import GOLDEN
from tests.support.stack import RunningStack
from wxbackend.domain.payment_group import MEMBERS_MAX

NOBODY: Final = f"pi_{1:019d}"
OPTIONS: Final = "payment_method_options[wechat_pay]"
DIFFERS: Final = frozenset({
    "id", "created", "payment_intents", "payment_intent", "out_trade_no", "expires_at", "appId", "timeStamp",
    "nonceStr", "package", "paySign",
})  # fmt: skip


def masked(value: Any, name: str = "") -> Any:
    """The value without what differs each time, but with its kind."""
    if isinstance(value, dict):
        return {inner: masked(part, inner) for inner, part in value.items()}
    if isinstance(value, list):
        return [masked(part, name) for part in value]
    return type(value).__name__ if name in DIFFERS else value


def test_an_open_group_has_the_golden_shape(stack: RunningStack) -> None:
    group = stack.api("POST", GROUPS, group_body(stack))
    printed = json.loads((GOLDEN / "payment_group_opened.json").read_text(encoding="utf-8"))
    assert masked(group) == masked(printed)
    assert stack.api("GET", f"{GROUPS}/{group['id']}") == group
    for name in group["payment_intents"]:
        intent = stack.intent(name)
        assert (intent["payment_group"], intent["status"]) == (group["id"], "requires_action")
        assert "next_action" not in intent


def test_a_form_asks_for_a_group_as_json_does(stack: RunningStack) -> None:
    asked = group_body(stack)
    fields = {f"payment_intents[{place}]": name for place, name in enumerate(asked["payment_intents"])}
    fields["payment_method_data[type]"] = "wechat_pay"
    wechat_pay = asked["payment_method_options"]["wechat_pay"]
    fields |= {f"{OPTIONS}[{name}]": value for name, value in wechat_pay.items()}
    answer = form(stack, GROUPS, fields)
    assert answer.status == 200, answer.body
    assert answer.json()["payment_intents"] == asked["payment_intents"]


WRONG: Final[list[tuple[Callable[[dict[str, Any]], dict[str, Any]], str, str]]] = [
    (lambda body: body | {"payment_intents": None}, "parameter_invalid_empty", "payment_intents"),
    (lambda body: body | {"payment_intents": "pi_1"}, "parameter_invalid", "payment_intents"),
    (lambda body: body | {"payment_intents": [1, 2]}, "parameter_invalid", "payment_intents"),
    (lambda body: body | {"payment_intents": []}, "parameter_invalid", "payment_intents"),
    (lambda body: body | {"payment_intents": body["payment_intents"][:1]}, "parameter_invalid", "payment_intents"),
    (lambda body: body | {"payment_intents": [NOBODY] * (MEMBERS_MAX + 1)}, "parameter_invalid", "payment_intents"),
    (
        lambda body: body | {"payment_intents": body["payment_intents"][:1] * 2},
        "parameter_invalid",
        "payment_intents[1]",
    ),
    (lambda body: body | {"payment_method_data": None}, "parameter_invalid_empty", "payment_method_data"),
    (
        lambda body: {name: value for name, value in body.items() if name != "payment_method_data"},
        "parameter_missing",
        "payment_method_data",
    ),
    (
        lambda body: body | {"payment_method_data": {"type": "wechat_pay", "wechat_pay": {"payment_code": "1" * 18}}},
        "parameter_invalid",
        "payment_method_data[wechat_pay][payment_code]",
    ),
    (
        lambda body: body | {"payment_method_options": {"wechat_pay": {"terminal_type": "moon"}}},
        "parameter_invalid_enum",
        f"{OPTIONS}[terminal_type]",
    ),
    (
        lambda body: body | {"payment_method_options": {"wechat_pay": {"terminal_type": "mini_program"}}},
        "parameter_missing",
        f"{OPTIONS}[openid]",
    ),
    (lambda body: body | {"return_url": "ftp://x"}, "url_invalid", "return_url"),
    (lambda body: body | {"amount": 1}, "parameter_unknown", "amount"),
]


@pytest.mark.parametrize(("change", "code", "param"), WRONG)
def test_a_wrong_group_is_refused_by_name_and_nothing_is_done(
    stack: RunningStack, change: Callable[[dict[str, Any]], dict[str, Any]], code: str, param: str
) -> None:
    body = change(group_body(stack))
    with nothing_changes(stack):
        refused(stack.call("POST", GROUPS, body), 400, code, param)


def test_what_does_not_exist_is_not_found_by_its_place(stack: RunningStack) -> None:
    first = stack.create_intent()["id"]
    missing = group_body(stack, payment_intents=[first, NOBODY])
    misspelt = group_body(stack, payment_intents=[first, "pi_x"])
    with nothing_changes(stack):
        for body in (missing, misspelt):
            refused(stack.call("POST", GROUPS, body), 404, "resource_missing", "payment_intents[1]")
        for name in (f"pg_{1:019d}", "pg_x", "pi_1666625039547498496"):
            refused(stack.call("GET", f"{GROUPS}/{name}"), 404, "resource_missing", "id")
            refused(stack.call("POST", f"{GROUPS}/{name}/cancel", {}), 404, "resource_missing", "id")
        refused(stack.call("POST", f"{GROUPS}/pg_{1:019d}/cancel", {"why": "x"}), 400, "parameter_unknown", "why")


def test_a_member_names_its_group_when_it_is_asked_for_alone(stack: RunningStack) -> None:
    group = stack.api("POST", GROUPS, group_body(stack))
    name = group["payment_intents"][0]
    for act in ("confirm", "cancel"):
        answer = stack.call(
            "POST", f"/v1/payment_intents/{name}/{act}", stack.paying_with() if act == "confirm" else {}
        )
        error = refused(answer, 400, "payment_intent_in_group")
        assert group["id"] in error["message"]
    assert stack.api("POST", f"{GROUPS}/{group['id']}/cancel", {})["status"] == "canceled"
    assert stack.api("POST", f"/v1/payment_intents/{name}/cancel", {})["status"] == "canceled"


def test_only_the_merchants_server_may_ask(stack: RunningStack) -> None:
    body = group_body(stack)
    key = stack.publishable_key
    with nothing_changes(stack):
        assert stack.call("POST", GROUPS, body, key=key).status == 403
        assert stack.call("GET", f"{GROUPS}/pg_{1:019d}", key=key).status == 403
