"""A busy day with every kind of difference planted: each is found and classified, and none is invented."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from tests.bill_day.paper import write_day
from tests.bill_day.reconciling import reconcile
from tests.contracts.conftest import Database
from wxbackend.providers import wechat_bills
from wxbackend.store.migrate import migrate

ROWS = 3_000
MEMORY_BYTES_MAX = 2 * 1024 * 1024


def test_all_that_is_planted_is_found_and_nothing_else(database: Database, tmp_path: Path) -> None:
    paper = write_day(tmp_path / "bill.csv", database.url, payments=ROWS, plants=5)
    outcome = reconcile(paper, database.store)
    assert outcome.found == paper.planted
    assert outcome.mended == paper.mended
    assert outcome.fees == paper.fee
    assert outcome.report.bill.rows == paper.rows
    print(
        f"{paper.rows} rows in {outcome.seconds:.2f} s, {outcome.grown_kib} KiB more; "
        f"reading alone {outcome.parsing_s * 1000:.0f} ms, the csv module {outcome.csv_s * 1000:.0f} ms"
    )


def test_reading_takes_no_more_memory_for_a_longer_bill(tmp_path: Path) -> None:
    peaks = []
    for rows in (2_000, 20_000):
        url = f"sqlite:///{tmp_path / f'{rows}.db'}"
        migrate(url)
        paper = write_day(tmp_path / f"{rows}.csv", url, payments=rows, plants=3)
        tracemalloc.start()
        with paper.path.open("rb") as file:
            assert sum(map(len, wechat_bills.read_payments(file))) == paper.rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < MEMORY_BYTES_MAX * 4, peaks
    assert peaks[1] - peaks[0] < MEMORY_BYTES_MAX, peaks
