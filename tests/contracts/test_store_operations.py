"""API keys and gauges, on every engine; and that a gauge reads an index and no table."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from tests.contracts.conftest import Database
from tests.support.objects import MERCHANT, an_attempt
from tests.unit.test_mandate_lifecycle import a_mandate
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind, DiscrepancyState
from wxbackend.domain.event import Event, EventType
from wxbackend.domain.mandate import MandateState
from wxbackend.domain.merchant_transfer import MerchantTransfer, MerchantTransferState
from wxbackend.domain.money import Money
from wxbackend.domain.profit_sharing import ProfitSharing, ReturnState, SharingReturn, SharingState
from wxbackend.ports.accounts import Actor, KeyKind
from wxbackend.ports.store import ApiKey, KeptNotice, RecordedDiscrepancy
from wxbackend.store import gauges
from wxbackend.store.engines import reading_engine

SHOP = Actor("acct_demo", livemode=False, kind=KeyKind.SECRET)
OTHER = Actor("acct_other", livemode=True, kind=KeyKind.PUBLISHABLE)


def a_key(number: int, actor: Actor = SHOP) -> ApiKey:
    return ApiKey(number, actor, f"key {number}", f"{number:064x}", "sk_test_", "abcd", created_ms=number)


def a_notice(number: int) -> KeptNotice:
    return KeptNotice(number, "wechat_v3", MERCHANT, f"n{number}", "kind", None, number, "{}", b"{}")


def a_transfer(number: int, state: MerchantTransferState) -> MerchantTransfer:
    return MerchantTransfer(
        id=number, account="acct_demo", livemode=False, provider="wechat_v3", merchant=MERCHANT, app="wx1", payee="o1",
        out_bill_no=str(number), money=Money(500, "CNY"), description="June", scene="1005", created_ms=1, sent_ms=1,
        state=state,
    )  # fmt: skip


def a_sharing(number: int, state: SharingState) -> ProfitSharing:
    return ProfitSharing(
        id=number, intent_id=1, attempt_id=1, account="acct_demo", livemode=False, provider="wechat_v3",
        merchant=MERCHANT, app="wx1", transaction="42", out_order_no=str(number), currency="CNY", parts=(),
        finish=True, description="release", created_ms=1, sent_ms=1, state=state,
    )  # fmt: skip


def a_return(number: int, state: ReturnState) -> SharingReturn:
    return SharingReturn(
        id=number, sharing_id=200, intent_id=1, account="acct_demo", livemode=False, provider="wechat_v3",
        merchant=MERCHANT, out_order_no="200", out_return_no=str(number), party="1900000110", money=Money(1, "CNY"),
        description="back", created_ms=1, sent_ms=1, state=state,
    )  # fmt: skip


def test_a_key_is_found_by_its_hash_and_by_nothing_else(database: Database) -> None:
    store = database.store
    store.write(lambda unit: unit.api_keys.insert(a_key(1)))
    store.write(lambda unit: unit.api_keys.insert(a_key(2, OTHER)))
    assert store.read(lambda unit: unit.api_keys.find(f"{2:064x}")) == a_key(2, OTHER)
    assert store.read(lambda unit: unit.api_keys.find(f"{3:064x}")) is None
    assert store.read(lambda unit: unit.api_keys.list()) == [a_key(1), a_key(2, OTHER)]


def test_the_last_day_of_use_only_goes_forward(database: Database) -> None:
    store = database.store
    store.write(lambda unit: unit.api_keys.insert(a_key(1)))
    for day in (20_000, 20_002, 20_001):
        store.write(lambda unit, day=day: unit.api_keys.used(1, day=day))  # type: ignore[misc]
    (key,) = store.read(lambda unit: unit.api_keys.list())
    assert key.last_used_day == 20_002


def test_a_key_is_revoked_once_and_stays_in_the_list(database: Database) -> None:
    store = database.store
    store.write(lambda unit: unit.api_keys.insert(a_key(1)))
    assert store.write(lambda unit: unit.api_keys.revoke(1, now_ms=5))
    assert not store.write(lambda unit: unit.api_keys.revoke(1, now_ms=6))
    assert not store.write(lambda unit: unit.api_keys.revoke(2, now_ms=6))
    (key,) = store.read(lambda unit: unit.api_keys.list())
    assert key.revoked_ms == 5


def test_gauges_count_what_is_not_finished(database: Database) -> None:
    store = database.store
    states = (AttemptState.RECORDED, AttemptState.UNCERTAIN, AttemptState.OPEN, AttemptState.PAID)
    for number, state in enumerate(states, start=1):
        attempt = an_attempt(number, intent_id=number, state=state)
        store.write(lambda unit, attempt=attempt: unit.attempts.insert(attempt))  # type: ignore[misc]
    late = Discrepancy(DiscrepancyKind.LATE, {}, {}, "42", 2000, "CNY")
    found = RecordedDiscrepancy(1, "acct_demo", livemode=False, intent_id=1, attempt_id=1, created_ms=1, found=late)
    event = Event(
        7, "acct_demo", livemode=False, type=EventType.INTENT_SUCCEEDED, created_ms=1, subject_id=1, body=b"{}"
    )
    store.write(lambda unit: unit.discrepancies.insert(found))
    store.write(lambda unit: unit.events.insert(event, endpoint_ids=["we_1"], delivery_ids=[70]))
    store.write(lambda unit: unit.attempts.schedule(2, due_ms=900, tries=0))
    store.write(lambda unit: [unit.notices.keep(a_notice(number)) for number in (1, 2, 3)])
    store.write(lambda unit: unit.notices.handled(a_notice(2), verdict="no such order", now_ms=9))
    store.write(lambda unit: unit.notices.handled(a_notice(3), verdict="settled", now_ms=9))

    def read(unit: Any) -> list[Any]:
        now = unit.gauges
        counts = [now.unclear_attempts(), now.open_discrepancies(), now.unresolved_refunds()]
        notices = [now.unhandled_notices(), now.unmatched_notices(since_ms=2), now.unmatched_notices(since_ms=3)]
        return [*counts, *notices, now.pending_deliveries(), now.oldest_pending_event(), now.oldest_due_ms()]

    queues = {"attempts": 900, "refunds": None, "transfers": None, "sharings": None, "shippings": None,
              "mandates": None}  # fmt: skip
    assert store.read(read) == [{"recorded": 1, "uncertain": 1}, {"late": 1}, {}, 1, 1, 0, 1, 7, queues]
    store.write(lambda unit: unit.discrepancies.close(1, state=DiscrepancyState.REFUNDED, note=None, now_ms=1))
    store.write(lambda unit: unit.events.delivered(70, now_ms=2, tries=1, status=200))
    assert store.read(lambda unit: unit.gauges.open_discrepancies()) == {}
    assert store.read(lambda unit: unit.gauges.oldest_pending_event()) is None


def test_gauges_count_money_out_and_mandates_that_are_not_finished(database: Database) -> None:
    store = database.store
    transfers, sharings = list(MerchantTransferState), list(SharingState)
    returns, mandates = list(ReturnState), list(MandateState)

    def keep(unit: Any) -> None:
        for number, transfer_state in enumerate(transfers, start=100):
            unit.merchant_transfers.insert(a_transfer(number, transfer_state))
        for number, sharing_state in enumerate(sharings, start=200):
            unit.profit_sharings.insert(a_sharing(number, sharing_state))
        for number, return_state in enumerate(returns, start=300):
            unit.sharing_returns.insert(a_return(number, return_state))
        for number, state in enumerate(mandates, start=400):
            named = {"setup_id": number, "method_id": number + 1000, "out_mandate_no": str(number)}
            unit.mandates.insert(a_mandate(number, state=state, **named))
        unit.mandates.schedule(405, due_ms=700, tries=0)

    def read(unit: Any) -> list[dict[str, int]]:
        now = unit.gauges
        money = [now.unresolved_transfers(), now.unresolved_sharings(), now.unresolved_returns()]
        return [*money, now.unresolved_mandates()]

    store.write(keep)
    assert [set(found) for found in store.read(read)] == [
        {"recorded", "uncertain", "short", "accepted", "awaiting", "moving", "canceling"},
        {"recorded", "uncertain", "processing"},
        {"recorded", "uncertain", "processing"},
        {"recorded", "open", "ending"},
    ]
    assert {times for found in store.read(read) for times in found.values()} == {1}
    assert store.read(lambda unit: unit.gauges.oldest_due_ms())["mandates"] == 700


@pytest.mark.parametrize("name", [name for name in dir(gauges) if name.isupper()])
def test_a_gauge_reads_an_index_and_no_table(database: Database, name: str) -> None:
    if database.url.startswith("postgresql"):
        explain, wanted = "EXPLAIN ", "Index"
        before = ["SET LOCAL enable_seqscan = off"]  # empty tables are read as they are, whatever there is
    else:
        explain, wanted, before = "EXPLAIN QUERY PLAN ", "INDEX", []
    engine = reading_engine(database.url)
    with engine.begin() as connection:
        for statement in before:
            connection.execute(text(statement))
        told = {"since": 1} if name == "UNMATCHED_NOTICES" else {}
        plan = "\n".join(str(row) for row in connection.execute(text(explain + getattr(gauges, name).text), told))
    engine.dispose()
    assert wanted in plan
    assert "Seq Scan" not in plan


def test_a_newer_schema_serves_an_older_program_and_an_older_one_does_not(database: Database) -> None:
    assert database.store.pending_revision() is None
    engine = reading_engine(database.url)
    for revision, pending in (("0001", True), ("9999", False)):
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        assert (database.store.pending_revision() is not None) == pending
    engine.dispose()
