"""Events to the merchant: the signature as others verify it, the 72 hours of tries, and endpoints that misbehave."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from tests.support.rogue import Behaviour, Rogue, answer, drip, reset, silence
from tests.support.stack import free_port
from wxbackend.delivery import schedule, signature
from wxbackend.delivery.courier import HttpCourier
from wxbackend.domain.endpoint import Endpoint
from wxbackend.ports.delivery import Outcome, Parcel

SECRET: Final = "whsec_first"
BODY: Final = '{"id":"evt_1","描述":"茶"}'.encode()
ENDPOINT: Final = Endpoint("we_a", "acct_demo", livemode=False, url="", secret=SECRET)
HOURS_72_S: Final = 72 * 3600
NOT_FOR_EVER_S: Final = 8.0


WORDS: Final = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
"""Secrets as they are made: printable, without spaces, which Stripe's SDK strips."""


def deliver(url: str) -> Outcome:
    """One try, with a courier in a hurry."""
    courier = HttpCourier(total_s=0.6, allow_private=True)
    endpoint = replace(ENDPOINT, url=url)
    try:
        return courier.deliver(Parcel("evt_1", endpoint, BODY, number=3, now_ms=int(time.time() * 1000)))
    finally:
        courier.close()


def headers_of(request: bytes) -> dict[str, str]:
    """The headers of a raw request."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_the_signature_is_the_documented_one() -> None:
    expected = hmac.new(SECRET.encode(), b"1700000000." + BODY, hashlib.sha256).hexdigest()
    assert signature.header([SECRET], BODY, now_s=1_700_000_000) == f"t=1700000000,v1={expected}"


@given(body=st.text(min_size=1).map(str.encode), secrets=st.lists(WORDS, min_size=1, max_size=3))
def test_stripes_verifier_believes_every_secret_of_the_endpoint(body: bytes, secrets: list[str]) -> None:
    header = signature.header(secrets, body, now_s=int(time.time()))
    for secret in secrets:
        assert WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)
    with pytest.raises(SignatureVerificationError):
        WebhookSignature.verify_header(body.decode() + "x", header, secrets[0], tolerance=300)


def test_there_are_18_tries_in_exactly_72_hours_and_pauses_never_shrink() -> None:
    tries = len(schedule.DELAYS_S) + 1
    assert tries == 18
    assert sum(schedule.DELAYS_S) == HOURS_72_S
    assert list(schedule.DELAYS_S) == sorted(schedule.DELAYS_S)
    assert schedule.delay_s(schedule.DELAYS_S, 17, chance=0.5) is not None
    assert schedule.delay_s(schedule.DELAYS_S, 18, chance=0.5) is None


@given(tries=st.integers(1, 17), chance=st.floats(0, 1, exclude_max=True))
def test_a_pause_is_scattered_by_a_tenth_at_most(tries: int, chance: float) -> None:
    planned = schedule.DELAYS_S[tries - 1]
    found = schedule.delay_s(schedule.DELAYS_S, tries, chance=chance)
    assert found is not None
    assert 0.9 * planned <= found <= 1.1 * planned
    assert schedule.delay_s(schedule.DELAYS_S, tries, chance=0.5) == planned


def test_a_delivery_carries_the_exact_bytes_and_says_which_event_and_which_try_it_is() -> None:
    with Rogue(answer()) as shop:
        assert deliver(f"{shop.url}/hooks?a=1").delivered
    sent = headers_of(shop.requests[0])
    assert shop.requests[0].startswith(b"POST /hooks?a=1 ")
    assert shop.requests[0].endswith(b"\r\n\r\n" + BODY)
    assert (sent["wx-event-id"], sent["wx-delivery-attempt"]) == ("evt_1", "3")
    assert sent["content-type"] == "application/json; charset=utf-8"
    assert sent["wx-signature"] == sent["wooshpay-signature"]
    assert WebhookSignature.verify_header(BODY.decode(), sent["wx-signature"], SECRET, tolerance=60)


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 None", "299 Odd"])
def test_every_2xx_counts(status: str) -> None:
    with Rogue(answer(status, b"")) as shop:
        assert deliver(shop.url).delivered


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 There", "400 Bad", "404 None", "410 Gone", "500 No"])
def test_nothing_else_counts_and_no_redirect_is_followed(status: str) -> None:
    with Rogue(answer()) as elsewhere, Rogue(answer(status, Location=elsewhere.url)) as shop:
        outcome = deliver(shop.url)
        assert outcome == Outcome(int(status[:3]), f"HTTP {status[:3]}", "{}")
        assert not outcome.delivered
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "behaviour",
    [reset, silence, drip(b"HTTP/1.1 200 OK\r\nX: ", b"y", every_s=0.1), drip(b"nonsense\r\n\r\n", b"", every_s=9)],
    ids=["reset", "silence", "dripping headers", "not HTTP"],
)
def test_an_endpoint_that_misbehaves_is_a_failed_try_and_never_an_error(behaviour: Behaviour) -> None:
    started = time.monotonic()
    with Rogue(behaviour) as shop:
        outcome = deliver(shop.url)
    assert outcome.status is None
    assert outcome.reason
    assert time.monotonic() - started < NOT_FOR_EVER_S


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(body=b"x" * 5_000_000),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b"x" * 10, every_s=0.05),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", every_s=0.05),
        answer(body=b"not gzip", Content_Encoding="gzip"),
    ],
    ids=["huge", "dripping", "endless chunks", "broken gzip"],
)
def test_a_2xx_counts_whatever_follows_and_costs_a_bounded_time(behaviour: Behaviour) -> None:
    started = time.monotonic()
    with Rogue(behaviour) as shop:
        assert deliver(shop.url).delivered
    assert time.monotonic() - started < NOT_FOR_EVER_S


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{free}/", "http://nobody.invalid/", "http://[::", "no address", "http://a..b/"]
)
def test_an_address_that_cannot_be_reached_is_a_failed_try_and_never_an_error(url: str) -> None:
    url = url.replace("{free}", str(free_port()))
    outcome = deliver(url.replace("{port}", str(free_port())))
    assert outcome.status is None
    assert SECRET not in outcome.reason
