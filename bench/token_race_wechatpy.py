"""Compares how many access tokens N processes fetch when none is kept: wechatpy 1.8.18 and wxbackend, on one Redis.

A comparison, not a test: it counts at the simulator's desk and prints a table. wechatpy shares its token through its
own Redis session, as its documentation advises; only the host is changed, since wechatpy names WeChat's in its code.

    python -m bench.token_race_wechatpy [processes]
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final

import structlog
import urllib3
from redis import Redis
from urllib3.exceptions import HTTPError
from wechatpy import WeChatClient
from wechatpy.session.redisstorage import RedisStorage

from tests.journeys.token_client import Here, Place, an_app
from tests.support.redis import own_server
from tests.support.stack import OFFICIAL_ACCOUNT, RunningStack, free_port
from wxbackend.coordination.opening import open_coordination
from wxbackend.development import Stack
from wxbackend.identity.single_flight import SingleFlight
from wxbackend.identity.tokens import AccessTokens
from wxbackend.simulators.credentials import ensure
from wxbackend.transport.http import HttpTransport

PROCESSES: Final = 32
WECHAT_TAKES_S: Final = 1.0
REPORT: Final = """\
{processes} processes, no token kept, one Redis, a WeChat that takes {seconds} s to answer
                 fetches   tokens that WeChat still accepts when all are done
wechatpy 1.8.18  {wechatpy:7}   {wechatpy_living} of {processes}
wxbackend        {wxbackend:7}   {wxbackend_living} of {processes}
"""
Ask = Callable[[Place], str]


def with_wechatpy(place: Place) -> str:
    """The token that a process gets from wechatpy."""

    class Client(WeChatClient):  # type: ignore[misc] # wechatpy ships no types
        """wechatpy's own client, with the simulator's address."""

        API_BASE_URL = f"{place.platform_url}/cgi-bin/"

        def fetch_access_token(self) -> Any:
            """As in wechatpy, but for the host."""
            return self._fetch_access_token(
                url=f"{place.platform_url}/cgi-bin/token",
                params={"grant_type": "client_credential", "appid": self.appid, "secret": self.secret},
            )

    with closing(Redis.from_url(place.url)) as redis:
        return str(Client(place.appid, place.secret, session=RedisStorage(redis)).access_token)


def with_wxbackend(place: Place) -> str:
    """The token that a process gets from wxbackend."""
    here = Here()
    with closing(open_coordination(place.url, here.now_ms)) as coordination:
        flight = SingleFlight(coordination, here, holder=multiprocessing.current_process().name)
        return AccessTokens(HttpTransport(), coordination, here, flight).token(an_app(place))


def race(place: Place, ask: Ask, processes: int) -> list[str]:
    """What each of so many processes gets when all begin together."""
    forking = multiprocessing.get_context("fork")
    barrier = forking.Barrier(processes)
    answers = forking.SimpleQueue()
    crowd = [forking.Process(target=_ask, args=(place, ask, barrier, answers)) for _ in range(processes)]
    for process in crowd:
        process.start()
    tokens = [answers.get() for _ in crowd]
    for process in crowd:
        process.join()
    return tokens


def _ask(place: Place, ask: Ask, barrier: Barrier, answers: Any) -> None:
    barrier.wait()
    answers.put(ask(place))


@contextmanager
def simulator() -> Iterator[RunningStack]:
    """WeChat alone."""
    with tempfile.TemporaryDirectory(prefix="wxbackend-bench-") as state:
        stack = Stack(state=Path(state), web_port=free_port(), simulator_port=free_port())
        ensure(stack.credentials)
        stack.prepare()
        running = RunningStack(stack)
        running.start("simulator")
        try:
            running.wait_for(lambda: _answers(running), "the simulator")
            yield running
        finally:
            running.stop()


def _answers(running: RunningStack) -> bool:
    try:
        return bool(running.desk("GET", "/world"))
    except HTTPError:
        return False


def living(running: RunningStack, tokens: list[str]) -> int:
    """How many of them WeChat still accepts five minutes later, when replaced tokens have ended."""
    url = f"{running.simulator_url}/cgi-bin/get_api_domain_ip?access_token="
    return sum("ip_list" in urllib3.request("GET", url + token).json() for token in tokens)


def main() -> None:
    """Race both and print the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else PROCESSES
    with own_server() as redis, simulator() as running:
        secret = (running.stack.credentials / "apps" / f"{OFFICIAL_ACCOUNT}.secret.txt").read_text().strip()
        place = Place(redis.url, running.simulator_url, OFFICIAL_ACCOUNT, secret)
        running.mischief(platform={"token_slow_s": {"times": None, "seconds": WECHAT_TAKES_S}})
        theirs = race(place, with_wechatpy, processes)
        ours = race(place, with_wxbackend, processes)
        fetches = running.desk("GET", "/tokens")["fetches"][OFFICIAL_ACCOUNT]
        running.desk("POST", "/clock", {"advance_s": 301, "wait_s": 0})
        sys.stdout.write(
            REPORT.format(
                processes=processes,
                seconds=WECHAT_TAKES_S,
                wechatpy=fetches["classic"],
                wechatpy_living=living(running, theirs),
                wxbackend=fetches["stable"],
                wxbackend_living=living(running, ours),
            )
        )


if __name__ == "__main__":
    main()
