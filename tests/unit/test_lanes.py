"""However many deliveries wait for one endpoint, the others find free hands."""

from __future__ import annotations

from wxbackend.work.lanes import PER_AILING_ENDPOINT_MAX, PER_ENDPOINT_MAX, Lanes


def begin_all(lanes: Lanes, *names: str) -> int:
    """Begin as much as there is room for, as one round of the outbox does."""
    lanes.open_round()
    rooms = {name: lanes.room(name) for name in names}
    for name, room in rooms.items():
        for _ in range(room):
            lanes.begin(name)
    return sum(rooms.values())


def test_an_endpoint_gets_a_few_hands_and_another_one_its_own() -> None:
    lanes = Lanes(32)
    assert begin_all(lanes, "we_slow") == PER_ENDPOINT_MAX
    assert begin_all(lanes, "we_slow") == 0
    assert begin_all(lanes, "we_slow", "we_other") == PER_ENDPOINT_MAX
    lanes.end("we_slow", well=True)
    assert begin_all(lanes, "we_slow", "we_other") == 1


def test_one_that_fails_gets_one_hand_until_it_answers_well() -> None:
    lanes = Lanes(32)
    lanes.begin("we_dead")
    lanes.end("we_dead", well=False)
    assert begin_all(lanes, "we_dead") == PER_AILING_ENDPOINT_MAX
    lanes.end("we_dead", well=True)
    assert begin_all(lanes, "we_dead") == PER_ENDPOINT_MAX


def test_all_that_fail_together_leave_half_of_the_hands() -> None:
    lanes = Lanes(8)
    dead = [f"we_{number}" for number in range(20)]
    for name in dead:
        lanes.begin(name)
        lanes.end(name, well=False)
    assert begin_all(lanes, *dead) == 4
    assert begin_all(lanes, *dead) == 0
    assert begin_all(lanes, "we_alive", *dead) == PER_ENDPOINT_MAX


def test_asking_twice_for_the_same_round_promises_no_more() -> None:
    """A unit of the store may be run again."""
    lanes = Lanes(4)
    for name in ("we_1", "we_2", "we_3"):
        lanes.begin(name)
        lanes.end(name, well=False)
    lanes.open_round()
    first = [lanes.room(name) for name in ("we_1", "we_2", "we_3")]
    assert [lanes.room(name) for name in ("we_1", "we_2", "we_3")] == first == [1, 1, 0]
