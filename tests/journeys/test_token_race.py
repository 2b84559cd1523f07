"""Journeys of 32 processes that all want an access token at the same moment, some killed while they fetch it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.journeys import token_client
from tests.journeys.token_client import Place
from tests.support import workshop
from tests.support.stack import OFFICIAL_ACCOUNT, WAIT_S_MAX, RunningStack, running
from tests.support.workshop import FORKING
from wxbackend.coordination.opening import open_coordination
from wxbackend.identity.tokens import shared_name
from wxbackend.ports.coordination import Coordination
from wxbackend.surroundings import clock_ms

CROWD: Final = 32
ANSWER_WITHIN_S: Final = 60.0


@dataclass
class Member:
    """One process of the crowd, and the line to it."""

    process: Any
    word: Connection


@dataclass
class Race:
    """The processes, what they share, and the WeChat they ask."""

    stack: RunningStack
    shared: Coordination
    place: Place
    name: str
    crowd: dict[str, Member] = field(default_factory=dict)
    seen: int = 0

    def gather(self) -> None:
        """Start all and wait until each is ready to ask."""
        workshop.ready()
        for number in range(CROWD):
            ours, theirs = FORKING.Pipe()
            holder = f"process-{number}"
            process = FORKING.Process(target=token_client.run, args=(holder, self.place, theirs), daemon=True)
            process.start()
            theirs.close()
            self.crowd[holder] = Member(process, ours)
        assert set(self.heard()) == {"ready"}

    def go(self) -> None:
        """Give all the word."""
        for member in self.crowd.values():
            member.word.send("go")

    def heard(self) -> list[str]:
        """What each living process says."""
        lines = []
        for holder, member in self.crowd.items():
            assert member.word.poll(ANSWER_WITHIN_S), f"{holder} says nothing"
            lines.append(str(member.word.recv()))
        return lines

    def asked(self) -> list[str]:
        """Give all the word, and the token that each got after WeChat accepted a call with it."""
        self.go()
        return tokens(self.heard())

    def kill_the_holder(self) -> str:
        """kill -9 whoever holds the lease, as soon as somebody does; its name."""
        deadline = time.monotonic() + WAIT_S_MAX
        while True:
            lease = self.shared.get(f"{self.name}:lease")
            holder = lease.partition(":")[0] if lease else ""
            if holder in self.crowd:
                break
            assert time.monotonic() < deadline, "waited for somebody to take the lease"
            time.sleep(0.02)
        self.stack.wait_for(lambda: self.fetches() > self.seen, "WeChat to be asked by the holder")
        self.seen = self.fetches()
        self.dismiss(holder)
        return holder

    def dismiss(self, holder: str) -> None:
        """kill -9 one and forget it."""
        member = self.crowd.pop(holder)
        member.process.kill()
        member.process.join()
        member.process.close()
        member.word.close()

    def fetches(self) -> int:
        """How often WeChat gave the token."""
        counted = self.stack.desk("GET", "/tokens")["fetches"]
        return int(counted.get(OFFICIAL_ACCOUNT, {}).get("stable", 0))

    def age(self, remaining_s: int) -> None:
        """Make the kept token one that is good for so many seconds."""
        kept: dict[str, Any] = orjson.loads(self.shared.get(self.name) or "{}")
        kept["until_ms"] = clock_ms() + remaining_s * 1000
        kept["renew_ms"] = clock_ms() - 1
        self.shared.put(self.name, orjson.dumps(kept).decode(), ttl_s=7200)


def tokens(heard: list[str]) -> list[str]:
    """The tokens out of what was heard; each line must be one of success."""
    assert {line.partition(" ")[0] for line in heard} == {"ok"}, heard
    return [line.partition(" ")[2] for line in heard]


def only(found: list[str]) -> str:
    """The one that all have."""
    (one,) = set(found)
    return one


@contextmanager
def racing(stack: RunningStack, url: str) -> Iterator[Race]:
    """A crowd on one coordination in which nobody has a token."""
    secret = (stack.stack.credentials / "apps" / f"{OFFICIAL_ACCOUNT}.secret.txt").read_text().strip()
    place = Place(url, stack.simulator_url, OFFICIAL_ACCOUNT, secret)
    name = shared_name("access_token", token_client.an_app(place))
    with closing(open_coordination(url, clock_ms)) as shared:
        for key in (name, f"{name}:lease", f"{name}:pause"):
            shared.remove(key)
        race = Race(stack, shared, place, name)
        try:
            race.gather()
            yield race
        finally:
            for holder in tuple(race.crowd):
                race.dismiss(holder)


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose WeChat these tests may put ahead of us."""
    yield from running(tmp_path_factory.mktemp("race") / "stack")


@pytest.fixture(params=["sqlite", "redis"])
def race(request: pytest.FixtureRequest, clocked: RunningStack, tmp_path: Path) -> Iterator[Race]:
    url = f"sqlite:///{tmp_path / 'race.db'}" if request.param == "sqlite" else request.getfixturevalue("redis_url")
    with racing(clocked, url) as found:
        yield found


def test_32_processes_share_each_token_though_those_who_fetch_it_are_killed(race: Race) -> None:
    stack, before = race.stack, race.fetches()

    # Nobody has one: one fetch for all.
    first = only(race.asked())
    assert race.fetches() == before + 1

    # It nears its end, and who renews it is killed after WeChat made the next: the others go on with it meanwhile.
    race.seen = before + 1
    stack.desk("POST", "/clock", {"advance_s": 6950, "wait_s": 0})
    race.age(250)
    stack.mischief(platform={"token_slow_s": {"times": 1, "seconds": 8}})
    race.go()
    race.kill_the_holder()
    meanwhile = set(tokens(race.heard()))

    # When the dead one's lease is over one of the others renews it: two fetches, because the holder died.
    stack.wait_for(lambda: race.shared.get(f"{race.name}:lease") is None, "the dead one's lease to end")
    race.asked()
    second = only(race.asked())
    assert second != first
    assert meanwhile <= {first, second}
    assert race.fetches() == before + 3

    # WeChat revokes it: all are refused at once, two who fetch are killed, and nobody is left with a dead token.
    race.seen = before + 3
    stack.desk("DELETE", f"/tokens/{OFFICIAL_ACCOUNT}")
    stack.mischief(platform={"token_slow_s": {"times": 2, "seconds": 8}})
    race.go()
    killed = {race.kill_the_holder(), race.kill_the_holder()}
    third = only(tokens(race.heard()))
    assert len(killed) == 2
    assert third not in {first, second}
    assert race.fetches() == before + 6
    assert only(race.asked()) == third
    assert race.fetches() == before + 6
