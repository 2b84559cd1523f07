"""What a call proves: refused means that it never left, everything after that means that it may have arrived."""

from __future__ import annotations

import socket
import threading
import time
from typing import Final

import pytest

from tests.support.rogue import Behaviour, Rogue, answer, drip, reset, silence
from tests.support.stack import free_port
from wxbackend.domain.errors import ProviderUnknown, ProviderUnreached
from wxbackend.ports.provider import Exchange, Hosts, Reply
from wxbackend.transport.http import RESPONSE_BYTES_MAX, HttpTransport, Limits

QUICK: Final = Limits(connect_s=1.0, read_s=0.4, total_s=0.8)
"""For those who never answer as they should; whoever does is given time, on a busy machine too."""
PATIENT: Final = Limits(connect_s=10.0, read_s=10.0, total_s=20.0)
# Generous: the point is that a drip does not go on for ever, not how exact the clock is.
NOT_FOR_EVER_S: Final = 8.0
LEAVES_WITHIN_S: Final = 8.0
OLD_S: Final = 2.0
OK_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def an_exchange(main: str, backup: str | None = None) -> Exchange[Reply]:
    """A signed order, as far as the transport can see."""
    return Exchange("order", "POST", Hosts(main, backup), "/v3/pay?a=%7C", {"X-Signed": "yes"}, b'{"a":1}', read_back)


def read_back(reply: Reply) -> Reply:
    """The reply itself."""
    return reply


def send(main: str, backup: str | None = None, limits: Limits = PATIENT) -> Reply:
    """One call over a transport of its own."""
    transport = HttpTransport(limits)
    try:
        return transport.send(an_exchange(main, backup))
    finally:
        transport.close()


def nowhere() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


def test_the_exact_bytes_go_out_and_the_answer_comes_back_with_lower_case_names() -> None:
    with Rogue(answer("201 Created", b'{"b":2}', Request_ID="abc-1")) as rogue:
        reply = send(rogue.url)
    assert (reply.status, reply.body, reply.headers["request-id"]) == (201, b'{"b":2}', "abc-1")
    head, _, body = rogue.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v3/pay?a=%7C HTTP/1.1\r\n")
    assert b"\r\nX-Signed: yes\r\n" in head + b"\r\n"
    assert body == b'{"a":1}'


def test_a_refused_connection_never_left() -> None:
    with pytest.raises(ProviderUnreached):
        send(nowhere())


def test_a_name_that_does_not_exist_never_left() -> None:
    with pytest.raises(ProviderUnreached):
        send("http://nobody.invalid")


@pytest.mark.parametrize(
    "behaviour",
    [
        reset,
        silence,
        drip(b"", b"", every_s=9),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"", every_s=9),
        drip(b"this is not HTTP\r\n\r\n", b"", every_s=9),
    ],
    ids=["reset", "silence", "nothing", "half a body", "not HTTP"],
)
def test_whatever_happens_after_the_request_may_have_arrived(behaviour: Behaviour) -> None:
    with Rogue(behaviour) as rogue, pytest.raises(ProviderUnknown):
        send(rogue.url, limits=QUICK)
    assert len(rogue.requests) == 1


@pytest.mark.parametrize(
    "behaviour",
    [drip(OK_HEAD, b"x", every_s=0.1), drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"x", every_s=0.1)],
    ids=["body", "headers"],
)
def test_a_drip_ends_at_the_total_deadline(behaviour: Behaviour) -> None:
    started = time.monotonic()
    with Rogue(behaviour) as rogue, pytest.raises(ProviderUnknown):
        send(rogue.url, limits=QUICK)
    assert time.monotonic() - started < NOT_FOR_EVER_S


def test_an_answer_that_is_too_large_proves_nothing() -> None:
    with Rogue(answer(body=b"x" * (RESPONSE_BYTES_MAX + 1))) as rogue, pytest.raises(ProviderUnknown, match="larger"):
        send(rogue.url)
    with Rogue(answer(body=b"x" * RESPONSE_BYTES_MAX)) as rogue:
        assert len(send(rogue.url).body) == RESPONSE_BYTES_MAX


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with Rogue(answer()) as elsewhere, Rogue(answer("302 Found", b"", Location=elsewhere.url)) as rogue:
        assert send(rogue.url).status == 302
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", ["429 Too Many", "500 Error", "502 Bad", "503 Busy"])
def test_a_status_is_an_answer_and_is_neither_repeated_nor_sent_elsewhere(status: str) -> None:
    with Rogue(answer(status)) as main, Rogue(answer()) as backup:
        assert send(main.url, backup.url).status == int(status[:3])
        assert (len(main.requests), len(backup.requests)) == (1, 0)


def test_the_backup_is_used_after_a_connection_error_with_the_same_bytes() -> None:
    with Rogue(answer(body=b"from the backup")) as backup:
        assert send(nowhere(), backup.url).body == b"from the backup"
        assert b"POST /v3/pay?a=%7C" in backup.requests[0]
        assert backup.requests[0].endswith(b'{"a":1}')


@pytest.mark.parametrize("behaviour", [reset, silence], ids=["reset", "silence"])
def test_the_backup_is_not_used_when_the_main_host_may_have_heard(behaviour: Behaviour) -> None:
    with Rogue(behaviour) as main, Rogue(answer()) as backup:
        with pytest.raises(ProviderUnknown):
            send(main.url, backup.url, QUICK)
        assert backup.requests == []


def test_a_backup_that_is_not_there_either_means_that_it_never_left() -> None:
    with pytest.raises(ProviderUnreached):
        send(nowhere(), nowhere())


def test_what_the_reader_raises_comes_through() -> None:
    def refuse(_reply: Reply) -> Reply:
        raise ProviderUnknown("not proven")

    transport = HttpTransport(PATIENT)
    with Rogue(answer()) as rogue, pytest.raises(ProviderUnknown, match="not proven"):
        transport.send(Exchange("query", "GET", Hosts(rogue.url), "/", {}, b"", refuse))
    transport.close()


def test_a_pooled_connection_gets_a_deadline_of_its_own_each_time() -> None:
    def keep_alive(connection: object, closing: object) -> None:
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        connection.sendall(whole)  # type: ignore[attr-defined]
        while connection.recv(65_536):  # type: ignore[attr-defined]
            connection.sendall(whole)  # type: ignore[attr-defined]

    transport = HttpTransport(Limits(connect_s=10.0, read_s=OLD_S, total_s=OLD_S))
    with Rogue(keep_alive) as rogue:
        statuses = [transport.send(an_exchange(rogue.url)).status]
        time.sleep(1.1 * OLD_S)
        statuses += [transport.send(an_exchange(rogue.url)).status for _ in range(4)]
        transport.close()
    assert statuses == [200] * 5
    assert len(rogue.requests) == 1


def test_a_closed_transport_leaves_no_connection_open() -> None:
    left = threading.Event()

    def keep_alive(connection: socket.socket, _closing: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        if connection.recv(1) == b"":
            left.set()

    transport = HttpTransport(PATIENT)
    with Rogue(keep_alive) as rogue:
        transport.send(an_exchange(rogue.url))
        transport.close()
        assert left.wait(LEAVES_WITHIN_S)
