"""The four requests that a merchant waits for most: create with confirm, the notice, a read, and a create repeated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bench import figures, messages
from bench.figures import Reached, Target
from bench.floors import Floors
from bench.product import Product, running
from bench.run import Run

CREATES = 600
NOTICES = 600
READS = 1500
REPLAYS = 1500
QUICK_SHARE_PERCENT = 60


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor seconds of the web process for one of each."""

    create: float
    notice: float
    read: float
    replay: float


def measure(run: Run) -> None:
    """On both databases, round by round in turns."""
    with (
        run.place("creating-sqlite", postgresql=False) as embedded,
        run.place("creating-postgresql", postgresql=True) as served,
        running(embedded, "upstream", "web") as on_sqlite,
        running(served, "upstream", "web") as on_postgresql,
    ):
        for product in (on_sqlite, on_postgresql):
            _round(run, product, share_percent=20)
        found: dict[str, list[tuple[Floors, Spent]]] = {"SQLite": [], "PostgreSQL": []}
        for number in range(run.rounds):
            for product in (on_sqlite, on_postgresql):
                run.tell(f"create, notice, read, replay on {product.place.database}: round {number + 1}")
                floors = run.measured_floors(product)
                spent = _round(run, product, share_percent=QUICK_SHARE_PERCENT if run.quick else 100)
                found[product.place.database].append((floors, spent))
    _keep(run, found["PostgreSQL"], figures.CREATE_POSTGRESQL, figures.NOTICE_POSTGRESQL)
    _keep(run, found["SQLite"], figures.CREATE_SQLITE, figures.NOTICE_SQLITE)
    _keep_reads(run, found["PostgreSQL"], figures.READ_POSTGRESQL, figures.REPLAY_POSTGRESQL)
    _keep_reads(run, found["SQLite"], figures.READ_SQLITE, figures.REPLAY_SQLITE)


def _round(run: Run, product: Product, *, share_percent: int) -> Spent:
    key = product.secret_key
    creates = messages.creates(key, CREATES * share_percent // 100)
    create, bodies = per_request(run, product, creates)
    intents = [json.loads(body)["id"] for body in bodies]
    orders = unpaid_orders(product, NOTICES * share_percent // 100)
    notice, _ = per_request(run, product, messages.notices(run.credentials, orders), wanted=204)
    reads = READS * share_percent // 100
    paths = [f"/v1/payment_intents/{intents[place % len(intents)]}" for place in range(reads)]
    read, _ = per_request(run, product, messages.reads(key, paths))
    (first, *replays) = messages.creates(key, REPLAYS * share_percent // 100, same_key=True)
    run.load.drive(product.web_port, [first])
    replay, _ = per_request(run, product, replays)
    return Spent(create, notice, read, replay)


def per_request(
    run: Run, product: Product, requests: Sequence[bytes], *, wanted: int = 200
) -> tuple[float, Sequence[bytes]]:
    """Processor seconds of the web process for each of the requests, and the answers."""
    before = product.cpu_s("web")
    driven = run.load.drive(product.web_port, requests, wanted=wanted)
    return (product.cpu_s("web") - before) / len(requests), driven.bodies


def unpaid_orders(product: Product, number: int) -> list[str]:
    """Numbers of open orders, newest first."""
    rows = product.place.rows("SELECT out_trade_no FROM attempts WHERE state = 'open' ORDER BY id DESC LIMIT ?", number)
    return [row[0] for row in rows]


def _keep(run: Run, rounds: Sequence[tuple[Floors, Spent]], create: Target, notice: Target) -> None:
    creates = [
        (2 * f.sign + f.verify + f.post_out + 2 * f.commit + f.bare_post, spent.create) for f, spent in rounds
    ]
    notices = [(f.verify + f.commit + f.bare_post, spent.notice) for f, spent in rounds]
    for target, pairs in ((create, creates), (notice, notices)):
        run.findings.reached.append(compared(target, pairs))


def _keep_reads(run: Run, rounds: Sequence[tuple[Floors, Spent]], read: Target, replay: Target) -> None:
    run.findings.reached.append(compared(read, [(f.bare_get, spent.read) for f, spent in rounds]))
    run.findings.reached.append(compared(replay, [(f.bare_post, spent.replay) for f, spent in rounds]))


def compared(target: Target, pairs: Sequence[tuple[float, float]]) -> Reached:
    """A figure of floor over spent, with both in its detail as milliseconds (medians)."""
    floors, spent = sorted(pair[0] for pair in pairs), sorted(pair[1] for pair in pairs)
    middle = len(pairs) // 2
    detail = f"{spent[middle] * 1000:.2f} ms against {floors[middle] * 1000:.2f} ms"
    return Reached(target, [floor / cost for floor, cost in pairs], detail)
