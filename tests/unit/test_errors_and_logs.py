"""Every error has its answer, and what is logged is JSON without secrets, addresses or bodies."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

import wxbackend
from tests.support.rogue import Rogue, answer, reset
from wxbackend.api.errors import STATUS, status_of
from wxbackend.domain import errors
from wxbackend.domain.errors import ProviderError, ProviderUnknown, Rejected, WxbackendError
from wxbackend.ports.provider import Exchange, Hosts
from wxbackend.transport.http import HttpTransport, Limits

ROOT: Final = Path(__file__).resolve().parents[2]
SECRET: Final = "s3cr3t-0f-the-4pp"
PROGRAM: Final = """
import structlog, sys
from wxbackend.logs import configure
from wxbackend.ports.provider import Exchange, Hosts
from wxbackend.transport.http import HttpTransport
configure()
log = structlog.get_logger("t")
log.info("plain", money=2000, text="茶")
try:
    raise ValueError("broken\\nover lines")
except ValueError:
    log.exception("failed", thing=object())
secret = sys.argv[2]
exchange = Exchange("login", "GET", Hosts(sys.argv[1]), "/sns?secret=" + secret, {"A": secret}, b"", lambda r: r.status)
log.info("answered", status=HttpTransport().send(exchange))
"""


def below(kind: type[WxbackendError]) -> Iterator[type[WxbackendError]]:
    """The class and everything that inherits from it."""
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported() -> None:
    """Errors may be defined in any room."""
    for module in pkgutil.walk_packages(wxbackend.__path__, "wxbackend."):
        if not module.name.startswith("wxbackend.store.migrations"):
            importlib.import_module(module.name)


@pytest.mark.parametrize("root", [Rejected, ProviderError, errors.Unavailable])
def test_every_error_that_reaches_a_caller_has_a_status_of_its_own(root: type[WxbackendError]) -> None:
    assert [kind.__name__ for kind in below(root) if kind not in STATUS] == []


def test_statuses_are_errors_and_only_a_key_in_flight_is_409() -> None:
    for kind, (status, told) in STATUS.items():
        assert 400 <= status < 600
        assert (status >= 500) == (told == "api_error")
        assert issubclass(kind, ProviderError | errors.Unavailable) == (status >= 500)
    assert [kind for kind, (status, _) in STATUS.items() if status == 409] == [errors.IdempotencyInFlight]


def test_what_should_never_reach_a_caller_is_a_500() -> None:
    for kind in (errors.IllegalTransition, errors.BadSignature, WxbackendError):
        assert status_of(kind("x")) == (500, "api_error")


def test_the_tree_drawn_in_the_module_is_the_tree() -> None:
    drawn = {line.split()[1] for line in (errors.__doc__ or "").splitlines() if line.lstrip().startswith("* ")}
    here = {kind.__name__ for kind in below(WxbackendError) if kind.__module__ == errors.__name__}
    assert here - {"WxbackendError"} == drawn


def test_a_call_is_logged_without_its_address_header_or_body() -> None:
    transport = HttpTransport(Limits(10.0, 10.0, 20.0))

    def call(url: str) -> int:
        target = f"/sns/oauth2/access_token?secret={SECRET}"
        exchange = Exchange(
            "login", "POST", Hosts(url), target, {"Authorization": SECRET}, SECRET.encode(), lambda reply: reply.status
        )
        return transport.send(exchange)

    with capture_logs() as lines:
        with Rogue(answer(body=SECRET.encode(), Request_ID="abc-7")) as good:
            assert call(good.url) == 200
        with Rogue(reset) as bad, pytest.raises(ProviderUnknown) as unknown:
            call(bad.url)
    transport.close()
    assert [line["purpose"] for line in lines] == ["login", "login"]
    assert lines[0]["request_id"] == "abc-7"
    assert SECRET not in repr(lines)
    assert SECRET not in str(unknown.value)


def test_lines_are_json_and_a_library_that_quotes_addresses_is_quiet() -> None:
    broken = answer(body=b"{}", X_A="1\r\nno colon here\r\n : y")
    with Rogue(broken) as rogue:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, rogue.url, SECRET],
            cwd=ROOT,
            env={"WXBACKEND_LOG_LEVEL": "INFO", "PATH": "", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["plain", "failed", "exchange", "answered"]
    assert "broken\nover lines" in lines[1]["exception"]
    assert {"level", "timestamp"} <= set(lines[0])
    assert SECRET not in ran.stderr
    assert rogue.requests
