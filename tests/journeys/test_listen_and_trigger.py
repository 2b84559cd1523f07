"""The developer's tools: `wxbackend listen` forwards what happens, `wxbackend trigger` makes it happen for real."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import stripe

from tests.simulators.receiver import Receiver
from tests.support import workshop
from tests.support.stack import RunningStack
from tests.support.workshop import Ran
from wxbackend.development import ROOT
from wxbackend.domain.event import EventType
from wxbackend.trigger import SCENES

PROGRAM: Final = (sys.executable, "-m", "wxbackend.cli")
READY: Final = re.compile(r"signed with (whsec_\w+)\.")
STOP_WITHIN_S: Final = 40
# How these go on is WeChat's matter, and tested with each; that they begin is ours.
GO_ON: Final = {
    EventType.REFUND_UPDATED,
    EventType.REFUND_CHANGED,
    EventType.REFUND_SUCCEEDED,
    EventType.TRANSFER_UPDATED,
    EventType.SHARING_UPDATED,
    EventType.RETURN_UPDATED,
}
TRIGGERED: Final = sorted(kind.value for kind in SCENES if kind not in GO_ON)


@contextmanager
def forwarding(stack: RunningStack, address: str, log: Path) -> Iterator[str]:
    """A listener as a process; gives the secret that it printed."""
    command = [*PROGRAM, "listen", "--forward-to", address]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=stack.stack.environment(), cwd=ROOT, stdout=output, stderr=output)
    try:
        found = stack.wait_for(lambda: READY.search(log.read_text()), "the listener to begin")
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        stack.create_intent()  # ends the question that it is just waiting for; told to stop, it forwards nothing more
        process.wait(STOP_WITHIN_S)
    assert process.returncode == 0, log.read_text()


def trigger(stack: RunningStack, name: str) -> Ran:
    """Run it to its end."""
    return workshop.run(["trigger", name], stack.stack.environment())


def test_what_happens_is_forwarded_once_signed_and_with_its_own_bytes(stack: RunningStack, tmp_path: Path) -> None:
    receiver, log = Receiver(), tmp_path / "listen.log"
    before = stack.create_intent()
    try:
        with forwarding(stack, receiver.url, log) as secret:
            intents = [stack.create_intent() for _ in range(3)]
            stack.wait_for(lambda: len(receiver.received) >= 3, "three events to be forwarded")
            receiver.answers.append(500)
            failing = stack.create_intent()
            stack.wait_for(lambda: "HTTP 500" in log.read_text(), "a line about the answer")
    finally:
        receiver.close()
    told: list[dict[str, Any]] = [orjson.loads(call.body) for call in receiver.received]
    assert [event["data"]["object"]["id"] for event in told] == [intent["id"] for intent in (*intents, failing)]
    assert before["id"] not in log.read_text()
    for event, call in zip(told, receiver.received, strict=True):
        stripe.Webhook.construct_event(call.body, call.headers["Wx-Signature"], secret)
        number = int(event["id"].removeprefix("evt_"))
        (row,) = stack.rows("SELECT body FROM events WHERE id = ?", number)
        assert call.body == row["body"]
        assert f"{event['id']} payment_intent.created -> HTTP " in log.read_text()


@pytest.mark.parametrize("name", TRIGGERED)
def test_a_triggered_event_really_happened(stack: RunningStack, name: str) -> None:
    done = trigger(stack, name)
    assert done.status == 0, done.err
    event_id, kind, subject = done.out.split()
    assert kind == name
    event = stack.api("GET", f"/v1/events/{event_id}")
    assert (event["type"], event["data"]["object"]["id"]) == (name, subject)


def test_every_event_can_be_triggered() -> None:
    assert set(SCENES) == set(EventType)


def test_an_event_that_does_not_exist_is_named_with_those_that_do(stack: RunningStack) -> None:
    done = trigger(stack, "payment_intent.exploded")
    assert done.status == 2
    assert "payment_intent.exploded" in done.err
    assert "payment_intent.succeeded" in done.err
    assert "Traceback" not in done.err


def test_a_listener_without_a_right_says_so(stack: RunningStack, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(stack.publishable_key)
    words = ["listen", "--forward-to", "http://127.0.0.1:9/", "--secret-key-file", str(file)]
    done = workshop.run(words, stack.stack.environment())
    assert done.status == 2
    assert "403" in done.err
    assert stack.publishable_key not in done.err
