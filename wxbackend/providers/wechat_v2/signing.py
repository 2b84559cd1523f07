"""Signatures and the cipher of API v2: one symmetric key proves both sides (reference: WeChat Pay API v2, signature).

The signed string is every non-empty value but `sign`, also of names that we do not know, in the byte order of
the names, and then the key. Nothing in it tells the time: an old message stays proven for ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.padding import PKCS7

from wxbackend.domain.errors import BadSignature, UnreadableMessage

MD5: Final = "MD5"
HMAC_SHA256: Final = "HMAC-SHA256"
BLOCK_BYTES: Final = 16


def sign(fields: Mapping[str, str], *, key: str, sign_type: str) -> str:
    """The signature over these fields, upper-case hexadecimal."""
    pairs = [f"{name}={fields[name]}" for name in sorted(fields, key=str.encode) if name != "sign" and fields[name]]
    message = "&".join([*pairs, f"key={key}"]).encode()
    if sign_type == HMAC_SHA256:
        return hmac.new(key.encode(), message, hashlib.sha256).hexdigest().upper()
    return hashlib.md5(message, usedforsecurity=False).hexdigest().upper()


def verify(fields: Mapping[str, str], *, key: str, sign_type: str) -> None:
    """Believe these fields, or raise `BadSignature`; the kind of signature is ours to choose, not the message's."""
    given = fields.get("sign", "")
    if not given:
        raise BadSignature("the message has no sign")
    if not hmac.compare_digest(given.encode(), sign(fields, key=key, sign_type=sign_type).encode()):
        raise BadSignature("the sign does not fit the message")


def verify_by_any(fields: Mapping[str, str], *, keys: tuple[str, ...], sign_type: str) -> str:
    """The key of these under which the fields are proven, or raise `BadSignature`."""
    for key in keys[:-1]:
        try:
            verify(fields, key=key, sign_type=sign_type)
        except BadSignature:
            continue
        return key
    verify(fields, key=keys[-1], sign_type=sign_type)
    return keys[-1]


def open_sealed(sealed: str, *, key: str) -> bytes:
    """What `req_info` of a refund notice holds: sealed under the lower-case MD5 of the key, which proves nothing."""
    return decrypt(sealed, key=hashlib.md5(key.encode(), usedforsecurity=False).hexdigest().encode())


def decrypt(sealed: str, *, key: bytes) -> bytes:
    """AES-256-ECB with PKCS#7 padding, from base64."""
    try:
        content = base64.b64decode(sealed, validate=True)
    except ValueError as error:
        raise UnreadableMessage("req_info is not base64") from error
    if not content or len(content) % BLOCK_BYTES:
        raise UnreadableMessage("req_info has an impossible length")
    opener = Cipher(AES(key), ECB()).decryptor()  # noqa: S305 - the protocol names it
    unpadder = PKCS7(AES.block_size).unpadder()
    try:
        return unpadder.update(opener.update(content) + opener.finalize()) + unpadder.finalize()
    except ValueError as error:
        raise UnreadableMessage("req_info does not decrypt with the APIv2 key; was it changed at WeChat?") from error
