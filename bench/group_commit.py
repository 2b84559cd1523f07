"""SQLite on a slow disk: many units in one COMMIT against one COMMIT for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Final

from bench.figures import Omitted, Reached, Target
from bench.processes import ROOT, BenchError
from bench.run import Run
from wxbackend.store.migrate import migrate

FSYNC_US: Final = 2000
SECONDS: Final = 3.0
SECONDS_QUICK: Final = 1.5
TARGET: Final = Target(
    "SQLite, 32 writers, 2 ms fsync: group commit ÷ one commit each", 8.0, 15.0,
    "Durable units per second on a disk whose fsync takes 2 ms longer. Whoever's turn it is puts what is waiting "
    "into one COMMIT; against it, the same units by the same code with a COMMIT for each.",
    unit="x",
)  # fmt: skip


def measure(run: Run) -> None:
    """Both in turns, in every round."""
    compiler = shutil.which("cc")
    if compiler is None:
        run.findings.omitted.append(Omitted(TARGET.name, "needs a C compiler named cc (Debian: apt-get install gcc)"))
        return
    slow = run.folder / "fsync_delay.so"
    source = ROOT / "bench" / "fsync_delay.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(slow), str(source), "-ldl"], check=True)
    together: list[float] = []
    alone: list[float] = []
    for number in range(run.rounds):
        run.tell(f"group commit on a slow disk: round {number + 1}")
        for mode, rates in (("group", together), ("each", alone)):
            rates.append(_rate(run, slow, mode, run.folder / f"{mode}-{number}.db"))
    ratios = [group / each for group, each in zip(together, alone, strict=True)]
    detail = f"{median(together):.0f}/s against {median(alone):.0f}/s"
    run.findings.reached.append(Reached(TARGET, ratios, detail))


def _rate(run: Run, slow: Path, mode: str, file: Path) -> float:
    url = f"sqlite:///{file}"
    migrate(url)
    seconds = SECONDS_QUICK if run.quick else SECONDS
    done = subprocess.run(
        [sys.executable, "-m", "bench.slow_disk_writers", url, mode, str(seconds)],
        cwd=ROOT,
        env=dict(os.environ) | {"LD_PRELOAD": str(slow), "BENCH_FSYNC_US": str(FSYNC_US)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the writers on a slow disk broke:\n{done.stderr[-2000:]}")
    return float(done.stdout)
