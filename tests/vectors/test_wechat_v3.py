"""What Tencent's documents and SDKs publish, run through the adapter: strings, signatures, ciphers and certificates.

Where a vector gives only a public key, that key verifies; what the adapter itself signs is then
checked against the same scheme (RSA PKCS#1 v1.5 gives the same bytes for the same message).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from wxbackend.domain.errors import BadSignature, ProviderUnknown, StaleMessage, UnreadableMessage
from wxbackend.domain.observation import Closed, Paid, Pending
from wxbackend.ports.provider import Reply
from wxbackend.providers.wechat_v3 import certificates, notify, signing
from wxbackend.providers.wechat_v3.config import load_certificate, load_public_key, serial_text
from wxbackend.providers.wechat_v3.keys import KeyRing

FILE: Final = Path(__file__).with_name("wechat.json")
VECTORS: Final[dict[str, Any]] = {entry["id"]: entry for entry in json.loads(FILE.read_text(encoding="utf-8"))}
SERIAL: Final = "PUB_KEY_ID_0114232134912410000000000000"
KEYS: Final = VECTORS["java-keys"]
APIV3_KEY: Final = KEYS["apiv3_key"].encode()


@dataclass(frozen=True)
class Held:
    """One key under one serial."""

    serial: str
    key: RSAPublicKey

    def find(self, serial: str) -> RSAPublicKey | None:
        """The key, if it is asked for by its name."""
        return self.key if serial == self.serial else None


def official() -> tuple[Held, dict[str, str], bytes, int]:
    """The answer that the verification page publishes: key, headers, body and its time."""
    vector = VECTORS["v3-response-verify-official"]
    timestamp, nonce, body, _ = vector["message"].split("\n")
    headers = {
        "wechatpay-timestamp": timestamp,
        "wechatpay-nonce": nonce,
        "wechatpay-signature": vector["signature_b64"],
        "wechatpay-serial": SERIAL,
    }
    held = Held(SERIAL, load_public_key(vector["public_key_pem"].encode()))
    return held, headers, body.encode(), int(timestamp)


@pytest.fixture(scope="module")
def our_key() -> RSAPrivateKey:
    """A key of our own, since nobody publishes theirs."""
    return generate_private_key(65537, 2048)


def test_the_published_answer_is_believed() -> None:
    held, headers, body, now_s = official()
    signing.verify(held, headers, body, now_s=now_s)
    signing.verify(held, headers | {"wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048"}, body, now_s=now_s)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("wechatpay-signature", "WECHATPAY/SIGNTEST/" + "A" * 325),
        ("wechatpay-signature", "AAAA"),
        ("wechatpay-signature", "not base64 at all"),
        ("wechatpay-signature", "ÿ" * 344),
        ("wechatpay-signature", ""),
        ("wechatpay-nonce", "another"),
        ("wechatpay-nonce", ""),
        ("wechatpay-serial", "PUB_KEY_ID_unknown"),
        ("wechatpay-serial", ""),
        ("wechatpay-timestamp", ""),
        ("wechatpay-timestamp", "1722850421.0"),
        ("wechatpay-timestamp", "-1722850421"),
        ("wechatpay-timestamp", "१७२२८५०४२१"),
        ("wechatpay-timestamp", "9" * 5000),
        ("wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3"),
    ],
)
def test_one_changed_header_and_it_is_not_believed(header: str, value: str) -> None:
    held, headers, body, now_s = official()
    with pytest.raises(BadSignature):
        signing.verify(held, headers | {header: value}, body, now_s=now_s)


@pytest.mark.parametrize("change", [b" ", b"\n", b"\x00"])
def test_one_changed_byte_and_it_is_not_believed(change: bytes) -> None:
    held, headers, body, now_s = official()
    with pytest.raises(BadSignature):
        signing.verify(held, headers, body + change, now_s=now_s)


def test_it_is_believed_for_less_than_five_minutes_either_way() -> None:
    held, headers, body, now_s = official()
    signing.verify(held, headers, body, now_s=now_s + 299)
    signing.verify(held, headers, body, now_s=now_s - 299)
    for away_s in (300, -300, 86_400):
        with pytest.raises(StaleMessage):
            signing.verify(held, headers, body, now_s=now_s + away_s)


@pytest.mark.parametrize("name", ["v3-rsa-sign-go", "v3-rsa-sign-java"])
def test_published_signatures_and_ours_are_of_one_scheme(name: str, our_key: RSAPrivateKey) -> None:
    vector = VECTORS[name]
    message, signature = vector["message"].encode(), base64.b64decode(vector["signature_b64"])
    load_public_key(vector["public_key_pem"].encode()).verify(signature, message, PKCS1v15(), SHA256())
    header = signing.authorization(our_key, mchid="1", serial="2", timestamp="3", nonce="4", message=message)
    ours = base64.b64decode(header.partition('signature="')[2].partition('"')[0])
    our_key.public_key().verify(ours, message, PKCS1v15(), SHA256())
    assert len(ours) == len(signature)


def test_the_request_string_is_the_published_one() -> None:
    vector = VECTORS["v3-sigstring-get-java"]
    built = signing.request_message(
        vector["method"], vector["url"], vector["timestamp"], vector["nonce"], vector["body"].encode()
    )
    assert built == vector["expected"].encode()


def test_the_cashier_string_is_appid_time_nonce_and_package_each_ended_by_a_line_feed(our_key: RSAPrivateKey) -> None:
    signature = signing.cashier_signature(
        our_key, appid="wx2421b1c4370ec43b", timestamp="1395712654", nonce="e61463f8efa94090b1f366cccfbbb444",
        package="prepay_id=wx21201855730335ac86f8c43d1889123400",
    )  # fmt: skip
    string = (
        b"wx2421b1c4370ec43b\n1395712654\ne61463f8efa94090b1f366cccfbbb444\n"
        b"prepay_id=wx21201855730335ac86f8c43d1889123400\n"
    )
    our_key.public_key().verify(base64.b64decode(signature), string, PKCS1v15(), SHA256())


@pytest.mark.parametrize("name", ["v3-aead-go", "v3-aead-java"])
def test_published_ciphertexts_open(name: str) -> None:
    vector = VECTORS[name]
    sealed = {"nonce": vector["nonce"], "associated_data": vector["aad"], "ciphertext": vector["ciphertext_b64"]}
    assert signing.unseal((vector["key"].encode(),), **sealed) == vector["plaintext"].encode()
    previous = (b"0" * 32, vector["key"].encode())
    assert signing.unseal(previous, **sealed) == vector["plaintext"].encode()


@pytest.mark.parametrize(
    "change",
    [
        {"associated_data": "other"},
        {"nonce": "uluk4a9R25RX"},
        {"nonce": "short"},
        {"nonce": "é" * 64 + "x"},
        {"nonce": "𝄞" * 40},
        {"ciphertext": "AAAA"},
        {"ciphertext": "not base64"},
        {"ciphertext": "é" * 40},
        {"ciphertext": base64.b64encode(b"x" * 40).decode()},
    ],
)
def test_a_changed_ciphertext_is_unreadable_and_nothing_worse(change: dict[str, str]) -> None:
    vector = VECTORS["v3-aead-java"]
    sealed = {"nonce": vector["nonce"], "associated_data": vector["aad"], "ciphertext": vector["ciphertext_b64"]}
    with pytest.raises(UnreadableMessage):
        signing.unseal((vector["key"].encode(),), **(sealed | change))


@pytest.mark.parametrize("owner", ["merchant", "platform"])
def test_serials_are_printed_as_published(owner: str) -> None:
    serial, key = load_certificate(KEYS[f"{owner}_certificate_pem"].encode())
    assert serial == KEYS[f"{owner}_serial"]
    assert key.public_numbers() == load_public_key(KEYS[f"{owner}_public_key_pem"].encode()).public_numbers()


def test_a_serial_keeps_its_leading_zeros() -> None:
    assert serial_text(0x0F1C72E2A8931B72A2E13AF8DEE92471EB397115) == "0F1C72E2A8931B72A2E13AF8DEE92471EB397115"


def seal(plain: bytes, *, associated_data: str, key: bytes = APIV3_KEY) -> dict[str, str]:
    """AEAD_AES_256_GCM as the published layout has it."""
    nonce = "61f9c719728a"
    sealed = AESGCM(key).encrypt(nonce.encode(), plain, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": associated_data,
        "ciphertext": base64.b64encode(sealed).decode(),
    }


def signed(key: RSAPrivateKey, body: bytes, *, serial: str, now_s: int) -> dict[str, str]:
    """The headers of a message that the owner of the key sends now."""
    message = f"{now_s}\nnonce\n".encode() + body + b"\n"
    return {
        "wechatpay-timestamp": str(now_s),
        "wechatpay-nonce": "nonce",
        "wechatpay-signature": base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode(),
        "wechatpay-serial": serial,
    }


def certificate_list(pem: str, serial: str) -> bytes:
    """The answer of /v3/certificates."""
    entry = {
        "serial_no": serial,
        "effective_time": "2022-05-10T10:04:30+08:00",
        "expire_time": "2025-05-09T10:04:30+08:00",
        "encrypt_certificate": seal(pem.encode(), associated_data="certificate"),
    }
    return json.dumps({"data": [entry]}).encode()


def test_a_certificate_list_signed_by_somebody_else_is_not_taken(our_key: RSAPrivateKey) -> None:
    serial = KEYS["platform_serial"]
    body = certificate_list(KEYS["platform_certificate_pem"], serial)
    reply = Reply(200, signed(our_key, body, serial=serial, now_s=1_700_000_000), body)
    empty = KeyRing({}, load=tuple, clock_s=lambda: 0)
    with pytest.raises(ProviderUnknown, match="does not fit"):
        certificates.read(reply, held=empty, apiv3_keys=(APIV3_KEY,), now_s=1_700_000_000)


def test_the_published_certificate_is_taken_from_an_answer_that_a_held_key_proves(our_key: RSAPrivateKey) -> None:
    body = certificate_list(KEYS["platform_certificate_pem"], KEYS["platform_serial"])
    reply = Reply(200, signed(our_key, body, serial=SERIAL, now_s=1_700_000_000), body)
    ring = KeyRing({SERIAL: our_key.public_key()}, load=tuple, clock_s=lambda: 0)
    (found,) = certificates.read(reply, held=ring, apiv3_keys=(APIV3_KEY,), now_s=1_700_000_000)
    assert found.serial == KEYS["platform_serial"]
    assert found.pem == KEYS["platform_certificate_pem"]
    assert found.effective_ms == int(datetime.fromisoformat("2022-05-10T02:04:30+00:00").timestamp()) * 1000


@pytest.mark.parametrize("pem", ["no certificate", KEYS["platform_public_key_pem"]])
def test_a_certificate_that_cannot_be_used_proves_nothing(pem: str, our_key: RSAPrivateKey) -> None:
    body = certificate_list(pem, "1")
    reply = Reply(200, signed(our_key, body, serial=SERIAL, now_s=1_700_000_000), body)
    ring = KeyRing({SERIAL: our_key.public_key()}, load=tuple, clock_s=lambda: 0)
    with pytest.raises(ProviderUnknown):
        certificates.read(reply, held=ring, apiv3_keys=(APIV3_KEY,), now_s=1_700_000_000)


# The plain text that the notice page publishes (reference: WeChat Pay v3 notifications).
TRANSACTION: Final[dict[str, Any]] = {
    "transaction_id": "1217752501201407033233368018",
    "amount": {"payer_total": 100, "total": 100, "currency": "CNY", "payer_currency": "CNY"},
    "mchid": "1230000109",
    "trade_state": "SUCCESS",
    "bank_type": "CMC",
    "success_time": "2018-06-08T10:34:56+08:00",
    "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "out_trade_no": "1217752501201407033233368018",
    "appid": "wxd678efh567hg6787",
    "trade_state_desc": "支付成功",
    "trade_type": "JSAPI",
    "attach": "自定义数据",
}


def envelope(content: dict[str, Any], *, kind: str = "TRANSACTION.SUCCESS", **changes: Any) -> bytes:
    """A notice around such a plain text."""
    resource = seal(json.dumps(content, ensure_ascii=False).encode(), associated_data="transaction")
    notice = {
        "id": "EV-2018022511223320873",
        "create_time": "2015-05-20T13:29:35+08:00",
        "resource_type": "encrypt-resource",
        "event_type": kind,
        "summary": "支付成功",
        "resource": resource | {"original_type": "transaction"},
    }
    return json.dumps(notice | changes).encode()


def test_a_notice_is_proven_opened_and_read(our_key: RSAPrivateKey) -> None:
    ring = KeyRing({SERIAL: our_key.public_key()}, load=tuple, clock_s=lambda: 0)
    body = envelope(TRANSACTION)
    headers = signed(our_key, body, serial=SERIAL, now_s=1_700_000_000)
    notice = notify.read(ring, (APIV3_KEY,), headers, body, now_s=1_700_000_000)
    assert (notice.id, notice.kind) == ("EV-2018022511223320873", "TRANSACTION.SUCCESS")
    assert (notice.merchant, notice.out_trade_no) == ("1230000109", "1217752501201407033233368018")
    assert notice.observation == Paid(
        transaction="1217752501201407033233368018",
        amount=100,
        currency="CNY",
        payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        app="wxd678efh567hg6787",
        merchant="1230000109",
        paid_ms=1_528_425_296_000,
    )
    with pytest.raises(BadSignature):
        notify.read(ring, (APIV3_KEY,), headers, body.replace(b"EV-", b"EX-"), now_s=1_700_000_000)


@pytest.mark.parametrize(
    ("state", "meaning"),
    [("NOTPAY", Pending("NOTPAY")), ("CLOSED", Closed("CLOSED")), ("A_NEW_WORD", Pending("A_NEW_WORD"))],
)
def test_an_unknown_word_of_theirs_is_pending(state: str, meaning: object) -> None:
    notice = notify.parse((APIV3_KEY,), envelope(TRANSACTION | {"trade_state": state}))
    assert notice.observation == meaning


def test_a_kind_that_we_do_not_act_on_is_only_kept() -> None:
    notice = notify.parse((APIV3_KEY,), envelope(TRANSACTION, kind="COMPLAINT.CREATE"))
    assert notice.observation is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b"\xff\xfe",
        envelope(TRANSACTION, id=""),
        envelope(TRANSACTION, id="E" * 65),
        envelope(TRANSACTION, id=7),
        envelope(TRANSACTION, event_type=None),
        envelope(TRANSACTION, resource=None),
        envelope(TRANSACTION, resource={"algorithm": "AEAD_SM4_GCM", "nonce": "x" * 12, "ciphertext": "AAAA"}),
        envelope({**TRANSACTION, "trade_state": None}),
        envelope({**TRANSACTION, "transaction_id": ""}),
        envelope({**TRANSACTION, "amount": {"total": "100"}}),
        envelope({**TRANSACTION, "amount": {"total": 1.5}}),
        envelope({**TRANSACTION, "amount": {"total": True}}),
    ],
)
def test_a_proven_notice_that_breaks_the_protocol_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        notify.parse((APIV3_KEY,), body)
