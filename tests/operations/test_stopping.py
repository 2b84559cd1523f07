"""Stopping and restarting: what is under way is finished, and nobody is turned away meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import urllib3

from tests.journeys.reckoning import SUCCEEDED, events_of, reckon
from tests.support.stack import RunningStack, running

CALLERS: Final = 3
"""Of each kind."""
RESTARTS: Final = 3
STOP_S_MAX: Final = 20


@pytest.fixture
def real_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of the test's own, of processes that are begun and replaced as a merchant's are."""
    yield from running(tmp_path / "stack", None, True)


@dataclass(slots=True)
class Load:
    """Callers that go on until they are told to stop, and what they got."""

    stack: RunningStack
    statuses: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def call(self, *, keep_alive: bool) -> None:
        """Create intents, one after the other; nothing is ever tried again."""
        headers = {"Authorization": f"Bearer {self.stack.secret_key}"}
        if not keep_alive:
            headers["Connection"] = "close"
        with urllib3.PoolManager(retries=False, timeout=20.0) as pool:
            while not self.stop.is_set():
                try:
                    answer = pool.request(
                        "POST",
                        f"{self.stack.web_url}/v1/payment_intents",
                        json={"amount": 100, "currency": "CNY"},
                        headers=headers,
                    )
                except urllib3.exceptions.HTTPError as error:
                    self.failures.append(repr(error))
                else:
                    self.statuses.append(answer.status)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in listed.split()]


def restart(stack: RunningStack) -> None:
    """Tell gunicorn to replace its processes; waits until the old ones are gone and new ones answer."""
    master = stack.pid("web")
    before = set(children(master))
    os.kill(master, signal.SIGHUP)
    stack.wait_for(lambda: not before & set(children(master)) and children(master), "new web processes")
    stack.stack.wait_until_ready()


def test_a_rolling_restart_under_load_fails_no_request_on_new_and_kept_connections(real_stack: RunningStack) -> None:
    load = Load(real_stack)
    with ThreadPoolExecutor(2 * CALLERS) as crowd:
        for keep_alive in (False, True) * CALLERS:
            crowd.submit(load.call, keep_alive=keep_alive)
        try:
            for _ in range(RESTARTS):
                done = len(load.statuses)
                real_stack.wait_for(lambda done=done: len(load.statuses) > done + 10, "requests")  # type: ignore[misc]
                restart(real_stack)
        finally:
            load.stop.set()
    assert load.failures == []
    assert set(load.statuses) == {200}
    (row,) = real_stack.rows("SELECT count(*) AS found FROM payment_intents")
    assert row["found"] == len(load.statuses)


def test_a_confirm_under_way_is_answered_before_the_web_process_stops(own_stack: RunningStack) -> None:
    stack = own_stack
    intent = stack.create_intent()
    stack.mischief(api=[{"fault": "latency", "path": "order", "times": 1, "latency_s": 1.5}])
    with ThreadPoolExecutor(1) as client:
        path = f"/v1/payment_intents/{intent['id']}/confirm"
        waiting = client.submit(stack.api, "POST", path, stack.paying_with())
        stack.wait_for(lambda: stack.rows("SELECT id FROM attempts"), "the order to be written down")
        os.kill(stack.pid("web"), signal.SIGTERM)
        assert "next_action" in waiting.result()
    assert stack.wait_ended("web", seconds=STOP_S_MAX) == 0
    stack.start("web")
    stack.pay(stack.intent(intent["id"]))
    reckon(stack, intent)


def test_a_worker_finishes_the_delivery_it_has_begun(own_stack: RunningStack) -> None:
    stack = own_stack
    intent = stack.confirmed_intent()
    stack.wait_told(intent)
    stack.desk("POST", "/shop/mood", {"status": 200, "times": 1, "delay_s": 2})
    stack.pay(intent)
    stack.wait_for(lambda: stack.webhooks(intent, SUCCEEDED), "the shop to be called")
    os.kill(stack.pid("worker"), signal.SIGTERM)
    assert stack.wait_ended("worker", seconds=STOP_S_MAX) == 0
    (event,) = events_of(stack, intent, SUCCEEDED)
    (row,) = stack.rows("SELECT * FROM deliveries WHERE event_id = ?", event["id"])
    assert (row["state"], row["tries"]) == ("delivered", 1)
    assert len(stack.webhooks(intent, SUCCEEDED)) == 1
    assert "worker_stopped" in stack.log("worker")
