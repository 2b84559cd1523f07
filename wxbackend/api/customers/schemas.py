"""The Customer's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields

from wxbackend.api.field_types import Ignored, Metadata, Picture, Strict, Words
from wxbackend.api.pagination import ListQuery
from wxbackend.api.payment_intents.schemas import IDENTIFIER_CHARACTERS_MAX, OPENID_CHARACTERS_MAX
from wxbackend.domain.customer import APPS_MAX


class Openids(fields.Field[dict[str, str]]):
    """The buyer's openid by appid; an empty one unsets it."""

    default_error_messages = {  # noqa: RUF012 - marshmallow reads a class attribute
        "null": "parameter_invalid_empty|This parameter can't be null."
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > APPS_MAX:
            raise ValidationError(f"parameter_invalid|openids is a structure of up to {APPS_MAX} appids with openids.")
        for app, openid in value.items():
            if not isinstance(openid, str):
                raise ValidationError({app: ["parameter_invalid_string|This must be a text."]})
            if len(openid) > OPENID_CHARACTERS_MAX:
                raise ValidationError(
                    {app: [f"parameter_too_long|An openid has at most {OPENID_CHARACTERS_MAX} characters."]}
                )
        return value


class CustomerParameters(Strict):
    """`POST /v1/customers` and `POST /v1/customers/{id}`."""

    merchant_user_id = Words(
        IDENTIFIER_CHARACTERS_MAX, blank="unset", metadata={"description": "Your number of the buyer."}
    )
    description = Words(500, blank="unset")
    openids = Openids(metadata={"description": "The buyer's openid by appid; an empty one unsets it."})
    metadata = Metadata(metadata={"description": "Texts of yours by name; an empty text unsets a name."})
    expand = Ignored()


class RetrieveQuery(Strict):
    """`GET /v1/customers/{id}`."""

    expand = Ignored()


class CustomerListQuery(ListQuery):
    """`GET /v1/customers`."""

    merchant_user_id = Words(IDENTIFIER_CHARACTERS_MAX, metadata={"description": "Only of this buyer of yours."})


class MethodsQuery(ListQuery):
    """`GET /v1/customers/{id}/payment_methods`."""

    type = Words(100, metadata={"description": "Only of this type: wechat_pay."})


class CustomerPicture(Picture):
    """A Customer; fields that are not set are left out."""

    id = fields.String(required=True, metadata={"pattern": "^cus_[0-9]{19}$"})
    object = fields.String(required=True, metadata={"enum": ["customer"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    merchant_user_id = fields.String()
    description = fields.String()
    openids = fields.Dict(keys=fields.String(), values=fields.String())
    metadata = fields.Dict(keys=fields.String(), values=fields.String())


class CustomerList(Picture):
    """A page of Customers."""

    object = fields.String(required=True, metadata={"enum": ["list"]})
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(CustomerPicture()), required=True)


PARAMETERS: Final = CustomerParameters()
RETRIEVE: Final = RetrieveQuery()
LIST: Final = CustomerListQuery()
METHODS: Final = MethodsQuery()
CUSTOMER: Final = CustomerPicture()
CUSTOMER_LIST: Final = CustomerList()
