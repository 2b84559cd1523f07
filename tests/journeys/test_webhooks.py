"""Journeys of webhooks to endpoints that fail, hang or come back: at least once, the same bytes, signed anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.journeys.endpoint import Call, Endpoint, listening
from tests.journeys.reckoning import SUCCEEDED, events_of, reckon
from tests.support.stack import RunningStack, free_port, running
from wxbackend.development import CONFIG

PAUSES_LONGER_THAN_A_SECOND: Final = "[1.3, 1.3, 1.3, 1.3, 1.3, 1.3]"
MORE_THAN_HANDS: Final = 40
SECRET: Final = "whsec_of_the_second_endpoint"
SECOND_ENDPOINT: Final = """
[[accounts.webhook_endpoints]]
mode = "test"
id = "we_second"
url = "{url}"
secret_file = "{secret_file}"
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A stack that tells two endpoints: the simulator's shop, and ours."""

    stack: RunningStack
    endpoint: Endpoint


@pytest.fixture(scope="module")
def shared_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("webhooks")
    endpoint, port = Endpoint(), free_port()
    endpoint.url = f"http://127.0.0.1:{port}/webhooks"
    secret_file, config = folder / "secret.txt", folder / "two_endpoints.toml"
    secret_file.write_text(SECRET)
    second = SECOND_ENDPOINT.format(url=endpoint.url, secret_file=secret_file)
    config.write_text(CONFIG.read_text() + second)
    extra = {
        "WXBACKEND_CONFIG": str(config),
        "WXBACKEND__WORK__WEBHOOK_DELAYS_S": PAUSES_LONGER_THAN_A_SECOND,
    }
    with listening(port, lambda _method, _path, call: endpoint.take(call)):
        for stack in running(folder / "stack", **extra):
            yield Pair(stack, endpoint)


@pytest.fixture
def pair(shared_pair: Pair) -> Pair:
    shared_pair.endpoint.answer = lambda _call: 200
    shared_pair.stack.behave()
    return shared_pair


def paid(pair: Pair) -> dict[str, Any]:
    intent = pair.stack.confirmed_intent()
    pair.stack.pay(intent)
    return pair.stack.wait_status(intent["id"], "succeeded")


def wait_told(pair: Pair, intent: dict[str, Any]) -> None:
    pair.stack.wait_for(lambda: pair.endpoint.calls(intent, SUCCEEDED), f"our endpoint to be told of {intent['id']}")


def delivery_to_us(pair: Pair, intent: dict[str, Any]) -> dict[str, Any]:
    (event,) = events_of(pair.stack, intent, SUCCEEDED)
    query = "SELECT * FROM deliveries WHERE event_id = ? AND endpoint_id = 'we_second'"
    (row,) = pair.stack.rows(query, event["id"])
    return row


@pytest.mark.parametrize("status", [500, 400, 302, 204])
def test_told_again_until_a_2xx_with_the_same_bytes_signed_anew(pair: Pair, status: int) -> None:
    left = [status] * (0 if status == 204 else 2)

    def answer(call: Call) -> int:
        return left.pop() if left and call.type == SUCCEEDED else 204

    pair.endpoint.answer = answer
    tries = len(left) + 1
    intent = paid(pair)
    pair.stack.wait_for(lambda: delivery_to_us(pair, intent)["state"] == "delivered", "the last try")
    calls = pair.endpoint.calls(intent, SUCCEEDED)
    (event,) = events_of(pair.stack, intent, SUCCEEDED)
    assert [call.body for call in calls] == [event["body"]] * tries
    assert all(call.signed_by(SECRET) for call in calls)
    assert len({call.headers["wx-signature"] for call in calls}) == tries
    assert {call.headers["wx-event-id"] for call in calls} == {f"evt_{event['id']}"}
    assert [call.headers["wx-delivery-attempt"] for call in calls] == [str(n + 1) for n in range(tries)]
    assert delivery_to_us(pair, intent)["tries"] == tries
    reckon(pair.stack, intent)


def test_an_endpoint_that_fails_does_not_delay_the_other_one(pair: Pair) -> None:
    pair.endpoint.answer = lambda call: 500 if call.type == SUCCEEDED else 200
    intent = paid(pair)
    pair.stack.wait_for(lambda: pair.stack.webhooks(intent, SUCCEEDED), "the shop to hear of it")
    pair.stack.wait_for(lambda: delivery_to_us(pair, intent)["tries"] >= 1, "a failed try")
    assert delivery_to_us(pair, intent)["last_status"] == 500
    assert delivery_to_us(pair, intent)["state"] == "pending"
    pair.endpoint.answer = lambda _call: 200
    reckon(pair.stack, intent)


def test_an_endpoint_that_hangs_delays_no_other_intent(pair: Pair) -> None:
    hanging = pair.stack.create_intent(**pair.stack.paying_with())
    released = threading.Event()

    def answer(call: Call) -> int:
        if call.subject["id"] == hanging["id"] and call.type == SUCCEEDED:
            released.wait(30)
        return 200

    pair.endpoint.answer = answer
    try:
        confirmed = pair.stack.api("POST", f"/v1/payment_intents/{hanging['id']}/confirm", {})
        pair.stack.pay(confirmed)
        wait_told(pair, hanging)
        others = [paid(pair) for _ in range(3)]
        for other in others:
            wait_told(pair, other)
        assert delivery_to_us(pair, hanging)["state"] == "pending"
        assert pair.stack.webhooks(hanging, SUCCEEDED)
    finally:
        released.set()
    for intent in (hanging, *others):
        reckon(pair.stack, intent)


def test_an_endpoint_that_hangs_for_everything_does_not_delay_the_other_one(pair: Pair) -> None:
    """More hang than the worker has hands, and the shop hears of every payment all the same."""
    released = threading.Event()

    def answer(_call: Call) -> int:
        released.wait(30)
        return 200

    pair.endpoint.answer = answer
    try:
        intents = [paid(pair) for _ in range(MORE_THAN_HANDS)]
        for intent in intents:
            pair.stack.wait_for(lambda: pair.stack.webhooks(intent, SUCCEEDED), "the shop to be told")  # noqa: B023
        assert sum(len(events_of(pair.stack, intent, SUCCEEDED)) for intent in intents) == MORE_THAN_HANDS
        assert {delivery_to_us(pair, intent)["state"] for intent in intents} == {"pending"}
    finally:
        released.set()
    for intent in intents:
        reckon(pair.stack, intent)


def test_the_shop_books_an_event_once_though_it_was_slow_and_was_told_again(pair: Pair) -> None:
    intent = pair.stack.confirmed_intent()
    pair.stack.wait_told(intent)
    pair.stack.desk("POST", "/shop/mood", {"status": 500, "times": 2, "delay_s": 1})
    pair.stack.pay(intent)
    reckon(pair.stack, intent)
    heard = pair.stack.webhooks(intent, SUCCEEDED)
    assert [webhook["answered"] for webhook in heard] == [500, 500, 200]
    assert [webhook["delivery_attempt"] for webhook in heard] == [1, 2, 3]
