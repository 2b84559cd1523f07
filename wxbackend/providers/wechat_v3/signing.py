"""Signatures and ciphers of API v3: what we sign, and whom we believe.

A message is believed when its serial names a key that we hold (a platform certificate or the
WeChat Pay public key, any number of both side by side), its time is within five minutes of ours,
and the signature fits the exact bytes. A probe (`WECHATPAY/SIGNTEST/…`) fails like any other.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from wxbackend.domain.errors import BadSignature, StaleMessage, UnreadableMessage

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
CLOCK_DIFFERENCE_S_MAX: Final = 300
TAG_BYTES: Final = 16

_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


class PlatformKeys(Protocol):
    """The keys that verify what WeChat says, by serial."""

    def find(self, serial: str) -> RSAPublicKey | None:
        """The key, or None. Never calls out."""
        ...


def sign(key: RSAPrivateKey, *lines: str) -> str:
    """The base64 RSA-SHA256 signature over the lines, each ended by a line feed."""
    message = "".join(f"{line}\n" for line in lines).encode()
    return base64.b64encode(key.sign(message, _PADDING, _HASH)).decode("ascii")


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What a request's signature covers: the exact bytes of path, query and body."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def authorization(key: RSAPrivateKey, *, mchid: str, serial: str, timestamp: str, nonce: str, message: bytes) -> str:
    """The Authorization header for a message."""
    signature = base64.b64encode(key.sign(message, _PADDING, _HASH)).decode("ascii")
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial}"'
    )


def verify(keys: PlatformKeys, headers: Mapping[str, str], body: bytes, *, now_s: int) -> None:
    """Believe a reply or a notice, or raise `BadSignature` or `StaleMessage`. Header names are lower case."""
    timestamp = headers.get("wechatpay-timestamp", "")
    nonce = headers.get("wechatpay-nonce", "")
    signature = headers.get("wechatpay-signature", "")
    serial = headers.get("wechatpay-serial", "")
    if not (timestamp and nonce and signature and serial):
        raise BadSignature("the Wechatpay-* signature headers are missing or incomplete")
    kind = headers.get("wechatpay-signature-type", SCHEME)
    if kind != SCHEME:
        raise BadSignature(f"the signature type {kind[:40]!r} is not {SCHEME}")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise BadSignature("Wechatpay-Timestamp is not a number of seconds")
    if abs(now_s - int(timestamp)) >= CLOCK_DIFFERENCE_S_MAX:
        raise StaleMessage("Wechatpay-Timestamp is five minutes or more away from our clock")
    key = keys.find(serial)
    if key is None:
        raise BadSignature("Wechatpay-Serial names a key that we do not hold")
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, f"{timestamp}\n{nonce}\n".encode() + body + b"\n", _PADDING, _HASH)
    except (ValueError, InvalidSignature) as error:  # ValueError: not base64, or not even ASCII
        raise BadSignature("the signature does not fit the message") from error


def unseal(keys: tuple[bytes, ...], *, nonce: str, associated_data: str, ciphertext: str) -> bytes:
    """Decrypt AEAD_AES_256_GCM with the present APIv3 key, or with the previous one during a change."""
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
    except ValueError as error:
        raise UnreadableMessage("the ciphertext is not base64") from error
    if len(sealed) <= TAG_BYTES or not 8 <= len(nonce.encode()) <= 64:
        raise UnreadableMessage("the ciphertext or its nonce has an impossible length")
    for key in keys:
        try:
            return AESGCM(key).decrypt(nonce.encode(), sealed, associated_data.encode())
        except InvalidTag:
            continue
    raise UnreadableMessage("the message does not decrypt with the APIv3 key; was the key changed at WeChat?")


def cashier_signature(key: RSAPrivateKey, *, appid: str, timestamp: str, nonce: str, package: str) -> str:
    """`paySign` for JSAPI and mini programs (doc/v3/merchant/4012365341)."""
    return sign(key, appid, timestamp, nonce, package)
