"""`t=<seconds>,v1=<lower-case hex>`: HMAC-SHA256 over the time, a dot and the raw body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence


def header(secrets: Sequence[str], body: bytes, *, now_s: int) -> str:
    """The header's value; one `v1` for each secret, so that a secret can be changed without a gap."""
    message = f"{now_s}.".encode() + body
    values = [hmac.new(secret.encode(), message, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={now_s}", *(f"v1={value}" for value in values)])
