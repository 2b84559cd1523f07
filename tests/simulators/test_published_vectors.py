"""The simulator's signing agrees with what Tencent's own documents and SDKs publish."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from wxbackend.simulators.credentials import serial_of
from wxbackend.simulators.wechat_pay.signing import reply_message, request_message, seal, verify
from wxbackend.simulators.wechat_pay.v2 import signing as api_v2

FILE = Path(__file__).with_name("published_vectors.json")
VECTORS: dict[str, Any] = {item["id"]: item for item in json.loads(FILE.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", ["v3-rsa-sign-go", "v3-rsa-sign-java", "v3-response-verify-official"])
def test_published_signatures_verify_and_changed_ones_do_not(name: str) -> None:
    vector = VECTORS[name]
    key = cast("RSAPublicKey", load_pem_public_key(vector["public_key_pem"].encode()))
    message = vector["message"].encode()
    assert verify(key, message, vector["signature_b64"])
    assert not verify(key, message + b" ", vector["signature_b64"])
    assert not verify(key, message, "A" + vector["signature_b64"][1:])
    assert not verify(key, message, vector["signature_b64"] + "\n")


def test_the_answer_string_is_the_published_one() -> None:
    message = VECTORS["v3-response-verify-official"]["message"]
    timestamp, nonce, body, _ = message.split("\n")
    assert reply_message(timestamp, nonce, body.encode()) == message.encode()


def test_the_request_string_is_the_published_one() -> None:
    vector = VECTORS["v3-sigstring-get-java"]
    built = request_message(
        method=vector["method"],
        url=vector["url"],
        timestamp=vector["timestamp"],
        nonce=vector["nonce"],
        body=vector["body"].encode(),
    )
    assert built == vector["expected"].encode()


def test_sealing_follows_the_published_layout() -> None:
    vector = VECTORS["v3-aead-java"]
    cipher = AESGCM(vector["key"].encode())
    nonce, data = vector["nonce"].encode(), vector["aad"].encode()
    published = base64.b64decode(vector["ciphertext_b64"])
    assert cipher.decrypt(nonce, published, data) == vector["plaintext"].encode()
    sealed = seal(vector["key"].encode(), vector["plaintext"].encode(), vector["aad"])
    ours = base64.b64decode(sealed["ciphertext"])
    assert len(ours) == len(published)
    assert cipher.decrypt(sealed["nonce"].encode(), ours, data) == vector["plaintext"].encode()


@pytest.mark.parametrize("owner", ["merchant", "platform"])
def test_serials_are_printed_as_published(owner: str) -> None:
    keys = VECTORS["java-keys"]
    certificate = x509.load_pem_x509_certificate(keys[f"{owner}_certificate_pem"].encode())
    assert serial_of(certificate) == keys[f"{owner}_serial"]


def test_the_signatures_and_the_cipher_of_api_v2_are_the_published_ones() -> None:
    vector, sealed = VECTORS["v2-md5-official"], VECTORS["v2-ecb-php"]
    assert api_v2.sign(vector["params"], vector["key"]) == vector["md5"]
    assert api_v2.sign(vector["params"], vector["key"], api_v2.HMAC_SHA256) == vector["hmac_sha256"]
    assert api_v2.encrypt(sealed["plaintext"].encode(), sealed["key"].encode()) == sealed["ciphertext_b64"]
