"""Journeys of a stack that shares through Redis: log-ins wait for Redis, money does not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from redis import Redis

from tests.api.browsing import Browser
from tests.api.calling import mini_program_session
from tests.journeys.reckoning import reckon
from tests.support.redis import RedisServer
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, Answer, RunningStack, running

ASKED_AT_ONCE: Final = 12


@pytest.fixture
def redis_stack(tmp_path: Path, own_redis: RedisServer) -> Iterator[RunningStack]:
    """A stack of the test's own that shares through a Redis of the test's own."""
    yield from running(tmp_path / "stack", WXBACKEND__SERVER__COORDINATION_URL=own_redis.url)


def sign(stack: RunningStack) -> Answer:
    """Ask for the configuration of a page of ours."""
    path = f"/v1/wechat/jssdk_config?url={quote(f'{stack.web_url}/pay', safe='')}"
    return stack.call("GET", path, key=stack.publishable_key)


def fetches(stack: RunningStack) -> dict[str, int]:
    """What WeChat gave for the official account."""
    found: dict[str, int] = stack.desk("GET", "/tokens")["fetches"].get(OFFICIAL_ACCOUNT, {})
    return found


def error_of(answer: Answer) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status, answer.json()["error"]["code"]


def forget(redis: RedisServer) -> None:
    """Let Redis lose everything."""
    redis.kill()
    redis.start()


def pays(stack: RunningStack) -> None:
    """Money flows: created, confirmed, paid, told, and every book agrees."""
    intent = stack.confirmed_intent()
    stack.pay(intent)
    stack.wait_status(intent["id"], "succeeded")
    reckon(stack, intent)


def test_without_redis_log_ins_wait_and_money_flows_on(redis_stack: RunningStack, own_redis: RedisServer) -> None:
    stack = redis_stack
    buyer = Browser(stack)
    back = buyer.log_in()
    assert (back.status, "login_error" in back.headers["location"]) == (302, False)
    half_way = Browser(stack)
    at_wechat = half_way.start().headers["location"]
    assert sign(stack).status == 200
    sessions = stack.rows("SELECT * FROM login_sessions")

    own_redis.kill()
    away = (503, "coordination_unavailable")
    assert error_of(Browser(stack).start()) == away
    assert error_of(half_way.visit(half_way.authorize(at_wechat))) == away
    assert error_of(sign(stack)) == away
    assert stack.rows("SELECT * FROM login_sessions") == sessions
    pays(stack)
    # Who is logged in stays so, and mini programs need nothing that is shared.
    paying = stack.create_intent(amount=700)
    assert buyer.confirm(paying).json()["status"] == "requires_action"
    assert mini_program_session(stack, MINI_PROGRAM)

    stack.kill("web")
    stack.kill("worker")
    stack.start("web", "worker")
    pays(stack)
    assert error_of(Browser(stack).start()) == away

    own_redis.start()
    assert Browser(stack).log_in().status == 302
    assert sign(stack).status == 200
    assert own_redis.url not in stack.log("web")


def test_what_wechat_refuses_is_said_once_and_not_asked_again(
    redis_stack: RunningStack, own_redis: RedisServer
) -> None:
    stack = redis_stack
    stack.mischief(platform={"token_refused": {"times": 1, "amount": 40164}})
    assert [error_of(sign(stack)) for _ in range(3)] == [(400, "app_misconfigured")] * 3
    assert stack.log("web").count("app's IP list in WeChat's console") == 1
    assert fetches(stack) == {}

    forget(own_redis)
    stack.mischief(platform={"token_refused": {"times": 1, "amount": 45009}})
    assert [error_of(sign(stack)) for _ in range(3)] == [(503, "wechat_quota_reached")] * 3
    assert fetches(stack) == {}

    forget(own_redis)
    stack.mischief(platform={"busy": 2})
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        statuses = list(pool.map(lambda _: sign(stack).status, range(ASKED_AT_ONCE)))
    assert statuses == [200] * ASKED_AT_ONCE
    assert fetches(stack) == {"stable": 1, "ticket": 1}


def test_a_revoked_token_is_replaced_before_the_page_notices(redis_stack: RunningStack, own_redis: RedisServer) -> None:
    stack = redis_stack
    assert sign(stack).status == 200
    stack.desk("DELETE", f"/tokens/{OFFICIAL_ACCOUNT}")
    with closing(Redis.from_url(own_redis.url, decode_responses=True)) as redis:
        kept: Any = redis.keys("wxbackend:jsapi_ticket:*")
        assert len(kept) == 1
        redis.delete(*kept)
        # Everything that is kept ends by itself.
        named: Any = redis.keys("*")
        assert named
        assert all(redis.ttl(name) > 0 for name in named)
    assert sign(stack).status == 200
    assert fetches(stack) == {"stable": 2, "ticket": 2}
