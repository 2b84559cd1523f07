"""Run as a process by the suites: writes or claims on a store, and prints one line for each answer it was given."""

from __future__ import annotations

import sys
from functools import partial

from tests.support.objects import NOW_MS, an_intent
from wxbackend.ports.store import Unit
from wxbackend.store.unit import open_store


def _insert(number: int, unit: Unit) -> None:
    unit.intents.insert(an_intent(number))


def write_intents(url: str, first: int, count: int) -> None:
    """Insert intents one by one; a printed number was acknowledged."""
    store = open_store(url)
    for number in range(first, first + count):
        store.write(partial(_insert, number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    store.close()


def claim_looks(url: str) -> None:
    """Claim due looks until there are none; print what was claimed."""
    store = open_store(url)
    while True:
        taken = store.write(lambda unit: unit.attempts.claim(now_ms=NOW_MS, lease_ms=60_000, limit=3))
        if not taken:
            break
        sys.stdout.writelines(f"{poll.item}\n" for poll in taken)
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_intents(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        claim_looks(sys.argv[2])
