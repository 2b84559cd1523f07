"""Access tokens shared by processes: fetched once, renewed by one, repeated once, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from tests.support.platform import SECRET, STABLE, TICKET, FakePlatform, FakeSurroundings, an_app
from wxbackend.coordination.sqlite import SqliteCoordination
from wxbackend.domain.errors import ProviderUnknown
from wxbackend.identity.answers import read_success
from wxbackend.identity.jssdk import JsapiTickets
from wxbackend.identity.single_flight import SingleFlight
from wxbackend.identity.tokens import AccessTokens, platform_hosts, shared_name
from wxbackend.ports.identity import AppMisconfigured, PlatformBusy, QuotaReached, TokenRejected
from wxbackend.ports.provider import Exchange

APP: Final = an_app()
NAME: Final = shared_name("access_token", APP)
CALL: Final = "/cgi-bin/a_call"


@dataclass
class Shop:
    """Processes that share a coordination and see the same WeChat."""

    surroundings: FakeSurroundings
    platform: FakePlatform
    shared: SqliteCoordination

    def process(self, name: str = "one") -> AccessTokens:
        """One process's tokens."""
        flight = SingleFlight(self.shared, self.surroundings, holder=name)
        return AccessTokens(self.platform, self.shared, self.surroundings, flight)

    def tickets(self) -> JsapiTickets:
        """One process's tickets."""
        flight = SingleFlight(self.shared, self.surroundings, holder="tickets")
        return JsapiTickets(self.process(), flight)

    def call(self, process: str = "one") -> Any:
        """A call with a token; WeChat answers which token it saw."""
        return self.process(process).call_with_token(APP, a_call)["with"]

    @property
    def fetched(self) -> int:
        """How often stable_token was called."""
        return self.platform.calls[STABLE]


def a_call(token: str) -> Exchange[dict[str, Any]]:
    """Some call of WeChat with a token."""
    target = f"{CALL}?access_token={token}"
    return Exchange(
        "a_call", "GET", platform_hosts(APP), target, {}, b"", lambda r: read_success(r, "a_call", appid=APP.appid)
    )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    surroundings = FakeSurroundings()
    with closing(SqliteCoordination(str(tmp_path / "shared.db"), surroundings.now_ms)) as shared:
        yield Shop(surroundings, FakePlatform(surroundings), shared)


def test_all_processes_use_the_token_that_one_fetched(shop: Shop) -> None:
    assert [shop.process(name).token(APP) for name in ("one", "two", "three")] == ["token-0"] * 3
    assert shop.fetched == 1


def test_a_token_is_asked_for_without_force(shop: Shop) -> None:
    shop.process().token(APP)
    (asked,) = shop.platform.sent
    assert (asked.method, asked.target) == ("POST", STABLE)
    assert b'"force_refresh":false' in asked.body
    assert SECRET.encode() in asked.body


def test_apps_and_places_have_tokens_of_their_own(shop: Shop) -> None:
    names = {
        shared_name("access_token", app)
        for app in (APP, an_app(appid="wx7a154c094f74e84f"), an_app(platform_url="http://127.0.0.1:9"))
    }
    assert len(names) == 3
    assert shared_name("jsapi_ticket", APP) not in names


def test_a_token_in_its_last_five_minutes_is_renewed_by_one(shop: Shop) -> None:
    shop.process().token(APP)
    shop.surroundings.pass_s(7200 - 299)
    shop.platform.renew()
    seen: list[str] = []

    def others_ask(_path: str) -> None:
        seen.append(shop.process("two").token(APP))

    shop.platform.while_sending = others_ask
    assert shop.process().token(APP) == "token-2"
    assert seen == ["token-0"]
    assert shop.process("two").token(APP) == "token-2"
    assert shop.fetched == 2


def test_while_renewal_fails_the_valid_token_goes_on(shop: Shop) -> None:
    shop.process().token(APP)
    shop.surroundings.pass_s(7200 - 200)
    shop.platform.say(STABLE, ProviderUnknown("no answer"), 45011)
    assert shop.process().token(APP) == "token-0"
    assert shop.process("two").token(APP) == "token-0"
    assert shop.fetched == 2, "after trouble nobody asks again at once"
    shop.surroundings.pass_s(3)
    assert shop.process().token(APP) == "token-0"
    shop.surroundings.pass_s(30)
    assert shop.process().token(APP) == "token-0"
    assert shop.fetched == 3
    shop.surroundings.pass_s(31)
    shop.platform.renew()
    assert shop.process().token(APP) == "token-2"


