"""The seed document's example for a scanned payment code: our answers have its shape, name by name."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.calling import INTENTS, new_buyer, nothing_changes, refused
from tests.api.test_seed_documents import golden, normalised
from tests.support.stack import RunningStack

CODE_PARAM: Final = "payment_method_data[wechat_pay][payment_code]"


def example_for(stack: RunningStack, **code: Any) -> tuple[str, dict[str, Any]]:
    """The example, with its code on the phone of a buyer that no other test knows."""
    example = golden("scan_code_waiting")
    told = code | {"code": example["request"]["payment_method_data"]["wechat_pay"]["payment_code"]}
    buyer: str = new_buyer(stack)["id"]
    stack.desk("POST", f"/buyers/{buyer}/payment_code", told)
    return buyer, example


def test_a_code_whose_buyer_has_to_type_the_pin_is_answered_as_printed(stack: RunningStack) -> None:
    buyer, example = example_for(stack, ask_pin=True)
    answer = stack.call("POST", INTENTS, example["request"])
    assert answer.status == 200
    assert normalised(answer.json()) == normalised(example["answer"])
    stack.desk("POST", f"/buyers/{buyer}/pin", {"out_trade_no": stack.out_trade_no(answer.json())})
    paid = stack.wait_status(answer.json()["id"], "succeeded")
    assert paid["amount_received"] == 10


@pytest.mark.parametrize("spelling", ["scan_code", "Scan_Code"])
def test_without_a_pin_the_same_request_is_paid_at_once(stack: RunningStack, spelling: str) -> None:
    """The document says in words: a payment without a password is made directly."""
    _, example = example_for(stack, ask_pin=False)
    request = example["request"]
    request["payment_method_options"]["wechat_pay"]["terminal_type"] = spelling
    answer = stack.api("POST", INTENTS, request)
    expected = normalised(example["answer"]) | {"status": "succeeded", "amount_received": 10}
    assert normalised(answer) == expected


@pytest.mark.parametrize(
    "code", ["13299361465609675", "1329936146560967540", "162993614656096754", "13299361465609675x"]
)
def test_a_code_that_no_phone_shows_is_refused_and_nothing_changes(stack: RunningStack, code: str) -> None:
    request = golden("scan_code_waiting")["request"]
    request["payment_method_data"]["wechat_pay"]["payment_code"] = code
    with nothing_changes(stack):
        error = refused(stack.call("POST", INTENTS, request), 400, "parameter_invalid", CODE_PARAM)
    assert "18 digits" in error["message"]
    assert code not in error["message"]


def test_a_scan_without_a_code_is_refused_by_name_and_nothing_changes(stack: RunningStack) -> None:
    request = golden("scan_code_waiting")["request"]
    del request["payment_method_data"]["wechat_pay"]
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, request), 400, "parameter_missing", CODE_PARAM)
