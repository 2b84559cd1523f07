"""The Refund's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Choice, Ignored, Metadata, Picture, Strict, Whole, Words
from wxbackend.api.pagination import ListQuery

REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer", "resolved_dispute")


class CreateRefundParameters(Strict):
    """`POST /v1/refunds`."""

    payment_intent = Words(64, required=True, metadata={"description": "What to give money back of."})
    amount = Whole(metadata={"description": "In the smallest unit; all that remains when left out."})
    reason = Choice(REASONS, blank="unset")
    metadata = Metadata()
    expand = Ignored()


class UpdateRefundParameters(Strict):
    """`POST /v1/refunds/{id}`."""

    metadata = Metadata(required=True)
    expand = Ignored()


class RetrieveRefundQuery(Strict):
    """`GET /v1/refunds/{id}`."""

    expand = Ignored()


class RefundListQuery(ListQuery):
    """`GET /v1/refunds`."""

    payment_intent = Words(64, metadata={"description": "Only the refunds of this payment."})


class RefundPicture(Picture):
    """A Refund; fields that are not set are left out."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    amount = fields.Integer(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    currency = fields.String(required=True)
    livemode = fields.Boolean(required=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    payment_intent = fields.String(required=True)
    reason = fields.String()
    description = fields.String()
    status = fields.String(required=True, metadata={"enum": ["pending", "requires_action", "succeeded", "failed"]})
    pending_reason = fields.String()
    failure_reason = fields.String()


class RefundList(Picture):
    """A page of Refunds."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(RefundPicture()), required=True)


CREATE: Final = CreateRefundParameters()
UPDATE: Final = UpdateRefundParameters()
RETRIEVE: Final = RetrieveRefundQuery()
LIST: Final = RefundListQuery()
REFUND: Final = RefundPicture()
REFUND_LIST: Final = RefundList()
