"""Webhook endpoints, deliveries and their tries in the store. Both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.contracts.conftest import Database
from tests.support.objects import ACCOUNT, NOW_MS
from wxbackend.domain import ids
from wxbackend.domain.endpoint import Endpoint, RetiredSecret
from wxbackend.domain.event import Event, EventType
from wxbackend.ports.store import Delivery, DeliveryTry, Page, Unit

LEASE_MS: Final = 30_000


def we(number: int) -> str:
    """An endpoint's identifier."""
    return ids.render(ids.ENDPOINT, number)


def an_endpoint(number: int = 1, **changes: Any) -> Endpoint:
    """An endpoint with everything set."""
    endpoint = Endpoint(
        id=we(number),
        account=ACCOUNT,
        livemode=False,
        url="https://shop.example/webhooks?a=b",
        secret="whsec_b",
        retired=(RetiredSecret("whsec_a", NOW_MS + 1), RetiredSecret("whsec_0", NOW_MS)),
        enabled_events=("payment_intent.succeeded", "charge.refund.updated"),
        description="仓库",
        metadata={"ключ": "значение"},
        created_ms=NOW_MS,
    )
    return replace(endpoint, **changes)


def an_event(number: int = 1, kind: EventType = EventType.INTENT_SUCCEEDED, **changes: Any) -> Event:
    """An event."""
    event = Event(number, ACCOUNT, livemode=False, type=kind, created_ms=NOW_MS, subject_id=1, body=b"{}")
    return replace(event, **changes)


def emit(database: Database, event: Event, *endpoint_ids: str) -> None:
    """Keep an event; its deliveries are numbered from ten times its number."""
    numbers = [event.id * 10 + place for place in range(len(endpoint_ids))]
    database.store.write(lambda unit: unit.events.insert(event, endpoint_ids=endpoint_ids, delivery_ids=numbers))


def claim(database: Database, limit: int = 99, now_ms: int = NOW_MS, **rooms: int) -> list[Delivery]:
    """Claim with so much room for each endpoint; endpoints that are not named have all of it."""
    loads = database.store.write(
        lambda unit: unit.events.claim(
            now_ms=now_ms, lease_ms=LEASE_MS, limit=limit, room=lambda name: rooms.get(name, limit)
        )
    )
    return [delivery for load in loads for delivery in load]


def a_try(number: int = 1, delivery_id: int = 10, **changes: Any) -> DeliveryTry:
    """A try that was refused."""
    tried = DeliveryTry(
        id=number,
        delivery_id=delivery_id,
        number=number,
        begun_ms=NOW_MS,
        duration_ms=7,
        status=500,
        reason="HTTP 500",
        excerpt="oops",
    )
    return replace(tried, **changes)


def test_an_endpoint_comes_back_as_it_was_and_is_changed_under_its_lock(database: Database) -> None:
    plain = Endpoint(we(2), ACCOUNT, livemode=True, url="http://a/", secret="s", created_ms=5)
    for endpoint in (an_endpoint(), plain):
        database.store.write(lambda unit, each=endpoint: unit.endpoints.insert(each))  # type: ignore[misc]
    read = database.store.read
    assert read(lambda unit: unit.endpoints.find(1)) == an_endpoint()
    assert read(lambda unit: unit.endpoints.find(2)) == plain
    assert read(lambda unit: unit.endpoints.find(3)) is None
    changed = an_endpoint(url="https://b/", secret="c", retired=(), enabled_events=("*",), description=None,
                          metadata={}, disabled=True)  # fmt: skip

    def change(unit: Unit) -> None:
        assert unit.endpoints.lock(1) == an_endpoint()
        unit.endpoints.save(changed)

    database.store.write(change)
    assert read(lambda unit: unit.endpoints.find(1)) == replace(changed, version=1)
    with pytest.raises(AssertionError):
        database.store.write(lambda unit: unit.endpoints.save(changed))
    database.store.write(lambda unit: unit.endpoints.remove(1))
    assert read(lambda unit: unit.endpoints.find(1)) is None


def test_endpoints_are_listed_newest_first_within_account_and_mode(database: Database) -> None:
    others = [an_endpoint(8, account="acct_b"), an_endpoint(9, livemode=True)]
    for endpoint in [an_endpoint(1), an_endpoint(3), an_endpoint(2), *others]:
        database.store.write(lambda unit, each=endpoint: unit.endpoints.insert(each))  # type: ignore[misc]
    found = database.store.read(lambda unit: unit.endpoints.of_account(ACCOUNT, livemode=False))
    assert [endpoint.id for endpoint in found] == [we(3), we(2), we(1)]


def test_those_who_add_at_once_see_each_other(database: Database) -> None:
    """So a limit holds: each sees what the ones before it have added."""
    database.store.write(lambda unit: unit.endpoints.insert(an_endpoint(1)))

    def add(number: int) -> int:
        def work(unit: Unit) -> int:
            present = len(unit.endpoints.lock_all(ACCOUNT, livemode=False))
            unit.endpoints.insert(an_endpoint(number))
            return present

        return database.store.write(work)

    with ThreadPoolExecutor(6) as crowd:
        assert sorted(crowd.map(add, range(2, 8))) == [1, 2, 3, 4, 5, 6]


def test_a_claim_takes_of_each_endpoint_no_more_than_there_is_room(database: Database) -> None:
    for number in range(1, 8):
        emit(database, an_event(number), "we_dead", "we_alive")
    taken = claim(database, we_dead=2, we_alive=0)
    assert [delivery.endpoint_id for delivery in taken] == ["we_dead"] * 2
    assert claim(database, we_dead=0, we_alive=0) == []
    assert {delivery.endpoint_id for delivery in claim(database, we_dead=0)} == {"we_alive"}
    assert len(claim(database)) == 5


