"""A hand carries several deliveries to one endpoint in a row: none is lost, forgotten or sent where it must not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import pytest
from sqlalchemy.exc import IntegrityError

from tests.contracts.conftest import Database
from tests.contracts.test_settling import dependencies
from tests.contracts.test_store_endpoints import LEASE_MS, an_endpoint, an_event, claim, emit, we
from tests.support.objects import NOW_MS
from wxbackend.domain import ids
from wxbackend.domain.errors import DatabaseAway
from wxbackend.flows.deliver_events import claim_deliveries
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.metrics.prometheus import open_counting
from wxbackend.ports.delivery import Outcome, Parcel
from wxbackend.ports.store import Delivery, KeptDelivery
from wxbackend.store.reachable import Reachable
from wxbackend.work.lanes import LOAD_MAX, PER_ENDPOINT_MAX, Lanes
from wxbackend.work.outbox import CARRY_MS_MAX, CARRY_SHARE_OF_LEASE, carry

SHOP: Final = we(1)
OK: Final = Outcome(200, "HTTP 200")
NO: Final = Outcome(500, "HTTP 500")


@dataclass(slots=True)
class Clock:
    """Moves when a courier takes time, and numbers things."""

    moment_ms: int = NOW_MS
    numbered: int = 10**6

    def now_ms(self) -> int:
        """Where it stands."""
        return self.moment_ms

    def new_id(self) -> int:
        """The next number."""
        self.numbered += 1
        return self.numbered


@dataclass(slots=True)
class Scripted:
    """A courier that does what it is told for each event; the others arrive."""

    clock: Clock
    script: dict[int, Callable[[], Outcome]] = field(default_factory=dict)
    takes_ms: int = 0
    carried: list[int] = field(default_factory=list)

    def deliver(self, parcel: Parcel) -> Outcome:
        """Try once."""
        event = ids.parse(ids.EVENT, parcel.event_id)
        self.carried.append(event)
        self.clock.moment_ms += self.takes_ms
        return self.script.get(event, lambda: OK)()

    def next_delay_s(self, tries: int) -> float | None:
        """Ten seconds for ever."""
        return 10.0


@dataclass(slots=True)
class Scene:
    """A database with one endpoint and events that are due to it, and who carries them."""

    database: Database
    deps: Dependencies
    courier: Scripted
    clock: Clock

    def loads(self) -> list[list[Delivery]]:
        """What a worker with hands enough claims."""
        lanes = Lanes(32)
        lanes.open_round()
        return [list(load) for load in claim_deliveries(self.deps, at_most=32, room=lanes.room, load=lanes.load)]

    def one_load(self) -> list[Delivery]:
        """All that is due, for one hand."""
        found = claim_deliveries(self.deps, at_most=1, load=lambda _: 99)
        return list(found[0])

    def kept(self, event: int) -> KeptDelivery:
        """The event's only delivery."""
        (found,) = self.database.store.read(lambda unit: unit.deliveries.of_event(event, limit=9))
        return found

    def states(self, *events: int) -> list[tuple[str, int]]:
        """State and number of tries of each."""
        return [(found.state, len(found.tries)) for found in map(self.kept, events)]

    def due_now(self) -> list[int]:
        """What anybody would be given at this moment."""
        return sorted(delivery.event_id for delivery in claim(self.database, now_ms=self.clock.moment_ms))


@pytest.fixture
def scene(database: Database) -> Scene:
    database.store.write(lambda unit: unit.endpoints.insert(an_endpoint(1, disabled=False)))
    clock = Clock()
    courier = Scripted(clock)
    plain = dependencies(database)
    accounts: Any = plain.accounts
    accounts.endpoint = lambda _: None
    deps = replace(
        plain,
        store=Reachable(database.store),
        courier=courier,
        surroundings=cast("Any", clock),
        counting=open_counting(None),
    )
    return Scene(database, deps, courier, clock)


def due(scene: Scene, events: int) -> None:
    """So many events for the endpoint, numbered from 1."""
    for number in range(1, events + 1):
        emit(scene.database, an_event(number), SHOP)


def test_few_deliveries_are_carried_side_by_side_and_many_in_full_loads(scene: Scene) -> None:
    due(scene, 3)
    assert [len(load) for load in scene.loads()] == [1, 1, 1]
    scene.clock.moment_ms += LEASE_MS * 9
    for number in range(4, 100):
        emit(scene.database, an_event(number), SHOP)
    loads = scene.loads()
    assert [len(load) for load in loads] == [LOAD_MAX] * PER_ENDPOINT_MAX
    carried = [delivery.id for load in loads for delivery in load]
    assert len(set(carried)) == len(carried)


