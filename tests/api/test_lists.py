"""Lists and search: newest first, cursors in both directions, and the four fields that SDKs page by."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from tests.api.calling import INTENTS, nothing_changes, raw, refused
from tests.support.stack import RunningStack

MADE: Final = 7


@pytest.fixture(scope="module")
def order(shared_stack: RunningStack) -> tuple[str, list[str]]:
    """A merchant's order number and its intents, newest first; other intents lie between them."""
    number = f"order-{uuid.uuid4()}"
    made = []
    for amount in range(1, MADE + 1):
        made.append(shared_stack.create_intent(amount=amount, merchant_order_id=number)["id"])
        shared_stack.create_intent(amount=amount, merchant_order_id=f"{number}x")
    return number, made[::-1]


def page(stack: RunningStack, **query: Any) -> dict[str, Any]:
    """One page, whose envelope is held to what SDKs need."""
    found = stack.api("GET", f"{INTENTS}?{urlencode(query)}")
    assert set(found) == {"object", "url", "has_more", "data"}
    assert (found["object"], found["url"]) == ("list", INTENTS)
    return found


def ids(found: dict[str, Any]) -> list[str]:
    """The identifiers of a page."""
    return [intent["id"] for intent in found["data"]]


def test_a_list_is_newest_first(stack: RunningStack, order: tuple[str, list[str]]) -> None:
    number, made = order
    found = page(stack, merchant_order_id=number)
    assert ids(found) == made
    assert found["has_more"] is False


def test_a_listed_intent_is_the_retrieved_one(stack: RunningStack) -> None:
    intent = stack.confirmed_intent()
    assert page(stack, limit=1)["data"] == [stack.intent(intent["id"])]


def test_ten_are_listed_when_no_limit_is_named(stack: RunningStack) -> None:
    for _ in range(11):
        stack.create_intent()
    found = page(stack)
    assert len(found["data"]) == 10
    assert found["has_more"] is True


@pytest.mark.parametrize("limit", [1, 3, MADE, 100])
def test_pages_joined_are_the_whole_list_in_both_directions(
    stack: RunningStack, order: tuple[str, list[str]], limit: int
) -> None:
    number, made = order
    forward: list[str] = []
    more, cursor = True, dict[str, str]()
    while more:
        found = page(stack, merchant_order_id=number, limit=limit, **cursor)
        forward += ids(found)
        more, cursor = found["has_more"], {"starting_after": forward[-1]}
    assert forward == made
    backward, more, cursor = [made[-1]], True, {"ending_before": made[-1]}
    while more:
        found = page(stack, merchant_order_id=number, limit=limit, **cursor)
        backward = ids(found) + backward
        more, cursor = found["has_more"], {"ending_before": backward[0]}
    assert backward == made


def test_a_page_before_the_newest_and_after_the_oldest_is_empty(
    stack: RunningStack, order: tuple[str, list[str]]
) -> None:
    number, made = order
    for cursor in ({"ending_before": made[0]}, {"starting_after": made[-1]}):
        found = page(stack, merchant_order_id=number, **cursor)
        assert (found["data"], found["has_more"]) == ([], False)


def test_a_new_intent_does_not_shift_a_page_that_is_being_read(
    stack: RunningStack, order: tuple[str, list[str]]
) -> None:
    number, made = order
    first = page(stack, limit=2)
    stack.create_intent()
    second = page(stack, limit=2, starting_after=ids(first)[-1])
    assert not set(ids(first)) & set(ids(second))
    assert ids(page(stack, merchant_order_id=number)) == made


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("limit=0", "parameter_invalid_integer", "limit"),
        ("limit=101", "parameter_invalid_integer", "limit"),
        ("limit=-1", "parameter_invalid_integer", "limit"),
        ("limit=ten", "parameter_invalid_integer", "limit"),
        ("limit=1.5", "parameter_invalid_integer", "limit"),
        ("limit=", "parameter_invalid_integer", "limit"),
        ("limit=1&limit=2", "parameter_duplicate", "limit"),
        ("page=1", "parameter_unknown", "page"),
        ("status=succeeded", "parameter_unknown", "status"),
        ("created=yesterday", "parameter_invalid_integer", "created"),
        ("created[since]=1", "parameter_unknown", "created[since]"),
        ("created[gte]=1.5", "parameter_invalid_integer", "created[gte]"),
        ("created[gte]=99999999999999999999", "parameter_invalid_integer", "created[gte]"),
        ("merchant_order_id=" + "a" * 129, "parameter_too_long", "merchant_order_id"),
        ("starting_after=", "parameter_invalid_empty", "starting_after"),
        ("limit=%FF", "form_invalid", None),
        ("limit=1%00", "text_invalid", None),
    ],
)
def test_a_wrong_list_parameter_is_named(stack: RunningStack, query: str, code: str, param: str | None) -> None:
    with nothing_changes(stack):
        refused(stack.call("GET", f"{INTENTS}?{query}"), 400, code, param)


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_a_cursor_must_be_an_identifier_of_the_kind(stack: RunningStack, name: str) -> None:
    for wrong in ("evt_1666625039547498496", "1", "pi_x", "pi_9999999999999999999"):
        refused(stack.call("GET", f"{INTENTS}?{name}={wrong}"), 404, "resource_missing", name)


def test_two_cursors_contradict_each_other(stack: RunningStack) -> None:
    intent = stack.create_intent()["id"]
    answer = stack.call("GET", f"{INTENTS}?starting_after={intent}&ending_before={intent}")
    refused(answer, 400, "parameters_exclusive", "ending_before")


