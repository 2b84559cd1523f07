"""The JS-SDK's published example (its document's appendix), run through our signature and through the simulator's."""

from __future__ import annotations

from typing import Final

import pytest

from wxbackend.identity.jssdk import page_signature
from wxbackend.simulators.clock import Clock
from wxbackend.simulators.wechat_platform.tokens import Token, Tokens

TICKET: Final = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
NONCE: Final = "Wm3WZYTPz0wzccnW"
TIMESTAMP_S: Final = 1_414_587_457
PUBLISHED: Final = [
    ("http://mp.weixin.qq.com", "f4d90daf4b3bca3078ab155816175ba34c443a7b"),
    ("http://mp.weixin.qq.com?params=value", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"),
]


@pytest.mark.parametrize(("url", "signature"), PUBLISHED)
def test_a_page_is_signed_as_published(url: str, signature: str) -> None:
    assert page_signature(TICKET, nonce=NONCE, timestamp_s=TIMESTAMP_S, url=url) == signature


@pytest.mark.parametrize(("url", "signature"), PUBLISHED)
def test_what_follows_the_hash_is_not_signed(url: str, signature: str) -> None:
    for fragment in ("#", "#/orders/7", "#a#b"):
        assert page_signature(TICKET, nonce=NONCE, timestamp_s=TIMESTAMP_S, url=url + fragment) == signature


@pytest.mark.parametrize(("url", "signature"), PUBLISHED)
def test_the_simulated_wechat_expects_what_is_published(url: str, signature: str) -> None:
    clock = Clock()
    tokens = Tokens(clock)
    tokens._tickets["wx1"] = Token("wx1", TICKET, clock.now() + 60)
    assert tokens.signed("wx1", noncestr=NONCE, timestamp=str(TIMESTAMP_S), url=url) == signature
    clock.advance(61)
    assert tokens.signed("wx1", noncestr=NONCE, timestamp=str(TIMESTAMP_S), url=url) is None
