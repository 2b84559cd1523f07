"""RSA-SHA256 signatures and AES-GCM sealing as WeChat Pay v3 defines them; strings are built here and nowhere else."""

from __future__ import annotations

import base64
import binascii
import secrets
import string

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALGORITHM = "AEAD_AES_256_GCM"
AEAD_NONCE_CHARACTERS = 12
REPLY_NONCE_CHARACTERS = 32
ALPHABET = string.ascii_letters + string.digits


def make_nonce(characters: int) -> str:
    """Random letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(characters))


def request_message(*, method: str, url: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What a merchant signs: five lines, each ended by a newline (reference: WeChat Pay v3 request signing)."""
    return f"{method}\n{url}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def reply_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What WeChat signs on answers and notices: three lines (reference: WeChat Pay v3 verification)."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def cashier_message(*, appid: str, timestamp: str, nonce: str, package: str) -> bytes:
    """What paySign covers: four lines (reference: WeChat Pay v3 JSAPI invocation)."""
    return f"{appid}\n{timestamp}\n{nonce}\n{package}\n".encode()


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """RSA PKCS#1 v1.5 with SHA-256, base64 on a single line."""
    return base64.b64encode(key.sign(message, PKCS1v15(), hashes.SHA256())).decode("ascii")


def verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the signature is strict base64 and belongs to exactly this message."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), hashes.SHA256())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def seal(key: bytes, plaintext: bytes, associated_data: str) -> dict[str, str]:
    """The four members of an encrypted resource: AES-GCM with the tag at the end (reference: AEAD_AES_256_GCM)."""
    nonce = make_nonce(AEAD_NONCE_CHARACTERS)
    sealed = AESGCM(key).encrypt(nonce.encode("ascii"), plaintext, associated_data.encode())
    return {
        "algorithm": ALGORITHM,
        "ciphertext": base64.b64encode(sealed).decode("ascii"),
        "associated_data": associated_data,
        "nonce": nonce,
    }


def open_field(key: RSAPrivateKey, sealed: str) -> bytes | None:
    """A sensitive member in the clear, or None if it is not for this key (reference: RSA-OAEP with SHA-1)."""
    digest = hashes.SHA1()  # noqa: S303 - the protocol names it
    try:
        return key.decrypt(base64.b64decode(sealed, validate=True), OAEP(MGF1(digest), digest, None))
    except (binascii.Error, ValueError):
        return None