def test_created_is_filtered_in_milliseconds_and_in_seconds(stack: RunningStack) -> None:
    intent = stack.create_intent(merchant_order_id=f"order-{uuid.uuid4()}")
    number, shown, second = intent["merchant_order_id"], intent["created"], intent["created"] // 1000
    inside = [
        {"gte": moment} | extra
        for moment in (shown, second, shown - 999)
        for extra in ({}, {"lte": moment + 1000}, {"gt": moment - 1000}, {"lt": moment + 1001})
    ]
    inside += [
        {"lte": shown},
        {"lte": second},
        {"gt": shown - 1},
        {"gt": second - 1},
        {"lt": shown + 1},
        {"lt": second + 1},
    ]
    outside = [{"gte": shown + 1}, {"gte": second + 1}, {"lte": shown - 1}, {"lte": second - 1}]
    outside += [{"gt": shown}, {"gt": second}, {"lt": shown}, {"lt": second}]
    for bounds, expected in [*((b, [intent["id"]]) for b in inside), *((b, []) for b in outside)]:
        query = {f"created[{name}]": value for name, value in bounds.items()}
        assert ids(page(stack, merchant_order_id=number, **query)) == expected, bounds


def test_created_may_be_one_exact_moment(stack: RunningStack) -> None:
    """As SDKs send it: what an intent shows as its `created`, or that second."""
    intent = stack.create_intent(merchant_order_id=f"order-{uuid.uuid4()}")
    number = intent["merchant_order_id"]
    for moment in (intent["created"], intent["created"] // 1000):
        assert ids(page(stack, merchant_order_id=number, created=moment)) == [intent["id"]]
        assert ids(page(stack, merchant_order_id=number, created=moment + 1000)) == []


def test_several_bounds_must_all_hold(stack: RunningStack) -> None:
    intent = stack.create_intent(merchant_order_id=f"order-{uuid.uuid4()}")
    number, second = intent["merchant_order_id"], intent["created"] // 1000
    query = {"created[gte]": second - 10, "created[gt]": second}
    assert ids(page(stack, merchant_order_id=number, **query)) == []
    query = {"created[lte]": second + 10, "created[lt]": second}
    assert ids(page(stack, merchant_order_id=number, **query)) == []


def test_list_parameters_may_come_as_a_json_body(stack: RunningStack, order: tuple[str, list[str]]) -> None:
    number, made = order
    body = json.dumps({"merchant_order_id": number, "limit": 2, "created": {"gte": 1}}).encode()
    by_body = raw(stack, INTENTS, body, "application/json", method="GET")
    assert ids(by_body.json()) == made[:2]
    over = raw(stack, f"{INTENTS}?limit=1", body, "application/json", method="GET")
    assert ids(over.json()) == made[:1]
    refused(raw(stack, INTENTS, b"{", "application/json", method="GET"), 400, "json_invalid")


def test_encoded_brackets_in_a_query_are_read(stack: RunningStack) -> None:
    intent = stack.create_intent()
    found = stack.api(
        "GET", f"{INTENTS}?created%5Bgte%5D={intent['created'] // 1000}&limit=1&expand%5B0%5D=data.customer"
    )
    assert ids(found) == [intent["id"]]


# --- search -------------------------------------------------------------------------------------


def search(stack: RunningStack, query: str, **more: Any) -> dict[str, Any]:
    """A search that must go well."""
    return stack.api("GET", f"{INTENTS}/search?query={quote(query)}&{urlencode(more)}")


@pytest.mark.parametrize("spelling", ["merchant_order_id:'{}'", 'merchant_order_id:"{}"', " merchant_order_id : '{}' "])
def test_a_search_by_order_number_finds_exactly_its_intents(
    stack: RunningStack, order: tuple[str, list[str]], spelling: str
) -> None:
    number, made = order
    found = search(stack, spelling.format(number))
    assert ids(found) == made
    assert (found["object"], found["url"]) == ("search_result", f"{INTENTS}/search")
    assert (found["has_more"], found["next_page"]) == (False, None)


def test_search_pages_join_to_the_whole(stack: RunningStack, order: tuple[str, list[str]]) -> None:
    number, made = order
    seen: list[str] = []
    found = search(stack, f"merchant_order_id:'{number}'", limit=3)
    while True:
        seen += ids(found)
        if not found["has_more"]:
            break
        found = search(stack, f"merchant_order_id:'{number}'", limit=3, page=found["next_page"])
    assert seen == made


def test_a_search_that_finds_nothing_is_an_empty_result(stack: RunningStack) -> None:
    assert search(stack, "merchant_order_id:'nobody has this'")["data"] == []


@pytest.mark.parametrize(
    "query",
    ["order1234", "merchant_order_id:order1234", "merchant_order_id:'a", "merchant_order_id:''", "amount:'1'",
     "merchant_order_id:'a' AND amount:'1'", "merchant_order_id:'a\"", "merchant_order_id:'" + "a" * 129 + "'"],
)  # fmt: skip
def test_a_query_that_is_not_understood_says_how_one_looks(stack: RunningStack, query: str) -> None:
    error = refused(stack.call("GET", f"{INTENTS}/search?query={quote(query)}"), 400, "parameter_invalid", "query")
    assert "merchant_order_id:'order1234'" in error["message"]


def test_a_search_needs_its_query(stack: RunningStack) -> None:
    refused(stack.call("GET", f"{INTENTS}/search"), 400, "parameter_missing", "query")
    refused(
        stack.call("GET", f"{INTENTS}/search?query=merchant_order_id:'a'&limit=0"),
        400,
        "parameter_invalid_integer",
        "limit",
    )
    refused(stack.call("GET", f"{INTENTS}/search?query=merchant_order_id:'a'&page=2"), 404, "resource_missing", "page")
