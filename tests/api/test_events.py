"""Events over HTTP: listed, read with their frozen bytes, waited for, sent again; and every try of a delivery."""

from __future__ import annotations

import threading
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import pytest
import stripe

from tests.api.calling import form, nothing_changes, refused
from tests.support.stack import RunningStack

PATH: Final = "/v1/events"
CREATED: Final = "payment_intent.created"
SHOP: Final = "we_demo_shop"
NOBODY: Final = "evt_1000000000000000000"


def event_of(stack: RunningStack, intent: dict[str, Any], kind: str = CREATED) -> dict[str, Any]:
    """The event about an intent as the list shows it."""
    found = stack.api("GET", f"{PATH}?{urlencode({'type': kind, 'limit': 100})}")["data"]
    (event,) = [event for event in found if event["data"]["object"]["id"] == intent["id"]]
    return dict(event)


def told(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any]:
    """The event about an intent once the shop was told of it."""
    event = event_of(stack, intent)
    stack.wait_for(lambda: read(stack, event)["pending_webhooks"] == 0, "the shop to be told")
    return event


def read(stack: RunningStack, event: dict[str, Any]) -> dict[str, Any]:
    """The event as it is retrieved."""
    return stack.api("GET", f"{PATH}/{event['id']}")


def deliveries(stack: RunningStack, event: dict[str, Any]) -> list[dict[str, Any]]:
    """The event's deliveries, newest first."""
    found = stack.api("GET", f"{PATH}/{event['id']}/deliveries")
    assert (found["object"], found["has_more"], found["url"]) == ("list", False, f"{PATH}/{event['id']}/deliveries")
    return list(found["data"])


def test_an_event_is_read_with_the_bytes_it_was_frozen_in(stack: RunningStack) -> None:
    intent = stack.create_intent(description="茶", metadata={"b": "1", "a": "2"})
    event = told(stack, intent)
    frozen = stack.rows("SELECT body FROM events WHERE id = ?", int(event["id"].removeprefix("evt_")))[0]["body"]
    body = stack.call("GET", f"{PATH}/{event['id']}").body
    assert body == frozen[:-1] + b',"pending_webhooks":0}'
    assert frozen[:-1] in stack.call("GET", f"{PATH}?limit=100").body
    stack.api("POST", f"/v1/payment_intents/{intent['id']}", {"description": "changed since"})
    assert stack.call("GET", f"{PATH}/{event['id']}").body == body
    assert orjson.loads(body)["data"]["object"] == intent


def test_events_are_listed_newest_first_and_paged_both_ways(stack: RunningStack) -> None:
    made = [event_of(stack, stack.create_intent())["id"] for _ in range(5)][::-1]
    start = stack.api("GET", f"{PATH}?type={CREATED}&limit=2")
    assert ([event["id"] for event in start["data"]], start["has_more"], start["url"]) == (made[:2], True, PATH)
    after = stack.api("GET", f"{PATH}?type={CREATED}&limit=3&starting_after={made[1]}")
    assert [event["id"] for event in after["data"]] == made[2:]
    before = stack.api("GET", f"{PATH}?type={CREATED}&limit=2&ending_before={made[4]}")
    assert ([event["id"] for event in before["data"]], before["has_more"]) == (made[2:4], True)


def test_events_are_filtered_by_type_and_time(stack: RunningStack) -> None:
    intent = stack.create_intent()
    stack.api("POST", f"/v1/payment_intents/{intent['id']}/cancel")
    for query, wanted in (
        ("type=payment_intent.canceled", {"payment_intent.canceled"}),
        ("types[0]=payment_intent.canceled&types[1]=payment_intent.created", {"payment_intent.canceled", CREATED}),
    ):
        assert {event["type"] for event in stack.api("GET", f"{PATH}?{query}&limit=100")["data"]} == wanted
    group = {event["type"] for event in stack.api("GET", f"{PATH}?type=payment_intent.*&limit=100")["data"]}
    assert {"payment_intent.canceled", CREATED} <= group
    event = event_of(stack, intent)
    same_second = stack.api("GET", f"{PATH}?created={event['created'] // 1000}&limit=100")["data"]
    assert event["id"] in [each["id"] for each in same_second]
    assert stack.api("GET", f"{PATH}?created[lt]=1000000000")["data"] == []


def test_events_are_filtered_by_whether_they_arrived(stack: RunningStack) -> None:
    arrived = told(stack, stack.create_intent())
    yes, no = (
        [event["id"] for event in stack.api("GET", f"{PATH}?delivery_success={flag}&limit=100")["data"]]
        for flag in ("true", "false")
    )
    assert arrived["id"] in yes
    assert arrived["id"] not in no


def test_every_try_of_a_delivery_is_shown(stack: RunningStack) -> None:
    stack.desk("POST", "/shop/reset")
    event = told(stack, stack.create_intent())
    (delivery,) = deliveries(stack, event)
    assert (delivery["object"], delivery["event"], delivery["webhook_endpoint"]) == ("delivery", event["id"], SHOP)
    assert delivery["status"] == "delivered"
    assert delivery["id"].startswith("dlv_")
    assert "next_attempt_at" not in delivery
    last = delivery["attempts"][-1]
    assert (last["number"], last["status"], last["reason"]) == (len(delivery["attempts"]), 200, "HTTP 200")
    assert last["created"] >= event["created"]
    assert 0 <= last["duration_ms"] < 60_000


