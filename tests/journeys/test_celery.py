"""Journeys with Celery on a real Redis: whatever happens to messages, everything is done, and each thing once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import pytest
from redis import Redis

from tests.journeys.reckoning import SUCCEEDED, attempts_of, change, events_of, reckon
from tests.journeys.test_refunds import refund_of, wait_refund
from tests.support import redis
from tests.support.redis import RedisServer
from tests.support.stack import RunningStack, running

CELERY: Final = {"celery": [sys.executable, "-m", "wxbackend.cli", "celery-worker"]}
LOOKS, REFUND_LOOKS, DELIVERIES = (f"wxbackend.{kind}" for kind in ("look", "refund_look", "delivery"))
STOP_S_MAX: Final = 20
CREATED: Final = "payment_intent.created"


@dataclass(frozen=True, slots=True)
class Queued:
    """A stack whose worker hands over through this Redis."""

    stack: RunningStack
    broker: RedisServer

    def messages(self, queue: str) -> list[bytes]:
        """What is inside."""
        with closing(Redis.from_url(self.broker.url)) as client:
            found: Any = client.lrange(queue, 0, -1)
            return list(found)

    def wait_messages(self, queue: str, count: int) -> None:
        """Wait until so many are inside."""
        self.stack.wait_for(lambda: len(self.messages(queue)) >= count, f"{count} messages in {queue}")

    def double(self, queue: str) -> None:
        """Put every message in once more, beside itself, so that both are taken at the same time."""
        with closing(Redis.from_url(self.broker.url)) as client:
            twice = [message for message in self.messages(queue) for _ in range(2)]
            client.delete(queue)
            client.rpush(queue, *twice)

    def bought(self, count: int) -> list[dict[str, Any]]:
        """Payments that only a query can find: all notices are lost."""
        intents = []
        for number in range(count):
            intents.append(self.stack.confirmed_intent(amount=700 + number))
            self.stack.pay(intents[-1])
        return intents


@pytest.fixture(scope="module")
def shared_queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queued]:
    folder = tmp_path_factory.mktemp("celery")
    file = folder / "broker_url.txt"
    try:
        broker = redis.own_server()
        with broker as server:
            file.write_text(server.url)
            named = {"WXBACKEND__WORK__ENGINE": "celery", "WXBACKEND__WORK__BROKER_URL_FILE": str(file)}
            for stack in running(folder / "stack", CELERY, **named):
                yield Queued(stack, server)
    except redis.RedisMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def queued(shared_queued: Queued) -> Queued:
    """Without anybody's mischief but lost notices, and with Celery running."""
    shared_queued.stack.behave()
    shared_queued.stack.mischief(notices={"lose": 100})
    if not shared_queued.stack.runs("celery"):
        shared_queued.stack.start("celery")
    return shared_queued


def queries(stack: RunningStack, intent: dict[str, Any]) -> int:
    """How often WeChat was asked about the intent's order."""
    path = f"/out-trade-no/{stack.out_trade_no(intent)}"
    requests = stack.desk("GET", "/requests?limit=100000")["requests"]
    return sum(entry["method"] == "GET" and path in entry["path"] for entry in requests)


def refund_queries(stack: RunningStack, refund: dict[str, Any]) -> int:
    """How often WeChat was asked about the refund."""
    number = refund["id"].removeprefix("re_")
    requests = stack.desk("GET", "/requests?limit=100000")["requests"]
    return sum(entry["method"] == "GET" and entry["path"].partition("?")[0].endswith(number) for entry in requests)


def told_once(stack: RunningStack, intent: dict[str, Any]) -> None:
    """Paid, and the shop heard of every event exactly once."""
    reckon(stack, intent)
    heard = [webhook["type"] for webhook in stack.webhooks(intent)]
    assert sorted(heard) == sorted({CREATED, "payment_intent.requires_action", SUCCEEDED})


def test_a_payment_found_by_query_and_its_refund_are_told_through_celery(queued: Queued) -> None:
    stack = queued.stack
    intents = queued.bought(3)
    for intent in intents:
        told_once(stack, intent)
    refund = refund_of(stack, intents[0])
    wait_refund(stack, refund, "succeeded")
    for said in ("attempt_looked_at", "refund_looked_at", "event_delivered"):
        assert said in stack.log("celery")
        assert said not in stack.log("worker")


