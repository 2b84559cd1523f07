"""The command line of the bench."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from bench import (
    bills,
    creating,
    group_commit,
    localstripe_rate,
    performance_page,
    recovery,
    report,
    slow_upstream,
    stored_rows,
    webhook_sender,
)
from bench.processes import BenchError
from bench.run import Run, run

ROUNDS: Final = 5
ROUNDS_QUICK: Final = 3
ROWS: Final = 5_000_000
MEASURES: Final[dict[str, Callable[[Run], None]]] = {
    "creating": creating.measure,
    "slow_upstream": slow_upstream.measure,
    "stored_rows": stored_rows.measure,
    "group_commit": group_commit.measure,
    "webhook_sender": webhook_sender.measure,
    "recovery": recovery.measure,
    "bills": bills.measure,
    "localstripe_rate": localstripe_rate.measure,
}


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds, and without what takes long.")
@click.option("--only", type=click.Choice(list(MEASURES)), multiple=True, help="These alone.")
@click.option("--rounds", type=click.IntRange(1, 99), help=f"Default {ROUNDS}, quick {ROUNDS_QUICK}.")
@click.option("--rows", type=click.IntRange(20_000), default=ROWS, show_default=True, help="Stored payments.")
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write what was found as a page.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="An empty folder for files and logs.")
def main(
    *, quick: bool, only: tuple[str, ...], rounds: int | None, rows: int, write: Path | None, keep: Path | None
) -> None:
    """Measure the product against the floors of this machine."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    started = time.monotonic()
    # Told to end, it takes down what it started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s  {what}[/]")

    try:
        wanted = rounds or (ROUNDS_QUICK if quick else ROUNDS)
        with run(quick=quick, rounds=wanted, rows=rows, tell=tell, keep=keep) as begun:
            for name in only or MEASURES:
                MEASURES[name](begun)
            page = performance_page.page(begun)  # while the servers whose versions it names still run
    except BenchError as error:
        console.print(f"[bold red]bench:[/] {error}")
        sys.exit(1)
    report.show(console, begun.findings)
    if write is not None:
        write.write_text(page, encoding="utf-8")
        console.print(f"written: {write}")


if __name__ == "__main__":
    main()
