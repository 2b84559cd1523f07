"""What the store is given it gives back, and what the database must refuse it refuses. Both engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import pytest
from sqlalchemy.exc import IntegrityError

from tests.contracts.conftest import Database
from tests.support.objects import ACCOUNT, METHOD, NOW_MS, an_attempt, an_intent
from wxbackend.domain.attempt import Attempt, AttemptState
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind, DiscrepancyState
from wxbackend.domain.event import Event, EventType
from wxbackend.domain.intent import IntentStatus, PaymentError, PaymentIntent
from wxbackend.ports.provider import PlatformCertificate
from wxbackend.ports.store import (
    IdempotentRequest,
    KeptNotice,
    KeptReply,
    LoginSession,
    Page,
    RecordedDiscrepancy,
    Unit,
)

FULL_INTENT = an_intent(
    number=2**63 - 1,
    status=IntentStatus.REQUIRES_ACTION,
    description="一杯咖啡",
    merchant_order_id="o-1",
    merchant_user_id="u-1",
    customer="cus_1",
    return_url="https://shop.example/back",
    metadata={"a": "1", "ключ": "значение"},
    payment_method=METHOD,
    last_payment_error=PaymentError("code", None, "message"),
    attempt_id=2**62,
    amount_received=2000,
    cancel_requested_ms=NOW_MS + 1,
    cancellation_reason="duplicate",
    canceled_ms=NOW_MS + 2,
)
FULL_ATTEMPT = an_attempt(
    number=2**62,
    state=AttemptState.PAID,
    handle="wx20",
    client_params={"package": "prepay_id=wx20", "paySign": "a+/="},
    presentable_until_ms=NOW_MS + 7,
    transaction="42",
    paid_ms=NOW_MS + 9,
)
REQUEST = IdempotentRequest(ACCOUNT, livemode=False, key="k", fingerprint="f")


def keep(database: Database, *things: PaymentIntent | Attempt) -> None:
    """Insert them in one unit."""

    def work(unit: Unit) -> None:
        for thing in things:
            if isinstance(thing, PaymentIntent):
                unit.intents.insert(thing)
            else:
                unit.attempts.insert(thing)

    database.store.write(work)


def a_notice(number: int = 1, **changes: Any) -> KeptNotice:
    """A notice that was proven."""
    kept = KeptNotice(
        id=number,
        provider="wechat_v3",
        merchant="1900000109",
        notice_id="EV-1",
        kind="TRANSACTION.SUCCESS",
        out_trade_no="order11",
        received_ms=NOW_MS,
        headers="{}",
        body=b"\x00\xff{}",
    )
    return replace(kept, **changes)


def keep_notice(database: Database, notice: KeptNotice) -> bool:
    """Keep a notice in a unit of its own."""
    return bool(database.store.write(lambda unit: unit.notices.keep(notice)))


def begin(database: Database, request: IdempotentRequest) -> KeptReply | None:
    """Claim a key in a unit of its own."""
    return database.store.write(lambda unit: unit.idempotency.begin(request, object_id=1, now_ms=8))


def test_an_intent_comes_back_as_it_was(database: Database) -> None:
    keep(database, FULL_INTENT, an_intent(1))
    assert database.store.read(lambda unit: unit.intents.find(FULL_INTENT.id)) == FULL_INTENT
    assert database.store.read(lambda unit: unit.intents.find(1)) == an_intent(1)
    assert database.store.read(lambda unit: unit.intents.find(2)) is None


def test_a_save_writes_everything_that_can_change_and_counts_the_version(database: Database) -> None:
    keep(database, an_intent(FULL_INTENT.id))

    def change(unit: Unit) -> None:
        found = unit.intents.lock(FULL_INTENT.id)
        assert found is not None
        unit.intents.save(FULL_INTENT)

    database.store.write(change)
    found = database.store.read(lambda unit: unit.intents.find(FULL_INTENT.id))
    assert found == replace(FULL_INTENT, version=1)


def test_a_save_over_a_newer_version_is_refused_and_undone(database: Database) -> None:
    keep(database, an_intent(1))
    database.store.write(lambda unit: unit.intents.save(an_intent(1, description="first")))
    with pytest.raises(AssertionError):
        database.store.write(lambda unit: unit.intents.save(an_intent(1, description="second")))
    found = database.store.read(lambda unit: unit.intents.find(1))
    assert found is not None
    assert found.description == "first"


def test_an_attempt_comes_back_as_it_was_and_is_found_by_its_number(database: Database) -> None:
    keep(database, FULL_ATTEMPT, an_attempt(11))
    read = database.store.read
    assert read(lambda unit: unit.attempts.find(FULL_ATTEMPT.id)) == FULL_ATTEMPT
    database.store.write(lambda unit: unit.intents.insert(an_intent(1)))
    locked = database.store.write
    by_number = locked(lambda unit: unit.intents.lock_by_number("wechat_v3", "1900000109", "order11"))
    assert by_number == (an_intent(1), an_attempt(11))
    assert locked(lambda unit: unit.intents.lock_of(11)) == by_number
    assert locked(lambda unit: unit.intents.lock_by_number("wechat_v3", "1900000110", "order11")) is None
    assert read(lambda unit: unit.attempts.unresolved(1)) == an_attempt(11)
    changed = an_attempt(11, state=AttemptState.PAID, transaction="43", paid_ms=5, sent_ms=6, handle="h")
    saved = database.store.write(lambda unit: unit.attempts.save(changed))
    assert read(lambda unit: unit.attempts.find(11)) == saved == replace(changed, version=1)
    assert read(lambda unit: unit.attempts.unresolved(1)) is None


def test_an_attempt_that_was_read_before_another_change_is_refused(database: Database) -> None:
    keep(database, an_attempt(11))
    paid = an_attempt(11, state=AttemptState.PAID, transaction="43", paid_ms=5)
    saved = database.store.write(lambda unit: unit.attempts.save(paid))
    with pytest.raises(AssertionError, match="without its intent's lock"):
        database.store.write(lambda unit: unit.attempts.save(an_attempt(11, state=AttemptState.OPEN)))
    assert database.store.read(lambda unit: unit.attempts.find(11)) == saved


def test_a_look_writes_nothing_and_says_so(database: Database) -> None:
    with pytest.raises(AssertionError, match="must not write"):
        database.store.look(lambda unit: unit.intents.insert(an_intent(1)))
    assert database.store.look(lambda unit: unit.intents.find(1)) is None


@pytest.mark.parametrize("state", ["recorded", "uncertain", "open", "closing"])
def test_the_database_refuses_a_second_order_that_may_be_paid(database: Database, state: str) -> None:
    keep(database, an_attempt(11, state=AttemptState(state)))
    with pytest.raises(IntegrityError):
        keep(database, an_attempt(12))
    assert database.store.read(lambda unit: unit.attempts.find(12)) is None
    keep(database, an_attempt(13, intent_id=2))


def test_the_database_allows_another_order_once_the_first_is_resolved(database: Database) -> None:
    for number, state in enumerate((AttemptState.CLOSED, AttemptState.DECLINED, AttemptState.PAID), start=11):
        keep(database, an_attempt(number, state=state))
    keep(database, an_attempt(20))
    found = database.store.read(lambda unit: unit.attempts.unresolved(1))
    assert found == an_attempt(20)


def test_the_database_refuses_the_same_transaction_and_the_same_number_twice(database: Database) -> None:
    keep(database, an_attempt(11, state=AttemptState.PAID, transaction="42"))
    with pytest.raises(IntegrityError):
        keep(database, an_attempt(12, state=AttemptState.PAID, transaction="42"))
    with pytest.raises(IntegrityError):
        keep(database, an_attempt(13, intent_id=5, out_trade_no="order11"))


def test_a_unit_that_raises_leaves_nothing(database: Database) -> None:
    def work(unit: Unit) -> NoReturn:
        unit.intents.insert(an_intent(1))
        unit.attempts.insert(an_attempt(11))
        unit.attempts.schedule(11, due_ms=0, tries=0)
        unit.notices.keep(a_notice())
        raise RuntimeError("after everything was written")

    with pytest.raises(RuntimeError, match="after everything"):
        database.store.write(work)
    assert database.store.read(lambda unit: unit.intents.find(1)) is None
    assert database.store.read(lambda unit: unit.attempts.find(11)) is None
    assert not database.store.write(lambda unit: unit.attempts.claim(now_ms=NOW_MS, lease_ms=1, limit=9))
    assert not database.store.read(lambda unit: unit.notices.unhandled(before_ms=NOW_MS * 2, limit=9))


def test_a_notice_is_to_be_handled_until_it_was(database: Database) -> None:
    write = database.store.write
    assert write(lambda unit: unit.notices.keep(a_notice(1)))
    assert write(lambda unit: unit.notices.keep(a_notice(2)))
    left = database.store.read(lambda unit: unit.notices.unhandled(before_ms=NOW_MS + 1, limit=9))
    assert list(left) == [a_notice(1)]
    write(lambda unit: unit.notices.handled(a_notice(2), verdict="settled", now_ms=NOW_MS + 5))
    assert not write(lambda unit: unit.notices.keep(a_notice(3)))
    assert not database.store.read(lambda unit: unit.notices.unhandled(before_ms=NOW_MS * 2, limit=9))


def test_the_same_notice_id_of_another_merchant_is_another_notice(database: Database) -> None:
    write = database.store.write
    write(lambda unit: unit.notices.keep(a_notice(1)))
    write(lambda unit: unit.notices.handled(a_notice(1), verdict="settled", now_ms=1))
    assert write(lambda unit: unit.notices.keep(a_notice(2, merchant="1900000110")))


def test_unhandled_notices_come_oldest_first_and_not_before_their_time(database: Database) -> None:
    for number in (3, 1, 2):
        keep_notice(database, a_notice(number, notice_id=f"EV-{number}", received_ms=NOW_MS + number))
    found = database.store.read(lambda unit: unit.notices.unhandled(before_ms=NOW_MS + 3, limit=9))
    assert [notice.id for notice in found] == [1, 2]
    assert len(database.store.read(lambda unit: unit.notices.unhandled(before_ms=NOW_MS * 2, limit=2))) == 2


def test_the_same_money_is_one_discrepancy(database: Database) -> None:
    found = Discrepancy(DiscrepancyKind.LATE, {"status": "canceled"}, {"status": "paid"}, "42", 2000, "CNY")
    late = RecordedDiscrepancy(1, ACCOUNT, livemode=False, intent_id=1, attempt_id=11, created_ms=1, found=found)
    write = database.store.write
    assert write(lambda unit: unit.discrepancies.insert(late)) == 1
    assert write(lambda unit: unit.discrepancies.insert(replace(late, id=2))) == 1
    other = replace(found, transaction="43")
    assert write(lambda unit: unit.discrepancies.insert(replace(late, id=3, found=other))) == 3
    assert database.store.read(lambda unit: unit.discrepancies.count_open()) == 2
    write(lambda unit: unit.discrepancies.close(3, state=DiscrepancyState.REFUNDED, note=None, now_ms=1))
    assert database.store.read(lambda unit: unit.discrepancies.count_open()) == 1


def test_a_login_session_is_found_until_it_is_forgotten(database: Database) -> None:
    session = LoginSession("h", ACCOUNT, livemode=False, appid="wx1", openid="o1", payable=False, expires_ms=10)
    database.store.write(lambda unit: unit.logins.insert(session))
    assert database.store.read(lambda unit: unit.logins.find("h")) == session
    database.store.write(lambda unit: unit.logins.forget(expired_before_ms=10))
    assert database.store.read(lambda unit: unit.logins.find("h")) == session
    database.store.write(lambda unit: unit.logins.forget(expired_before_ms=11))
    assert database.store.read(lambda unit: unit.logins.find("h")) is None


def test_a_key_is_claimed_answered_and_read_back(database: Database) -> None:
    write = database.store.write
    assert write(lambda unit: unit.idempotency.begin(REQUEST, object_id=7, now_ms=5)) is None
    kept = write(lambda unit: unit.idempotency.begin(replace(REQUEST, fingerprint="g"), object_id=8, now_ms=6))
    assert kept is not None
    assert (kept.fingerprint, kept.status, kept.object_id, kept.begun_ms) == ("f", None, 7, 5)
    write(lambda unit: unit.idempotency.finish(REQUEST, status=200, body=b"\x00{}"))
    write(lambda unit: unit.idempotency.release(REQUEST))
    kept = write(lambda unit: unit.idempotency.begin(REQUEST, object_id=9, now_ms=7))
    assert kept is not None
    assert (kept.status, kept.body) == (200, b"\x00{}")
    for other in (replace(REQUEST, account="acct_b"), replace(REQUEST, livemode=True), replace(REQUEST, key="l")):
        assert begin(database, other) is None


def test_a_released_or_forgotten_key_is_free_again(database: Database) -> None:
    write = database.store.write
    write(lambda unit: unit.idempotency.begin(REQUEST, object_id=None, now_ms=5))
    write(lambda unit: unit.idempotency.release(REQUEST))
    assert write(lambda unit: unit.idempotency.begin(REQUEST, object_id=None, now_ms=6)) is None
    write(lambda unit: unit.idempotency.forget(begun_before_ms=6))
    assert write(lambda unit: unit.idempotency.begin(REQUEST, object_id=None, now_ms=7)) is not None
    write(lambda unit: unit.idempotency.forget(begun_before_ms=7))
    assert write(lambda unit: unit.idempotency.begin(REQUEST, object_id=None, now_ms=8)) is None


def test_certificates_are_kept_beside_each_other(database: Database) -> None:
    first, second = (PlatformCertificate(serial, "PEM", 1, 2) for serial in ("A", "B"))
    database.store.write(lambda unit: unit.certificates.save("wechat_v3", "1", (first,)))
    database.store.write(lambda unit: unit.certificates.save("wechat_v3", "1", (first, second)))
    found = database.store.read(lambda unit: unit.certificates.load("wechat_v3", "1"))
    assert sorted(found, key=lambda each: each.serial) == [first, second]
    assert database.store.read(lambda unit: unit.certificates.load("wechat_v3", "2")) == ()


def test_an_event_carries_the_bytes_that_it_was_given(database: Database) -> None:
    event = Event(
        5, ACCOUNT, livemode=False, type=EventType.INTENT_CREATED, created_ms=NOW_MS, subject_id=1, body=b"\x00{"
    )
    database.store.write(lambda unit: unit.events.insert(event, endpoint_ids=["we_a", "we_b"], delivery_ids=[6, 7]))
    loads = database.store.write(lambda unit: unit.events.claim(now_ms=NOW_MS, lease_ms=10, limit=9))
    taken = [delivery for load in loads for delivery in load]
    assert [(each.id, each.event_id, each.endpoint_id, each.tries) for each in taken] == [
        (6, 5, "we_a", 0),
        (7, 5, "we_b", 0),
    ]
    assert {each.body for each in taken} == {b"\x00{"}


def test_pages_are_newest_first_and_stay_within_account_and_mode(database: Database) -> None:
    intents = [an_intent(n, created_ms=NOW_MS + n, merchant_order_id=f"o{n % 2}") for n in range(1, 8)]
    keep(database, *intents, an_intent(90, account="acct_b"), an_intent(91, livemode=True))
    keep(database, an_attempt(11, intent_id=7))
    database.store.write(lambda unit: unit.intents.save(replace(intents[6], attempt_id=11)))

    def page(**asked: Any) -> list[int]:
        found = database.store.read(lambda unit: unit.intents.page(ACCOUNT, livemode=False, page=Page(**asked)))
        return [intent.id for intent, _ in found]

    assert page(limit=3) == [7, 6, 5, 4]
    assert page(limit=3, after=5) == [4, 3, 2, 1]
    assert page(limit=3, before=3) == [7, 6, 5, 4]
    assert page(limit=2, before=3) == [6, 5, 4]
    assert page(limit=9, created_from_ms=NOW_MS + 2, created_until_ms=NOW_MS + 4) == [4, 3, 2]
    assert page(limit=9, merchant_order_id="o0") == [6, 4, 2]
    first = database.store.read(lambda unit: unit.intents.page(ACCOUNT, livemode=False, page=Page(limit=1)))[0]
    assert first[1] == an_attempt(11, intent_id=7)
