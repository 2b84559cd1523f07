"""Back-up and restore: a copy taken while payments run, put back, comes to agree with WeChat's books."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.journeys.reckoning import SUCCEEDED, discrepancies_of, events_of, reckon
from tests.operations.tool import run
from tests.support.stack import RunningStack


def back_up(stack: RunningStack, target: Path) -> None:
    ran = run(stack, "backup", str(target))
    assert ran.status == 0, ran.err


def restore(stack: RunningStack, copy: Path) -> None:
    """What docs/operations.md says: everything stopped, old files away, the copy in their place, migrate."""
    state = stack.stack.state
    for file in state.glob("wxbackend.db*"):
        file.unlink()
    shutil.copy(copy, state / "wxbackend.db")
    assert run(stack, "migrate").status == 0
    assert "due now" in run(stack, "look-again").out


def end(stack: RunningStack, *names: str) -> None:
    for name in names:
        stack.kill(name)


def rows_of(file: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def test_a_copy_taken_while_payments_run_is_restored_and_reckoned(own_stack: RunningStack, tmp_path: Path) -> None:
    stack = own_stack
    copy = tmp_path / "copy.db"
    settled = stack.confirmed_intent(amount=1001)
    stack.pay(settled)
    reckon(stack, settled)
    paid_later = stack.confirmed_intent(amount=1002)
    never_paid = stack.confirmed_intent(amount=1003)
    _under_load(stack, lambda: back_up(stack, copy))

    # After the copy: one payment that it knows as open, and one that it does not know at all.
    stack.pay(paid_later)
    stack.wait_status(paid_later["id"], "succeeded")
    unknown = stack.confirmed_intent(amount=1004)
    stack.pay(unknown)
    reckon(stack, unknown)
    order = stack.order(unknown)
    path = f"/notices?wait_s=10&out_trade_no={order['out_trade_no']}"
    (notice,) = stack.desk("GET", path)["notices"]

    end(stack, "web", "worker")
    restore(stack, copy)
    stack.start("web", "worker")
    assert stack.wait_status(paid_later["id"], "succeeded")["amount_received"] == 1002
    reckon(stack, settled)
    _told_again(stack, paid_later)
    reckon(stack, never_paid, paid=False)
    assert stack.call("GET", f"/v1/payment_intents/{unknown['id']}").status == 404

    # Nothing in the copy can know it; when WeChat tells of it once more it is recorded, not dropped.
    stack.desk("POST", f"/notices/{notice['id']}/send")
    (found,) = stack.rows("SELECT * FROM discrepancies")
    assert (found["kind"], found["amount"], found["transaction_id"]) == ("unmatched", 1004, order["transaction_id"])
    _books_agree(stack)
    again = stack.confirmed_intent(amount=1005)
    stack.pay(again)
    reckon(stack, again)
    assert discrepancies_of(stack, again) == []


def _told_again(stack: RunningStack, intent: dict[str, Any]) -> None:
    """The copy cannot know that the merchant was told: it tells again, of the same intent by another event."""
    stack.wait_for(lambda: len(stack.webhooks(intent, SUCCEEDED)) == 2, "the merchant to be told again")
    heard = stack.webhooks(intent, SUCCEEDED)
    assert {webhook["subject"]["amount_received"] for webhook in heard} == {intent["amount"]}
    assert len({webhook["event_id"] for webhook in heard}) == 2
    assert len(events_of(stack, intent, SUCCEEDED)) == 1


def _under_load(stack: RunningStack, work: Any) -> None:
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            stack.create_intent(amount=7)

    with ThreadPoolExecutor(2) as crowd:
        callers = [crowd.submit(call) for _ in range(2)]
        try:
            work()
        finally:
            stop.set()
        for caller in callers:
            caller.result()


def _books_agree(stack: RunningStack) -> None:
    """Every fen that buyers paid is an intent's or a discrepancy's."""
    assert stack.desk("GET", "/books")["balanced"]
    orders = [order for order in stack.desk("GET", "/orders")["orders"] if order["trade_state"] == "SUCCESS"]
    booked = stack.rows("SELECT transaction_id, amount FROM attempts WHERE state = 'paid'")
    booked += stack.rows("SELECT transaction_id, amount FROM discrepancies")
    ours = sorted((row["transaction_id"], row["amount"]) for row in booked)
    assert ours == sorted((order["transaction_id"], order["total"]) for order in orders)


def test_a_copy_is_whole_private_and_never_overwrites(stack: RunningStack, tmp_path: Path) -> None:
    intent = stack.create_intent(amount=77)
    copy = tmp_path / "copy.db"
    back_up(stack, copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith((".copy", "copy"))] == ["copy.db"]
    number = int(intent["id"].removeprefix("pi_"))
    assert rows_of(copy, f"SELECT amount FROM payment_intents WHERE id = {number}") == [(77,)]
    before = copy.read_bytes()
    again = run(stack, "backup", str(copy))
    assert (again.status, "never overwrites" in again.err) == (2, True)
    assert copy.read_bytes() == before


def test_other_databases_are_pointed_to_their_own_tools(stack: RunningStack, tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1/nothing"
    ran = run(stack, "backup", str(tmp_path / "copy.db"), WXBACKEND__SERVER__DATABASE_URL=url)
    assert (ran.status, "pg_dump" in ran.err) == (2, True)
