"""Fields that only WeChat may read: RSA-OAEP with SHA-1, its key named by the request (reference: A8)."""

from __future__ import annotations

import base64
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PLAIN_BYTES_MAX: Final = 214
"""What RSA-2048 takes under this padding."""
_SHA1: Final = hashes.SHA1()  # noqa: S303 - the protocol names it


def seal_field(key: RSAPublicKey, plain: str) -> str:
    """The field as it goes over the wire; two calls never give the same text."""
    padding = OAEP(mgf=MGF1(_SHA1), algorithm=_SHA1, label=None)
    return base64.b64encode(key.encrypt(plain.encode(), padding)).decode("ascii")
