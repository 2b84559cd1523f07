"""The seed document's JSON, for the two terminals that are served: our answers have its shape, name by name.

The files below golden/ hold the printed facts, with translated names and words put back and comments and trailing
commas dropped. What is printed in pounds is held as printed in test_seed_cross_border: here the same requests are made
in yuan, by a merchant at home. What is printed with MD5 is API v2's (journeys/test_api_v2.py); API v3 signs with RSA.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.calling import INTENTS
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

GOLDEN: Final = Path(__file__).parent / "golden"
MASK: Final = "(differs each time)"

# Normalisation 1: identifiers, times, secrets, signatures and what the caller happened to send.
MASKED: Final = frozenset({
    "id", "payment_method", "client_secret", "created", "timeStamp", "nonceStr", "package", "paySign", "appId",
    "openid", "client_ip", "os_type", "return_url",
})  # fmt: skip
# Normalisation 2: the name of the payment method is compared without regard to case; the document itself mixes both.
CASELESS: Final = "wechat_pay"
# Normalisation 3: pounds become yuan, MD5 becomes RSA, and its live account becomes our test account.
LATER: Final[dict[str, tuple[Any, Any]]] = {
    "currency": ("GBP", "CNY"),
    "signType": ("MD5", "RSA"),
    "livemode": (True, False),
}


def normalised(value: Any, name: str = "", later: dict[str, tuple[Any, Any]] = LATER) -> Any:
    """The value with everything masked that the lists above name; what is masked must still be there."""
    if isinstance(value, dict):
        return {inner: normalised(part, inner, later) for inner, part in value.items()}
    if isinstance(value, list):
        return [normalised(part, name, later) for part in value]
    if name in MASKED and value != "":
        return MASK
    if isinstance(value, str) and value.lower() == CASELESS:
        return CASELESS
    printed, ours = later.get(name, (None, None))
    return ours if value == printed else value


def golden(name: str) -> dict[str, Any]:
    """One transcribed example."""
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return found


def request_of(example: dict[str, Any], *, openid: str | None = None) -> dict[str, Any]:
    """The example's request in yuan, for a buyer whom the simulator knows."""
    request: dict[str, Any] = json.loads(json.dumps(example["request"]))
    request["currency"] = "CNY"
    if openid is not None:
        request["payment_method_options"]["wechat_pay"]["openid"] = openid
    return request


def test_an_official_account_confirm_without_openid_is_answered_as_printed(stack: RunningStack) -> None:
    example = golden("official_account_refused")
    answer = stack.call("POST", INTENTS, request_of(example))
    assert answer.status == 200
    assert normalised(answer.json()) == normalised(example["answer"])


def test_the_refused_intents_own_identifiers_agree_as_in_the_document(stack: RunningStack) -> None:
    for answer in (
        golden("official_account_refused")["answer"],
        stack.api("POST", INTENTS, request_of(golden("official_account_refused"))),
    ):
        assert answer["client_secret"].startswith(f"{answer['id']}_secret_")
        assert answer["last_payment_error"]["payment_method"]["id"] == answer["payment_method"]
        assert answer["created"] % 1000 == 0
        assert len(answer["id"]) == len("pi_1666626536515567616")


def test_a_mini_program_order_is_answered_as_printed(stack: RunningStack) -> None:
    example = golden("mini_program_opened")
    answer = stack.call("POST", INTENTS, request_of(example, openid=stack.openid(MINI_PROGRAM)))
    assert answer.status == 200
    assert normalised(answer.json()) == normalised(example["answer"])


def test_an_official_account_order_holds_the_six_members_of_the_printed_bridge_call(stack: RunningStack) -> None:
    """The document prints no success answer; it names the field and calls the bridge with these members."""
    answer = stack.api(
        "POST", INTENTS, request_of(golden("official_account_refused"), openid=stack.openid(OFFICIAL_ACCOUNT))
    )
    printed = golden("official_account_bridge_call")["next_action"]
    assert answer["status"] == "requires_action"
    assert normalised(answer["next_action"]) == normalised(printed)
    expected = golden("mini_program_opened")["answer"]
    assert set(answer) == set(expected)
    assert answer["payment_method_options"]["wechat_pay"]["terminal_type"] == "official_account"


@pytest.mark.parametrize("terminal", ["official_account", "mini_program"])
def test_the_cashier_accepts_what_the_answer_holds(stack: RunningStack, terminal: str) -> None:
    intent = stack.confirmed_intent(terminal, amount=20)
    assert stack.pay(intent)["err_msg"].endswith(":ok")
    paid = stack.wait_status(intent["id"], "succeeded")
    assert paid["amount_received"] == 20
    assert "next_action" not in paid


@pytest.mark.parametrize("spelling", ["OFFICIAL_ACCOUNT", "Official_Account", "official_account"])
def test_terminal_types_are_read_in_any_case_and_echoed_in_the_documents(stack: RunningStack, spelling: str) -> None:
    intent = stack.create_intent(**stack.paying_with("official_account", terminal_type=spelling))
    assert intent["payment_method_options"]["wechat_pay"]["terminal_type"] == "official_account"


@pytest.mark.parametrize("url", ["https://wooshpay.com", "https://yourweb.com", "yourwebsite", "www.baidu.com"])
def test_return_urls_are_taken_as_the_documents_write_them(stack: RunningStack, url: str) -> None:
    assert stack.create_intent(return_url=url)["return_url"] == url
