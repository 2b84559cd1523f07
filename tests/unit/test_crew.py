"""The worker's hands: only what can begin at once is taken, and a hand that gets free wakes the loop that waits."""

from __future__ import annotations

import threading

from wxbackend.work.crew import Crew

LONG_S = 300.0
"""Much longer than any test may last: who waits this long was not woken."""


def _wait_for(event: threading.Event) -> None:
    assert event.wait(LONG_S)


def test_a_hand_that_gets_free_ends_the_rest_so_that_a_burst_is_not_paced_by_idle_waits() -> None:
    finish, rested = threading.Event(), threading.Event()
    with Crew(1, "test") as crew:
        crew.take(lambda: _wait_for(finish))
        assert crew.free() == 0

        def rest() -> None:
            crew.rest(LONG_S)
            rested.set()

        sleeper = threading.Thread(target=rest, daemon=True)
        sleeper.start()
        assert not rested.wait(0.2)
        finish.set()
        assert rested.wait(30)
        assert crew.free() == 1


def test_a_hand_that_got_free_before_the_rest_is_not_forgotten() -> None:
    done = threading.Event()
    with Crew(1, "test") as crew:
        crew.take(done.set)
        assert done.wait(30)
        crew.rest(30)
        assert crew.free() == 1


def test_without_work_the_rest_ends_by_itself() -> None:
    with Crew(1, "test") as crew:
        crew.rest(0.01)
        assert crew.free() == 1
