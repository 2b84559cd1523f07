"""`python -m tests.soak`: run the stack, load it, disturb it, kill it; when all is at rest, compare the books."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console

from tests.soak.books import Books, read_books
from tests.soak.client import Client
from tests.soak.fleet import Fleet, fleet
from tests.soak.hand import Hand
from tests.soak.mischief import Mischief
from tests.soak.money_out import open_sharing
from tests.soak.plan import ANSWER_WITHIN_S, REST_WITHIN_S, Plan
from tests.soak.reckoning import differences
from tests.soak.report import Report
from tests.soak.sales import open_market
from tests.soak.stories import Merchant
from tests.soak.tally import Journal, Tally
from tests.support.postgresql import PostgresqlMissing
from tests.support.redis import RedisMissing
from tests.support.stack import UNFINISHED

LOOK_EVERY_S: Final = 1.0
DAY_S: Final = 86_400
UNRESOLVED: Final = f"{UNFINISHED} UNION SELECT id FROM attempts WHERE state = 'open'"
"""At the end no order is left open either: its time is over, and WeChat has said what became of it."""
UNCONFIRMED: Final = f"{UNRESOLVED} UNION SELECT id FROM merchant_transfers WHERE state = 'awaiting'"
"""Nor a transfer that nobody confirmed, once its day is over."""


def main() -> int:
    """The exit status: 0 when the books agree."""
    plan = _read_arguments()
    console = Console(soft_wrap=True)
    state = Path(tempfile.mkdtemp(prefix="wxbackend-soak-"))
    agreed = False
    try:
        agreed = _soak(plan, state, console)
    except (PostgresqlMissing, RedisMissing) as missing:
        console.print(f"[red]{missing}[/red]")
    except KeyboardInterrupt:
        console.print("[red]interrupted[/red]")
    finally:
        if agreed:
            shutil.rmtree(state, ignore_errors=True)
        else:
            console.print(f"The logs of all processes, and the books when they were read, are in {state}")
    return 0 if agreed else 1


def _read_arguments() -> Plan:
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    for name, meaning in (
        ("seconds", "how long the load and the kills last"),
        ("seed", "where everything random comes from"),
        ("web", "how many web processes"),
        ("workers", "how many workers"),
        ("merchants", "how many sales go on at a time"),
    ):
        usual_value = getattr(usual, name)
        parser.add_argument(f"--{name}", type=int, default=usual_value, help=f"{meaning} ({usual_value})")
    return Plan(**vars(parser.parse_args()))


def _soak(plan: Plan, state: Path, console: Console) -> bool:
    tally, journal = Tally(), Journal()
    report = Report(console, plan, tally)
    report.begin()
    with fleet(plan, state, tally) as running:
        urls = [f"http://127.0.0.1:{port}" for port in running.web_ports]
        client = Client(urls, running.stack.secret_key, tally, journal)
        market = open_market(running.stack, client, tally, journal)
        open_sharing(market)
        merchants = [Merchant(market, plan, number) for number in range(plan.merchants)]
        mischief = Mischief(running.stack, plan, tally)
        hand = Hand(running, plan, tally, journal)
        with (
            _threads(journal, mischief=mischief, hand=hand),
            _threads(
                journal, patience_s=ANSWER_WITHIN_S, **{f"merchant-{n}": each for n, each in enumerate(merchants)}
            ),
        ):
            _watch(plan, report, client)
        rested = _come_to_rest(running, mischief, report)
        books = read_books(running, journal)
    return _conclude(report, books, state, rested=rested)


def _watch(plan: Plan, report: Report, client: Client) -> None:
    """Until the time is over; when a person ends it before, nobody waits for answers any more."""
    ends = time.monotonic() + plan.seconds
    try:
        while (left_s := ends - time.monotonic()) > 0:
            report.progress(left_s)
            time.sleep(min(LOOK_EVERY_S, left_s))
    except KeyboardInterrupt:
        client.give_up()
        raise


@contextmanager
def _threads(journal: Journal, *, patience_s: float = 120.0, **work: Merchant | Mischief | Hand) -> Iterator[None]:
    """Run each on a thread of its own; afterwards tell all to stop, and wait for them."""

    def run(each: Merchant | Mischief | Hand) -> None:
        try:
            each.run()
        except Exception as error:  # noqa: BLE001 - the soak goes on, and ends as failed
            journal.trouble(f"{type(each).__name__} broke: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(each,), name=name, daemon=True) for name, each in work.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for each in work.values():
            each.stop()
        deadline = time.monotonic() + patience_s
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                journal.trouble(f"{thread.name} did not come to an end")


def _come_to_rest(running: Fleet, mischief: Mischief, report: Report) -> bool:
    """Everything up and well-behaved: wait until nothing is unfinished, before and after WeChat tells all again."""
    mischief.make_good()
    running.mend()
    if not _wait_finished(running, mischief, report, UNRESOLVED):
        return False
    running.stack.desk("POST", "/clock", {"advance_s": DAY_S, "wait_s": 60})
    return _wait_finished(running, mischief, report, UNCONFIRMED)


def _wait_finished(running: Fleet, mischief: Mischief, report: Report, unfinished: str) -> bool:
    deadline = time.monotonic() + REST_WITHIN_S
    while time.monotonic() < deadline:
        mischief.settle_abnormal()
        left = len(running.rows(unfinished))
        if not left and not running.rows("SELECT id FROM refunds WHERE state = 'abnormal'"):
            return True
        report.resting(left)
        time.sleep(LOOK_EVERY_S)
    return False


def _conclude(report: Report, books: Books, state: Path, *, rested: bool) -> bool:
    found = differences(books)
    report.end(books, found, rested=rested)
    agreed = rested and not found
    if not agreed:
        (state / "books.json").write_bytes(orjson.dumps(books, default=lambda value: bytes(value).decode()))
    return agreed


if __name__ == "__main__":
    sys.exit(main())
