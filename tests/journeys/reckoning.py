"""The reckoning after a journey: WeChat's books, the intent, the events and the webhooks agree to the fen."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final, Protocol, TypeVar

from tests.support.stack import RunningStack

T = TypeVar("T")
SUCCEEDED: Final = "payment_intent.succeeded"
CANCELED: Final = "payment_intent.canceled"
FAILED: Final = "payment_intent.payment_failed"
DISCREPANCY: Final = "discrepancy.opened"


class Seen(Protocol):
    """Where a reckoning looks: the API, the database, the simulator's desk, and what the merchant was told."""

    def desk(self, method: str, path: str, json: Any = None) -> Any:
        """One call of the simulator's desk."""
        ...

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the database."""
        ...

    def intent(self, intent_id: str) -> dict[str, Any]:
        """An intent as the API shows it."""
        ...

    def wait_status(self, intent_id: str, status: str) -> dict[str, Any]:
        """The same, when it has that status."""
        ...

    def wait_for(self, look: Callable[[], T | None], what: str) -> T:
        """What there is to see, when it is there."""
        ...

    def webhooks(self, intent: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
        """What the merchant was told about an intent."""
        ...


def number_of(intent: dict[str, Any]) -> int:
    """The number inside an intent's id."""
    return int(str(intent["id"]).removeprefix("pi_"))


