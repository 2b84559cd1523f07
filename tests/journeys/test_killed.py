"""Journeys through kill -9: whatever process dies at whatever moment, a restart brings every book into agreement."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import urllib3

from tests.journeys.reckoning import (
    SUCCEEDED,
    attempts_of,
    change,
    events_of,
    notices_of,
    number_of,
    reckon,
    wait_long,
)
from tests.support.stack import Answer, RunningStack

LEASES_END_S = 60.0


def attempt_state(stack: RunningStack, intent: dict[str, Any]) -> str:
    state: str = attempts_of(stack, intent)[-1]["state"]
    return state


def delivery_of(stack: RunningStack, intent: dict[str, Any], kind: str) -> dict[str, Any]:
    (event,) = events_of(stack, intent, kind)
    (row,) = stack.rows("SELECT * FROM deliveries WHERE event_id = ?", event["id"])
    return row


def delivered(stack: RunningStack, intent: dict[str, Any]) -> bool:
    return bool(delivery_of(stack, intent, SUCCEEDED)["state"] == "delivered")


def pay_and_begin_to_tell(stack: RunningStack, intent: dict[str, Any]) -> None:
    """Its webhook is claimed by the worker, which is just sending it to a slow shop."""
    stack.desk("POST", "/shop/mood", {"status": 200, "times": 1, "delay_s": 6})
    stack.pay(intent)
    stack.wait_for(lambda: stack.webhooks(intent, SUCCEEDED), "the shop to be called")


def uncertain(stack: RunningStack) -> dict[str, Any]:
    """An intent whose order WeChat has taken, and we do not know."""
    stack.mischief(api=[{"fault": "drop_after", "path": "any", "times": None}])
    intent = stack.confirmed_intent(amount=3333)
    assert attempt_state(stack, intent) == "uncertain"
    return intent


def test_a_worker_killed_anywhere_loses_and_doubles_nothing(own_stack: RunningStack) -> None:
    stack = own_stack
    unclear = uncertain(stack)
    stack.behave()
    told = stack.confirmed_intent(amount=2222)
    stack.mischief(api=[{"fault": "drop_after", "path": "any", "times": None}])
    unclear_still = stack.confirmed_intent(amount=4444)
    stack.wait_told(unclear, told, unclear_still)
    pay_and_begin_to_tell(stack, told)
    stack.kill("worker")
    assert delivery_of(stack, told, SUCCEEDED)["state"] == "pending"
    stack.behave()
    untold = stack.confirmed_intent(amount=1111)
    stack.pay(untold)
    stack.wait_status(untold["id"], "succeeded")
    assert delivery_of(stack, untold, SUCCEEDED)["tries"] == 0
    stack.desk("POST", "/buyers/buyer_1/pay_order", {"out_trade_no": stack.out_trade_no(unclear_still)})
    stack.start("worker")
    reckon(stack, untold)
    reckon(stack, unclear_still)
    stack.pay(stack.wait_for(lambda: payable(stack, unclear), "the unclear order to be payable"))
    reckon(stack, unclear)
    # The delivery that died with the worker is leased to it; it comes again when the lease ends.
    wait_long(lambda: delivered(stack, told), "the interrupted delivery", seconds=LEASES_END_S)
    reckon(stack, told)
    heard = stack.webhooks(told, SUCCEEDED)
    assert len(heard) == 2
    assert len({webhook["event_id"] for webhook in heard}) == 1


def payable(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any] | None:
    found = stack.intent(intent["id"])
    return found if "next_action" in found else None


def wait_payable(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any]:
    wait_long(lambda: payable(stack, intent) is not None, "the order to be payable", seconds=LEASES_END_S)
    return stack.intent(intent["id"])


def confirm_and_die(stack: RunningStack, intent: dict[str, Any], key: str) -> None:
    """Confirm; kill the web process when the order is written down and on its way."""
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    body = stack.paying_with()
    stack.mischief(api=[{"fault": "latency", "path": "order", "times": 1, "latency_s": 2.9}])

    def confirm() -> Answer | None:
        with suppress(urllib3.exceptions.HTTPError):
            return stack.call("POST", path, body, headers={"Idempotency-Key": key})
        return None

    with ThreadPoolExecutor(1) as client:
        waiting: Future[Answer | None] = client.submit(confirm)
        stack.wait_for(lambda: attempts_of(stack, intent), "the order to be written down")
        stack.kill("web")
        assert waiting.result() is None


def test_a_web_process_killed_in_the_middle_of_a_confirm_makes_no_second_order(own_stack: RunningStack) -> None:
    stack = own_stack
    stack.kill("worker")
    with_key, without_key, alone = (stack.create_intent(amount=500 + n) for n in range(3))
    for intent in (with_key, without_key, alone):
        confirm_and_die(stack, intent, key=f"key-{intent['id']}")
        stack.start("web")
        assert stack.intent(intent["id"])["status"] == "requires_action"
    stack.behave()

    path = f"/v1/payment_intents/{with_key['id']}/confirm"
    named = {"Idempotency-Key": f"key-{with_key['id']}"}
    assert stack.call("POST", path, stack.paying_with(), headers=named).status == 409
    change(stack, "UPDATE idempotency_keys SET begun_ms = begun_ms - 61000 WHERE object_id = ?", number_of(with_key))
    shown = stack.api("POST", path, stack.paying_with(), headers=named)
    assert shown["id"] == with_key["id"]
    again = stack.call("POST", path, stack.paying_with(), headers=named)
    assert again.json() == shown
    assert again.headers["idempotent-replayed"] == "true"

    repeated = stack.api("POST", f"/v1/payment_intents/{without_key['id']}/confirm", stack.paying_with())
    assert "next_action" in repeated
    stack.pay(repeated)

    stack.start("worker")
    # The order was on its way when its process died: nobody looks at it until that may not be so any more.
    for intent in (with_key, alone):
        stack.pay(wait_payable(stack, intent))
    for intent in (with_key, without_key, alone):
        reckon(stack, intent)
        assert len(attempts_of(stack, intent)) == 1
    assert stack.desk("GET", "/books")["orders"] == 3


def test_a_web_process_killed_under_a_rain_of_notices_settles_each_once(own_stack: RunningStack) -> None:
    stack = own_stack
    intents = [stack.confirmed_intent(amount=10 + number) for number in range(12)]
    stack.mischief(notices={"hold": 12})
    for intent in intents:
        stack.pay(intent)
    notices = [notice["id"] for notice in stack.desk("GET", "/notices")["notices"]]
    assert len(notices) == 12
    started = threading.Event()

    def tell(notice: str) -> None:
        started.set()
        stack.desk("POST", f"/notices/{notice}/send", {"times": 3, "concurrently": True})

    with ThreadPoolExecutor(12) as crowd:
        telling = [crowd.submit(tell, notice) for notice in notices]
        started.wait()
        stack.kill("web")
        for told in telling:
            told.result()
    stack.start("web")
    for notice in notices:
        stack.desk("POST", f"/notices/{notice}/send")
    for intent in intents:
        reckon(stack, intent)
        assert len(notices_of(stack, intent)) == 1
        assert all(row["handled_ms"] for row in notices_of(stack, intent))
