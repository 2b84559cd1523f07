"""Parameters and pictures of sharings, returns and receivers."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from wxbackend.api.field_types import Choice, Flag, Ignored, Metadata, Picture, Strict, Whole, Words
from wxbackend.api.pagination import ListQuery
from wxbackend.api.part_list import PartList
from wxbackend.domain.profit_sharing import RECEIVERS_MAX

DESCRIPTION_CHARACTERS_MAX: Final = 80
ACCOUNT_CHARACTERS_MAX: Final = 64
NAME_CHARACTERS_MAX: Final = 64
KINDS: Final = ("merchant", "person")
RELATIONS: Final = (
    "service_provider", "store", "staff", "store_owner", "partner", "headquarter", "brand", "distributor", "user",
    "supplier", "custom",
)  # fmt: skip
_ACCOUNT: Final = {"description": "A merchant's number, or a person's openid in the app of the payment."}
_NAME: Final = {"description": "Goes out encrypted and is never shown."}


class ReceiverParameters(Strict):
    """`receivers[n]`."""

    type = Choice(KINDS, required=True)
    account = Words(ACCOUNT_CHARACTERS_MAX, required=True, metadata=_ACCOUNT)
    amount = Whole(required=True, metadata={"minimum": 1, "description": "In the smallest unit."})
    description = Words(DESCRIPTION_CHARACTERS_MAX, required=True, bmp_only=True)
    name = Words(NAME_CHARACTERS_MAX, bmp_only=True, metadata=_NAME)


class CreateSharingParameters(Strict):
    """`POST /v1/profit_sharings`."""

    payment_intent = Words(64, required=True, metadata={"description": "The payment whose money is shared."})
    receivers = PartList(
        ReceiverParameters(), most=RECEIVERS_MAX, metadata={"description": "Leave it out to release what remains."}
    )
    finish = Flag(metadata={"description": "Release what remains after this; needed without receivers."})
    description = Words(DESCRIPTION_CHARACTERS_MAX, bmp_only=True)
    metadata = Metadata()
    expand = Ignored()

    @validates_schema
    def does_something(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Share with somebody, or release, or both; and with each once."""
        receivers = data.get("receivers", [])
        if not receivers and not data.get("finish"):
            told = "parameter_missing|Name receivers, or finish=true to release what remains."
            raise ValidationError({"receivers": [told]})
        accounts = [each["account"] for each in receivers]
        if len(set(accounts)) != len(accounts):
            raise ValidationError({"receivers": ["parameter_duplicate|Each account can be named once."]})
        for place, each in enumerate(receivers):
            if each["amount"] < 1:
                told = "parameter_invalid_integer|This must be at least 1."
                raise ValidationError({"receivers": {str(place): {"amount": [told]}}})


class CreateReturnParameters(Strict):
    """`POST /v1/profit_sharing_returns`."""

    profit_sharing = Words(64, required=True, metadata={"description": "The sharing that the part belongs to."})
    receiver = Words(ACCOUNT_CHARACTERS_MAX, required=True, metadata={"description": "The merchant that has the part."})
    amount = Whole(required=True, metadata={"minimum": 1, "description": "In the smallest unit."})
    description = Words(DESCRIPTION_CHARACTERS_MAX, required=True, bmp_only=True)
    metadata = Metadata()
    expand = Ignored()


class RemoveReceiverParameters(Strict):
    """`POST /v1/profit_sharing_receivers/remove`."""

    type = Choice(KINDS, required=True)
    account = Words(ACCOUNT_CHARACTERS_MAX, required=True, metadata=_ACCOUNT)
    app_id = Words(32, metadata={"description": "The app that it is for, if there are several."})
    expand = Ignored()


class AddReceiverParameters(RemoveReceiverParameters):
    """`POST /v1/profit_sharing_receivers`."""

    relation = Choice(RELATIONS, required=True)
    custom_relation = Words(10, bmp_only=True, metadata={"description": "What it is called; with `custom` only."})
    name = Words(
        NAME_CHARACTERS_MAX, bmp_only=True,
        metadata={"description": "A merchant's full name is needed, a person's is optional. It goes out encrypted."},
    )  # fmt: skip


class RetrieveSharingQuery(Strict):
    """`GET` of one."""

    expand = Ignored()


class SharingListQuery(ListQuery):
    """`GET /v1/profit_sharings`."""

    payment_intent = Words(64, metadata={"description": "Only those of this payment."})


class ReturnListQuery(ListQuery):
    """`GET /v1/profit_sharing_returns`."""

    profit_sharing = Words(64, metadata={"description": "Only those of this sharing."})


class SharingReceiverPicture(Picture):
    """One receiver, and what became of its part."""

    type = fields.String(required=True, metadata={"enum": list(KINDS)})
    account = fields.String(required=True)
    amount = fields.Integer(required=True)
    description = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["pending", "succeeded", "closed"]})
    failure_reason = fields.String()


class ProfitSharingPicture(Picture):
    """A ProfitSharing; fields that are not set are left out."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    amount = fields.Integer(required=True, metadata={"description": "All receivers' parts together."})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    currency = fields.String(required=True)
    description = fields.String(required=True)
    finish = fields.Boolean(required=True)
    livemode = fields.Boolean(required=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    payment_intent = fields.String(required=True)
    receivers = fields.List(fields.Nested(SharingReceiverPicture()), required=True)
    status = fields.String(required=True, metadata={"enum": ["pending", "processing", "finished", "failed"]})
    failure_reason = fields.String()
    finished_at = fields.Integer(metadata={"description": "Unix milliseconds."})
    out_order_no = fields.String(required=True, metadata={"description": "Its one number at WeChat Pay."})


class ProfitSharingReturnPicture(Picture):
    """A ProfitSharingReturn; fields that are not set are left out."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    amount = fields.Integer(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    currency = fields.String(required=True)
    description = fields.String(required=True)
    livemode = fields.Boolean(required=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    payment_intent = fields.String(required=True)
    profit_sharing = fields.String(required=True)
    receiver = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["pending", "succeeded", "failed"]})
    failure_reason = fields.String()
    returned_at = fields.Integer(metadata={"description": "Unix milliseconds."})
    out_return_no = fields.String(required=True, metadata={"description": "Its one number at WeChat Pay."})


class ProfitSharingReceiverPicture(Picture):
    """Somebody with whom money may be shared, or may no longer be."""

    object = fields.String(required=True)
    type = fields.String(required=True, metadata={"enum": list(KINDS)})
    account = fields.String(required=True)
    app_id = fields.String(required=True)
    livemode = fields.Boolean(required=True)
    relation = fields.String()
    custom_relation = fields.String()
    removed = fields.Boolean()


class ProfitSharingList(Picture):
    """A page of ProfitSharings."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(ProfitSharingPicture()), required=True)


class ProfitSharingReturnList(Picture):
    """A page of ProfitSharingReturns."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(ProfitSharingReturnPicture()), required=True)


CREATE: Final = CreateSharingParameters()
CREATE_RETURN: Final = CreateReturnParameters()
ADD: Final = AddReceiverParameters()
REMOVE: Final = RemoveReceiverParameters()
RETRIEVE: Final = RetrieveSharingQuery()
LIST: Final = SharingListQuery()
LIST_RETURNS: Final = ReturnListQuery()
SHARING: Final = ProfitSharingPicture()
SHARING_LIST: Final = ProfitSharingList()
RETURN: Final = ProfitSharingReturnPicture()
RETURN_LIST: Final = ProfitSharingReturnList()
RECEIVER: Final = ProfitSharingReceiverPicture()