def attempts_of(stack: Seen, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """The intent's orders as we have them, oldest first."""
    return stack.rows("SELECT * FROM attempts WHERE intent_id = ? ORDER BY id", number_of(intent))


def events_of(stack: Seen, intent: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Event rows of one type about an intent."""
    return stack.rows("SELECT * FROM events WHERE subject_id = ? AND type = ? ORDER BY id", number_of(intent), kind)


def notices_of(stack: Seen, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """The inbox rows about the intent's orders."""
    return stack.rows(
        "SELECT notices.* FROM notices JOIN attempts USING (out_trade_no) WHERE intent_id = ? ORDER BY notices.id",
        number_of(intent),
    )


def discrepancies_of(stack: Seen, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """What was recorded about money that does not fit the intent."""
    return stack.rows("SELECT * FROM discrepancies WHERE intent_id = ? ORDER BY id", number_of(intent))


def body_of(event: dict[str, Any]) -> dict[str, Any]:
    """The JSON of an event row."""
    import orjson

    found: dict[str, Any] = orjson.loads(event["body"])
    return found


def new_buyer(stack: RunningStack, **fields: Any) -> dict[str, Any]:
    """A buyer of the test's own."""
    found: dict[str, Any] = stack.desk("POST", "/buyers", fields)
    return found


def notice_address(stack: RunningStack) -> str:
    """Where WeChat sends this merchant's notices."""
    return f"{stack.web_url}/notices/wechat_v3/1900000109"


def forge(stack: RunningStack, intent: dict[str, Any], **wish: Any) -> dict[str, Any]:
    """Let the simulator send a made-up notice about the intent's newest order; what we answered."""
    told = {"url": notice_address(stack), "out_trade_no": stack.out_trade_no(intent), **wish}
    found: dict[str, Any] = stack.desk("POST", "/notices/forge", told)
    return found


def real_notice(stack: RunningStack, intent: dict[str, Any]) -> dict[str, Any]:
    """The one notice that the simulator has about the intent's newest order, when it has been tried."""
    path = f"/notices?wait_s=10&out_trade_no={stack.out_trade_no(intent)}"
    notices: list[dict[str, Any]] = stack.desk("GET", path)["notices"]
    assert len(notices) == 1
    return notices[0]


def carry_waiting_notices(stack: RunningStack) -> None:
    """Send at once what WeChat would send again some time, so that it uses up no mischief that is meant for another."""
    for notice in stack.desk("GET", "/notices")["notices"]:
        if notice["state"] == "waiting":
            stack.desk("POST", f"/notices/{notice['id']}/send")


def wait_long(look: Callable[[], bool], what: str, *, seconds: float) -> None:
    """Wait for what takes longer than the usual limit."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)


def change(stack: RunningStack, statement: str, *values: Any) -> None:
    """Play time: move a moment that is kept in the database, and nothing else."""
    path = stack.stack.state / "wxbackend.db"
    with closing(sqlite3.connect(path, timeout=10)) as db:
        assert db.execute(statement, values).rowcount == 1
        db.commit()


def quiet_rows(stack: RunningStack) -> dict[str, list[dict[str, Any]]]:
    """All money rows, when nothing moves any more."""
    stack.wait_for(stack.is_at_rest, "everything to come to rest")
    return stack.money_rows()


def reckon(stack: Seen, intent: dict[str, Any], *, paid: bool = True) -> dict[str, Any]:
    """Everybody tells the same story about the intent; returns it as the API shows it."""
    assert stack.desk("GET", "/books")["balanced"]
    if paid:
        return _reckon_paid(stack, intent)
    return _reckon_unpaid(stack, intent)


def _reckon_paid(stack: Seen, intent: dict[str, Any]) -> dict[str, Any]:
    found = stack.wait_status(intent["id"], "succeeded")
    amount = found["amount"]
    assert found["amount_received"] == amount
    assert "next_action" not in found
    assert "last_payment_error" not in found
    attempts = attempts_of(stack, found)
    paid = [attempt for attempt in attempts if attempt["state"] == "paid"]
    assert len(paid) == 1
    orders = _known_orders(stack, found)
    paid_orders = [order for order in orders if order["trade_state"] == "SUCCESS"]
    assert [order["out_trade_no"] for order in paid_orders] == [paid[0]["out_trade_no"]]
    assert paid_orders[0]["total"] == amount
    assert paid_orders[0]["transaction_id"] == paid[0]["transaction_id"]
    _one_event_told(stack, found, SUCCEEDED)
    assert events_of(stack, found, CANCELED) == []
    (event,) = events_of(stack, found, SUCCEEDED)
    told = body_of(event)["data"]["object"]
    assert (told["amount"], told["amount_received"], told["status"]) == (amount, amount, "succeeded")
    return found


def _reckon_unpaid(stack: Seen, intent: dict[str, Any]) -> dict[str, Any]:
    found = stack.intent(intent["id"])
    assert found["status"] != "succeeded"
    assert "amount_received" not in found
    assert events_of(stack, found, SUCCEEDED) == []
    assert stack.webhooks(found, SUCCEEDED) == []
    for order in _known_orders(stack, found):
        assert order["trade_state"] != "SUCCESS"
    if found["status"] == "canceled":
        assert "next_action" not in found
        assert all(order["trade_state"] == "CLOSED" for order in _known_orders(stack, found))
        _one_event_told(stack, found, CANCELED)
    return found


def _known_orders(stack: Seen, intent: dict[str, Any]) -> list[dict[str, Any]]:
    numbers = {attempt["out_trade_no"] for attempt in attempts_of(stack, intent)}
    orders: list[dict[str, Any]] = stack.desk("GET", "/orders")["orders"]
    return [order for order in orders if order["out_trade_no"] in numbers]


def _one_event_told(stack: Seen, intent: dict[str, Any], kind: str) -> None:
    """One event; its delivery reached the shop, which could verify it and booked one event id."""
    (event,) = events_of(stack, intent, kind)

    def delivered() -> bool:
        rows = stack.rows("SELECT state FROM deliveries WHERE event_id = ?", event["id"])
        return [row["state"] for row in rows] == ["delivered"] * len(rows) and bool(rows)

    stack.wait_for(delivered, f"the webhook {kind} of {intent['id']}")
    heard = stack.webhooks(intent, kind)
    assert {webhook["event_id"] for webhook in heard} == {f"evt_{event['id']}"}
    assert all(webhook["verified"] for webhook in heard)
    assert heard[-1]["answered"] == 200
    assert heard[-1]["subject"] == body_of(event)["data"]["object"]
