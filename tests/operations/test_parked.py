"""An order that nobody here can read: it is parked and shown, disturbs nobody, and is paid when it is mended."""

from __future__ import annotations

from typing import Any

import orjson

from tests.api.calling import new_buyer
from tests.journeys.reckoning import change, number_of, reckon
from tests.operations.tool import run
from tests.support.stack import OFFICIAL_ACCOUNT, RunningStack
from wxbackend.flows.park_failure import PARKED_AFTER_FAILURES


def failures_of(stack: RunningStack, attempt: int) -> int:
    """How often it has failed."""
    rows = stack.rows("SELECT failures FROM failures WHERE kind = 'attempt' AND item = ?", attempt)
    return int(rows[0]["failures"]) if rows else 0


def parked_attempts(stack: RunningStack) -> int:
    """What the gauge says."""
    lines = stack.call("GET", "/metrics", key="").body.decode().splitlines()
    (value,) = [line.split()[-1] for line in lines if line.startswith('wxbackend_parked{work="attempt"}')]
    return int(float(value))


def made_unreadable(stack: RunningStack) -> tuple[dict[str, Any], int]:
    """An intent that WeChat's buyer has paid, whose notice is lost and whose order is unreadable here."""
    stack.mischief(notices={"lose": {"times": 1}})
    buyer = new_buyer(stack)
    how = stack.paying_with(openid=buyer["openids"][OFFICIAL_ACCOUNT])
    intent = stack.create_intent(confirm=True, **how)
    (row,) = stack.rows("SELECT id FROM attempts WHERE intent_id = ?", number_of(intent))
    change(stack, "UPDATE attempts SET state = 'unreadable ' || state WHERE id = ?", row["id"])
    number = stack.out_trade_no(intent)
    stack.desk("POST", f"/buyers/{buyer['id']}/pay_order", {"out_trade_no": number})
    return intent, int(row["id"])


def test_an_unreadable_order_is_parked_and_shown_and_paid_when_it_is_mended(stack: RunningStack) -> None:
    assert run(stack, "parked").err == "Nothing is parked.\n"
    intent, attempt = made_unreadable(stack)
    for failures in range(1, PARKED_AFTER_FAILURES + 1):
        change(stack, "UPDATE poll_queue SET due_ms = 0 WHERE attempt_id = ?", attempt)
        stack.wait_for(lambda: failures_of(stack, attempt) >= failures, f"failure {failures}")  # noqa: B023
    assert failures_of(stack, attempt) == PARKED_AFTER_FAILURES
    assert parked_attempts(stack) == 1
    shown = orjson.loads(run(stack, "parked", "--json").out)
    assert (shown["work"], shown["item"], shown["failures"], shown["reason"]) == ("attempt", attempt, 5, "ValueError")

    other = stack.confirmed_intent()
    stack.pay(other)
    reckon(stack, other)
    assert failures_of(stack, attempt) == PARKED_AFTER_FAILURES, "tried again only after its pause"

    change(stack, "UPDATE attempts SET state = substr(state, 12) WHERE id = ?", attempt)
    assert "1 are tried again now" in run(stack, "parked", "--retry").err
    assert reckon(stack, intent)["status"] == "succeeded"
    assert parked_attempts(stack) == 0
    assert stack.log("worker").count('"parked"') >= 1
