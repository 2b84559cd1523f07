"""The parameters of shippings and their picture in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields

from wxbackend.api.field_types import Choice, Flag, Ignored, Part, Picture, Strict, Whole, Words
from wxbackend.api.pagination import ListQuery
from wxbackend.domain.shipping import (
    CARRIER_CHARACTERS_MAX,
    CONTACT_CHARACTERS_MAX,
    DESCRIPTION_CHARACTERS_MAX,
    PARCELS_MAX,
    PUBLIC_STATUS,
    TRACKING_NUMBER_CHARACTERS_MAX,
    Logistics,
)

LOGISTICS_TYPES: Final = tuple(kind.value for kind in Logistics)
DELIVERY_MODES: Final = ("unified", "split")
STATUSES: Final = tuple(dict.fromkeys(PUBLIC_STATUS.values()))
_CONTACT: Final = {"description": "A telephone number whose last four digits are shown: 189****1234."}


class ShippingItem(Strict):
    """One parcel, or the whole of an order that no carrier has."""

    description = Words(DESCRIPTION_CHARACTERS_MAX, required=True, metadata={"description": "What the buyer reads."})
    tracking_number = Words(TRACKING_NUMBER_CHARACTERS_MAX, blank="unset")
    carrier = Words(CARRIER_CHARACTERS_MAX, blank="unset", metadata={"description": "WeChat's short name: ZTO, SF …"})
    consignor_contact = Words(CONTACT_CHARACTERS_MAX, blank="unset", metadata=_CONTACT)
    receiver_contact = Words(CONTACT_CHARACTERS_MAX, blank="unset", metadata=_CONTACT)


class Items(fields.List[Any]):
    """A list of structures, from JSON or from a form's `items[0][description]`."""

    default_error_messages = {  # noqa: RUF012 - marshmallow reads a class attribute
        "required": "parameter_missing|This parameter is needed.",
        "null": "parameter_invalid_empty|This parameter can't be null.",
        "invalid": "parameter_invalid|This must be a list of items.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list) and len(value) > PARCELS_MAX:
            raise ValidationError(f"parameter_too_long|There are {len(value)} items; {PARCELS_MAX} are the most.")
        found: list[Any] = super()._deserialize(value, attr, data, **kwargs)
        return found


class UploadParameters(Strict):
    """`POST /v1/payment_intents/{id}/shipping`."""

    logistics_type = Choice(LOGISTICS_TYPES, required=True)
    delivery_mode = Choice(DELIVERY_MODES, metadata={"description": "`unified` when left out."})
    all_shipped = Flag(metadata={"description": "With `split`: whether these parcels are the last ones."})
    items = Items(Part(ShippingItem()), required=True)
    expand = Ignored()


class RemindParameters(Strict):
    """`POST /v1/payment_intents/{id}/shipping/remind`."""

    received_at = Whole(metadata={"description": "When the carrier handed it over, in Unix milliseconds."})
    expand = Ignored()


class ShippingQuery(Strict):
    """`GET /v1/payment_intents/{id}/shipping`."""

    expand = Ignored()


class ShippingListQuery(ListQuery):
    """`GET /v1/shippings`."""

    status = Choice(STATUSES, metadata={"description": "Only those that stand there."})
    overdue = Flag(metadata={"description": "Only those that WeChat waits for with a day left at the most."})


class ParcelPicture(Picture):
    """One parcel."""

    description = fields.String(required=True)
    tracking_number = fields.String()
    carrier = fields.String()
    consignor_contact = fields.String()
    receiver_contact = fields.String()


class ShippingPicture(Picture):
    """What WeChat knows of a payment's goods; fields that are not set are left out."""

    id = fields.String(required=True)
    object = fields.String(required=True, metadata={"enum": ["shipping"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    payment_intent = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": list(STATUSES)})
    failure_reason = fields.String()
    amount = fields.Integer(required=True)
    amount_frozen = fields.Integer(required=True, metadata={"description": "What WeChat still holds of it."})
    currency = fields.String(required=True)
    ship_by = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    corrections_left = fields.Integer()
    reminded_at = fields.Integer()
    settles_at = fields.Integer()
    settled_at = fields.Integer()
    logistics_type = fields.String(metadata={"enum": list(LOGISTICS_TYPES)})
    delivery_mode = fields.String(metadata={"enum": list(DELIVERY_MODES)})
    all_shipped = fields.Boolean()
    items = fields.List(fields.Nested(ParcelPicture()))


class ShippingList(Picture):
    """A page of shippings."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(ShippingPicture()), required=True)


UPLOAD: Final = UploadParameters()
REMIND: Final = RemindParameters()
RETRIEVE: Final = ShippingQuery()
LIST: Final = ShippingListQuery()
SHIPPING: Final = ShippingPicture()
SHIPPING_LIST: Final = ShippingList()
