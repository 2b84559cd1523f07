"""Notices of the global API: sealed and signed as those of API v3, with contents of their own.

What a payment's notice says counts. A refund's is taken for a hint, and WeChat is asked: the names of what such a
notice holds are not published well enough to move money by them.
"""

from __future__ import annotations

from typing import Final

from wxbackend.domain.errors import UnreadableMessage
from wxbackend.ports.provider import Notice
from wxbackend.providers.wechat_global import mapping
from wxbackend.providers.wechat_v3 import wire
from wxbackend.providers.wechat_v3.notify import NOTICE_ID_CHARACTERS_MAX, unsealed

PAID_KIND: Final = "TRANSACTION.SUCCESS"
REFUND_KINDS: Final = "REFUND."


def parse(apiv3_keys: tuple[bytes, ...], body: bytes) -> Notice:
    """The notice in bytes whose signature was verified; raises `UnreadableMessage`."""
    envelope = wire.parse_object(body)
    notice_id = wire.required_text(envelope, "id")
    if len(notice_id) > NOTICE_ID_CHARACTERS_MAX:
        raise UnreadableMessage("the notice's id is longer than any that WeChat makes")
    kind = wire.required_text(envelope, "event_type")
    content = unsealed(apiv3_keys, envelope)
    merchant = wire.text(content, "mchid") or wire.text(content, "sp_mchid") or ""
    number = wire.text(content, "out_trade_no")
    if kind.startswith(REFUND_KINDS):
        return Notice(notice_id, kind, merchant, number, None, wire.required_text(content, "out_refund_no"))
    paid = kind == PAID_KIND and number is not None
    return Notice(notice_id, kind, merchant, number, mapping.of_transaction(content) if paid else None)
