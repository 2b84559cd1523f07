"""A log-in that WeChat refuses because of the shop's own settings is told to the operator, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from tests.support.platform import SECRET, FakePlatform, FakeSurroundings, an_app
from wxbackend.coordination.sqlite import SqliteCoordination
from wxbackend.identity.errcodes import ADVICE
from wxbackend.identity.jssdk import JsapiTickets
from wxbackend.identity.single_flight import SingleFlight
from wxbackend.identity.tokens import AccessTokens
from wxbackend.identity.wechat import WeChatIdentity
from wxbackend.ports.identity import LoginRefused
from wxbackend.settings_shape import Server

LOGIN: Final = "/sns/jscode2session"
APP: Final = an_app()


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform(FakeSurroundings())


@pytest.fixture
def identity(platform: FakePlatform, tmp_path: Path) -> Iterator[WeChatIdentity]:
    here = platform.surroundings
    with closing(SqliteCoordination(str(tmp_path / "shared.db"), here.now_ms)) as shared:
        flight = SingleFlight(shared, here, holder="one")
        tokens = AccessTokens(platform, shared, here, flight)
        yield WeChatIdentity(platform, JsapiTickets(tokens, flight))


@pytest.mark.parametrize("errcode", sorted(ADVICE))
def test_wrong_settings_are_told_to_the_operator(
    platform: FakePlatform, identity: WeChatIdentity, errcode: int
) -> None:
    platform.say(LOGIN, errcode)
    with capture_logs() as logs, pytest.raises(LoginRefused) as raised:
        identity.exchange_mini_program_code(APP, "code")
    assert raised.value.code == "app_misconfigured"
    assert [(told["event"], told["advice"]) for told in logs] == [("app_misconfigured", ADVICE[errcode])]
    assert SECRET not in f"{logs}{raised.value.message}"


@pytest.mark.parametrize(
    ("errcode", "code"), [(40029, "code_invalid"), (40226, "user_blocked"), (99999, "login_refused")]
)
def test_a_buyers_own_trouble_is_not(platform: FakePlatform, identity: WeChatIdentity, errcode: int, code: str) -> None:
    platform.say(LOGIN, errcode)
    with capture_logs() as logs, pytest.raises(LoginRefused) as raised:
        identity.exchange_mini_program_code(APP, "code")
    assert (raised.value.code, logs) == (code, [])


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("sqlite:////var/lib/wxbackend/coordination.db", True),
        ("sqlite:///coordination.db", True),
        ("redis://127.0.0.1:6379/0", True),
        ("rediss://:password@redis.example:6380/3", True),
        ("unix:///run/redis.sock", True),
        ("postgresql://127.0.0.1/x", False),
        ("memory://", False),
        ("redis://", False),
        ("", False),
    ],
)
def test_a_coordination_that_is_not_there_is_refused_by_name(url: str, fits: bool) -> None:
    given = {"public_url": "http://127.0.0.1:8000", "database_url": "sqlite:///a.db", "coordination_url": url}
    assert set(Server().validate(given)) == (set() if fits else {"coordination_url"})
