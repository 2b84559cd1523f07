"""A certificate that nobody here holds is fetched within a moment, by one worker, and once a minute at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.house import House, house
from wxbackend.coordination.sqlite import SqliteCoordination
from wxbackend.domain.errors import CoordinationAway
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.fetch_certificates import WISHES_APART_S, take_wish, wish_for_certificates
from wxbackend.work.certificates import Schedule

NAME, MERCHANT = "wechat_v3", "1900000109"


@dataclass
class Clock:
    """A clock that tests set."""

    at_ms: int = 1_000_000

    def now_ms(self) -> int:
        """Its time."""
        return self.at_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(tmp_path: Path, clock: Clock) -> SqliteCoordination:
    return SqliteCoordination(str(tmp_path / "coordination.db"), clock.now_ms)


class Away:
    """Coordination that does not answer."""

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        def fail(*_: object, **__: object) -> Any:
            raise CoordinationAway("away")

        return fail


def test_a_wish_is_granted_to_one_and_the_next_a_minute_later(shared: SqliteCoordination, clock: Clock) -> None:
    assert not take_wish(shared, NAME, MERCHANT)
    wish_for_certificates(shared, NAME, MERCHANT)
    assert [take_wish(shared, NAME, MERCHANT) for _ in range(3)] == [True, False, False]
    clock.at_ms += (WISHES_APART_S - 1) * 1000
    wish_for_certificates(shared, NAME, MERCHANT)
    assert not take_wish(shared, NAME, MERCHANT)
    assert not take_wish(shared, NAME, "1900000110")
    clock.at_ms += 1000
    assert [take_wish(shared, NAME, MERCHANT) for _ in range(2)] == [True, False]


def test_a_wish_that_nobody_heard_is_forgotten(shared: SqliteCoordination, clock: Clock) -> None:
    wish_for_certificates(shared, NAME, MERCHANT)
    clock.at_ms += WISHES_APART_S * 1000
    assert not take_wish(shared, NAME, MERCHANT)


def test_without_coordination_nothing_is_wished_and_nothing_fails() -> None:
    away = cast("Any", Away())
    wish_for_certificates(away, NAME, MERCHANT)
    assert not take_wish(away, NAME, MERCHANT)


def test_two_workers_fetch_once_for_a_wish_and_by_their_own_schedule(shared: SqliteCoordination, clock: Clock) -> None:
    fetched: list[int] = []
    source = SimpleNamespace(certificates=lambda: None, trust=lambda _: None)

    def send(_exchange: object) -> tuple[()]:
        fetched.append(clock.at_ms)
        return ()

    deps: Any = SimpleNamespace(
        providers=SimpleNamespace(certificate_sources=lambda: [(NAME, MERCHANT, source)]),
        transport=SimpleNamespace(send=send),
        store=SimpleNamespace(write=lambda _: None),
        surroundings=clock,
        coordination=shared,
    )
    workers = [Schedule(every_s=3_600), Schedule(every_s=3_600)]

    def tick() -> int:
        """How many fetched now."""
        before = len(fetched)
        for worker in workers * 3:
            worker.tick(deps)
        return len(fetched) - before

    assert (tick(), tick()) == (2, 0)
    wish_for_certificates(shared, NAME, MERCHANT)
    assert (tick(), tick()) == (1, 0)
    wish_for_certificates(shared, NAME, MERCHANT)
    assert tick() == 0
    clock.at_ms += WISHES_APART_S * 1000
    wish_for_certificates(shared, NAME, MERCHANT)
    assert tick() == 1
    clock.at_ms += 3_600_000
    assert tick() == 2


# --- the whole product ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("wishes")) as made:
        made.side.desk("POST", "/mode", {"mode": "cert"})
        made.open()
        yield made


def asked(shop: House) -> int:
    """How often WeChat was asked for certificates."""
    return sum("/v3/certificates" in one["path"] for one in shop.side.desk("GET", "/requests?limit=5000")["requests"])


def test_a_rotation_without_warning_costs_one_refused_notice(shop: House) -> None:
    schedule, deps = Schedule(every_s=3_600), shop.assembled.deps
    schedule.tick(deps)
    before, waiting = asked(shop), shop.confirmed()
    shop.side.desk("POST", "/certificates/rotate", {"step": "rotate"})
    shop.pay(waiting)
    (notice,) = shop.side.desk("GET", "/notices?wait_s=10")["notices"]
    assert [one["status"] for one in notice["deliveries"]] == [401]
    assert asked(shop) == before  # nobody is called from inside a notice
    for _ in range(3):
        schedule.tick(deps)
    assert asked(shop) == before + 1
    (again,) = shop.side.desk("POST", f"/notices/{notice['id']}/send", {})["deliveries"]
    assert again["status"] == 204
    assert shop.intent(waiting)["status"] == "succeeded"
    url = f"{shop.stack.web_url}/notices/wechat_v3/{MERCHANT}"
    for _ in range(5):
        assert shop.side.desk("POST", "/notices/forge", {"url": url, "sign": "unknown_serial"})["status"] == 401
        schedule.tick(deps)
    assert asked(shop) == before + 1


def test_a_merchant_who_fetches_none_wishes_for_none(shop: House, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    text = Path("config/development.toml").read_text(encoding="utf-8")
    number = f'[[accounts.merchants]]\nmode = "test"\nmchid = "{MERCHANT}"\n'
    assert text.count(number) == 1
    settings.write_text(text.replace(number, f"{number}fetch_certificates = false\n"))
    try:
        shop.open(WXBACKEND_CONFIG=str(settings))
        deps: Dependencies = shop.assembled.deps
        assert list(deps.providers.certificate_sources()) == []
        url = f"{shop.stack.web_url}/notices/wechat_v3/{MERCHANT}"
        assert shop.side.desk("POST", "/notices/forge", {"url": url, "sign": "unknown_serial"})["status"] == 401
        assert deps.coordination.get(f"certificates:{NAME}:{MERCHANT}:wished") is None
    finally:
        shop.open()


def test_where_coordination_is_away_an_unknown_notice_is_refused_as_ever(shop: House) -> None:
    deps = replace(shop.assembled.deps, coordination=cast("Any", Away()))
    schedule, before = Schedule(every_s=3_600), asked(shop)
    schedule.tick(deps)
    schedule.tick(deps)
    assert asked(shop) == before + 1
