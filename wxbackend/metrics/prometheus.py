"""Counts for Prometheus: bound children are kept, so that counting is a dictionary look-up and an addition.

Without a folder each process counts for itself. With one, every process writes its counts to files of
its own there, named by host and process number, and whoever is asked adds them up.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from wxbackend.ports.counting import Gauge

CHILDREN_MAX: Final = 400
"""Of one family; more combinations of words than this are counted together as `other`."""
OTHER: Final = "other"
WORD_CHARACTERS_MAX: Final = 60
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ANSWER_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 12.0)
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


def open_counting(folder: str | None) -> PrometheusCounting:
    """Counting for this process; with a folder, together with the others that name it. Once for each process."""
    if not folder:
        return PrometheusCounting(None)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname().replace("_", "-")
    # The library looks for its folder here, and names files by process number, which containers share.
    os.environ[FOLDER_VARIABLE] = str(place)
    library: Any = values
    library.ValueClass = values.MultiProcessValue(lambda: f"{host}-{os.getpid()}")  # type: ignore[no-untyped-call]
    return PrometheusCounting(place)


class _Children:
    """The bound children of one family, by their words."""

    def __init__(self, family: Counter | Histogram, words: int) -> None:
        self._family = family
        self._rest = (OTHER,) * words
        self._bound: dict[tuple[str, ...], Any] = {}

    def of(self, *words: str) -> Any:
        """The child of these words; a race makes the same child twice and loses nothing."""
        child = self._bound.get(words)
        if child is None:
            kept = words if len(self._bound) < CHILDREN_MAX else self._rest
            child = self._bound[kept] = self._family.labels(*(word[:WORD_CHARACTERS_MAX] for word in kept))
        return child


class _GaugesNow:
    """A collector of values that were just read."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The families."""
        for gauge in self._gauges:
            labels = [gauge.label] if gauge.label else []
            family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=labels)
            for word, value in gauge.samples:
                family.add_metric([word] if gauge.label else [], value)
            yield family


class PrometheusCounting:
    """See `ports.counting.Counting`."""

    def __init__(self, folder: Path | None) -> None:
        own = CollectorRegistry()
        self._folder = folder
        self._registry = own
        asked, called = ["method", "route", "status"], ["purpose", "result"]
        self._requests = _Children(
            Counter("wxbackend_requests", "Answers by route and status.", asked, registry=own), len(asked)
        )
        self._request_times = _Children(
            Histogram(
                "wxbackend_request_seconds", "Time to answer.", ["route"], registry=own, buckets=ANSWER_BUCKETS_S
            ),
            1,
        )
        self._exchanges = _Children(
            Counter("wxbackend_provider_calls", "Calls to WeChat.", called, registry=own), len(called)
        )
        self._exchange_times = _Children(
            Histogram(
                "wxbackend_provider_call_seconds", "Time that WeChat took.", ["purpose"], registry=own,
                buckets=ANSWER_BUCKETS_S,
            ),
            1,
        )  # fmt: skip
        self._notices = _Children(Counter("wxbackend_notices", "Notices by verdict.", ["verdict"], registry=own), 1)
        self._deliveries = _Children(
            Counter("wxbackend_deliveries", "Tries to hand over an event.", ["result"], registry=own), 1
        )
        self._bills = _Children(
            Counter("wxbackend_bills", "Looks at bills by what came of them.", ["kind", "result"], registry=own), 2
        )

    def request(self, *, method: str, route: str, status: int, duration_ms: int) -> None:
        """Count an answer."""
        self._requests.of(method if method in METHODS else OTHER, route, str(status)).inc()
        self._request_times.of(route).observe(duration_ms / 1000)

    def exchange(self, *, purpose: str, result: str, duration_ms: int) -> None:
        """Count a call."""
        self._exchanges.of(purpose, result).inc()
        self._exchange_times.of(purpose).observe(duration_ms / 1000)

    def notice(self, *, verdict: str) -> None:
        """Count a notice."""
        self._notices.of(verdict).inc()

    def delivery(self, *, result: str) -> None:
        """Count a try."""
        self._deliveries.of(result).inc()

    def bill(self, *, kind: str, result: str) -> None:
        """Count a look."""
        self._bills.of(kind, result).inc()

    def exposition(self, gauges: Sequence[Gauge]) -> bytes:
        """The text."""
        counted = self._registry
        if self._folder is not None:
            counted = CollectorRegistry()
            MultiProcessCollector(counted, str(self._folder))  # type: ignore[no-untyped-call]
        states = CollectorRegistry()
        states.register(_GaugesNow(gauges))
        return generate_latest(counted) + generate_latest(states)
