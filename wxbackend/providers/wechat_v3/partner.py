"""A sub-merchant's number, for which a service provider signs (服务商模式; reference: WeChat Pay v3, partner columns).

It takes payments, refunds them and has bills of them. What is a product of its own at WeChat is not offered here:
transfers to people, profit sharing and auto-debit. The bill of the sub-merchant's funds is another one (encrypted,
in several files) and is not fetched.
"""

from __future__ import annotations

from wxbackend.domain.bill import BillKind
from wxbackend.providers.wechat_v3.adapter import PaymentCalls


class WechatPartner(PaymentCalls):
    """See `ports.provider.Provider`; `merchant` is the sub-merchant's number."""

    bill_kinds = frozenset({BillKind.PAYMENTS})
