"""What the worker spends to deliver an event, and whether a hundred dead endpoints slow a living one down."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from statistics import median
from typing import Final

from bench import floors, outbox_rows
from bench.figures import Omitted, Reached, Target
from bench.processes import MEASURED_CORES, BenchError, pinned
from bench.product import Product, running
from bench.run import Run
from tests.support.stack import free_port

EVENTS: Final = 1500
EVENTS_QUICK: Final = 600
BATCH: Final = 32
"""As many deliveries as the worker may have under way share a commit in the floor."""
HMACS: Final = 20_000
DEAD: Final = 100
DEAD_DELIVERIES: Final = 5
WITHIN_S: Final = 120.0
IDLE_WAIT_S: Final = "0.1"
FAR_AWAY_MS: Final = 10**15

POSTGRESQL: Final = Target(
    "webhook sender ÷ (U + HMAC + C/32), PostgreSQL", 0.30, 0.45,
    "Processor time of the worker for one event to a living endpoint: claimed, signed, posted, noted.",
)  # fmt: skip
SQLITE: Final = Target("webhook sender ÷ (U + HMAC + C/32), SQLite", 0.30, 0.45, "The same on the embedded default.")
HUNDRED_DEAD: Final = Target(
    "a hundred dead endpoints change a living one's rate by", 10.0, 3.0,
    "Deliveries per second to an endpoint that answers, while a hundred others, half refusing and half never "
    "answering, have deliveries due as well; against the rate without anything due to them. PostgreSQL.",
    smaller_is_better=True, unit="%",
)  # fmt: skip


def measure(run: Run) -> None:
    """The sender on both databases, then the dead endpoints."""
    for target, postgresql in ((POSTGRESQL, True), (SQLITE, False)):
        with (
            run.place(f"sender-{postgresql}", postgresql=postgresql) as place,
            running(place, "upstream", WXBACKEND__WORK__IDLE_WAIT_S=IDLE_WAIT_S) as product,
        ):
            _sender(run, product, target)
    if run.quick:
        run.findings.omitted.append(Omitted(HUNDRED_DEAD.name, "waits for time-outs of ten seconds; run make bench"))
        return
    with (
        run.place("dead", postgresql=True) as place,
        running(place, "upstream", WXBACKEND__WORK__IDLE_WAIT_S=IDLE_WAIT_S) as product,
    ):
        _hundred_dead(run, product)


def _sender(run: Run, product: Product, target: Target) -> None:
    product.start("worker")
    _delivered(product, 100)
    ratios, costs, bounds = [], [], []
    for number in range(run.rounds):
        run.tell(f"webhooks on {product.place.database}: round {number + 1}")
        with pinned(MEASURED_CORES):
            signature = floors.spent(lambda _: hmac.new(b"whsec", outbox_rows.BODY, hashlib.sha256).hexdigest(), HMACS)
            bound = floors.post_out(product.upstream_port) + signature + floors.commit(product.place) / BATCH
        events = EVENTS_QUICK if run.quick else EVENTS
        before = product.cpu_s("worker")
        _delivered(product, events)
        cost = (product.cpu_s("worker") - before) / events
        ratios.append(bound / cost)
        costs.append(cost)
        bounds.append(bound)
    detail = f"{median(costs) * 1000:.2f} ms against {median(bounds) * 1000:.2f} ms"
    run.findings.reached.append(Reached(target, ratios, detail))


def _delivered(product: Product, events: int) -> float:
    """Let so many events be delivered to the shop; how many a second came."""
    counted = product.tell_upstream()["webhooks"]
    outbox_rows.wait_for_delivery(product.place, events)
    started = time.monotonic()
    wait_for(product, "the webhooks", lambda: product.tell_upstream()["webhooks"] >= counted + events)
    rate: float = events / (product.tell_upstream()["last_webhook_s"] - started)
    pending = "SELECT 1 FROM deliveries WHERE state = 'pending' AND endpoint_id = ? LIMIT 1"
    wait_for(product, "the deliveries to be noted", lambda: not product.place.rows(pending, outbox_rows.SHOP))
    return rate


def wait_for(product: Product, what: str, look: Callable[[], bool]) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + WITHIN_S
    while not look():
        if time.monotonic() > deadline or not product.is_running("worker"):
            said = (product.place.stack.state / "worker.log").read_text(errors="replace")[-2000:]
            raise BenchError(f"waited {WITHIN_S:.0f} s for {what}; the worker said last:\n{said}")
        time.sleep(0.05)


def _hundred_dead(run: Run, product: Product) -> None:
    place, nobody = product.place, free_port()
    silent = f"http://127.0.0.1:{product.upstream_port}/hang"
    urls = [silent if number % 2 else f"http://127.0.0.1:{nobody}/gone" for number in range(DEAD)]
    dead = outbox_rows.open_endpoints(place, urls)
    product.start("worker")
    run.tell("a hundred dead endpoints: waiting until each has been tried")
    outbox_rows.wait_for_delivery(place, 1, dead)
    untried = "SELECT 1 FROM deliveries WHERE endpoint_id <> ? AND tries = 0 LIMIT 1"
    wait_for(product, "all dead endpoints to be tried", lambda: not place.rows(untried, outbox_rows.SHOP))
    outbox_rows.wait_for_delivery(place, DEAD_DELIVERIES, dead)
    changes, alone, beside = [], [], []
    for number in range(run.rounds):
        run.tell(f"a hundred dead endpoints: round {number + 1}")
        _move_dead(product, due_ms=FAR_AWAY_MS)
        time.sleep(11.0)  # longer than a try may last
        alone.append(_delivered(product, EVENTS))
        _move_dead(product, due_ms=0)
        time.sleep(1.0)
        beside.append(_delivered(product, EVENTS))
        changes.append(100.0 * (alone[-1] - beside[-1]) / alone[-1])
    detail = f"{median(beside):.0f}/s against {median(alone):.0f}/s"
    run.findings.reached.append(Reached(HUNDRED_DEAD, changes, detail))


def _move_dead(product: Product, *, due_ms: int) -> None:
    product.place.rows(
        "UPDATE deliveries SET due_ms = ? WHERE state = 'pending' AND endpoint_id <> ? RETURNING id",
        due_ms,
        outbox_rows.SHOP,
    )
