"""Notices of API v2: a payment's is signed and says what happened; a refund's is not, and only says where to look.

`req_info` is encrypted without any proof of who wrote it, so what it says of a refund is thrown away: the
notice names the refund and carries no observation (reference: WeChat Pay API v2, notifications).
"""

from __future__ import annotations

import hashlib
from typing import Final

from wxbackend.domain.errors import BadSignature, UnreadableMessage
from wxbackend.ports.provider import Acknowledgement, Notice
from wxbackend.providers.wechat_v2 import mapping, signing, wire
from wxbackend.providers.wechat_v2.config import MerchantConfig

PAYMENT: Final = "PAYMENT"
REFUND: Final = "REFUND"
CHANGING: Final = frozenset({"sign", "nonce_str"})
"""What differs when the same notice is sent again."""
NUMBER_CHARACTERS_MAX: Final = 64

_XML: Final = {"Content-Type": "text/xml; charset=utf-8"}
ACCEPTED: Final = Acknowledgement(
    200, _XML, wire.document({"return_code": "SUCCESS", "return_msg": "OK"})
)  # fmt: skip
REFUSED: Final = Acknowledgement(
    401, _XML, wire.document({"return_code": "FAIL", "return_msg": "the message is not proven to come from WeChat Pay"})
)
"""A refusal makes WeChat send again."""


def read(config: MerchantConfig, body: bytes) -> Notice:
    """The notice in these bytes, or `Untrusted`."""
    fields = wire.parse(body)
    if fields.get("return_code") != "SUCCESS":
        raise UnreadableMessage("the notice tells of nothing")
    if "req_info" not in fields:
        signing.verify_by_any(fields, keys=config.keys, sign_type=config.sign_type)
    elif fields.get("appid") not in config.apps:
        raise BadSignature("the notice is of an app that is not this merchant's")
    if fields.get("mch_id") != config.mchid:
        raise BadSignature("the notice is of another merchant's number")
    return _notice(config, fields)


def reread(config: MerchantConfig, body: bytes) -> Notice:
    """The notice in bytes that were believed before."""
    return _notice(config, wire.parse(body))


def _notice(config: MerchantConfig, fields: wire.Fields) -> Notice:
    if "req_info" in fields:
        return _of_refund(config, fields["req_info"])
    number = wire.required_text(fields, "out_trade_no")
    paid = fields.get("result_code") == "SUCCESS" and (fields.get("trade_state") or "SUCCESS") in mapping.PAID_STATES
    observation = mapping.of_payment(fields) if paid else None
    return Notice(_id(PAYMENT, fields), PAYMENT, config.mchid, number, observation)


def _of_refund(config: MerchantConfig, sealed: str) -> Notice:
    content = _opened(config.keys, sealed)
    out_refund_no = wire.required_text(content, "out_refund_no")
    if len(out_refund_no) > NUMBER_CHARACTERS_MAX:
        raise UnreadableMessage("the refund's number is longer than any of ours")
    number = content.get("out_trade_no") or None
    return Notice(_id(REFUND, content), REFUND, config.mchid, number, None, out_refund_no)


def _opened(keys: tuple[str, ...], sealed: str) -> wire.Fields:
    """What the first key that makes sense of it finds: a wrong one mostly fails at the padding, else at the XML."""
    for key in keys[:-1]:
        try:
            return wire.parse(signing.open_sealed(sealed, key=key), root="root")
        except UnreadableMessage:
            continue
    return wire.parse(signing.open_sealed(sealed, key=keys[-1]), root="root")


def _id(kind: str, fields: wire.Fields) -> str:
    """They have no number of their own: what a notice says is what it is."""
    said = "".join(f"{name}={fields[name]}\n" for name in sorted(fields) if name not in CHANGING)
    return hashlib.sha256(f"{kind}\n{said}".encode()).hexdigest()
