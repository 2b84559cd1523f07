"""Journeys through WeChat's changes of keys: certificates, the public key, the grey months, and rotation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.reckoning import attempts_of, forge, notices_of, real_notice, reckon
from tests.support.stack import RunningStack, running

LOOK_AGAIN_AFTER_S = 2
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000001092026112200000000000001"


@pytest.fixture(scope="module")
def shared_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    yield from running(tmp_path_factory.mktemp("keys") / "stack")


@pytest.fixture
def keyed(shared_keys: RunningStack) -> Iterator[RunningStack]:
    """A stack whose WeChat may change its keys; afterwards it is back in the grey months."""
    shared_keys.behave()
    yield shared_keys
    shared_keys.desk("POST", "/mode", {"mode": "gray", "pubkey_percent": 50})


def set_mode(stack: RunningStack, mode: str, percent: int = 50) -> dict[str, Any]:
    found: dict[str, Any] = stack.desk("POST", "/mode", {"mode": mode, "pubkey_percent": percent})
    return found


def certificate_requests(stack: RunningStack) -> int:
    requests = stack.desk("GET", "/requests?limit=100000")["requests"]
    return sum("/v3/certificates" in entry["path"] for entry in requests)


def fetch_certificates_again(stack: RunningStack) -> None:
    """What the worker does every hour, and whenever it starts."""
    asked = certificate_requests(stack)
    stack.kill("worker")
    stack.start("worker")
    stack.wait_for(lambda: certificate_requests(stack) > asked, "the worker to ask for certificates")


def notice_serials(stack: RunningStack, intent: dict[str, Any]) -> set[str]:
    return {item["serial"] for item in real_notice(stack, intent)["deliveries"]}


def paid_by_notice(stack: RunningStack) -> dict[str, Any]:
    """A whole payment in which WeChat's notice was believed."""
    intent = stack.confirmed_intent()
    assert "next_action" in intent
    stack.pay(intent)
    reckon(stack, intent)
    assert [item["status"] for item in real_notice(stack, intent)["deliveries"]] == [204]
    assert len(notices_of(stack, intent)) == 1
    return intent


@pytest.mark.parametrize(("mode", "percent"), [("cert", 0), ("gray", 0), ("gray", 100), ("pubkey", 100)])
def test_paid_in_every_mode_of_signing(keyed: RunningStack, mode: str, percent: int) -> None:
    keys = set_mode(keyed, mode, percent)
    intent = paid_by_notice(keyed)
    assert notice_serials(keyed, intent) == {PUBLIC_KEY_ID if percent else keys["signing_serial"]}


def test_paid_while_the_modes_change_between_order_and_notice(keyed: RunningStack) -> None:
    set_mode(keyed, "cert")
    first = keyed.confirmed_intent()
    set_mode(keyed, "pubkey")
    keyed.pay(first)
    reckon(keyed, first)
    second = keyed.confirmed_intent()
    set_mode(keyed, "cert")
    keyed.pay(second)
    reckon(keyed, second)


def test_a_rotation_with_overlap_goes_unnoticed(keyed: RunningStack) -> None:
    old = set_mode(keyed, "cert")["signing_serial"]
    waiting = keyed.confirmed_intent()
    looked = time.monotonic()
    keyed.desk("POST", "/certificates/rotate", {"step": "publish"})
    fetch_certificates_again(keyed)
    assert notice_serials(keyed, paid_by_notice(keyed)) == {old}
    new = keyed.desk("POST", "/certificates/rotate", {"step": "use"})["signing_serial"]
    assert new != old
    keyed.wait_for(
        lambda: keyed.rows("SELECT serial FROM platform_certificates WHERE serial = ?", new),
        "the new certificate to be kept",
    )
    # A process looks into the store for a serial that is new to it, but not more often than this.
    keyed.wait_for(lambda: time.monotonic() > looked + LOOK_AGAIN_AFTER_S, "the web process to look again")
    keyed.pay(waiting)
    reckon(keyed, waiting)
    assert notice_serials(keyed, paid_by_notice(keyed)) == {new}
    keyed.desk("POST", "/certificates/rotate", {"step": "retire"})
    paid_by_notice(keyed)


def test_a_rotation_without_warning_mends_itself_and_loses_nothing(keyed: RunningStack) -> None:
    set_mode(keyed, "cert")
    waiting = keyed.confirmed_intent()
    asked = certificate_requests(keyed)
    keyed.desk("POST", "/certificates/rotate", {"step": "rotate"})
    keyed.pay(waiting)
    assert [item["status"] for item in real_notice(keyed, waiting)["deliveries"]] == [401]
    blind = keyed.confirmed_intent()
    assert blind["status"] == "requires_action"
    keyed.wait_for(lambda: certificate_requests(keyed) > asked, "the worker to fetch what nobody held")
    reckon(keyed, waiting)
    payable = keyed.wait_for(lambda: with_action(keyed, blind), "the order to be payable")
    assert len(attempts_of(keyed, blind)) == 1
    keyed.pay(payable)
    reckon(keyed, blind)
    assert certificate_requests(keyed) == asked + 1


def with_action(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any] | None:
    found = stack.intent(intent["id"])
    return found if "next_action" in found else None


def test_a_merchant_that_only_has_the_public_key_is_served(keyed: RunningStack) -> None:
    set_mode(keyed, "pubkey")
    fetch_certificates_again(keyed)
    paid_by_notice(keyed)
    assert "tick_failed" not in keyed.log("worker")


def test_unknown_serials_are_refused_and_make_us_call_once_at_most(keyed: RunningStack) -> None:
    intent = keyed.confirmed_intent()
    asked = certificate_requests(keyed)
    for _ in range(10):
        assert forge(keyed, intent, sign="unknown_serial")["status"] == 401
    assert certificate_requests(keyed) <= asked + 1
    assert notices_of(keyed, intent) == []
    keyed.pay(intent)
    reckon(keyed, intent)
