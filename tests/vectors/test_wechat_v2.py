"""What is published of API v2, run through the adapter; and the seed document's MD5 example, member by member."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.objects import an_attempt
from wxbackend.domain.errors import BadSignature, UnreadableMessage
from wxbackend.domain.observation import Opened
from wxbackend.ports.provider import ClientCertificate, Hosts, Reply
from wxbackend.providers.wechat_v2 import signing, wire
from wxbackend.providers.wechat_v2.adapter import WechatV2
from wxbackend.providers.wechat_v2.config import BadKey, MerchantConfig, check_key

HERE: Final = Path(__file__).parent
VECTORS: Final[dict[str, Any]] = {
    entry["id"]: entry for entry in json.loads((HERE / "wechat.json").read_text(encoding="utf-8"))
}
OFFICIAL: Final = VECTORS["v2-md5-official"]
SIGNED: Final = {signing.MD5: OFFICIAL["md5"], signing.HMAC_SHA256: OFFICIAL["hmac_sha256"]}
GOLDEN: Final = HERE.parent / "api" / "golden"


class Standing:
    """Surroundings in which nothing changes."""

    def now_ms(self) -> int:
        """The second of the seed's answer."""
        return 1_690_524_439_000

    def nonce(self) -> str:
        """The nonce of the seed's answer."""
        return "VVdQaFzG9LjOSNyGNLFbt7NZAn2oE87z"

    def new_id(self) -> int:
        """Any number."""
        return 1

    def token(self) -> str:
        """Any secret."""
        return "t"

    def wait(self, seconds: float) -> None:
        """Never."""


CONFIG: Final = MerchantConfig(
    mchid=an_attempt().merchant,
    apps=frozenset({an_attempt().app}),
    key=OFFICIAL["key"],
    sign_type=signing.MD5,
    notify_url="https://pay.example.com/notices/wechat_v2/1900000109",
    hosts=Hosts("https://main.example", "https://backup.example"),
    certificate_hosts=Hosts("https://main.example"),
    client=ClientCertificate("cert.pem", "key.pem"),
)


def adapter(sign_type: str = signing.MD5) -> WechatV2:
    """The adapter with the published key."""
    return WechatV2(replace(CONFIG, sign_type=sign_type), Standing())


def answered(fields: dict[str, str], sign_type: str = signing.MD5) -> Reply:
    """A proven answer."""
    whole = {"return_code": "SUCCESS", "appid": an_attempt().app, "mch_id": CONFIG.mchid, "nonce_str": "n", **fields}
    whole["sign"] = signing.sign(whole, key=CONFIG.key, sign_type=sign_type)
    return Reply(200, {}, wire.document(whole))


@pytest.mark.parametrize("sign_type", SIGNED)
def test_the_published_signature_is_ours(sign_type: str) -> None:
    params = OFFICIAL["params"]
    assert signing.sign(params, key=OFFICIAL["key"], sign_type=sign_type) == SIGNED[sign_type]
    assert (
        signing.sign(params | {"empty": "", "sign": "x"}, key=OFFICIAL["key"], sign_type=sign_type)
        == (SIGNED[sign_type])
    )


@pytest.mark.parametrize("sign_type", SIGNED)
@pytest.mark.parametrize(
    "change",
    [{"body": "tesu"}, {"unknown": "1"}, {"sign": ""}, {"sign": "0" * 32}, {"sign": "ÿ"}, {"sign_type": "RSA"}],
)
def test_one_change_and_it_is_not_believed(sign_type: str, change: dict[str, str]) -> None:
    fields = OFFICIAL["params"] | {"sign": SIGNED[sign_type]}
    signing.verify(fields, key=OFFICIAL["key"], sign_type=sign_type)
    with pytest.raises(BadSignature):
        signing.verify(fields | change, key=OFFICIAL["key"], sign_type=sign_type)
    with pytest.raises(BadSignature):
        signing.verify({**fields, "sign": SIGNED[sign_type].lower()}, key=OFFICIAL["key"], sign_type=sign_type)


def test_the_weaker_signature_is_not_believed_where_the_stronger_one_was_agreed() -> None:
    fields = OFFICIAL["params"] | {"sign_type": signing.MD5}
    fields["sign"] = signing.sign(fields, key=OFFICIAL["key"], sign_type=signing.MD5)
    signing.verify(fields, key=OFFICIAL["key"], sign_type=signing.MD5)
    with pytest.raises(BadSignature):
        signing.verify(fields, key=OFFICIAL["key"], sign_type=signing.HMAC_SHA256)


def test_the_published_ciphertext_opens() -> None:
    vector = VECTORS["v2-ecb-php"]
    assert signing.decrypt(vector["ciphertext_b64"], key=vector["key"].encode()) == vector["plaintext"].encode()


@pytest.mark.parametrize("sealed", ["", "AAAA", "*", "A" * 44, "AAAAAAAAAAAAAAAAAAAAAA==", "ÿ"])
def test_what_was_not_sealed_with_our_key_is_unreadable(sealed: str) -> None:
    with pytest.raises(UnreadableMessage):
        signing.open_sealed(sealed, key=OFFICIAL["key"])


@pytest.mark.parametrize("key", ["", "short", "k" * 31, "k" * 33, "k" * 31 + " ", "é" * 32])
def test_a_key_of_another_shape_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(BadKey, match="32 letters and digits") as wrong:
        check_key(key)
    assert not key or key not in str(wrong.value)
    assert check_key(OFFICIAL["key"]) == OFFICIAL["key"]


def test_the_mini_program_example_of_the_seed_is_what_a_front_end_gets() -> None:
    printed = json.loads((GOLDEN / "mini_program_opened.json").read_text(encoding="utf-8"))["answer"]
    params = printed["next_action"]["wechat_pay_mini_program_params"]
    prepay_id = params["package"].removeprefix("prepay_id=")
    said = adapter().order(an_attempt()).read(answered({"result_code": "SUCCESS", "prepay_id": prepay_id}))
    assert isinstance(said, Opened)
    fixed = {name: said.client_params[name] for name in ("timeStamp", "nonceStr", "package", "signType")}
    assert fixed == {name: params[name] for name in fixed}
    assert set(said.client_params) == set(params)
    assert len(said.client_params["paySign"]) == len(params["paySign"])
    covered = {**said.client_params, "sign": said.client_params["paySign"], "paySign": ""}
    signing.verify(covered, key=CONFIG.key, sign_type=signing.MD5)


@pytest.mark.parametrize("sign_type", SIGNED)
def test_the_cashiers_sign_type_is_the_orders(sign_type: str) -> None:
    provider = adapter(sign_type)
    exchange = provider.order(an_attempt())
    said = exchange.read(answered({"result_code": "SUCCESS", "prepay_id": "wx1"}, sign_type))
    assert isinstance(said, Opened)
    assert said.client_params["signType"] == wire.parse(exchange.body)["sign_type"] == sign_type
