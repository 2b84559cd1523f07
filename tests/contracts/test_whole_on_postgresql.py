"""The whole product on PostgreSQL, as processes: orders are opened and paid, the merchant is told, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.support import postgresql
from tests.support.console import downloads
from tests.support.parallel import post_at_once
from tests.support.stack import BUYER, MINI_PROGRAM, RunningStack, free_port
from wxbackend.development import Stack


@pytest.fixture
def url(postgresql_template: tuple[str, str]) -> Iterator[str]:
    """A migrated database on the server."""
    server_url, template = postgresql_template
    with postgresql.database(server_url, template=template) as address:
        yield address


@pytest.fixture
def on_postgresql(url: str, tmp_path: Path) -> Iterator[RunningStack]:
    """Web, worker and simulator, with their money on PostgreSQL."""
    state = tmp_path / "stack"
    state.mkdir()
    stack = Stack(state=state, web_port=free_port(), simulator_port=free_port())
    downloads(stack.credentials)
    stack.prepare()
    found = RunningStack(stack, {"WXBACKEND__SERVER__DATABASE_URL": url})
    try:
        found.start()
        found.wait_for(lambda: rows(url, "SELECT serial FROM platform_certificates"), "WeChat's certificates")
        yield found
    finally:
        found.end()


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What the database holds."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        return connection.execute(query.encode()).fetchall()


def pay(stack: RunningStack, url: str, intent_id: str) -> None:
    """The default buyer pays the intent's order."""
    number = intent_id.removeprefix("pi_").lstrip("0")
    ((out_trade_no,),) = rows(url, f"SELECT out_trade_no FROM attempts WHERE intent_id = {number}")
    stack.desk("POST", f"/buyers/{BUYER}/pay_order", {"out_trade_no": out_trade_no})


def test_fifty_equal_posts_with_one_key_make_one_object(on_postgresql: RunningStack, url: str) -> None:
    asked = {"amount": 5050, "currency": "CNY", "confirm": True, **on_postgresql.paying_with()}
    made = post_at_once(on_postgresql, "/v1/payment_intents", asked, key="fifty", at_once=50)
    number = made["id"].removeprefix("pi_").lstrip("0")
    assert rows(url, "SELECT id FROM payment_intents") == [(int(number),)]
    assert len(rows(url, "SELECT id FROM attempts")) == 1
    assert rows(url, "SELECT count(*) FROM events WHERE type = 'payment_intent.created'") == [(1,)]
    # The same at once again, for what claims a key before it makes anything.
    code = on_postgresql.desk("POST", f"/buyers/{BUYER}/codes", {"appid": MINI_PROGRAM, "kind": "mini_program"})["code"]
    post_at_once(on_postgresql, "/v1/wechat/mini_program/login", {"code": code}, key="log in", at_once=20)
    assert rows(url, "SELECT count(*) FROM login_sessions") == [(1,)]


def test_money_is_taken_and_told_even_when_the_notice_is_lost(on_postgresql: RunningStack, url: str) -> None:
    told = on_postgresql.confirmed_intent()
    pay(on_postgresql, url, told["id"])
    on_postgresql.wait_status(told["id"], "succeeded")
    on_postgresql.desk("POST", "/mischief", {"notices": {"lose": {"times": 1}}})
    lost = on_postgresql.confirmed_intent()
    pay(on_postgresql, url, lost["id"])
    assert on_postgresql.wait_status(lost["id"], "succeeded")["amount_received"] == 2000
    on_postgresql.wait_for(
        lambda: not rows(url, "SELECT id FROM deliveries WHERE state <> 'delivered'"), "every event to be delivered"
    )
    kinds = rows(url, "SELECT type, count(*) FROM events GROUP BY type")
    assert dict(kinds)["payment_intent.succeeded"] == 2
    assert rows(url, "SELECT count(*) FROM discrepancies") == [(0,)]
