"""The command line of the bench."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

import click
from rich.console import Console

from bench import creating, report
from bench.processes import BenchError
from bench.run import Run, run

ROUNDS: Final = 5
ROUNDS_QUICK: Final = 3
MEASURES: Final[dict[str, Callable[[Run], None]]] = {"creating": creating.measure}


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds, and without what takes long.")
@click.option("--only", type=click.Choice(list(MEASURES)), multiple=True, help="These alone.")
@click.option("--rounds", type=click.IntRange(1, 99), help=f"Default {ROUNDS}, quick {ROUNDS_QUICK}.")
def main(*, quick: bool, only: tuple[str, ...], rounds: int | None) -> None:
    """Measure the product against the floors of this machine."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    started = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s  {what}[/]")

    try:
        with run(quick=quick, rounds=rounds or (ROUNDS_QUICK if quick else ROUNDS), tell=tell) as begun:
            for name in only or MEASURES:
                MEASURES[name](begun)
    except BenchError as error:
        console.print(f"[bold red]bench:[/] {error}")
        sys.exit(1)
    report.show(console, begun.findings)


if __name__ == "__main__":
    main()
