"""Pictures of the balance and its transactions."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Ignored, Picture, Strict
from wxbackend.api.pagination import ListQuery


class BalanceQuery(Strict):
    """`GET /v1/balance`."""

    expand = Ignored()


class Funds(Picture):
    """An amount of one currency."""

    amount = fields.Integer(required=True)
    currency = fields.String(required=True)


class BalancePicture(Picture):
    """`available`: what came in less what went out or is reserved; `pending`: what is reserved for refunds.

    `frozen`: how much of it WeChat holds until the goods of mini program orders are shipped and received.
    """

    object = fields.String(required=True)
    available = fields.List(fields.Nested(Funds()), required=True)
    pending = fields.List(fields.Nested(Funds()), required=True)
    frozen = fields.List(fields.Nested(Funds()), required=True)
    livemode = fields.Boolean(required=True)


class BalanceTransactionPicture(Picture):
    """One movement of money at a provider; what left is negative."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    amount = fields.Integer(required=True)
    created = fields.Integer(required=True)
    currency = fields.String(required=True)
    fee = fields.Integer(required=True)
    net = fields.Integer(required=True)
    source = fields.String(required=True, allow_none=True, metadata={"description": "null for a fee of the provider."})
    status = fields.String(required=True)
    type = fields.String(required=True)


class BalanceTransactionList(Picture):
    """A page of movements."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(BalanceTransactionPicture()), required=True)


QUERY: Final = BalanceQuery()
LIST: Final = ListQuery()
BALANCE: Final = BalancePicture()
TRANSACTIONS: Final = BalanceTransactionList()
