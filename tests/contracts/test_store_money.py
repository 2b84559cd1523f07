"""Refunds and the journal in the database: what is kept, what is refused, and what nobody can change. Both engines."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from tests.contracts.conftest import Database
from tests.support.objects import ACCOUNT, NOW_MS
from wxbackend.domain.ledger import REFUNDS, REFUNDS_PENDING, SALES, Transfer, TransferKind
from wxbackend.domain.money import Money
from wxbackend.domain.refund import Origin, Refund, RefundState
from wxbackend.ports.store import BookedTransfer, Page, Poll

PROVIDER = "provider:wechat_v3:1900000109"
REFUND = Refund(
    id=2**63 - 5,
    intent_id=7,
    attempt_id=8,
    account=ACCOUNT,
    livemode=False,
    provider="wechat_v3",
    merchant="1900000109",
    transaction="4200",
    out_refund_no="77",
    money=Money(500, "CNY"),
    total=2000,
    created_ms=NOW_MS,
    sent_ms=NOW_MS + 1,
    origin=Origin.AUTOMATIC,
    reason="duplicate",
    description="given back",
    discrepancy_id=99,
    metadata={"a": "b"},
    state=RefundState.ABNORMAL,
    handle="5000",
    failure="declined",
    succeeded_ms=NOW_MS + 2,
)


def test_a_refund_is_read_back_as_it_was_kept(database: Database) -> None:
    database.store.write(lambda unit: unit.refunds.insert(REFUND))
    read = database.store.read
    assert read(lambda unit: unit.refunds.find(REFUND.id)) == REFUND
    assert read(lambda unit: unit.refunds.find_by_number("wechat_v3", "1900000109", "77")) == REFUND
    assert read(lambda unit: unit.refunds.of_attempt(8)) == [REFUND]
    assert read(lambda unit: unit.refunds.of_discrepancy(99)) == REFUND
    changed = replace(REFUND, state=RefundState.SUCCEEDED, metadata={})
    database.store.write(lambda unit: unit.refunds.save(changed))
    assert read(lambda unit: unit.refunds.find(REFUND.id)) == replace(changed, version=1)


@pytest.mark.parametrize("same", [{"out_refund_no": "77"}, {"discrepancy_id": 99}])
def test_a_second_refund_with_the_same_number_or_cause_is_refused(database: Database, same: dict[str, object]) -> None:
    other = replace(REFUND, id=5, out_refund_no="78", discrepancy_id=100)
    database.store.write(lambda unit: unit.refunds.insert(REFUND))
    with pytest.raises(IntegrityError):
        database.store.write(lambda unit: unit.refunds.insert(replace(other, **same)))  # type: ignore[arg-type]


def test_a_stale_refund_cannot_be_saved(database: Database) -> None:
    database.store.write(lambda unit: unit.refunds.insert(REFUND))
    database.store.write(lambda unit: unit.refunds.save(REFUND))
    with pytest.raises(AssertionError):
        database.store.write(lambda unit: unit.refunds.save(REFUND))


def test_refund_looks_are_claimed_once_and_come_back_after_the_lease(database: Database) -> None:
    write = database.store.write
    write(lambda unit: unit.refunds.schedule(1, due_ms=10, tries=2))
    assert write(lambda unit: unit.refunds.claim(now_ms=9, lease_ms=5, limit=9)) == []
    assert write(lambda unit: unit.refunds.claim(now_ms=10, lease_ms=5, limit=9)) == [Poll(1, 2)]
    assert write(lambda unit: unit.refunds.claim(now_ms=14, lease_ms=5, limit=9)) == []
    assert write(lambda unit: unit.refunds.claim(now_ms=15, lease_ms=5, limit=9)) == [Poll(1, 2)]
    write(lambda unit: unit.refunds.unschedule(1))
    assert write(lambda unit: unit.refunds.claim(now_ms=99, lease_ms=5, limit=9)) == []


def booked(number: int, kind: TransferKind, debit: str, credit: str, amount: int) -> BookedTransfer:
    """A row of the journal."""
    return BookedTransfer(number, NOW_MS, Transfer(kind, 1, debit, credit, amount, "CNY"))


def test_the_journal_sums_to_zero_and_books_nothing_twice(database: Database) -> None:
    rows = [
        booked(1, TransferKind.PAYMENT, PROVIDER, SALES, 2000),
        booked(2, TransferKind.REFUND_RESERVED, REFUNDS, REFUNDS_PENDING, 300),
        booked(3, TransferKind.REFUND_PAID, REFUNDS_PENDING, PROVIDER, 300),
    ]
    write = database.store.write
    for row in rows:
        write(lambda unit, row=row: unit.ledger.book(ACCOUNT, livemode=False, booked=row))  # type: ignore[misc]
    again = replace(rows[0], id=4)
    write(lambda unit: unit.ledger.book(ACCOUNT, livemode=False, booked=again))
    balances = database.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False))
    assert balances == {
        (PROVIDER, "CNY"): 1700,
        (SALES, "CNY"): -2000,
        (REFUNDS, "CNY"): 300,
        (REFUNDS_PENDING, "CNY"): 0,
    }
    assert sum(balances.values()) == 0
    assert database.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=True)) == {}
    page = database.store.read(lambda unit: unit.ledger.page(ACCOUNT, livemode=False, page=Page(limit=10)))
    assert [row.id for row in page] == [3, 1]


@pytest.mark.parametrize("row", [(SALES, SALES, 5), (PROVIDER, SALES, 0), (PROVIDER, SALES, -5)])
def test_a_row_that_makes_or_loses_money_is_refused(database: Database, row: tuple[str, str, int]) -> None:
    wrong = booked(1, TransferKind.PAYMENT, *row)
    with pytest.raises(IntegrityError):
        database.store.write(lambda unit: unit.ledger.book(ACCOUNT, livemode=False, booked=wrong))


COLUMNS: Final = "id, account, livemode, kind, subject_id, occasion, debit, credit, amount, currency, created_ms"


@pytest.mark.parametrize("amount", ["1.5", "'five'", "NULL", "0", "-5"])
def test_the_schema_itself_holds_no_row_that_is_not_a_whole_amount_from_one_account_to_another(
    database: Database, amount: str
) -> None:
    """Every row is balanced by its shape: one amount, one giver, one receiver. So no set of rows can be unbalanced."""
    if database.url.startswith("postgresql") and amount == "1.5":
        amount = "1.5::text"  # a number would be rounded to a whole one
    row = f"INSERT INTO ledger ({COLUMNS}) VALUES (9, 'a', false, 'payment', 9, 0, 'x', 'y', {amount}, 'CNY', 1)"
    engine = create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with pytest.raises(DatabaseError), engine.begin() as connection:
            connection.execute(text(row))
        with engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM ledger")).scalar_one() == 0
    finally:
        engine.dispose()


def test_a_booked_row_cannot_be_replaced_by_another(database: Database) -> None:
    row = booked(1, TransferKind.PAYMENT, PROVIDER, SALES, 2000)
    database.store.write(lambda unit: unit.ledger.book(ACCOUNT, livemode=False, booked=row))
    sqlite = database.url.startswith("sqlite")
    other = f"({COLUMNS}) VALUES ({{}}, '{ACCOUNT}', false, 'payment', 1, 0, 'x', 'y', 5, 'CNY', 1)"
    engine = create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        for number in (1, 2):
            said = f"INSERT OR REPLACE INTO ledger {other}" if sqlite else f"INSERT INTO ledger {other}"
            with suppress(DatabaseError), engine.begin() as connection:
                connection.execute(text(said.format(number)))
    finally:
        engine.dispose()
    balances = database.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False))
    assert balances == {(PROVIDER, "CNY"): 2000, (SALES, "CNY"): -2000}


CHANGES: Final = ("UPDATE ledger SET amount = 1", "DELETE FROM ledger", "TRUNCATE ledger")


@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_what_is_booked(database: Database, change: str) -> None:
    row = booked(1, TransferKind.PAYMENT, PROVIDER, SALES, 2000)
    database.store.write(lambda unit: unit.ledger.book(ACCOUNT, livemode=False, booked=row))
    if database.url.startswith("sqlite"):
        change = change.replace("TRUNCATE", "DELETE FROM")
    engine = create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with pytest.raises(DatabaseError, match="append only"), engine.begin() as connection:
            connection.execute(text(change))
    finally:
        engine.dispose()
    assert database.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False))[PROVIDER, "CNY"] == 2000
