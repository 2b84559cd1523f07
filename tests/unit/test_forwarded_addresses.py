"""Forwarded addresses are believed from trusted proxies only, hop by hop from our side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import create_environ

from wxbackend.api.forwarding import FORWARDED_HEADERS, WAS_FORWARDED, ForwardedAddresses

PROXIES = ("10.0.0.0/8", "127.0.0.1/32", "fd00::/8")


def seen(peer: str, trusted: Iterable[str] = PROXIES, **headers: str) -> dict[str, Any]:
    """The environment that the application sees."""
    found: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Any) -> list[bytes]:
        found.update(environ)
        return []

    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = create_environ(headers=sent)
    environ["REMOTE_ADDR"] = peer
    ForwardedAddresses(application, trusted)(environ, lambda *_: lambda _: None)
    return found


def client(peer: str, chain: str, trusted: Iterable[str] = PROXIES) -> str:
    address: str = seen(peer, trusted, X_Forwarded_For=chain)["REMOTE_ADDR"]
    return address


def test_nobody_is_trusted_unless_the_settings_say_so() -> None:
    assert client("127.0.0.1", "203.0.113.9", trusted=()) == "127.0.0.1"


def test_a_trusted_proxy_names_the_client() -> None:
    assert client("10.1.2.3", "203.0.113.9") == "203.0.113.9"


def test_what_the_client_wrote_itself_is_not_reached() -> None:
    assert client("10.1.2.3", "198.51.100.1, 203.0.113.9") == "203.0.113.9"
    assert client("10.1.2.3", "127.0.0.1, 10.9.9.9, 203.0.113.9, 10.4.4.4") == "203.0.113.9"


def test_a_chain_of_trusted_proxies_is_followed_to_its_beginning() -> None:
    assert client("127.0.0.1", "203.0.113.9, 10.0.0.2, 10.0.0.1") == "203.0.113.9"
    assert client("127.0.0.1", "10.0.0.7, 10.0.0.1") == "10.0.0.7"


def test_a_stranger_cannot_speak_for_another() -> None:
    found = seen("203.0.113.9", X_Forwarded_For="127.0.0.1", X_Forwarded_Proto="https", X_Real_Ip="127.0.0.1")
    assert found["REMOTE_ADDR"] == "203.0.113.9"
    assert found["wsgi.url_scheme"] == "http"
    assert found[WAS_FORWARDED] is True


@pytest.mark.parametrize("chain", ["", "unknown", "203.0.113.9, ", "' OR 1=1", "999.1.1.1", "_hidden", "a" * 10_000])
def test_a_hop_that_is_no_address_ends_the_chain_at_the_proxy(chain: str) -> None:
    assert client("10.1.2.3", chain) == "10.1.2.3"


def test_ports_brackets_and_mapped_addresses_are_read() -> None:
    assert client("10.1.2.3", "203.0.113.9:4711") == "203.0.113.9"
    assert client("10.1.2.3", "[2001:db8::9]:4711") == "2001:db8::9"
    assert client("::ffff:10.1.2.3", "::ffff:203.0.113.9") == "203.0.113.9"
    assert client("fd00::1", "2001:db8::9") == "2001:db8::9"


def test_the_scheme_is_the_one_that_the_nearest_proxy_says() -> None:
    assert seen("10.1.2.3", X_Forwarded_Proto="https")["wsgi.url_scheme"] == "https"
    assert seen("10.1.2.3", X_Forwarded_Proto="https, http")["wsgi.url_scheme"] == "http"
    assert seen("10.1.2.3", X_Forwarded_Proto="gopher")["wsgi.url_scheme"] == "http"


def test_nothing_behind_it_can_read_the_headers() -> None:
    found = seen("10.1.2.3", X_Forwarded_For="203.0.113.9", X_Forwarded_Host="evil.example", Forwarded="for=1.2.3.4")
    assert not set(FORWARDED_HEADERS) & set(found)


def test_a_chain_without_end_is_cut() -> None:
    assert client("10.1.2.3", "203.0.113.9" + ", 10.0.0.1" * 50) == "10.0.0.1"
