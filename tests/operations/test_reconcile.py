"""`wxbackend reconcile` as finance people run it: what it prints, what it writes, and what its exit status says."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from tests.operations.tool import Ran
from tests.operations.tool import run as run_tool
from tests.support.stack import RunningStack

DAY_S = 86_400


def run(stack: RunningStack, *arguments: str) -> Ran:
    """The command, on the running stack's database."""
    return run_tool(stack, "reconcile", *arguments)


def a_day_that_is_over(stack: RunningStack) -> tuple[str, list[dict[str, Any]]]:
    """Three payments of today, and at WeChat it is tomorrow noon."""
    intents = [stack.confirmed_intent() for _ in range(3)]
    for intent in intents:
        stack.pay(intent)
        stack.wait_status(intent["id"], "succeeded")
    clock = stack.desk("GET", "/clock")
    day, hour = clock["now"][:10], int(clock["now"][11:13])
    stack.desk("POST", "/clock", {"advance_s": DAY_S + (12 - hour) * 3600, "wait_s": 0})
    return day, intents


def test_a_day_is_reconciled_from_the_command_line(own_stack: RunningStack, tmp_path: Path) -> None:
    stack, out = own_stack, tmp_path / "differences.csv"
    day, intents = a_day_that_is_over(stack)
    agreed = run(stack, "--date", day)
    assert agreed.status == 0, agreed.out + agreed.err
    assert agreed.out.splitlines()[-1] == "Bills and books agree."
    assert "payments: 3 rows, 0 differences open" in agreed.out

    number = stack.out_trade_no(intents[0])
    stack.desk("POST", f"/bills/{day}/mischief", {"change": {number: {"amount": 1999}}})
    differing = run(stack, "--date", day, "--csv", str(out))
    assert differing.status == 1, differing.out + differing.err
    assert "1 differences open." in differing.out
    with out.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["kind"], row["status"], row["amount_fen"], row["amount_yuan"]) == ("amount", "open", "1999", "19.99")
    assert row["payment_intent"] == intents[0]["id"]

    (listed,) = stack.api("GET", f"/v1/discrepancies?bill_date={day}")["data"]
    assert listed["id"] == row["id"]

    stack.desk("POST", f"/bills/{day}/mischief", {"file": "torn"})
    torn = run(stack, "--date", day, "--merchant", "1900000109")
    assert torn.status == 3
    assert "gzip" in torn.out
    wrong = run(stack, "--date", "2999-01-01")
    assert wrong.status == 2
    assert "has not come yet" in wrong.err