def test_a_long_queue_leaves_a_fair_share_to_a_short_one(database: Database) -> None:
    for number in range(1, 21):
        emit(database, an_event(number), "we_long")
    emit(database, an_event(30, created_ms=NOW_MS + 5), "we_short")
    taken = claim(database, limit=4, now_ms=NOW_MS + 9)
    assert sorted(delivery.endpoint_id for delivery in taken) == ["we_long"] * 2 + ["we_short"]


def test_what_is_not_due_is_not_claimed(database: Database) -> None:
    emit(database, an_event(1), "we_a")
    assert claim(database, now_ms=NOW_MS - 1) == []
    assert len(claim(database)) == 1
    assert claim(database, now_ms=NOW_MS + LEASE_MS - 1) == []
    assert len(claim(database, now_ms=NOW_MS + LEASE_MS)) == 1


def test_canceling_ends_what_is_pending_for_that_endpoint_alone(database: Database) -> None:
    emit(database, an_event(1), "we_a", "we_b")
    emit(database, an_event(2), "we_a")
    write = database.store.write
    write(lambda unit: unit.events.delivered(20, now_ms=NOW_MS, tries=1, status=200))
    write(lambda unit: unit.deliveries.cancel_to("we_a", reason="deleted"))
    states = {
        kept.id: kept.state
        for event in (1, 2)
        for kept in database.store.read(lambda unit, of=event: unit.deliveries.of_event(of, limit=9))  # type: ignore[misc]
    }
    assert states == {10: "canceled", 11: "pending", 20: "delivered"}
    assert [delivery.id for delivery in claim(database)] == [11]
    write(lambda unit: unit.events.failed(10, tries=1, status=500, reason="x", due_ms=NOW_MS))
    write(lambda unit: unit.deliveries.cancel(11, reason="disabled"))
    assert claim(database, now_ms=NOW_MS + LEASE_MS) == []


def test_again_hastens_what_is_pending_and_repeats_what_has_ended(database: Database) -> None:
    emit(database, an_event(1), "we_a")
    write = database.store.write
    assert len(claim(database)) == 1
    write(lambda unit: unit.deliveries.again(1, "we_a", delivery_id=77, now_ms=NOW_MS + 1))
    assert [delivery.id for delivery in claim(database, now_ms=NOW_MS + 1)] == [10]
    write(lambda unit: unit.events.delivered(10, now_ms=NOW_MS, tries=1, status=200))
    write(lambda unit: unit.deliveries.again(1, "we_a", delivery_id=77, now_ms=NOW_MS + 2))
    assert [(each.id, each.body, each.tries) for each in claim(database, now_ms=NOW_MS + 2)] == [(77, b"{}", 0)]


def test_tries_are_kept_with_their_delivery_until_they_are_forgotten(database: Database) -> None:
    emit(database, an_event(1), "we_a", "we_b")
    second = a_try(2, status=None, reason="ConnectTimeoutError", excerpt="")
    write = database.store.write
    for tried in (a_try(1), second, a_try(3, delivery_id=11)):
        write(lambda unit, each=tried: unit.deliveries.note(each))  # type: ignore[misc]
    newest, oldest = database.store.read(lambda unit: unit.deliveries.of_event(1, limit=9))
    assert (newest.endpoint_id, oldest.endpoint_id, oldest.state, oldest.due_ms) == ("we_b", "we_a", "pending", NOW_MS)
    assert oldest.tries == (a_try(1), second)
    assert len(database.store.read(lambda unit: unit.deliveries.of_event(1, limit=1))) == 1
    write(lambda unit: unit.deliveries.forget_tries(before_id=3))
    newest, oldest = database.store.read(lambda unit: unit.deliveries.of_event(1, limit=9))
    assert (len(newest.tries), len(oldest.tries)) == (1, 0)


def test_pending_counts_what_has_not_ended(database: Database) -> None:
    emit(database, an_event(1), "we_a", "we_b", "we_c")
    emit(database, an_event(2))
    database.store.write(lambda unit: unit.events.delivered(10, now_ms=NOW_MS, tries=1, status=200))
    database.store.write(lambda unit: unit.events.failed(11, tries=18, status=500, reason="x", due_ms=None))
    assert database.store.read(lambda unit: unit.deliveries.pending([1, 2])) == {1: 1}


def test_events_are_found_by_type_and_by_whether_they_arrived(database: Database) -> None:
    emit(database, an_event(1), "we_a", "we_b")
    emit(database, an_event(2, EventType.INTENT_CREATED), "we_a")
    emit(database, an_event(3))
    emit(database, an_event(4, account="acct_b"), "we_a")
    write = database.store.write
    write(lambda unit: unit.events.delivered(10, now_ms=NOW_MS, tries=1, status=200))
    write(lambda unit: unit.events.failed(11, tries=18, status=500, reason="x", due_ms=None))

    def found(**wish: Any) -> list[int]:
        page = Page(limit=9)
        return [
            event.id
            for event in database.store.read(lambda unit: unit.events.page(ACCOUNT, livemode=False, page=page, **wish))
        ]

    assert found() == [3, 2, 1]
    assert found(types=(EventType.INTENT_SUCCEEDED,)) == [3, 1]
    assert (found(arrived=True), found(arrived=False)) == ([3], [2, 1])
    write(lambda unit: unit.deliveries.again(1, "we_b", delivery_id=77, now_ms=NOW_MS))
    write(lambda unit: unit.events.delivered(77, now_ms=NOW_MS, tries=1, status=200))
    assert (found(arrived=True), found(arrived=False)) == ([3, 1], [2])
    assert database.store.read(lambda unit: unit.events.find(1)) == an_event(1)
    assert database.store.read(lambda unit: unit.events.find(9)) is None
