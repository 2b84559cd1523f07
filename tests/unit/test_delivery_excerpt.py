"""What is kept of an endpoint's answer: short, printable, and none of the secrets that it may hold."""

from __future__ import annotations

import pytest

from wxbackend.delivery.excerpt import EXCERPT_CHARACTERS_MAX, excerpt

SECRETS = [
    "whsec_Zg9HP3rOkLhJ2uDXwnVvlSKsYheYwsvfepd0",
    "sk_live_0123456789abcdef0123456789abcdef",
    "pi_2124482306230976512_secret_lnME5bQo6ECHQiYBBkF72Ak3lLRaV3rWDjTS",
    "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "bXkgc2VjcmV0IGtleSBpbiBiYXNlNjQ=",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", '{{"key":"{}"}}', "Authorization: Bearer {} is wrong", "a\n{}\nb"])
def test_what_may_be_a_secret_is_removed(secret: str, around: str) -> None:
    kept = excerpt(around.format(secret).encode())
    assert secret not in kept
    assert "[removed]" in kept


def test_words_and_our_identifiers_stay_readable() -> None:
    said = '{"error":"unknown_event_of_the_shop","event":"evt_2124482306340028416","status":"not found"}'
    assert excerpt(said.encode()) == said


def test_an_excerpt_is_short_and_printable() -> None:
    assert len(excerpt(b"word " * 1000)) == EXCERPT_CHARACTERS_MAX
    assert excerpt(b"\xff\x00one\r\n\x1b[31mtwo\x7f") == "\ufffd one [31mtwo"
    assert excerpt(b"") == ""
