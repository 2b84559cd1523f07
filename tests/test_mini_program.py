"""The mini program's JavaScript checks, and its pages against a running backend and simulator."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.node import INSTALL_TIMEOUT_S, LOCK_FILE, SCRIPT_TIMEOUT_S, Node
from tests.support.stack import MINI_PROGRAM, RunningStack


def test_the_lock_file_is_complete_and_names_no_registry() -> None:
    """`npm ci` refuses a lock that lacks an optional package of any platform."""
    text = LOCK_FILE.read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert "://registry." not in text
    packages: dict[str, dict[str, dict[str, str]]] = json.loads(text)["packages"]
    locked = {key.rpartition("node_modules/")[2] for key in packages if key}
    wanted = {
        name
        for entry in packages.values()
        for kind in ("dependencies", "devDependencies", "optionalDependencies")
        for name in entry.get(kind, {})
    }
    assert wanted - locked == set()


@pytest.mark.timeout(INSTALL_TIMEOUT_S + SCRIPT_TIMEOUT_S)
def test_mini_program_is_lint_free(node: Node) -> None:
    node.check("lint")


@pytest.mark.timeout(INSTALL_TIMEOUT_S + SCRIPT_TIMEOUT_S)
def test_mini_program_keeps_wechats_types(node: Node) -> None:
    node.check("types")


@pytest.mark.timeout(INSTALL_TIMEOUT_S + SCRIPT_TIMEOUT_S)
def test_mini_program_templates_parse_and_name_only_what_exists(node: Node) -> None:
    assert "pages, WeChat's compiler" in node.check("wxml")


@pytest.mark.timeout(INSTALL_TIMEOUT_S + SCRIPT_TIMEOUT_S)
def test_mini_program_pays_waits_and_recovers(node: Node) -> None:
    assert re.search(r"Tests: +\d+ passed, \d+ total", node.check("test"))


@pytest.mark.timeout(INSTALL_TIMEOUT_S + SCRIPT_TIMEOUT_S)
@pytest.mark.parametrize("outcome", ["pay", "pay_but_report_cancel"])
def test_mini_program_believes_the_server_and_not_the_cashier(node: Node, stack: RunningStack, outcome: str) -> None:
    intent = stack.create_intent()
    told = node.check(
        "test",
        {
            "WXBACKEND_URL": stack.web_url,
            "SIMULATOR_URL": stack.simulator_url,
            "PUBLISHABLE_KEY": stack.publishable_key,
            "CLIENT_SECRET": intent["client_secret"],
            "APP_ID": MINI_PROGRAM,
            "CASHIER_OUTCOME": outcome,
        },
    )
    assert re.search(r"Tests: +\d+ passed, \d+ total", told)
    assert "live.test.js" in told
    assert stack.intent(intent["id"])["amount_received"] == intent["amount"]
    assert stack.order(intent)["trade_state"] == "SUCCESS"
    stack.wait_for(
        lambda: stack.webhooks(intent, "payment_intent.succeeded"), "the shop to be told that the money is there"
    )
    assert stack.desk("GET", "/books")["balanced"] is True
