"""A worker that dies by kill -9 gives its work back: how long until another has done it, in leases."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import Final

from bench import outbox_rows
from bench.figures import Reached, Target
from bench.product import Product, running
from bench.run import Run
from bench.webhook_sender import wait_for

LEASE_S: Final = 30
TARGET: Final = Target(
    "work recovered after kill -9 ÷ lease", 2.0, 1.5,
    "A worker is killed while it posts an event: from the kill until another's post has arrived, in leases of 30 s.",
    smaller_is_better=True,
)  # fmt: skip


def measure(run: Run) -> None:
    """All rounds at the same time, each with a product of its own: nearly all of it is waiting."""
    with ExitStack() as open_things:
        products: list[Product] = []
        for number in range(run.rounds):
            place = open_things.enter_context(run.place(f"killed-{number}", postgresql=False))
            products.append(
                open_things.enter_context(running(place, "upstream", WXBACKEND__WORK__LEASE_S=str(LEASE_S)))
            )
        run.tell("kill -9: workers begin to post")
        killed_s = [_kill_while_posting(product) for product in products]
        run.tell("kill -9: other workers wait for the lease")
        for product in products:
            product.tell_upstream(shop_answers=True)
            product.start("worker")
        leases = []
        for product, moment in zip(products, killed_s, strict=True):
            wait_for(product, "the second post", partial(_posts, product, 2))
            leases.append((product.tell_upstream()["last_webhook_s"] - moment) / LEASE_S)
    run.findings.reached.append(Reached(TARGET, leases, f"lease {LEASE_S} s"))


def _posts(product: Product, number: int) -> bool:
    return bool(product.tell_upstream()["webhooks"] >= number)


def _kill_while_posting(product: Product) -> float:
    product.tell_upstream(shop_answers=False)
    product.start("worker")
    outbox_rows.wait_for_delivery(product.place, 1)
    wait_for(product, "the first post", partial(_posts, product, 1))
    product.kill("worker")
    return time.monotonic()
