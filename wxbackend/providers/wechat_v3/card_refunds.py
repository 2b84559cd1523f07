"""An abnormal refund goes to a bank card instead: the JSON of that request.

Source: refund/refunds/create-abnormal-refund.

A buyer's account number and name go encrypted; the request is repeated with the same numbers and changes
nothing the second time.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wxbackend.domain.card import Card, Holder
from wxbackend.domain.refund import Refund
from wxbackend.providers.wechat_v3.roles import Role
from wxbackend.providers.wechat_v3.sealing import seal_field
from wxbackend.providers.wechat_v3.wire import REFUND_PATH

BANKS: Final = frozenset(
    {
        "ICBC", "ABC", "CCB", "BOC", "COMM", "CMB", "PSBC", "SPDB", "CITIC", "CEB", "CMBC", "CIB", "GDB", "PAB",
        "NBCB",
    }
)  # fmt: skip
"""They are spelled with `_DEBIT` behind: only debit cards take a refund."""
_KINDS: Final = {Holder.MERCHANT: "MERCHANT_BANK_CARD", Holder.BUYER: "USER_BANK_CARD"}


def target(refund: Refund) -> str:
    """The path, which names the refund by WeChat's number."""
    assert refund.handle, "an abnormal refund was seen at the provider, where it has a number"
    return f"{REFUND_PATH}/{quote(refund.handle, safe='')}/apply-abnormal-refund"


def body(refund: Refund, card: Card, role: Role, *, key: RSAPublicKey | None) -> bytes:
    """The body; `key` is needed for a buyer's card."""
    told = {**role.beside(refund.merchant), "out_refund_no": refund.out_refund_no, "type": _KINDS[card.holder]}
    if card.holder is Holder.BUYER:
        assert key is not None
        told |= {
            "bank_type": f"{card.bank}_DEBIT",
            "bank_account": seal_field(key, card.number or ""),
            "real_name": seal_field(key, card.name or ""),
        }
    return orjson.dumps(told)
