"""A day's bill: our reader against the csv module on the same file, and how much memory it takes."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import Final

from bench.figures import Reached, Target
from bench.processes import ROOT, BenchError
from bench.run import Run

ROWS: Final = 200_000
ROWS_QUICK: Final = 50_000
TIMES_LONGER: Final = 4
TARGET: Final = Target(
    "bill rows parsed ÷ csv reading the same file", 0.50, 0.80,
    "A trade bill of a day. Ours takes the rows apart, reads their amounts exactly and holds the sums of six columns "
    "against the last line; against it, the csv module reads the same file and throws the rows away.",
)  # fmt: skip
MEMORY: Final = Target(
    f"memory for a bill {TIMES_LONGER} times as long", 1.25, 1.10,
    "The most that a process holds while it reads the long bill, divided by the same for a short one.",
    smaller_is_better=True, unit="x",
)  # fmt: skip


def measure(run: Run) -> None:
    """Both readers in turns, in every round; each in a process of its own."""
    rows = ROWS_QUICK if run.quick else ROWS
    short, long = run.folder / "short.csv", run.folder / "long.csv"
    _reader("write", short, rows // TIMES_LONGER)
    _reader("write", long, rows)
    ours: list[float] = []
    with_csv: list[float] = []
    grown: list[float] = []
    for number in range(run.rounds):
        run.tell(f"bills: round {number + 1}")
        ours_s, held_kib = _reader("ours", long)
        csv_s, _ = _reader("csv", long)
        _, held_short_kib = _reader("ours", short)
        ours.append(ours_s)
        with_csv.append(csv_s)
        grown.append(held_kib / held_short_kib)
    ratios = [csv_s / ours_s for csv_s, ours_s in zip(with_csv, ours, strict=True)]
    detail = f"{rows / median(ours):,.0f} rows/s against {rows / median(with_csv):,.0f}/s"
    run.findings.reached.append(Reached(TARGET, ratios, detail))
    run.findings.reached.append(Reached(MEMORY, grown, f"{rows:,} rows against {rows // TIMES_LONGER:,}"))


def _reader(*words: object) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.bill_reader", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the reader of bills broke:\n{done.stderr[-2000:]}")
    seconds, held_kib = done.stdout.split()
    return float(seconds), float(held_kib)
