"""A WeChat that takes 100 ms to answer must not slow creates down: threads wait, nothing else does."""

from __future__ import annotations

from typing import Final

from bench import messages
from bench.figures import Reached, Target
from bench.product import WEB_THREADS, running
from bench.run import Run

SLOW_S: Final = 0.1
CREATES: Final = 1500
CREATES_QUICK: Final = 800
CONNECTIONS: Final = WEB_THREADS * 3 // 2
"""More than there are threads, so that every thread always has something to do."""

SQLITE: Final = Target(
    "create with 100 ms upstream ÷ with 0 ms, SQLite", 0.80, 0.95,
    "Creates per second on the wall with 64 threads, WeChat answering after 100 ms, against answering at once. "
    "Nothing may be held (a connection, a lock, a transaction) while a thread waits.",
)  # fmt: skip
POSTGRESQL: Final = Target(
    "create with 100 ms upstream ÷ with 0 ms, PostgreSQL", 0.80, 0.95, "The same on PostgreSQL, with its pool of 16."
)


def measure(run: Run) -> None:
    """Both delays in turns, in every round."""
    for target, postgresql in ((POSTGRESQL, True), (SQLITE, False)):
        with (
            run.place(f"slow-{postgresql}", postgresql=postgresql) as place,
            running(place, "upstream", "web") as product,
        ):
            run.load.drive(product.web_port, messages.creates(product.secret_key, 200))
            at_once: list[float] = []
            slowly: list[float] = []
            for number in range(run.rounds):
                run.tell(f"100 ms upstream on {place.database}: round {number + 1}")
                for seconds, rates in ((0.0, at_once), (SLOW_S, slowly)):
                    product.tell_upstream(order_takes_s=seconds)
                    creates = messages.creates(product.secret_key, CREATES_QUICK if run.quick else CREATES)
                    driven = run.load.drive(product.web_port, creates, connections=CONNECTIONS)
                    rates.append(driven.steady_per_s)
            middle = run.rounds // 2
            detail = f"{sorted(slowly)[middle]:.0f}/s against {sorted(at_once)[middle]:.0f}/s"
            ratios = [slow / fast for slow, fast in zip(slowly, at_once, strict=True)]
            run.findings.reached.append(Reached(target, ratios, detail))
