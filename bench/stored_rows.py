"""Five million stored payments must not slow the next one down. PostgreSQL with `wal_compression=lz4`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final

from bench import creating, databases, messages, stored_rows_loading
from bench.figures import Omitted, Reached, Target
from bench.floors import spent
from bench.processes import cpu_s
from bench.product import Place, Product, running
from bench.run import Run
from wxbackend.store.unit import PostgresqlStore, open_store

FEW: Final = 10_000
REQUESTS: Final = 400
LISTED: Final = 20
CLAIMS: Final = 300
CLAIMED_AT_ONCE: Final = 20

_ALL: Final = (0.75, 0.90)
CREATE: Final = Target(
    "5 M stored intents ÷ 10 k: create", *_ALL,
    "Processor time of the web process and of PostgreSQL together, with that many payments stored, each with its "
    "order, event, delivery, notice and journal row: create with confirm.",
)  # fmt: skip
NOTICE: Final = Target("5 M stored intents ÷ 10 k: recent notice", *_ALL, "The notice of an order just made.")
LISTS: Final = Target(
    "5 M stored intents ÷ 10 k: lists", *_ALL, "Twenty payments: the newest, and a page from the middle, in turns."
)
DUE: Final = Target(
    "5 M stored intents ÷ 10 k: due poll", *_ALL,
    "The worker's claim of twenty orders that are due to be looked at, one percent of all being open.",
)  # fmt: skip


def measure(run: Run) -> None:
    """Both sizes side by side on one server, in turns, in every round."""
    targets = (CREATE, NOTICE, LISTS, DUE)
    if run.quick:
        reason = "loading the rows takes minutes; run make bench"
        run.findings.omitted.extend(Omitted(target.name, reason) for target in targets)
        return
    if not databases.compress_wal(run.postgresql()):
        reason = f"this PostgreSQL was built without {databases.COMPRESSION}"
        run.findings.omitted.extend(Omitted(target.name, reason) for target in targets)
        return
    with (
        run.place("few-rows", postgresql=True) as small,
        run.place("many-rows", postgresql=True) as large,
        running(small, "upstream", "web") as few,
        running(large, "upstream", "web") as many,
        _store(small) as few_store,
        _store(large) as many_store,
    ):
        for product, rows in ((few, FEW), (many, run.rows)):
            _pay(run, product, 5)
            run.tell(f"loading {rows} payments")
            stored_rows_loading.load(product.place, rows)
        server = databases.main_process(run.postgresql())
        times: list[tuple[list[float], list[float]]] = [([], []) for _ in targets]
        for number in range(-1, run.rounds):
            run.tell(f"{run.rows} against {FEW} stored payments: {_label(number)}")
            measured = [_round(run, few, few_store, server), _round(run, many, many_store, server)]
            for place, (of_few, of_many) in enumerate(zip(*measured, strict=True)):
                if number >= 0:  # the one before the first only warms the caches
                    times[place][0].append(of_few)
                    times[place][1].append(of_many)
    for target, (of_few, of_many) in zip(targets, times, strict=True):
        ratios = [one / other for one, other in zip(of_few, of_many, strict=True)]
        detail = f"{run.rows:,} rows: {median(of_many) * 1000:.2f} ms against {median(of_few) * 1000:.2f} ms"
        run.findings.reached.append(Reached(target, ratios, detail))


def _label(number: int) -> str:
    return "warming" if number < 0 else f"round {number + 1}"


@contextmanager
def _store(place: Place) -> Iterator[PostgresqlStore]:
    store = open_store(place.database_url)
    assert isinstance(store, PostgresqlStore)
    try:
        yield store
    finally:
        store.close()


def _pay(run: Run, product: Product, number: int) -> None:
    run.load.drive(product.web_port, messages.creates(product.secret_key, number))
    orders = creating.unpaid_orders(product, number)
    run.load.drive(product.web_port, messages.notices(run.credentials, orders), wanted=204)


def _round(run: Run, product: Product, store: PostgresqlStore, server: int) -> list[float]:
    """Processor seconds for one of each."""

    def each(requests: list[bytes], wanted: int = 200) -> float:
        before = cpu_s(server)
        web, _ = creating.per_request(run, product, requests, wanted=wanted)
        return web + (cpu_s(server) - before) / len(requests)

    key = product.secret_key
    create = each(messages.creates(key, REQUESTS))
    notice = each(messages.notices(run.credentials, creating.unpaid_orders(product, REQUESTS)), 204)
    middle = stored_rows_loading.middle_intent(product.place)
    pages = [f"/v1/payment_intents?limit={LISTED}", f"/v1/payment_intents?limit={LISTED}&starting_after={middle}"]
    lists = [pages[place % len(pages)] for place in range(REQUESTS)]
    first = run.load.drive(product.web_port, messages.reads(key, pages))
    assert all(len(json.loads(body)["data"]) == LISTED for body in first.bodies), "both pages are full"
    return [create, notice, each(messages.reads(key, lists)), _claiming(store, server)]


def _claim(store: PostgresqlStore) -> None:
    now_ms = int(time.time() * 1000)
    claimed = store.write(lambda unit: unit.attempts.claim(now_ms=now_ms, lease_ms=0, limit=CLAIMED_AT_ONCE))
    assert len(claimed) == CLAIMED_AT_ONCE, "a lease of no length leaves them due"


def _claiming(store: PostgresqlStore, server: int) -> float:
    before = cpu_s(server)
    ours = spent(lambda _: _claim(store), CLAIMS)
    return ours + (cpu_s(server) - before) / CLAIMS