def test_an_event_is_sent_again_to_the_one_that_is_named(stack: RunningStack) -> None:
    event = told(stack, stack.create_intent())
    again = stack.api("POST", f"{PATH}/{event['id']}/resend", {"webhook_endpoint": SHOP})
    assert again["pending_webhooks"] in (0, 1)
    assert {**again, "pending_webhooks": 0} == read(stack, event) | {"pending_webhooks": 0}
    stack.wait_for(lambda: read(stack, event)["pending_webhooks"] == 0, "the shop to be told again")
    assert [delivery["status"] for delivery in deliveries(stack, event)] == ["delivered", "delivered"]
    heard = [each for each in stack.desk("GET", "/shop/webhooks")["webhooks"] if each["event_id"] == event["id"]]
    assert len(heard) >= 2
    assert all(webhook["verified"] for webhook in heard)


def test_the_same_request_to_send_again_sends_once(stack: RunningStack) -> None:
    event = told(stack, stack.create_intent())
    key = {"Idempotency-Key": f"resend-{event['id']}"}
    first, second = (stack.call("POST", f"{PATH}/{event['id']}/resend", headers=key) for _ in range(2))
    assert (first.status, first.body) == (200, second.body)
    assert len(deliveries(stack, event)) == 2


def test_who_waits_is_answered_when_something_happens(stack: RunningStack) -> None:
    newest = told(stack, stack.create_intent())["id"]
    made: list[dict[str, Any]] = []
    timer = threading.Timer(0.7, lambda: made.append(stack.create_intent()))
    timer.start()
    found = stack.api("GET", f"{PATH}?wait=15&type={CREATED}&ending_before={newest}")["data"]
    timer.join()
    assert [event["data"]["object"]["id"] for event in found] == [made[0]["id"]]


def test_who_waits_for_nothing_is_answered_all_the_same(stack: RunningStack) -> None:
    newest = told(stack, stack.create_intent())["id"]
    assert stack.api("GET", f"{PATH}?wait=1&type=discrepancy.opened&ending_before={newest}")["data"] == []


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("type=payment_intent", "parameter_invalid_enum", "type"),
        ("type=charge.*ed", "parameter_invalid_enum", "type"),
        ("type=[a-z].*", "parameter_invalid_enum", "type"),
        ("type=", "parameter_invalid_empty", "type"),
        ("types[]=nothing.*", "parameter_invalid_enum", "types"),
        ("types=payment_intent.created", "parameter_invalid", "types"),
        ("&".join(["types[]=payment_intent.created"] * 21), "parameter_invalid", "types"),
        ("type=payment_intent.created&types[]=payment_intent.created", "parameters_exclusive", "types"),
        ("delivery_success=perhaps", "parameter_invalid_boolean", "delivery_success"),
        ("wait=26", "parameter_invalid_integer", "wait"),
        ("wait=-1", "parameter_invalid_integer", "wait"),
        ("wait=soon", "parameter_invalid_integer", "wait"),
        ("limit=101", "parameter_invalid_integer", "limit"),
        ("subject=pi_1", "parameter_unknown", "subject"),
    ],
)
def test_a_wrong_query_is_refused_by_name(stack: RunningStack, query: str, code: str, param: str) -> None:
    refused(stack.call("GET", f"{PATH}?{query}"), 400, code, param)


def test_a_wrong_wish_to_send_again_is_refused_and_sends_nothing(stack: RunningStack) -> None:
    event = told(stack, stack.create_intent())
    path = f"{PATH}/{event['id']}/resend"
    made = stack.api("POST", "/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    stack.api("POST", f"/v1/webhook_endpoints/{made['id']}", {"disabled": True})
    with nothing_changes(stack):
        for body, status, code, param in (
            ({"webhook_endpoint": "we_nobody"}, 404, "resource_missing", "webhook_endpoint"),
            ({"webhook_endpoint": ""}, 400, "parameter_invalid_empty", "webhook_endpoint"),
            ({"webhook_endpoint": made["id"]}, 400, "webhook_endpoint_disabled", "webhook_endpoint"),
            ({"url": "http://a/"}, 400, "parameter_unknown", "url"),
        ):
            refused(stack.call("POST", path, body), status, code, param)
        refused(form(stack, path, {"webhook_endpoint[a]": "b"}), 400, "parameter_invalid_string", "webhook_endpoint")
        for method, place in (("GET", ""), ("GET", "/deliveries"), ("POST", "/resend")):
            refused(stack.call(method, f"{PATH}/{NOBODY}{place}"), 404, "resource_missing", "id")
            refused(stack.call(method, f"{PATH}/evt_x{place}"), 404, "resource_missing", "id")
            key = stack.publishable_key
            refused(stack.call(method, f"{PATH}/{event['id']}{place}", key=key), 403, "secret_key_required")
    stack.api("DELETE", f"/v1/webhook_endpoints/{made['id']}")


def test_the_stripe_sdk_lists_and_retrieves_events(stack: RunningStack) -> None:
    events = stripe.StripeClient(stack.secret_key, base_addresses={"api": stack.web_url}).v1.events
    intent = stack.create_intent()
    known: Any = {"type": CREATED, "limit": 3, "delivery_success": True, "created": {"gte": intent["created"] // 1000}}
    told(stack, intent)
    found = [event for event in events.list(known).auto_paging_iter() if event.data.object["id"] == intent["id"]]
    assert [event.type for event in found] == [CREATED]
    event = events.retrieve(found[0].id)
    assert isinstance(event, stripe.Event)
    assert (event.pending_webhooks, event.data.object["amount"]) == (0, 2000)
    assert events.list({"types": [CREATED], "limit": 1}).data[0].type == CREATED
