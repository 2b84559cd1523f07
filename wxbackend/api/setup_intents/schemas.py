"""The SetupIntent's parameters and its picture in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from wxbackend.api.field_types import (
    Choice,
    Flag,
    Ignored,
    Metadata,
    Part,
    Picture,
    Strict,
    Url,
    WordList,
    Words,
)
from wxbackend.api.pagination import ListQuery
from wxbackend.api.payment_intents.schemas import MethodData, MethodOptions, ShownMethodOptionsPicture

_STATUSES: Final = ["requires_payment_method", "requires_confirmation", "requires_action", "succeeded", "canceled"]


class ConfirmSetupParameters(Strict):
    """`POST /v1/setup_intents/{id}/confirm`."""

    payment_method_data = Part(MethodData())
    payment_method_options = Part(MethodOptions())
    payment_method_types = WordList()
    return_url = Url(metadata={"description": "Kept and shown; may come without a scheme."})
    client_secret = Words(200, metadata={"description": "Instead of the Client-Secret header."})
    usage = Choice(("off_session",))
    allowed_payment_method_types = Ignored()
    automatic_payment_methods = Ignored()
    expand = Ignored()
    mandate_data = Ignored()
    use_stripe_sdk = Ignored()

    @validates_schema
    def can_be_saved(self, data: dict[str, Any], **kwargs: Any) -> None:
        """The only method that can be saved so far."""
        types = data.get("payment_method_types")
        if types and not any(name.lower() == "wechat_pay" for name in types):
            raise ValidationError(
                {"payment_method_types": ["payment_method_not_available|wechat_pay is what can be saved here."]}
            )


class CreateSetupParameters(ConfirmSetupParameters):
    """`POST /v1/setup_intents`."""

    customer = Words(64, required=True, metadata={"description": "Who is to be charged: cus_…."})
    confirm = Flag(metadata={"description": "Ask for a page to sign on at once; needs a payment method."})
    description = Words(500, blank="unset")
    metadata = Metadata(metadata={"description": "Texts of yours by name."})


class CancelSetupParameters(Strict):
    """`POST /v1/setup_intents/{id}/cancel`."""

    cancellation_reason = Words(500, blank="unset")
    expand = Ignored()


class RetrieveSetupQuery(Strict):
    """`GET /v1/setup_intents/{id}`."""

    client_secret = Words(200, metadata={"description": "Instead of the Client-Secret header; prefer that one."})
    expand = Ignored()


class SetupListQuery(ListQuery):
    """`GET /v1/setup_intents`."""

    customer = Words(64, metadata={"description": "Only of this customer."})


class RedirectPicture(Picture):
    """Where an official account's page leads the buyer."""

    url = fields.String(required=True)


class NavigatePicture(Picture):
    """What a mini program hands to wx.navigateToMiniProgram."""

    appId = fields.String(required=True)  # noqa: N815 - WeChat's spelling
    path = fields.String(required=True)
    extraData = fields.Dict(required=True)  # noqa: N815


class SetupNextAction(Picture):
    """Where the buyer signs."""

    type = fields.String(
        required=True,
        metadata={
            "description": "The name of the member to use.",
            "enum": ["redirect_to_url", "navigate_to_mini_program"],
        },
    )
    redirect_to_url = fields.Nested(RedirectPicture())
    navigate_to_mini_program = fields.Nested(NavigatePicture())


class LastSetupError(Picture):
    """Why nothing was signed."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    decline_code = fields.String()


class SetupIntentPicture(Picture):
    """A SetupIntent; fields that are not set are left out, and a publishable key is shown a part of them."""

    id = fields.String(required=True, metadata={"pattern": "^seti_[0-9]{19}$"})
    object = fields.String(required=True, metadata={"enum": ["setup_intent"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    status = fields.String(required=True, metadata={"enum": _STATUSES})
    usage = fields.String(required=True, metadata={"enum": ["off_session"]})
    client_secret = fields.String(
        metadata={"description": "For the buyer's side of this one SetupIntent; keep out of logs."}
    )
    customer = fields.String()
    next_action = fields.Nested(SetupNextAction())
    last_setup_error = fields.Nested(LastSetupError())
    payment_method_types = fields.List(fields.String(), required=True)
    payment_method_options = fields.Nested(ShownMethodOptionsPicture())
    payment_method = fields.String(metadata={"description": "What can be charged; there once it was signed."})
    mandate = fields.String(metadata={"description": "There once it was signed."})
    description = fields.String()
    return_url = fields.String()
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    cancellation_reason = fields.String()
    canceled_at = fields.Integer(metadata={"description": "Unix milliseconds."})


class SetupIntentList(Picture):
    """A page of SetupIntents."""

    object = fields.String(required=True, metadata={"enum": ["list"]})
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(SetupIntentPicture()), required=True)


CREATE: Final = CreateSetupParameters()
CONFIRM: Final = ConfirmSetupParameters()
CANCEL: Final = CancelSetupParameters()
RETRIEVE: Final = RetrieveSetupQuery()
LIST: Final = SetupListQuery()
SETUP: Final = SetupIntentPicture()
SETUP_LIST: Final = SetupIntentList()