def test_a_short_token_is_not_asked_for_at_every_call(shop: Shop) -> None:
    shop.platform.expires_in = 120
    for _ in range(20):
        shop.process().token(APP)
        shop.surroundings.pass_s(1)
    assert shop.fetched == 1
    shop.surroundings.pass_s(11)
    shop.process().token(APP)
    assert shop.fetched == 2


def test_a_token_that_is_over_is_fetched_anew(shop: Shop) -> None:
    shop.process().token(APP)
    shop.surroundings.pass_s(7200 - 4)
    shop.platform.renew()
    assert shop.process().token(APP) == "token-2"


def test_the_others_wait_for_who_fetches(shop: Shop) -> None:
    assert shop.shared.add(f"{NAME}:lease", "somebody alive", ttl_s=10)
    looks = 0
    wait = shop.surroundings.wait

    def somebody_puts(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            shop.shared.remove(f"{NAME}:lease", value="somebody alive")
            shop.process("two").token(APP)
        wait(seconds)

    shop.surroundings.wait = somebody_puts  # type: ignore[method-assign]
    assert shop.process().token(APP) == "token-0"
    assert (looks, shop.fetched) == (3, 1)


def test_a_dead_holders_lease_ends_by_itself(shop: Shop) -> None:
    begun = shop.surroundings.now_ms()
    assert shop.shared.add(f"{NAME}:lease", "the dead", ttl_s=10)
    assert shop.process().token(APP) == "token-0"
    assert 10_000 <= shop.surroundings.now_ms() - begun < 11_000


def test_nobody_waits_for_ever(shop: Shop) -> None:
    assert shop.shared.add(f"{NAME}:lease", "the hung", ttl_s=3600)
    with pytest.raises(ProviderUnknown, match="in time"):
        shop.process().token(APP)
    assert shop.fetched == 0


def test_a_holder_slower_than_its_lease_takes_what_came_after_it(shop: Shop) -> None:
    def stall(_path: str) -> None:
        shop.surroundings.pass_s(11)
        shop.platform.renew()
        assert shop.process("two").token(APP) == "token-1"
        shop.platform.token = "token-0"

    shop.platform.while_sending = stall
    assert shop.process().token(APP) == "token-1"
    assert shop.process("three").token(APP) == "token-1"
    assert shop.fetched == 2


def test_when_the_fetch_fails_all_who_wait_fail_at_once(shop: Shop) -> None:
    shop.platform.say(STABLE, ProviderUnknown("no answer"))
    for name in ("one", "two", "three"):
        with pytest.raises(ProviderUnknown):
            shop.process(name).token(APP)
    assert shop.fetched == 1
    assert shop.surroundings.waited_s == []
    shop.surroundings.pass_s(3)
    assert shop.process().token(APP) == "token-0"


def test_a_call_with_a_dead_token_is_repeated_with_the_one_that_another_fetched(shop: Shop) -> None:
    shop.process().token(APP)
    shop.platform.good.clear()
    shop.platform.renew()

    def another_is_faster(_path: str) -> None:
        assert shop.call("two") == "token-1"

    shop.platform.while_sending = another_is_faster
    assert shop.call() == "token-1"
    assert shop.fetched == 2
    assert shop.platform.calls[CALL] == 4


@pytest.mark.parametrize("errcode", [40001, 40014, 41001, 42001])
def test_a_token_refused_twice_is_given_up_after_one_fetch_and_one_repeat(shop: Shop, errcode: int) -> None:
    shop.process().token(APP)
    shop.platform.say(CALL, errcode, errcode, errcode, errcode)
    with pytest.raises(TokenRejected) as raised:
        shop.call()
    assert raised.value.errcode == errcode
    assert (shop.fetched, shop.platform.calls[CALL]) == (2, 2)


def test_a_busy_wechat_is_asked_three_times_more_and_never_at_once(shop: Shop) -> None:
    shop.platform.say(CALL, -1, -1, -1)
    assert shop.call() == "token-0"
    waits = shop.surroundings.waited_s
    assert len(waits) == 3
    assert all(0.2 * 2**number <= wait < 0.4 * 2**number for number, wait in enumerate(waits))
    shop.platform.say(CALL, -1, -1, -1, -1, -1)
    with pytest.raises(PlatformBusy):
        shop.call()
    assert shop.platform.calls[CALL] == 8


def test_no_two_processes_wait_alike(shop: Shop) -> None:
    for _ in range(5):
        shop.platform.say(CALL, -1)
        shop.call()
    assert len(set(shop.surroundings.waited_s)) > 1


def test_a_used_up_quota_stops_everybody_until_midnight_in_beijing(shop: Shop) -> None:
    shop.process().token(APP)
    shop.platform.say(CALL, 45009)
    for name in ("one", "two"):
        with pytest.raises(QuotaReached) as raised:
            shop.call(name)
        assert raised.value.errcode == 45009
    assert shop.platform.calls[CALL] == 1
    shop.surroundings.pass_s(12 * 3600 - 1)
    with pytest.raises(QuotaReached):
        shop.call()
    shop.surroundings.pass_s(1)
    assert shop.call() == "token-0"


def test_too_many_in_a_minute_stop_for_a_minute(shop: Shop) -> None:
    shop.platform.say(STABLE, 45011)
    for _ in range(3):
        with pytest.raises(QuotaReached):
            shop.process().token(APP)
    assert shop.fetched == 1
    shop.surroundings.pass_s(60)
    assert shop.process().token(APP) == "token-0"


@pytest.mark.parametrize("errcode", [40013, 40125, 40164, 40243, 89503, 50004])
def test_wrong_settings_are_told_and_not_hammered(shop: Shop, errcode: int) -> None:
    shop.platform.say(STABLE, errcode)
    with capture_logs() as logs:
        for name in ("one", "two"):
            with pytest.raises(AppMisconfigured) as raised:
                shop.process(name).token(APP)
            assert raised.value.errcode == errcode
    assert shop.fetched == 1
    assert [told["event"] for told in logs if told["log_level"] == "error"] == ["app_misconfigured"]
    assert SECRET not in str(logs)
    shop.surroundings.pass_s(60)
    assert shop.process().token(APP) == "token-0"


def test_an_invalid_credential_where_a_token_is_asked_for_is_a_wrong_secret(shop: Shop) -> None:
    shop.platform.say(STABLE, 40001)
    for _ in range(2):
        with pytest.raises(AppMisconfigured) as raised:
            shop.call()
        assert raised.value.errcode == 40125
    assert (shop.fetched, shop.platform.calls[CALL]) == (1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": "", "expires_in": 7200},
        {"access_token": "t" * 513, "expires_in": 7200},
        {"access_token": 5, "expires_in": 7200},
        {"access_token": "t"},
        {"access_token": "t", "expires_in": 0},
        {"access_token": "t", "expires_in": "7200"},
    ],
)
def test_an_answer_without_a_usable_token_proves_nothing(shop: Shop, answer: dict[str, Any]) -> None:
    shop.platform.say(STABLE, answer)
    with pytest.raises(ProviderUnknown):
        shop.process().token(APP)
    assert shop.shared.get(NAME) is None


@pytest.mark.parametrize("kept", ["not json", "[]", "{}", '{"value": "t", "fetch": "f"}'])
def test_what_another_release_kept_is_replaced(shop: Shop, kept: str) -> None:
    shop.shared.put(NAME, kept, ttl_s=600)
    assert shop.process().token(APP) == "token-0"


def test_one_ticket_serves_all_and_outlives_a_dead_token(shop: Shop) -> None:
    assert shop.tickets().ticket(APP) == "ticket of token-0"
    shop.platform.good.clear()
    shop.platform.renew()
    assert shop.tickets().ticket(APP) == "ticket of token-0"
    assert shop.platform.calls[TICKET] == 1
    shop.surroundings.pass_s(7000)
    assert shop.tickets().ticket(APP) == "ticket of token-1"
    assert shop.platform.calls[TICKET] == 2


def test_secrets_are_in_no_representation(shop: Shop) -> None:
    flight = SingleFlight(shop.shared, shop.surroundings, holder="one")
    tokens = AccessTokens(shop.platform, shop.shared, shop.surroundings, flight)
    tokens.token(APP)
    kept = flight.current(NAME, lambda: pytest.fail("kept already"))
    assert kept.value == "token-0"
    assert "token-0" not in repr(kept)
