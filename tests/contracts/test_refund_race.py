"""Eight processes refund the same payment at once: together they never reserve more than came, on either database."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from tests.contracts.conftest import Database
from tests.contracts.test_store_rows import keep
from tests.support.objects import ACCOUNT, NOW_MS, an_attempt, an_intent
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.ledger import REFUNDS_PENDING
from wxbackend.domain.refund import REFUNDS_PER_ORDER_MAX, RefundState
from wxbackend.ports.store import Page

ROOT: Final = Path(__file__).resolve().parents[2]
PROCESSES: Final = 8
ASKED_EACH: Final = 9
WAIT_S_MAX: Final = 60
CODES: Final = {"refused charge_already_refunded", "refused amount_too_large", "refused status_transition_invalid"}


def race(database: Database, *, amount: int) -> Counter[str]:
    """What all of them were told."""
    keep(
        database,
        an_intent(1, status=IntentStatus.SUCCEEDED, amount_received=2000, attempt_id=11),
        an_attempt(11, state=AttemptState.PAID, transaction="4200", paid_ms=NOW_MS - 1000),
    )
    arguments = [database.url, *(str(number) for number in (1, PROCESSES, ASKED_EACH, amount))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.contracts.refunder", *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=WAIT_S_MAX,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    return Counter(line if line.startswith("refused") else line.split()[0] for line in told)


def test_refunds_racing_from_eight_processes_never_exceed_what_came(database: Database) -> None:
    told = race(database, amount=300)
    page = Page(limit=999)
    refunds = database.store.read(lambda unit: unit.refunds.page(ACCOUNT, livemode=False, page=page, intent_id=1))
    held = [refund for refund in refunds if refund.state is not RefundState.CANCELED]
    assert len(held) == 6, "six of 300 fit into 2000, and no place stays empty"
    assert sum(refund.reserves() for refund in refunds) == 1800
    assert (told["made"], told["canceled"]) == (len(refunds), len(refunds) - 6)
    assert {line for line in told if line.startswith("refused")} <= CODES
    assert sum(told.values()) - told["canceled"] >= PROCESSES * ASKED_EACH
    balances = database.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False))
    assert balances[REFUNDS_PENDING, "CNY"] == -1800


def test_refunds_racing_from_eight_processes_keep_their_distance_and_are_fifty_at_most(database: Database) -> None:
    told = race(database, amount=1)
    page = Page(limit=999)
    refunds = database.store.read(lambda unit: unit.refunds.page(ACCOUNT, livemode=False, page=page, intent_id=1))
    held = sorted((refund for refund in refunds if refund.state is not RefundState.CANCELED), key=lambda r: r.sent_ms)
    assert len(held) <= REFUNDS_PER_ORDER_MAX
    assert sum(refund.state is RefundState.RECORDED for refund in held) <= 1, "one was sent at once, the others wait"
    assert told["made"] == len(refunds)
