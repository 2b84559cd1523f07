"""Refunds over HTTP: what is wrong is refused by its name and changes nothing; lists and cancels say what is true."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.calling import nothing_changes, refused
from tests.api.refunding import REFUNDS, abnormal_refund, ended, paid_intent, queued_refund, refund_of
from tests.support.stack import RunningStack
from wxbackend.api import field_types
from wxbackend.domain.intent import METADATA_NAMES_MAX
from wxbackend.domain.money import AMOUNT_MINOR_UNITS_MAX

MISSING, UNKNOWN, NULL, TEXT, LONG, STRUCTURE, ENUM, INTEGER = (
    "parameter_missing", "parameter_unknown", "parameter_invalid_empty", "parameter_invalid_string",
    "parameter_too_long", "parameter_invalid", "parameter_invalid_enum", "parameter_invalid_integer",
)  # fmt: skip
NOBODYS: Final = f"{1:019d}"
CREATE: Final[list[tuple[dict[str, Any], int, str, str]]] = [
    ({"payment_intent": None}, 400, NULL, "payment_intent"),
    ({"payment_intent": ""}, 400, NULL, "payment_intent"),
    ({"payment_intent": 7}, 400, TEXT, "payment_intent"),
    ({"payment_intent": f"pi_{NOBODYS}"}, 404, "resource_missing", "id"),
    ({"payment_intent": "pi_1"}, 404, "resource_missing", "payment_intent"),
    ({"payment_intent": f"re_{NOBODYS}"}, 404, "resource_missing", "payment_intent"),
    ({"amount": 0}, 400, "amount_too_small", "amount"),
    ({"amount": -1}, 400, "amount_too_small", "amount"),
    ({"amount": 2001}, 400, "amount_too_large", "amount"),
    ({"amount": AMOUNT_MINOR_UNITS_MAX + 1}, 400, "amount_too_large", "amount"),
    ({"amount": 1.5}, 400, INTEGER, "amount"),
    ({"amount": "1.50"}, 400, INTEGER, "amount"),
    ({"amount": True}, 400, INTEGER, "amount"),
    ({"amount": None}, 400, NULL, "amount"),
    ({"reason": "bored"}, 400, ENUM, "reason"),
    ({"reason": 7}, 400, TEXT, "reason"),
    ({"metadata": "x"}, 400, STRUCTURE, "metadata"),
    ({"metadata": {"a": {"b": "c"}}}, 400, TEXT, "metadata[a]"),
    ({"metadata": {"a": "b" * (field_types.METADATA_VALUE_CHARACTERS_MAX + 1)}}, 400, LONG, "metadata[a]"),
    ({"metadata": {f"name{n}": "x" for n in range(METADATA_NAMES_MAX + 1)}}, 400, LONG, "metadata"),
    ({"charge": "ch_1"}, 400, UNKNOWN, "charge"),
    ({"currency": "CNY"}, 400, UNKNOWN, "currency"),
    ({"out_refund_no": "7"}, 400, UNKNOWN, "out_refund_no"),
]  # fmt: skip
CARDS: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"holder": None}, NULL, "holder"),
    ({"holder": ""}, NULL, "holder"),
    ({"holder": "nobody"}, ENUM, "holder"),
    ({"bank": None}, NULL, "bank"),
    ({"bank": "HSBC"}, ENUM, "bank"),
    ({"bank": "B" * 17}, LONG, "bank"),
    ({"number": "62220000 0000"}, STRUCTURE, "number"),
    ({"number": "1234567"}, STRUCTURE, "number"),
    ({"number": 6222000000000000007}, TEXT, "number"),
    ({"name": ""}, NULL, "name"),
    ({"name": "小😀"}, TEXT, "name"),
    ({"name": "n" * 65}, LONG, "name"),
    ({"holder": "merchant"}, STRUCTURE, "bank"),
    ({"card": "x"}, UNKNOWN, "card"),
]  # fmt: skip
ACTIONS: Final[dict[str, dict[str, Any]]] = {
    "": {"metadata": {"a": "b"}}, "/cancel": {}, "/send_to_card": {"holder": "merchant"},
}  # fmt: skip
CARD: Final = {"holder": "buyer", "bank": "ICBC", "number": "6222000000000000007", "name": "小明"}


@pytest.fixture(scope="module")
def sold(shared_stack: RunningStack) -> dict[str, Any]:
    """A payment that nobody refunds."""
    return paid_intent(shared_stack)


@pytest.fixture(scope="module")
def stuck(shared_stack: RunningStack) -> dict[str, Any]:
    """A refund that stays abnormal."""
    return abnormal_refund(shared_stack)


@pytest.mark.parametrize(
    ("wrong", "said"), [(wrong, tuple(said)) for wrong, *said in CREATE], ids=lambda value: repr(value)[:50]
)
def test_a_wrong_parameter_of_a_refund_is_named_and_nothing_changes(
    stack: RunningStack, sold: dict[str, Any], wrong: dict[str, Any], said: tuple[int, str, str]
) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", REFUNDS, {"payment_intent": sold["id"]} | wrong), *said)


def test_a_refund_without_a_payment_is_refused(stack: RunningStack) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", REFUNDS, {"amount": 1}), 400, MISSING, "payment_intent")
        refused(stack.call("POST", REFUNDS), 400, MISSING, "payment_intent")


def test_what_was_not_paid_is_not_refunded(stack: RunningStack) -> None:
    intents = [stack.create_intent(), stack.confirmed_intent()]
    with nothing_changes(stack):
        for intent in intents:
            answer = stack.call("POST", REFUNDS, {"payment_intent": intent["id"]})
            refused(answer, 400, "charge_not_refundable", "payment_intent")


def test_a_refund_is_the_merchants_alone(stack: RunningStack, stuck: dict[str, Any]) -> None:
    path = f"{REFUNDS}/{stuck['id']}"
    with nothing_changes(stack):
        for method, where in (("GET", path), ("POST", f"{path}/cancel"), ("POST", f"{path}/send_to_card")):
            body = {"holder": "merchant"} if "card" in where else None
            assert stack.call(method, where, body, key=stack.publishable_key).status == 403
            assert stack.call(method, where, body, key="").status == 401


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize("number", [f"re_{NOBODYS}", "re_x", f"pi_{NOBODYS}"])
def test_a_refund_that_nobody_made_is_not_found(stack: RunningStack, action: str, number: str) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", f"{REFUNDS}/{number}{action}", ACTIONS[action]), 404, "resource_missing", "id")


@pytest.mark.parametrize(("wrong", "code", "param"), CARDS, ids=lambda value: repr(value)[:50])
def test_a_wrong_card_is_named_and_nothing_is_sent(
    stack: RunningStack, stuck: dict[str, Any], wrong: dict[str, Any], code: str, param: str
) -> None:
    with nothing_changes(stack):
        refused(stack.call("POST", f"{REFUNDS}/{stuck['id']}/send_to_card", CARD | wrong), 400, code, param)


@pytest.mark.parametrize("missing", sorted(CARD))
def test_a_buyers_card_needs_all_its_parts(stack: RunningStack, stuck: dict[str, Any], missing: str) -> None:
    told = {name: value for name, value in CARD.items() if name != missing}
    with nothing_changes(stack):
        refused(stack.call("POST", f"{REFUNDS}/{stuck['id']}/send_to_card", told), 400, MISSING, missing)


def test_an_abnormal_refund_is_told_and_sent_to_a_card(stack: RunningStack) -> None:
    refund = abnormal_refund(stack)
    assert refund["next_action"]["type"] == "send_to_card"
    paid = {"id": refund["payment_intent"]}
    stack.wait_for(lambda: refund in [told["subject"] for told in stack.webhooks(paid)], "the shop to hear of it")
    sent = stack.api("POST", f"{REFUNDS}/{refund['id']}/send_to_card", CARD)
    assert sent["status"] == "pending"
    assert "next_action" not in sent
    ended(stack, refund)
    assert stack.desk("GET", f"/refunds/{refund['id'].removeprefix('re_')}")["channel"] == "OTHER_BANKCARD"


def test_a_queued_refund_says_when_it_goes_and_is_taken_back(stack: RunningStack) -> None:
    intent = paid_intent(stack)
    queued = queued_refund(stack, intent, amount=1900)
    assert queued["status"] == "pending"
    assert queued["sends_at"] > queued["created"] + 3_000_000
    with nothing_changes(stack):
        answer = stack.call("POST", REFUNDS, {"payment_intent": intent["id"], "amount": 1})
        refused(answer, 400, "charge_already_refunded")
        refused(stack.call("POST", f"{REFUNDS}/{queued['id']}/cancel", {"why": "x"}), 400, UNKNOWN, "why")
    canceled = stack.api("POST", f"{REFUNDS}/{queued['id']}/cancel")
    assert (canceled["status"], canceled["failure_reason"]) == ("canceled", "merchant_request")
    with nothing_changes(stack):
        refused(stack.call("POST", f"{REFUNDS}/{queued['id']}/cancel"), 400, "status_transition_invalid")
    again = refund_of(stack, intent, amount=1900)
    assert again["pending_reason"] == "queued"
    assert stack.api("POST", f"{REFUNDS}/{again['id']}", {"metadata": {"a": "b"}})["metadata"] == {"a": "b"}
    books = stack.desk("GET", f"/refunds?out_trade_no={stack.out_trade_no(intent)}")["refunds"]
    assert [entry["amount"]["refund"] for entry in books] == [100]


def test_a_refund_that_was_sent_is_not_taken_back(stack: RunningStack) -> None:
    refund = refund_of(stack, paid_intent(stack))
    error = refused(stack.call("POST", f"{REFUNDS}/{refund['id']}/cancel"), 400, "status_transition_invalid")
    assert "sent already" in error["message"]
    ended(stack, refund)


def listed(stack: RunningStack, query: str) -> list[str]:
    """Identifiers of a list of refunds."""
    found = stack.api("GET", f"{REFUNDS}?{query}")
    assert (found["object"], found["url"]) == ("list", REFUNDS)
    return [refund["id"] for refund in found["data"]]


def test_a_list_is_narrowed_by_payment_status_and_time_and_paged(stack: RunningStack) -> None:
    intent = paid_intent(stack)
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0})
    parts = [ended(stack, refund_of(stack, intent, amount=10)) for _ in range(3)]
    newest_first = [refund["id"] for refund in reversed(parts)]
    mine = f"payment_intent={intent['id']}"
    assert listed(stack, mine) == newest_first
    assert listed(stack, f"{mine}&status=succeeded") == newest_first
    assert listed(stack, f"{mine}&status=SUCCEEDED&limit=2") == newest_first[:2]
    assert listed(stack, f"{mine}&starting_after={newest_first[1]}") == newest_first[2:]
    assert listed(stack, f"{mine}&ending_before={newest_first[1]}") == newest_first[:1]
    for status in ("pending", "requires_action", "failed", "canceled"):
        assert listed(stack, f"{mine}&status={status}") == []
    first = parts[0]["created"]
    assert listed(stack, f"{mine}&created[lt]={first}") == []
    assert listed(stack, f"{mine}&created[gte]={first}") == newest_first
    assert stack.api("GET", f"{REFUNDS}?{mine}&limit=2")["has_more"] is True
    assert stack.api("GET", f"{REFUNDS}?{mine}&limit=3")["has_more"] is False


def test_a_list_of_one_status_holds_just_those(stack: RunningStack, stuck: dict[str, Any]) -> None:
    assert stuck["id"] in listed(stack, "status=requires_action&limit=100")
    queued = queued_refund(stack)
    assert queued["id"] in listed(stack, "status=pending&limit=100")
    stack.api("POST", f"{REFUNDS}/{queued['id']}/cancel")
    assert queued["id"] in listed(stack, "status=canceled&limit=100")


@pytest.mark.parametrize(
    ("query", "status", "code", "param"),
    [
        ("status=refunded", 400, ENUM, "status"),
        ("status=", 400, NULL, "status"),
        ("limit=0", 400, INTEGER, "limit"),
        ("payment_intent=", 400, NULL, "payment_intent"),
        ("payment_intent=pi_x", 404, "resource_missing", "payment_intent"),
        ("starting_after=pi_1", 404, "resource_missing", "starting_after"),
        ("created[gte]=soon", 400, INTEGER, "created[gte]"),
        ("charge=ch_1", 400, UNKNOWN, "charge"),
    ],
)
def test_a_wrong_question_is_refused_by_its_name(
    stack: RunningStack, query: str, status: int, code: str, param: str
) -> None:
    refused(stack.call("GET", f"{REFUNDS}?{query}"), status, code, param)
