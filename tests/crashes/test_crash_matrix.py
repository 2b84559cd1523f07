"""Whatever dies or fails at any COMMIT or socket: every book agrees afterwards, and a retry gives the one object."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Final

import pytest

from tests.crashes.ground import KILLED, Answer, Crossing, Database, Ended, Grounds, faults_at
from tests.crashes.scripts import ALL_SCRIPTS, MORE_SCRIPTS, SCRIPTS
from tests.crashes.seams import COMMIT, SOCKET, Fault

ALL: Final = "all"
CHOICE: Final = os.environ.get("WXBACKEND_CRASHES", "everyday")
"""`all`, or a word that shuffles: the same word chooses the same cases."""
EVERYDAY_SHARE: Final = 10
SMALLER_SHARE: Final = 20
ENGINES: Final = ("sqlite", "postgresql")
DIES: Final = {True: "dies", False: "fails"}
LIMIT_S: Final = 3600
LEAST: Final = {COMMIT: 6, SOCKET: 3}
"""Every script crosses at least so many seams; fewer would mean that they are not seen any more."""


def everyday() -> list[tuple[str, str, bool]]:
    """The first scripts in every way; each of the others in one, by turns."""
    first = [(engine, script, deadly) for engine in ENGINES for script in SCRIPTS for deadly in DIES]
    others = [(ENGINES[number % 2], script, number // 2 % 2 == 0) for number, script in enumerate(MORE_SCRIPTS)]
    return first + others


WAYS: Final = (
    [(engine, script, deadly) for engine in ENGINES for script in ALL_SCRIPTS for deadly in DIES]
    if CHOICE == ALL
    else everyday()
)


def walk(grounds: Grounds, databases: Database, script: str) -> tuple[Crossing, ...]:
    """Go through a script without a fault: which seams it crosses."""
    grounds.new_world()
    with databases() as url:
        ended = grounds.live(url, script, None)
    assert ended.failure is None, ended.failure
    assert ended.status == 0
    for kind, least in LEAST.items():
        assert sum(crossing.kind == kind for crossing in ended.crossed) >= least, ended.crossed
    return ended.crossed


def check(
    grounds: Grounds, databases: Database, script: str, crossed: tuple[Crossing, ...], fault: Fault
) -> str | None:
    """One case, with a second life if there was a death; what went wrong."""
    grounds.new_world()
    with databases() as url:
        lives = [grounds.live(url, script, fault)]
        met = lives[0].crossed
        if met[: fault.at] != crossed[: fault.at]:
            return f"crossed something else: {met}"
        if lives[0].status == KILLED:
            lives.append(grounds.live(url, script, None, after=lives[0]))
    last = lives[-1]
    if last.failure is not None or last.status != 0:
        return last.failure or f"ended with {last.status}"
    return one_object(lives)


def one_object(lives: list[Ended]) -> str | None:
    """All answers under one key name one object and are the same bytes."""
    given: dict[str, Answer] = {}
    for answer in (answer for life in lives for answer in life.answers):
        first = given.setdefault(answer.key, answer)
        if first != answer:
            return f"two answers to one key: {first} and {answer}"
    return None


def chosen(cases: list[tuple[Crossing, Fault]], deck: str, *, share: int) -> list[tuple[Crossing, Fault]]:
    """All cases when they are asked for; else a share, without the same line of the product a second time."""
    if CHOICE == ALL:
        return cases
    first = {(crossing, fault.how): (crossing, fault) for crossing, fault in reversed(cases)}
    candidates = sorted(first.values(), key=lambda case: (case[1].at, case[1].how.name))
    return random.Random(f"{CHOICE} {deck}").sample(candidates, -(-len(candidates) // share))


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize(
    ("databases", "script", "deadly"),
    WAYS,
    indirect=["databases"],
    ids=[f"{engine}-{script}-{DIES[deadly]}" for engine, script, deadly in WAYS],
)
def test_every_book_agrees_after_a_fault_at_any_commit_and_any_socket(
    grounds: tuple[Grounds, Path], databases: Database, script: str, deadly: bool, request: pytest.FixtureRequest
) -> None:
    crossed = walk(grounds[0], databases, script)
    everything = [
        (crossing, fault)
        for number, crossing in enumerate(crossed, 1)
        for fault in faults_at(number, crossing, deadly=deadly)
    ]
    share = EVERYDAY_SHARE if script in SCRIPTS else SMALLER_SHARE
    cases = chosen(everything, request.node.name, share=share)
    wrong: list[str] = []
    for crossing, fault in cases:
        found = check(grounds[0], databases, script, crossed, fault)
        if found is not None:
            wrong.append(f"{fault.how.value} at {fault.at}, {crossing.kind} {crossing.name}: {found}")
    print(f"{request.node.name}: {len(cases)} of {len(everything)} cases at {len(crossed)} seams:")
    print(*(f"  {number:2} {c.kind:6} {c.name}" for number, c in enumerate(crossed, 1)), sep="\n")
    assert not wrong, "\n".join(wrong)
