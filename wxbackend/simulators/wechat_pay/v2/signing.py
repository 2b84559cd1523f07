"""The signature and the cipher of API v2 (reference: WeChat Pay API v2, signature and refund notice)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MD5, HMAC_SHA256 = "MD5", "HMAC-SHA256"
SIGN_TYPES = frozenset({MD5, HMAC_SHA256})
BLOCK_BITS = 128


def sign(fields: Mapping[str, str], key: str, sign_type: str = MD5) -> str:
    """Upper-case hex over the non-empty fields in the order of their names, and the key."""
    kept = sorted((name, value) for name, value in fields.items() if value != "" and name != "sign")
    text = "".join(f"{name}={value}&" for name, value in kept) + f"key={key}"
    if sign_type == MD5:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
    return hmac.digest(key.encode(), text.encode(), "sha256").hex().upper()


def signed(fields: Mapping[str, str], key: str, sign_type: str) -> dict[str, str]:
    """The fields with their signature."""
    return {**fields, "sign": sign(fields, key, sign_type)}


def fits(fields: Mapping[str, str], key: str, sign_type: str) -> bool:
    """Whether the fields carry their right signature."""
    return hmac.compare_digest(fields.get("sign", "").encode(), sign(fields, key, sign_type).encode())


def seal(plain: bytes, key: str) -> str:
    """Sealed under the lower-case hex MD5 of the key: no proof of anything."""
    return encrypt(plain, hashlib.md5(key.encode(), usedforsecurity=False).hexdigest().encode())


def encrypt(plain: bytes, key: bytes) -> str:
    """AES-256-ECB with PKCS#7 padding, in base64."""
    padder = padding.PKCS7(BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the protocol names it
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode("ascii")
