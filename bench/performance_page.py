"""docs/performance.md: what a run has found, on what machine, and what each line means."""

from __future__ import annotations

import platform
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import psycopg

from bench.figures import Findings, Reached, Verdict
from bench.processes import ALL_CORES
from bench.product import driver_url
from bench.report import spread, texts
from bench.run import Run

PACKAGES: Final = ("cryptography", "flask", "gunicorn", "psycopg", "sqlalchemy", "urllib3")
HOW: Final = """\
## How it is measured

A machine's speed says nothing about the product, so every figure is a ratio to *floors*: what the same machine spends,
in the same round, on the parts that nobody can do without. 1.00 would be a product that does nothing else. Unless a
line says otherwise, what is compared is processor time of the product's process with all its threads, so neither the
load nor the other side nor PostgreSQL nor a busy neighbour counts. The product runs as in production (gunicorn with
config/gunicorn.conf.py and one process of 64 threads, logs at INFO, metrics counted, PostgreSQL and SQLite durable),
pinned to one core; everything else is on the others. The load comes from a process of its own over 16 keep-alive
connections. WeChat is a small server that signs every answer, so that the product verifies it. A figure is the median
of its rounds, and each round measures floors and product in turns.

Run it yourself with `make bench`, or with `make bench-quick` between two changes.
"""
FLOORS: Final = """\
S is one RSA-2048 signature, V one verification, B a bare Flask POST that reads and writes JSON under the product's
gunicorn settings, G the same as a GET, U a bare urllib3 POST to a server that sends a ready answer, C one durable
commit of one row by the raw driver (the client's side of it), HMAC one HMAC-SHA256 over a kilobyte.
"""


_QUICK: Final = "python -m bench --quick --write docs/performance.md"


def page(run: Run) -> str:
    """The whole page."""
    findings = run.findings
    parts = [
        "# Performance",
        f"Made by `{_QUICK if run.quick else 'make bench'}` on {datetime.now(UTC):%Y-%m-%d}; {_machine(run)}.",
        "## Figures",
        _figures(findings),
        *([_omissions(findings)] if findings.omitted else []),
        HOW.strip(),
        "## Floors",
        FLOORS.strip(),
        _floors(findings),
        "## What each line means",
        "\n".join(f"* **{reached.target.name}**: {reached.target.meaning}" for reached in findings.reached),
    ]
    return "\n\n".join(parts) + "\n"


def _machine(run: Run) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    databases = f"SQLite {sqlite3.sqlite_version}"
    if run.has_postgresql:
        with psycopg.connect(driver_url(run.postgresql())) as connection:
            number = connection.info.server_version
        databases += f", PostgreSQL {number // 10_000}.{number % 10_000}"
    return (
        f"{len(ALL_CORES)} cores ({_processor()}), {platform.system()}, Python {platform.python_version()}, "
        f"{databases}, {packages}"
    )


def _processor() -> str:
    if not sys.platform.startswith("linux"):
        return platform.machine()
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _figures(findings: Findings) -> str:
    return _table(
        ("figure", "must", "aim", "reached", "verdict", "rounds", "of what"),
        [_figure(reached) for reached in findings.reached],
    )


def _figure(reached: Reached) -> tuple[str, ...]:
    must, aim, value = texts(reached)
    verdict = reached.verdict.value
    shown = f"**{verdict}**" if reached.verdict is Verdict.UNDER else verdict
    return (reached.target.name, must, aim, value, shown, spread(reached), reached.detail)


def _omissions(findings: Findings) -> str:
    return "\n".join(f"* Left out: {omitted.name}. {omitted.reason}." for omitted in findings.omitted)


def _floors(findings: Findings) -> str:
    return _table(
        ("floor", "median ms", "least", "most"),
        [
            (name, *(f"{value * 1000:.3f}" for value in (median(costs), min(costs), max(costs))))
            for name, costs in findings.floors.items()
        ],
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
