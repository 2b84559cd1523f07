"""The Mandate's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Ignored, Picture, Strict, Whole, Words
from wxbackend.domain.money import AMOUNT_MINOR_UNITS_MAX


class RevokeParameters(Strict):
    """`POST /v1/mandates/{id}/revoke`."""

    expand = Ignored()


class AnnounceParameters(Strict):
    """`POST /v1/mandates/{id}/announce_debit`."""

    amount = Whole(
        required=True,
        metadata={
            "minimum": 1,
            "maximum": AMOUNT_MINOR_UNITS_MAX,
            "description": "The most that will be charged, in the smallest unit.",
            "example": 3000,
        },
    )
    currency = Words(3, required=True, metadata={"example": "CNY"})
    expand = Ignored()


class RetrieveQuery(Strict):
    """`GET /v1/mandates/{id}`."""

    expand = Ignored()


class DebitNoticePicture(Picture):
    """What the buyer was last told of a debit to come."""

    amount = fields.Integer(required=True)
    currency = fields.String(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    chargeable_from = fields.String(metadata={"description": "The first day on which it may be charged."})
    chargeable_until = fields.String(metadata={"description": "The last one."})


class AcceptancePicture(Picture):
    """When the buyer signed."""

    type = fields.String(required=True, metadata={"enum": ["online"]})
    accepted_at = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})


class MandatePicture(Picture):
    """The buyer's permission to be charged without being asked again."""

    id = fields.String(required=True, metadata={"pattern": "^mandate_[0-9]{19}$"})
    object = fields.String(required=True, metadata={"enum": ["mandate"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    status = fields.String(required=True, metadata={"enum": ["pending", "active", "inactive"]})
    type = fields.String(required=True, metadata={"enum": ["multi_use"]})
    customer = fields.String(required=True)
    payment_method = fields.String(required=True)
    payment_method_details = fields.Dict(required=True)
    setup_intent = fields.String(required=True)
    customer_acceptance = fields.Nested(AcceptancePicture())
    debit_notice = fields.Nested(DebitNoticePicture())
    ended_at = fields.Integer(metadata={"description": "Unix milliseconds."})


REVOKE: Final = RevokeParameters()
ANNOUNCE: Final = AnnounceParameters()
RETRIEVE: Final = RetrieveQuery()
MANDATE: Final = MandatePicture()
