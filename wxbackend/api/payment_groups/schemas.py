"""The PaymentGroup's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import fields

from wxbackend.api.field_types import Ignored, Part, Picture, Strict, Url, WordList
from wxbackend.api.payment_intents.schemas import MethodData, MethodOptions, NextAction
from wxbackend.domain.money import MINOR_DIGITS
from wxbackend.domain.payment_group import MEMBERS_MAX, MEMBERS_MIN, GroupStatus

_STATUSES: Final = [status.value for status in GroupStatus]
_IDS: Final[dict[str, Any]] = {
    "description": f"{MEMBERS_MIN} to {MEMBERS_MAX} PaymentIntents of the account, in the order the buyer sees them.",
    "minItems": MEMBERS_MIN,
    "maxItems": MEMBERS_MAX,
}


class CreateGroupParameters(Strict):
    """`POST /v1/payment_groups`."""

    payment_intents = WordList(required=True, metadata=_IDS)
    payment_method_data = Part(MethodData(), required=True)
    payment_method_options = Part(MethodOptions())
    return_url = Url(metadata={"description": "May come without a scheme. WAP sends the buyer there afterwards."})
    expand = Ignored()


class CancelGroupParameters(Strict):
    """`POST /v1/payment_groups/{id}/cancel`."""

    expand = Ignored()


class RetrieveGroupQuery(Strict):
    """`GET /v1/payment_groups/{id}`."""

    expand = Ignored()


class GroupOrderPicture(Picture):
    """One PaymentIntent's part of the combined order."""

    payment_intent = fields.String(required=True)
    amount = fields.Integer(required=True)
    out_trade_no = fields.String(required=True, metadata={"description": "The order's number at WeChat and in bills."})
    status = fields.String(required=True, metadata={"description": "The PaymentIntent's status now."})


class GroupErrorPicture(Picture):
    """Why the combined order can't be paid."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    decline_code = fields.String()


class PaymentGroupPicture(Picture):
    """A PaymentGroup; fields that are not set are left out."""

    id = fields.String(required=True, metadata={"pattern": "^pg_[0-9]{19}$"})
    object = fields.String(required=True, metadata={"enum": ["payment_group"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    currency = fields.String(required=True, metadata={"enum": list(MINOR_DIGITS)})
    amount = fields.Integer(required=True, metadata={"description": "What the buyer pays in all."})
    status = fields.String(required=True, metadata={"enum": _STATUSES})
    payment_intents = fields.List(fields.String(), required=True)
    orders = fields.List(fields.Nested(GroupOrderPicture()), required=True)
    next_action = fields.Nested(NextAction())
    last_payment_error = fields.Nested(GroupErrorPicture())
    expires_at = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})


CREATE: Final = CreateGroupParameters()
CANCEL: Final = CancelGroupParameters()
RETRIEVE: Final = RetrieveGroupQuery()
GROUP: Final = PaymentGroupPicture()