def test_messages_lost_with_the_broker_are_sent_again_and_all_is_done_once(queued: Queued) -> None:
    stack = queued.stack
    stack.kill("celery")
    intents = queued.bought(3)
    queued.wait_messages(LOOKS, 3)
    queued.wait_messages(DELIVERIES, 3)
    queued.broker.kill()
    intents += queued.bought(1)
    stack.wait_for(lambda: "engine_away" in stack.log("worker"), "the worker to find the broker away")
    queued.broker.start()
    stack.start("celery")
    for intent in intents:
        told_once(stack, intent)
        assert queries(stack, intent) == 1
    queued.broker.kill()
    queued.broker.start()
    (last,) = queued.bought(1)
    told_once(stack, last)


def test_every_message_doubled_and_each_row_is_worked_on_once(queued: Queued) -> None:
    stack = queued.stack
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 0, "settle_after_s": 0})
    paid = queued.bought(2)
    for intent in paid:
        told_once(stack, intent)
    stack.kill("celery")
    told_before = len(stack.desk("GET", "/shop/webhooks")["webhooks"])
    refunds = [refund_of(stack, intent) for intent in paid]
    intents = queued.bought(5)
    for queue, count in ((LOOKS, 5), (REFUND_LOOKS, 2), (DELIVERIES, 4)):
        queued.wait_messages(queue, count)
        queued.double(queue)
        assert len(queued.messages(queue)) >= 2 * count
    # Slow enough that whoever came second would find the first one still at it.
    stack.desk("POST", "/shop/mood", {"status": 200, "times": 10, "delay_s": 0.5})
    stack.mischief(api=[{"fault": "latency", "path": "any", "times": 7, "latency_s": 0.5}])
    stack.start("celery")
    for intent in intents:
        told_once(stack, intent)
        assert queries(stack, intent) == 1
    for refund in refunds:
        wait_refund(stack, refund, "succeeded")
        assert refund_queries(stack, refund) == 1
    told = stack.desk("GET", "/shop/webhooks")["webhooks"][told_before:]
    assert len({webhook["event_id"] for webhook in told}) == len(told) > 4
    for queue in (LOOKS, REFUND_LOOKS, DELIVERIES):
        stack.wait_for(lambda queue=queue: not queued.messages(queue), f"{queue} to be empty")  # type: ignore[misc]
    assert [queries(stack, intent) for intent in intents] == [1] * len(intents)


def test_a_celery_worker_that_is_told_to_stop_finishes_what_it_has_begun(queued: Queued) -> None:
    stack = queued.stack
    intent = stack.confirmed_intent(amount=803)
    stack.wait_told(intent)
    stack.desk("POST", "/shop/mood", {"status": 200, "times": 1, "delay_s": 1.5})
    stack.pay(intent)
    stack.wait_for(lambda: stack.webhooks(intent, SUCCEEDED), "the shop to be called")
    os.kill(stack.pid("celery"), signal.SIGTERM)
    assert stack.wait_ended("celery", seconds=STOP_S_MAX) == 0
    told_once(stack, intent)


def test_what_a_killed_celery_worker_had_begun_is_done_after_the_lease(queued: Queued) -> None:
    stack = queued.stack
    told, unknown = stack.confirmed_intent(amount=801), stack.confirmed_intent(amount=802)
    stack.wait_told(told, unknown)
    stack.kill("celery")
    stack.pay(unknown)
    (attempt,) = attempts_of(stack, unknown)
    change(stack, "UPDATE poll_queue SET due_ms = 1 WHERE attempt_id = ?", attempt["id"])
    stack.behave()
    stack.mischief(api=[{"fault": "latency", "path": "query", "times": None, "latency_s": 20}])
    stack.start("celery")
    leased = "SELECT due_ms FROM poll_queue WHERE attempt_id = ? AND due_ms > 1"
    stack.wait_for(lambda: stack.rows(leased, attempt["id"]), "the look to be leased")
    stack.desk("POST", "/shop/mood", {"status": 200, "times": 1, "delay_s": 9})
    stack.pay(told)
    stack.wait_for(lambda: stack.webhooks(told, SUCCEEDED), "the shop to be called")
    stack.kill("celery")
    (event,) = events_of(stack, told, SUCCEEDED)
    (row,) = stack.rows("SELECT state FROM deliveries WHERE event_id = ?", event["id"])
    assert row["state"] == "pending"
    assert stack.intent(unknown["id"])["status"] == "requires_action"
    stack.behave()
    stack.start("celery")
    for intent in (told, unknown):
        reckon(stack, intent)
    heard = stack.webhooks(told, SUCCEEDED)
    assert len(heard) == 2
    assert len({webhook["event_id"] for webhook in heard}) == 1
    assert len(stack.webhooks(unknown, SUCCEEDED)) == 1
