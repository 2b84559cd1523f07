"""Many threads that write to one SQLite file for a time; prints how many units were durable by then.

    python -m bench.slow_disk_writers sqlite:////tmp/x.db group 4

`group` shares one store, which puts waiting units into one COMMIT. `each` gives every thread a store of
its own, so that the same unit by the same code is a COMMIT by itself. Run under `fsync_delay.c` it shows a slow disk.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

import click

from wxbackend.ports.store import KeptNotice, Unit
from wxbackend.store.unit import open_store

WRITERS: Final = 32
SETTLE_S: Final = 0.5
BODY: Final = b"x" * 1000


@click.command()
@click.argument("url")
@click.argument("mode", type=click.Choice(["group", "each"]))
@click.argument("seconds", type=float)
def main(url: str, mode: str, seconds: float) -> None:
    """Write for so many seconds after a moment to settle."""
    shared = open_store(url) if mode == "group" else None
    stores = [shared or open_store(url) for _ in range(WRITERS)]
    began = time.time_ns()
    moments: list[list[float]] = [[] for _ in stores]
    for place, store in enumerate(stores):
        first = began + place * 10_000_000
        threading.Thread(target=_write, args=(store.write, first, moments[place]), daemon=True).start()
    time.sleep(SETTLE_S)
    from_s = time.monotonic()
    time.sleep(seconds)
    until_s = time.monotonic()
    durable = sum(from_s <= moment < until_s for own in moments for moment in list(own))
    sys.stdout.write(f"{durable / (until_s - from_s)}\n")
    sys.stdout.flush()
    os._exit(0)  # some threads may wait for SQLite's lock for seconds yet


def _write(write: Callable[[Callable[[Unit], bool]], bool], number: int, moments: list[float]) -> None:
    while True:
        number += 1
        kept = KeptNotice(
            id=number,
            provider="wechat_v3",
            merchant="1900000109",
            notice_id=str(number),
            kind="TRANSACTION.SUCCESS",
            out_trade_no=str(number),
            received_ms=number // 1_000_000,
            headers="{}",
            body=BODY,
        )
        write(lambda unit: bool(unit.notices.keep(kept)))  # noqa: B023 - done before the next round begins
        moments.append(time.monotonic())


if __name__ == "__main__":
    main()
