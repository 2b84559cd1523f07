"""The Refund's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Choice, Ignored, Metadata, Picture, Strict, Whole, Words
from wxbackend.api.pagination import ListQuery
from wxbackend.domain.card import Holder
from wxbackend.domain.refund import PUBLIC_STATUS
from wxbackend.domain.representation import PENDING_REASON

STATUSES: Final = tuple(dict.fromkeys(PUBLIC_STATUS.values()))
CARD_CHARACTERS_MAX: Final = 64
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


class CancelRefundParameters(Strict):
    """`POST /v1/refunds/{id}/cancel`."""

    expand = Ignored()


class SendToCardParameters(Strict):
    """`POST /v1/refunds/{id}/send_to_card`. A buyer's card is named by its bank, its number and its holder's name."""

    holder = Choice(tuple(holder.value for holder in Holder), required=True)
    bank = Words(16, metadata={"description": "The bank of a buyer's debit card: `ICBC`, `CMB`, …"})
    number = Words(CARD_CHARACTERS_MAX, metadata={"description": "Digits of a buyer's card. Never kept."})
    name = Words(CARD_CHARACTERS_MAX, bmp_only=True, metadata={"description": "The buyer's name. Never kept."})
    expand = Ignored()


class RetrieveRefundQuery(Strict):
    """`GET /v1/refunds/{id}`."""

    expand = Ignored()


class RefundListQuery(ListQuery):
    """`GET /v1/refunds`."""

    payment_intent = Words(64, metadata={"description": "Only the refunds of this payment."})
    status = Choice(STATUSES, metadata={"description": "Only those that have this status."})


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
    status = fields.String(required=True, metadata={"enum": list(STATUSES)})
    pending_reason = fields.String(metadata={"enum": sorted(set(PENDING_REASON.values()))})
    sends_at = fields.Integer(metadata={"description": "When a queued refund is sent. Unix milliseconds."})
    failure_reason = fields.String()
    next_action = fields.Dict(metadata={"description": "What a person has to do."})


class RefundList(Picture):
    """A page of Refunds."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(RefundPicture()), required=True)


CREATE: Final = CreateRefundParameters()
UPDATE: Final = UpdateRefundParameters()
CANCEL: Final = CancelRefundParameters()
SEND_TO_CARD: Final = SendToCardParameters()
RETRIEVE: Final = RetrieveRefundQuery()
LIST: Final = RefundListQuery()
REFUND: Final = RefundPicture()
REFUND_LIST: Final = RefundList()
