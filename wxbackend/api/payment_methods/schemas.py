"""The saved PaymentMethod's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.customers.schemas import MethodsQuery
from wxbackend.api.field_types import Ignored, Picture, Strict, Words


class DetachParameters(Strict):
    """`POST /v1/payment_methods/{id}/detach`."""

    expand = Ignored()


class RetrieveQuery(Strict):
    """`GET /v1/payment_methods/{id}`."""

    expand = Ignored()


class MethodListQuery(MethodsQuery):
    """`GET /v1/payment_methods`."""

    customer = Words(64, required=True, metadata={"description": "Whose."})


class SavedWechatPayPicture(Picture):
    """What is known of a saved WeChat Pay method."""

    app_id = fields.String(metadata={"description": "The app in which the buyer signed."})


class SavedMethodPicture(Picture):
    """A payment method that can be charged without the buyer while it has a `customer`."""

    id = fields.String(required=True, metadata={"pattern": "^pm_[0-9]{19}$"})
    object = fields.String(required=True, metadata={"enum": ["payment_method"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    type = fields.String(required=True, metadata={"enum": ["wechat_pay"]})
    wechat_pay = fields.Nested(SavedWechatPayPicture())
    billing_details = fields.Dict(required=True)
    customer = fields.String(metadata={"description": "Absent once its mandate is over: it can't be charged."})
    mandate = fields.String(required=True)


class MethodList(Picture):
    """A page of PaymentMethods."""

    object = fields.String(required=True, metadata={"enum": ["list"]})
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(SavedMethodPicture()), required=True)


DETACH: Final = DetachParameters()
RETRIEVE: Final = RetrieveQuery()
LIST: Final = MethodListQuery()
METHOD: Final = SavedMethodPicture()
METHOD_LIST: Final = MethodList()
