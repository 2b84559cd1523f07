"""Journeys with WeChat's main address gone: the back-up address is for connection errors, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.journeys.endpoint import listening
from tests.journeys.reckoning import attempts_of, reckon
from tests.support.stack import RunningStack, free_port, running
from wxbackend.development import CONFIG

API_URL = 'api_url = "http://127.0.0.1:${WXBACKEND_SIMULATOR_PORT:-9000}"'


@dataclass(frozen=True, slots=True)
class TwoHosts:
    """A stack whose back-up address is the simulator, and the port of its main address."""

    stack: RunningStack
    main_port: int


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    folder, main_port = tmp_path_factory.mktemp("hosts"), free_port()
    text = CONFIG.read_text()
    assert text.count(API_URL) == 1
    two = f'api_url = "http://127.0.0.1:{main_port}"\n{API_URL.replace("api_url", "backup_url")}'
    config = folder / "two_hosts.toml"
    config.write_text(text.replace(API_URL, two))
    for stack in running(folder / "stack", WXBACKEND_CONFIG=str(config)):
        yield TwoHosts(stack, main_port)


def pay_requests(stack: RunningStack) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = stack.desk("GET", "/requests?limit=100000")["requests"]
    return [entry for entry in requests if "/pay/transactions" in entry["path"]]


def wait_payable(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = stack.intent(intent["id"])
        return found if "next_action" in found else None

    return stack.wait_for(look, f"{intent['id']} to be payable")


def test_nobody_at_the_main_address_costs_the_buyer_nothing(hosts: TwoHosts) -> None:
    stack = hosts.stack
    intent = stack.confirmed_intent()
    assert "next_action" in intent
    assert "backup_host_used" in stack.log("web")
    stack.pay(intent)
    reckon(stack, intent)


@pytest.mark.parametrize("status", [None, 502, 404], ids=["cut", "502", "404"])
def test_a_bad_answer_of_the_main_address_is_no_reason_to_ask_the_other(hosts: TwoHosts, status: int | None) -> None:
    """What arrived there may have been carried out, so only a query or the same number may follow."""
    stack = hosts.stack
    asked: list[str] = []
    before = pay_requests(stack)

    def take(method: str, path: str, _call: object) -> int | None:
        asked.append(f"{method} {path}")
        return status

    with listening(hosts.main_port, take):
        intent = stack.confirmed_intent()
        assert intent["status"] == "requires_action"
        assert "next_action" not in intent
        assert pay_requests(stack) == before
    assert asked[0] == "POST /v3/pay/transactions/jsapi"
    payable = wait_payable(stack, intent)
    assert len(attempts_of(stack, intent)) == 1
    stack.pay(payable)
    reckon(stack, intent)


def test_confirmed_while_wechat_is_down_is_payable_when_it_is_back(hosts: TwoHosts) -> None:
    stack = hosts.stack
    intent, how = stack.create_intent(), stack.paying_with()
    stack.kill("simulator")
    shown = stack.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", how)
    assert shown["status"] == "requires_action"
    assert "next_action" not in shown
    stack.start("simulator")
    payable = wait_payable(stack, intent)
    stack.pay(payable)
    reckon(stack, intent)
    assert len(attempts_of(stack, intent)) == 1
