"""The command line: one busy day on SQLite; exits with 1 when anything planted was not found, or anything else was."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click
import structlog

from tests.bill_day.paper import write_day
from tests.bill_day.reconciling import reconcile
from wxbackend.store.migrate import migrate
from wxbackend.store.unit import open_store


@click.command()
@click.option("--rows", type=click.IntRange(1_000), default=100_000, show_default=True, help="Payments of the day.")
def main(*, rows: int) -> None:
    """Reconcile a day with every kind of difference planted."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory(prefix="wxbackend-bill-day-") as folder:
        url = f"sqlite:///{folder}/day.db"
        migrate(url)
        begun = time.perf_counter()
        paper = write_day(Path(folder) / "bill.csv", url, payments=rows, plants=max(3, rows // 1_000))
        size_kib = paper.path.stat().st_size // 1024
        click.echo(f"{paper.rows} rows, {size_kib} KiB, made in {time.perf_counter() - begun:.1f} s")
        store = open_store(url)
        outcome = reconcile(paper, store)
        store.close()
    for kind, planted in sorted(paper.planted.items()):
        click.echo(f"  {kind:14} planted {len(planted):5}  found {len(outcome.found.get(kind, ())):5}")
    click.echo(f"  {'mended':14} planted {len(paper.mended):5}  found {len(outcome.mended):5}")
    click.echo(f"fees booked {outcome.fees} fen, of the bill {paper.fee} fen")
    click.echo(
        f"reading alone: ours {outcome.parsing_s:.2f} s, the csv module {outcome.csv_s:.2f} s, "
        f"so at {outcome.csv_s / outcome.parsing_s:.2f} of its rate"
    )
    click.echo(f"reconciled in {outcome.seconds:.1f} s; the process grew by {outcome.grown_kib} KiB")
    right = (outcome.found, outcome.mended, outcome.fees) == (paper.planted, paper.mended, paper.fee)
    click.echo("All that was planted was found, and nothing else." if right else "WRONG: see above.")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
