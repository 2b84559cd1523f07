"""What Prometheus sees: counts of web and worker together, gauges from the database, and who may look."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.reckoning import forge
from tests.support.stack import Answer, RunningStack, running

PROXY: Final = "127.0.0.2"
"""Loopback addresses of ours; the settings trust this one."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose processes count together, behind a trusted proxy."""
    folder = tmp_path_factory.mktemp("watched")
    yield from running(
        folder / "stack",
        WXBACKEND_METRICS_DIR=str(folder / "metrics"),
        WXBACKEND__SERVER__TRUSTED_PROXIES=f'["{PROXY}"]',
    )


def values(text: bytes) -> dict[tuple[str, ...], float]:
    """Samples by name and label values."""
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def scrape(stack: RunningStack, **more: Any) -> dict[tuple[str, ...], float]:
    answer = stack.call("GET", "/metrics", key="", **more)
    assert answer.status == 200, answer.body
    return values(answer.body)


def through_proxy(stack: RunningStack, path: str, **headers: str) -> Answer:
    """A request whose next hop is the trusted proxy."""
    pool = urllib3.PoolManager(retries=False, timeout=20.0, source_address=(PROXY, 0))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with pool:
        answer = pool.request("GET", stack.web_url + path, headers=sent)
        return Answer(answer.status, dict(answer.headers), answer.data)


def test_a_payment_is_counted_by_web_and_worker_together(watched: RunningStack) -> None:
    watched.behave()
    before = scrape(watched)
    intent = watched.confirmed_intent()
    watched.pay(intent)
    watched.wait_status(intent["id"], "succeeded")
    watched.call("GET", f"/v1/payment_intents/{intent['id']}", key="sk_test_of_nobody")

    def grown(*key: str) -> float:
        return scrape(watched).get(key, 0) - before.get(key, 0)

    watched.wait_for(lambda: grown("wxbackend_deliveries_total", "delivered") >= 3, "the worker's deliveries")
    assert grown("wxbackend_requests_total", "POST", "/v1/payment_intents", "200") == 1
    assert grown("wxbackend_requests_total", "GET", "/v1/payment_intents/<intent_id>", "401") == 1
    assert grown("wxbackend_provider_calls_total", "order", "200") == 1
    assert grown("wxbackend_provider_call_seconds_count", "order") == 1
    assert grown("wxbackend_notices_total", "settled") == 1


def test_what_nobody_asked_for_makes_no_new_series(watched: RunningStack) -> None:
    watched.call("GET", "/nowhere", key="")
    before = scrape(watched)
    for number in range(20):
        watched.call("GET", f"/nowhere/{number}", key="")
        watched.call("BREW", f"/v1/payment_intents/{number}", key="")
    fresh = set(scrape(watched)) - set(before)
    assert not [key for key in fresh if any(word.startswith(("/nowhere", "BREW")) for word in key)]
    assert before[("wxbackend_requests_total", "GET", "none", "404")] >= 1


def test_refused_notices_and_unclear_orders_are_seen(watched: RunningStack) -> None:
    watched.behave()
    intent = watched.confirmed_intent()
    before = scrape(watched)
    forge(watched, intent, sign="wrong_key")
    watched.mischief(api=[{"fault": "drop_after", "path": "any", "times": None}])
    watched.confirmed_intent(amount=4321)
    after = scrape(watched)
    watched.behave()
    assert after[("wxbackend_notices_total", "refused")] == before.get(("wxbackend_notices_total", "refused"), 0) + 1
    assert after[("wxbackend_attempts_unclear", "uncertain")] == 1
    watched.wait_for(lambda: scrape(watched)[("wxbackend_attempts_unclear", "uncertain")] == 0, "the order to be clear")


def test_from_another_machine_only_with_the_token(own_settings: tuple[RunningStack, str]) -> None:
    stack, token = own_settings
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer \u00e9"}):
        assert stack.call("GET", "/metrics", key="", headers=headers).status == 401
    assert through_proxy(stack, "/metrics", X_Forwarded_For="203.0.113.9").status == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert stack.call("GET", "/metrics", key="", headers=headers).status == 200


@pytest.fixture(scope="module")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, str]]:
    """A stack that asks for a token."""
    folder = tmp_path_factory.mktemp("token")
    token = secrets.token_hex(24)
    file: Path = folder / "token.txt"
    file.write_text(token, encoding="ascii")
    for stack in running(folder / "stack", WXBACKEND__SERVER__METRICS_TOKEN_FILE=str(file)):
        yield stack, token


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_without_a_token_nothing_that_was_forwarded_is_served(watched: RunningStack, header: str) -> None:
    refused = watched.call("GET", "/metrics", key="", headers={header: "127.0.0.1"})
    assert (refused.status, refused.json()["error"]["code"]) == (403, "metrics_token_required")


def test_a_client_behind_the_proxy_cannot_claim_to_be_this_machine(watched: RunningStack) -> None:
    assert through_proxy(watched, "/metrics", X_Forwarded_For="127.0.0.1, 203.0.113.9").status == 403
    assert through_proxy(watched, "/metrics", X_Forwarded_For="203.0.113.9").status == 403


def ready(stack: RunningStack) -> tuple[int, dict[str, str]]:
    answer = stack.call("GET", "/health/ready", key="")
    return answer.status, answer.json()["parts"]


def tell(stack: RunningStack, database: str, statement: str) -> None:
    with closing(sqlite3.connect(stack.stack.state / database, timeout=10)) as db:
        db.execute(statement)
        db.commit()


def test_ready_tells_each_part(watched: RunningStack) -> None:
    assert ready(watched) == (200, {"database": "ok", "migrations": "ok", "coordination": "ok"})


@pytest.mark.parametrize(("revision", "status", "said"), [("0001", 503, "behind"), ("9999", 200, "ok")])
def test_an_older_schema_is_not_ready_and_a_newer_one_is(
    watched: RunningStack, revision: str, status: int, said: str
) -> None:
    (row,) = watched.rows("SELECT version_num FROM alembic_version")
    set_revision = "UPDATE alembic_version SET version_num = '{}'"
    tell(watched, "wxbackend.db", set_revision.format(revision))
    try:
        assert ready(watched) == (status, {"database": "ok", "migrations": said, "coordination": "ok"})
    finally:
        tell(watched, "wxbackend.db", set_revision.format(row["version_num"]))
    assert ready(watched)[0] == 200


def test_payments_go_on_without_coordination_and_ready_says_so(watched: RunningStack) -> None:
    watched.behave()
    tell(watched, "coordination.db", "ALTER TABLE coordination RENAME TO hidden")
    try:
        assert ready(watched) == (200, {"database": "ok", "migrations": "ok", "coordination": "away"})
        intent = watched.confirmed_intent()
        watched.pay(intent)
        watched.wait_status(intent["id"], "succeeded")
    finally:
        tell(watched, "coordination.db", "ALTER TABLE hidden RENAME TO coordination")
    assert ready(watched)[1]["coordination"] == "ok"
