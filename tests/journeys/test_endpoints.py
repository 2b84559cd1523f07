"""Journeys of webhook endpoints made through the API: rotated, disabled, deleted, dead, and told again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import stripe

from tests.simulators.receiver import Received, Receiver
from tests.support.stack import RunningStack, running
from wxbackend.work.lanes import PER_ENDPOINT_MAX

PATH: Final = "/v1/webhook_endpoints"
CREATED: Final = "payment_intent.created"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def public_only(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack that calls public addresses only, as one in production does."""
    yield from running(tmp_path / "stack", WXBACKEND__SERVER__ALLOW_PRIVATE_WEBHOOKS="false")


@contextmanager
def listening(stack: RunningStack, receiver: Receiver, *kinds: str) -> Iterator[dict[str, Any]]:
    """An endpoint made through the API that leads to the receiver, for as long as the test lasts."""
    made = stack.api("POST", PATH, {"url": receiver.url, "enabled_events": list(kinds or ("*",))})
    try:
        yield made
    finally:
        stack.call("DELETE", f"{PATH}/{made['id']}")


def wait_heard(stack: RunningStack, receiver: Receiver, intent: dict[str, Any], times: int = 1) -> list[Received]:
    """What the receiver was told about an intent, once that is often enough."""

    def heard() -> list[Received] | None:
        found = [call for call in list(receiver.received) if intent["id"].encode() in call.body]
        return found if len(found) >= times else None

    return stack.wait_for(heard, f"the receiver to hear {times} times of {intent['id']}")


