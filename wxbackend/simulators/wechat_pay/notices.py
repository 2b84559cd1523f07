"""What WeChat tells a merchant unasked: the envelope, its encryption and the headers that sign it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from uuid import uuid4

from wxbackend.simulators.clock import real_now, rfc3339
from wxbackend.simulators.wechat_pay.certificates import SigningKey
from wxbackend.simulators.wechat_pay.signing import (
    REPLY_NONCE_CHARACTERS,
    make_nonce,
    reply_message,
    seal,
    sign,
)

PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
UNKNOWN_SERIAL_BYTES = 20
# Seconds from one attempt to the next (reference: WeChat Pay v3 notifications): fifteen retries, about a day.
RETRY_AFTER_S = (
    15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """What a notice is about; `kind` is its original_type and the associated data of its encryption."""

    event_type: str
    summary: str
    kind: str


NUMBERS = ("combine_out_trade_no", "out_trade_no", "out_bill_no", "out_return_no", "out_order_no")
"""The merchant's number of what a notice is about, by whatever name it has there."""
PAID = Topic("TRANSACTION.SUCCESS", "支付成功", "transaction")


@dataclass(frozen=True, slots=True)
class Notice:
    """One event on its way to a merchant. The body, and so the `id` within, is the same at every attempt.

    `out_trade_no` is the merchant's number of what it is about, a transfer's too.
    """

    id: str
    event_type: str
    out_trade_no: str
    url: str
    created_at: float
    body: bytes = field(repr=False)
    out_refund_no: str = ""
    impostor: bytes | None = field(default=None, repr=False)
    """By API v2, whose messages prove themselves in their body: what somebody without the key would send."""


@dataclass(frozen=True, slots=True)
class Disguise:
    """How a signature deviates from a right one; the default does not."""

    probe: bool = False
    unknown_serial: bool = False
    unsigned: bool = False
    bad_signature: bool = False
    timestamp_offset_s: int = 0


def make_notice(
    resource: dict[str, object],
    *,
    url: str,
    apiv3_key: bytes,
    now: float,
    topic: Topic = PAID,
    event_id: str | None = None,
) -> Notice:
    """Wrap and encrypt a resource, a paid transaction unless another topic is named."""
    notice_id = event_id or str(uuid4())
    plaintext = json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
    envelope = {
        "id": notice_id,
        "create_time": rfc3339(now),
        "resource_type": "encrypt-resource",
        "event_type": topic.event_type,
        "summary": topic.summary,
        "resource": {
            "original_type": topic.kind,
            **seal(apiv3_key, plaintext, topic.kind),
        },
    }
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return Notice(
        id=notice_id,
        event_type=topic.event_type,
        out_trade_no=str(next((resource[name] for name in NUMBERS if name in resource), "")),
        url=url,
        created_at=now,
        body=body,
        out_refund_no=str(resource.get("out_refund_no", "")),
    )


def tampered(body: bytes) -> bytes:
    """The body with one character of the ciphertext changed, after it was signed."""
    marker = b'"ciphertext":"'
    at = body.find(marker)
    at = at + len(marker) if at >= 0 else 0
    replacement = b"B" if body[at : at + 1] == b"A" else b"A"
    return body[:at] + replacement + body[at + 1 :]


def signature_headers(key: SigningKey, body: bytes, disguise: Disguise) -> dict[str, str]:
    """The Wechatpay-* headers over these bytes at this real second (reference: WeChat Pay v3 verification)."""
    if disguise.unsigned:
        return {}
    timestamp = str(int(real_now()) + disguise.timestamp_offset_s)
    nonce = make_nonce(REPLY_NONCE_CHARACTERS)
    signed = body + b"?" if disguise.bad_signature else body
    signature = sign(key.private_key, reply_message(timestamp, nonce, signed))
    if disguise.probe:
        signature = PROBE_PREFIX + signature[: -len(PROBE_PREFIX)]
    serial = key.serial
    if disguise.unknown_serial:
        serial = secrets.token_hex(UNKNOWN_SERIAL_BYTES).upper()
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signature,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": SIGNATURE_TYPE,
    }


def xml_headers() -> dict[str, str]:
    """All headers of a notice by API v2."""
    return {
        "Content-Type": "text/xml",
        "User-Agent": "Mozilla/4.0",
        "Pragma": "no-cache",
        "Accept": "*/*",
        "Connection": "close",
    }


def make_request_id(cause: int) -> str:
    """`<opaque>-<number>`, where the number is the internal cause."""
    return f"08{secrets.token_hex(18).upper()}-{cause}"


def notice_headers(signature: dict[str, str]) -> dict[str, str]:
    """All headers of a notice delivery."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Mozilla/4.0",
        "Pragma": "no-cache",
        "Accept": "*/*",
        "Connection": "close",
        "Request-ID": make_request_id(0),
        **signature,
    }
