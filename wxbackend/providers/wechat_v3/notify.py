"""Notices of API v3: verify, then parse, then decrypt, then read. Nothing here calls out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from wxbackend.domain.errors import UnreadableMessage
from wxbackend.ports.provider import Acknowledgement, GroupNews, Notice, SharingNews, TransferNews
from wxbackend.providers.wechat_v3 import combined, mandate_wire, mapping, sharing, transfers, wire
from wxbackend.providers.wechat_v3.roles import DIRECT, Role
from wxbackend.providers.wechat_v3.signing import PlatformKeys, unseal, verify

ALGORITHM: Final = "AEAD_AES_256_GCM"
NOTICE_ID_CHARACTERS_MAX: Final = 64
TRANSACTION_KINDS: Final = frozenset({"TRANSACTION.SUCCESS", "TRANSACTION.FAIL"})
REFUND_KINDS: Final = frozenset({"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"})

ACCEPTED: Final = Acknowledgement(204, {}, b"")
REFUSED: Final = Acknowledgement(
    401,
    {"Content-Type": "application/json; charset=utf-8"},
    orjson.dumps({"code": "FAIL", "message": "the message is not proven to come from WeChat Pay"}),
)
"""A refusal makes WeChat send again; a signature probe is answered by it as well."""


def read(
    keys: PlatformKeys,
    apiv3_keys: tuple[bytes, ...],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: int,
    role: Role = DIRECT,
    mchid: str | None = None,
) -> Notice:
    """The notice in these bytes, or `Untrusted`."""
    verify(keys, headers, body, now_s=now_s)
    return parse(apiv3_keys, body, role=role, mchid=mchid)


def parse(apiv3_keys: tuple[bytes, ...], body: bytes, *, role: Role = DIRECT, mchid: str | None = None) -> Notice:
    """The notice in bytes whose signature was verified; `mchid` is the number to which it was sent."""
    envelope = wire.parse_object(body)
    notice_id = wire.required_text(envelope, "id")
    if len(notice_id) > NOTICE_ID_CHARACTERS_MAX:
        raise UnreadableMessage("the notice's id is longer than any that WeChat makes")
    kind = wire.required_text(envelope, "event_type")
    content = unsealed(apiv3_keys, envelope)
    merchant = role.merchant(content) or ""
    number = wire.text(content, "out_trade_no")
    group_number = combined.combined_number(content)
    if kind in TRANSACTION_KINDS and group_number is not None:
        news = GroupNews(group_number, combined.of_combined(content))
        return Notice(notice_id, kind, wire.required_text(content, "combine_mchid"), group_number, None, group=news)
    observation = None
    if kind in TRANSACTION_KINDS and number is not None:
        debit = role is DIRECT and mandate_wire.is_debit(kind, content)
        observation = mandate_wire.of_debit(content) if debit else mapping.of_transaction(content, role)
    if kind in mandate_wire.KINDS:
        contract = mandate_wire.of_contract(content, now_ms=_made_ms(envelope), kind=kind)
        out_mandate_no = mandate_wire.contract_number(content)
        return Notice(
            notice_id, kind, merchant, None, None, out_mandate_no=out_mandate_no, mandate_observation=contract
        )
    if kind in transfers.NOTICE_KINDS:
        bill = TransferNews(wire.required_text(content, "out_bill_no"), transfers.of_bill(content))
        return Notice(notice_id, kind, merchant or wire.text(content, "mch_id") or "", None, None, transfer=bill)
    if kind in sharing.NOTICE_KINDS:
        about = sharing.sharing_number(content), wire.text(content, "out_return_no")
        return Notice(notice_id, kind, merchant, None, None, sharing=SharingNews(*about))
    if kind in REFUND_KINDS:
        refund_number = wire.required_text(content, "out_refund_no")
        # About another merchant's money it is a hint at most: without an observation we ask for ourselves.
        ours = mchid in (None, merchant)
        observed = mapping.of_refund(content, state_name="refund_status") if ours else None
        return Notice(notice_id, kind, merchant, number, None, refund_number, observed)
    return Notice(notice_id, kind, merchant, number, observation)


def _made_ms(envelope: dict[str, Any]) -> int:
    """When the notice was made, for contents that do not say when what they tell happened."""
    return wire.read_time_ms(wire.text(envelope, "create_time")) or 0


def unsealed(apiv3_keys: tuple[bytes, ...], envelope: dict[str, Any]) -> dict[str, Any]:
    """What an envelope holds, decrypted; raises `UnreadableMessage`."""
    if wire.required_text(envelope, "resource", "algorithm") != ALGORITHM:
        raise UnreadableMessage(f"the notice's algorithm is not {ALGORITHM}")
    plain = unseal(
        apiv3_keys,
        nonce=wire.required_text(envelope, "resource", "nonce"),
        associated_data=wire.text(envelope, "resource", "associated_data") or "",
        ciphertext=wire.required_text(envelope, "resource", "ciphertext"),
    )
    return wire.parse_object(plain)