def believed(call: Received, secret: str) -> bool:
    """Whether Stripe's SDK believes the call with that secret."""
    try:
        stripe.Webhook.construct_event(call.body, call.headers["Wx-Signature"], secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def delivery_to(stack: RunningStack, intent: dict[str, Any], endpoint_id: str) -> dict[str, Any]:
    """The newest delivery of an intent's first event to an endpoint, with its tries."""
    event = event_of(stack, intent)
    found = stack.api("GET", f"/v1/events/{event}/deliveries")["data"]
    delivery: dict[str, Any] = next(each for each in found if each["webhook_endpoint"] == endpoint_id)
    return delivery


def event_of(stack: RunningStack, intent: dict[str, Any]) -> str:
    """The identifier of the event of an intent's creation."""
    number = int(intent["id"].removeprefix("pi_"))
    (row,) = stack.rows("SELECT id FROM events WHERE subject_id = ? AND type = ?", number, CREATED)
    return f"evt_{row['id']:019d}"


def test_only_what_an_endpoint_wants_is_told(stack: RunningStack, receiver: Receiver) -> None:
    with listening(stack, receiver, "payment_intent.canceled") as made:
        intent = stack.create_intent()
        stack.api("POST", f"/v1/payment_intents/{intent['id']}/cancel")
        (call,) = wait_heard(stack, receiver, intent)
        assert b'"type":"payment_intent.canceled"' in call.body
        assert believed(call, made["secret"])
        number = int(event_of(stack, intent).removeprefix("evt_"))
        rows = stack.rows("SELECT endpoint_id FROM deliveries WHERE event_id = ?", number)
        assert [row["endpoint_id"] for row in rows] == ["we_demo_shop"]


def test_after_a_rotation_both_secrets_verify_until_the_day_is_over(stack: RunningStack, receiver: Receiver) -> None:
    with listening(stack, receiver, CREATED) as made:
        rotated = stack.api("POST", f"{PATH}/{made['id']}/rotate_secret")
        (call,) = wait_heard(stack, receiver, stack.create_intent())
        assert [believed(call, secret) for secret in (made["secret"], rotated["secret"], "whsec_x")] == [
            True,
            True,
            False,
        ]
        assert call.headers["Wx-Signature"] == call.headers["Wooshpay-Signature"]
        (row,) = stack.rows("SELECT retired FROM webhook_endpoints WHERE id = ?", int(made["id"].removeprefix("we_")))
        assert made["secret"] in row["retired"]


def test_a_disabled_endpoint_is_told_nothing_more_not_even_between_two_tries(
    stack: RunningStack, receiver: Receiver
) -> None:
    receiver.answers.extend([500] * 50)
    with listening(stack, receiver, CREATED) as made:
        intent = stack.create_intent()
        wait_heard(stack, receiver, intent)
        stack.api("POST", f"{PATH}/{made['id']}", {"disabled": True})
        delivery = delivery_to(stack, intent, made["id"])
        assert delivery["status"] == "canceled"
        heard = len(receiver.received)
        other = stack.create_intent()
        stack.wait_for(lambda: stack.webhooks(other, CREATED), "the shop to hear of a later event")
        assert [call for call in receiver.received if other["id"].encode() in call.body] == []
        assert len(receiver.received) <= heard + 1  # one may have been under way
        assert stack.api("GET", f"/v1/events/{event_of(stack, intent)}")["pending_webhooks"] == 0
        receiver.answers.clear()
        stack.api("POST", f"{PATH}/{made['id']}", {"disabled": False})
        wait_heard(stack, receiver, stack.create_intent())


def test_what_is_pending_for_a_deleted_endpoint_is_canceled(stack: RunningStack, receiver: Receiver) -> None:
    receiver.answers.extend([500] * 50)
    with listening(stack, receiver, CREATED) as made:
        intent = stack.create_intent()
        wait_heard(stack, receiver, intent)
        stack.api("DELETE", f"{PATH}/{made['id']}")
        assert delivery_to(stack, intent, made["id"])["status"] == "canceled"
        heard = len(receiver.received)
        other = stack.create_intent()
        stack.wait_for(lambda: stack.webhooks(other, CREATED), "the shop to hear of a later event")
        assert len(receiver.received) <= heard + 1  # one may have been under way
        assert delivery_to(stack, intent, made["id"])["status"] == "canceled"


def test_an_event_that_is_sent_again_has_the_same_bytes_and_a_signature_of_its_own(
    stack: RunningStack, receiver: Receiver
) -> None:
    with listening(stack, receiver, CREATED) as made:
        intent = stack.create_intent()
        wait_heard(stack, receiver, intent)
        stack.wait_for(lambda: delivery_to(stack, intent, made["id"])["status"] == "delivered", "it to be noted")
        stack.api("POST", f"/v1/events/{event_of(stack, intent)}/resend", {"webhook_endpoint": made["id"]})
        first, again = wait_heard(stack, receiver, intent, times=2)
        assert (first.body, first.headers["Wx-Event-Id"]) == (again.body, again.headers["Wx-Event-Id"])
        assert believed(again, made["secret"])


def test_every_failed_try_is_kept_with_its_reason(stack: RunningStack, receiver: Receiver) -> None:
    receiver.answers.extend([500, 302])
    with listening(stack, receiver, CREATED) as made:
        intent = stack.create_intent()
        wait_heard(stack, receiver, intent, times=3)
        stack.wait_for(lambda: delivery_to(stack, intent, made["id"])["status"] == "delivered", "it to be noted")
        tries = delivery_to(stack, intent, made["id"])["attempts"]
        assert [(each["number"], each["status"]) for each in tries] == [(1, 500), (2, 302), (3, 204)]
        assert sorted(each["created"] for each in tries) == [each["created"] for each in tries]


def test_a_dead_endpoint_delays_no_live_one(stack: RunningStack, receiver: Receiver) -> None:
    """The dead one answers nobody, and has more waiting for it than there are hands."""
    dead = Receiver()
    dead.may_answer.clear()
    try:
        with listening(stack, dead, CREATED) as hanging, listening(stack, receiver, CREATED):
            intents = [stack.create_intent() for _ in range(40)]
            for intent in intents:
                wait_heard(stack, receiver, intent)
            assert 1 <= len(dead.received) <= PER_ENDPOINT_MAX
            last = stack.create_intent()
            wait_heard(stack, receiver, last)
            stack.wait_for(lambda: stack.webhooks(last, CREATED), "the shop to hear of it too")
            assert delivery_to(stack, last, hanging["id"])["status"] == "pending"
    finally:
        dead.close()


def test_without_the_setting_a_private_address_is_refused_when_made_and_when_told(public_only: RunningStack) -> None:
    for url in ("http://127.0.0.1:9/", "http://localhost/", "http://10.0.0.1/", "http://[::1]/"):
        answer = public_only.call("POST", PATH, {"url": url, "enabled_events": ["*"]})
        assert (answer.status, answer.json()["error"]["code"]) == (400, "url_invalid")
    intent = public_only.create_intent()
    tries = public_only.wait_for(
        lambda: delivery_to(public_only, intent, "we_demo_shop")["attempts"], "a try to be refused"
    )
    assert tries[0]["reason"] == "the address is not public"
    assert "status" not in tries[0]
    assert public_only.webhooks(intent) == []