def test_an_ailing_endpoint_is_given_one_at_a_time(scene: Scene) -> None:
    due(scene, 9)
    lanes = Lanes(32)
    lanes.begin(SHOP)
    lanes.end(SHOP, well=False)
    loads = claim_deliveries(scene.deps, at_most=32, room=lanes.room, load=lanes.load)
    assert [len(load) for load in loads] == [1]


def test_a_whole_load_arrives_and_every_try_of_it_is_kept(scene: Scene) -> None:
    due(scene, 5)
    assert carry(scene.deps, scene.one_load())
    assert scene.courier.carried == [1, 2, 3, 4, 5]
    assert scene.states(1, 2, 3, 4, 5) == [("delivered", 1)] * 5


def test_a_try_that_fails_ends_the_load_and_what_is_left_is_due_at_once(scene: Scene) -> None:
    due(scene, 5)
    scene.courier.script[2] = lambda: NO
    assert not carry(scene.deps, scene.one_load())
    assert scene.courier.carried == [1, 2]
    assert scene.states(1, 2, 3) == [("delivered", 1), ("pending", 1), ("pending", 0)]
    assert scene.due_now() == [3, 4, 5]


@pytest.mark.parametrize("lease_s", [6, 30, 600])
def test_an_endpoint_that_takes_its_time_does_not_use_up_the_lease_of_the_others(scene: Scene, lease_s: int) -> None:
    due(scene, 5)
    scene.courier.takes_ms = min(lease_s * 1000 // CARRY_SHARE_OF_LEASE, CARRY_MS_MAX) // 2
    assert carry(replace(scene.deps, policy=Policy(lease_s=lease_s)), scene.one_load())
    assert scene.courier.carried == [1, 2]
    assert scene.states(1, 2) == [("delivered", 1)] * 2
    assert scene.due_now() == [3, 4, 5]


def test_what_somebody_else_tried_meanwhile_is_not_given_back(scene: Scene) -> None:
    due(scene, 2)
    load = scene.one_load()

    def meanwhile() -> Outcome:
        later_ms = NOW_MS + 60_000
        scene.database.store.write(
            lambda unit: unit.events.failed(load[1].id, tries=1, status=500, reason="x", due_ms=later_ms)
        )
        return NO

    scene.courier.script[1] = meanwhile
    carry(scene.deps, load)
    assert scene.kept(2).due_ms == NOW_MS + 60_000


def test_one_that_fails_here_keeps_neither_those_before_nor_those_after_it(scene: Scene) -> None:
    due(scene, 4)

    def defect() -> Outcome:
        raise ValueError

    scene.courier.script[2] = defect
    assert not carry(scene.deps, scene.one_load())
    assert scene.states(1, 2) == [("delivered", 1), ("pending", 0)]
    assert scene.due_now() == [3, 4]
    parked = scene.database.store.read(lambda unit: unit.failures.parked(failures=1))
    assert [failure.item for failure in parked] == [20]


def test_one_whose_try_cannot_be_kept_does_not_undo_the_others(scene: Scene) -> None:
    """The second try's number is taken, which the table refuses."""
    due(scene, 3)
    load = scene.one_load()

    def taken() -> Outcome:
        scene.clock.numbered -= 1
        return OK

    scene.courier.script[2] = taken
    carry(scene.deps, load)
    assert scene.states(1, 2, 3) == [("delivered", 1), ("pending", 0), ("delivered", 1)]
    parked = scene.database.store.read(lambda unit: unit.failures.parked(failures=1))
    assert [(failure.item, failure.reason) for failure in parked] == [(20, IntegrityError.__name__)]


def test_a_database_that_goes_away_meanwhile_counts_as_nobodys_failure_and_leases_bring_all_back(scene: Scene) -> None:
    due(scene, 3)
    load = scene.one_load()

    class GoneOnce(Reachable):
        """Its first write gets no answer."""

        gone = True

        def write(self, work: Callable[[Any], Any]) -> Any:
            """Not now."""
            if self.gone:
                self.gone = False
                raise DatabaseAway("gone")
            return super().write(work)

    assert carry(replace(scene.deps, store=GoneOnce(scene.database.store)), load)
    assert scene.database.store.read(lambda unit: unit.failures.parked(failures=1)) == []
    assert scene.due_now() == []
    scene.clock.moment_ms += scene.deps.policy.lease_ms
    assert scene.due_now() == [1, 2, 3]


def test_nothing_of_a_load_goes_to_an_endpoint_that_was_disabled_after_the_claim(scene: Scene) -> None:
    due(scene, 3)
    load = scene.one_load()
    scene.database.store.write(lambda unit: unit.endpoints.save(an_endpoint(1, disabled=True)))
    assert not carry(scene.deps, load)
    assert scene.courier.carried == []
    assert scene.states(1, 2, 3) == [("canceled", 0)] * 3
