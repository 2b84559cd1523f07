"""While the APIv2 key is changed: both keys prove what WeChat says, and what it says tells which one signs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from tests.support.objects import an_attempt
from tests.vectors.test_wechat_v2 import CONFIG, adapter
from wxbackend.domain.errors import BadSignature, ProviderUnknown, Untrusted
from wxbackend.domain.observation import Declined, Paid, Uncertain
from wxbackend.ports.provider import Exchange, Reply
from wxbackend.providers.wechat_v2 import notify, wire
from wxbackend.providers.wechat_v2.adapter import WechatV2
from wxbackend.providers.wechat_v2.config import MerchantConfig
from wxbackend.providers.wechat_v2.keys import KeyInUse
from wxbackend.providers.wechat_v2.signing import sign
from wxbackend.simulators.wechat_pay.v2.signing import seal

OLD: Final = "o" * 32
STRANGE: Final = "s" * 32
BOTH: Final = replace(CONFIG, previous_key=OLD)
REFUSED: Final = Reply(200, {}, wire.document({"return_code": "FAIL", "return_msg": "签名错误，请检查后再试"}))


def changing() -> WechatV2:
    """The adapter of a merchant who changes the key."""
    one = adapter()
    return WechatV2(BOTH, one._surroundings)


def signed_by(exchange: Exchange[Any]) -> str:
    """The name of the key under which a request was signed."""
    fields = wire.parse(exchange.body)
    kind = CONFIG.sign_type
    return next(
        name
        for name, key in {"new": CONFIG.key, "old": OLD}.items()
        if sign(fields, key=key, sign_type=kind) == fields["sign"]
    )


def absent(key: str) -> Reply:
    """WeChat's proven answer that there is no such order."""
    fields = {
        "return_code": "SUCCESS", "appid": an_attempt().app, "mch_id": CONFIG.mchid, "result_code": "FAIL",
        "err_code": "ORDERNOTEXIST",
    }  # fmt: skip
    return Reply(200, {}, wire.document(fields | {"sign": sign(fields, key=key, sign_type=CONFIG.sign_type)}))


def test_the_old_key_signs_until_wechat_refuses_it_and_then_the_new_one() -> None:
    provider, attempt = changing(), an_attempt()
    before = provider.order(attempt)
    assert signed_by(before) == "old"
    with pytest.raises(ProviderUnknown, match="the other APIv2 key"):
        before.read(REFUSED)
    again = provider.query(attempt)
    assert signed_by(again) == "new"
    again.read(absent(CONFIG.key))
    assert signed_by(provider.order(attempt)) == "new"


def test_what_was_under_way_under_the_old_key_does_not_turn_us_back() -> None:
    provider, attempt = changing(), an_attempt()
    late = [provider.query(attempt) for _ in range(3)]
    for one in late:
        with pytest.raises(ProviderUnknown):
            one.read(REFUSED)
        assert signed_by(provider.query(attempt)) == "new"


def test_an_answer_under_either_key_is_believed_and_tells_which_one_counts() -> None:
    provider, attempt = changing(), an_attempt()
    for name, key in (("new", CONFIG.key), ("old", OLD), ("new", CONFIG.key)):
        provider.query(attempt).read(absent(key))
        assert signed_by(provider.query(attempt)) == name
    with pytest.raises(ProviderUnknown, match="not proven"):
        provider.query(attempt).read(absent(STRANGE))
    assert signed_by(provider.query(attempt)) == "new"


def test_when_wechat_takes_neither_the_refusal_counts() -> None:
    provider, attempt = changing(), an_attempt()
    with pytest.raises(ProviderUnknown):
        provider.order(attempt).read(REFUSED)
    assert isinstance(provider.order(attempt).read(REFUSED), Declined)
    assert isinstance(adapter().order(attempt).read(REFUSED), Declined)


def test_another_refusal_that_nobody_signed_is_what_it_was() -> None:
    busy = Reply(200, {}, wire.document({"return_code": "FAIL", "return_msg": "系统繁忙，请稍后再试"}))
    provider = changing()
    assert isinstance(provider.order(an_attempt()).read(busy), Uncertain)
    assert signed_by(provider.order(an_attempt())) == "old"


def test_one_key_alone_is_never_given_up() -> None:
    alone = KeyInUse(CONFIG)
    alone.told(CONFIG.key, "签名错误")
    assert alone.present == CONFIG.key


def a_payment(key: str) -> bytes:
    """A notice of a payment, signed under that key."""
    fields = {
        "return_code": "SUCCESS", "result_code": "SUCCESS", "appid": an_attempt().app, "mch_id": CONFIG.mchid,
        "nonce_str": "n", "total_fee": "1", "transaction_id": "4200", "out_trade_no": "o1", "openid": "o",
        "time_end": "20261122180000",
    }  # fmt: skip
    return wire.document(fields | {"sign": sign(fields, key=key, sign_type=CONFIG.sign_type)})


def a_refund(key: str) -> bytes:
    """A notice of a refund, sealed under that key."""
    content = seal(wire.document({"out_refund_no": "r1"}).replace(b"xml>", b"root>"), key)
    (app, *_) = CONFIG.apps
    fields = {"return_code": "SUCCESS", "appid": app, "mch_id": CONFIG.mchid, "req_info": content}
    return wire.document(fields)


@pytest.mark.parametrize("key", [CONFIG.key, OLD])
def test_a_notice_under_the_previous_key_is_believed_while_it_is_named(key: str) -> None:
    paid = notify.read(BOTH, a_payment(key))
    assert isinstance(paid.observation, Paid)
    assert notify.read(BOTH, a_refund(key)).out_refund_no == "r1"
    assert notify.reread(BOTH, a_refund(key)).out_refund_no == "r1"


@pytest.mark.parametrize(("config", "key"), [(BOTH, STRANGE), (CONFIG, OLD)])
def test_a_notice_under_any_other_key_is_refused(config: MerchantConfig, key: str) -> None:
    with pytest.raises(BadSignature):
        notify.read(config, a_payment(key))
    with pytest.raises(Untrusted):
        notify.read(config, a_refund(key))
