"""The PaymentIntent's parameters and its picture in the OpenAPI document; every schema is made once."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from wxbackend.api.field_types import (
    Choice,
    Flag,
    Ignored,
    Metadata,
    Part,
    Strict,
    Url,
    Whole,
    WordList,
    Words,
)
from wxbackend.api.pagination import ListQuery

DESCRIPTION_CHARACTERS_MAX: Final = 127
"""What WeChat shows and takes (doc/v3/merchant/4012791856)."""
IDENTIFIER_CHARACTERS_MAX: Final = 128
OPENID_CHARACTERS_MAX: Final = 128


class WechatPayOptions(Strict):
    """`payment_method_options[wechat_pay]`."""

    terminal_type = Words(40, metadata={"description": "official_account or mini_program, in any case."})
    openid = Words(
        OPENID_CHARACTERS_MAX, blank="kept", metadata={"description": "The buyer's openid; secret keys only."}
    )
    app_id = Words(32, metadata={"description": "Which of the account's apps, when it has several of the kind."})
    client_ip = Words(45, blank="unset")
    os_type = Words(16, blank="unset")
    client = Ignored()


class MethodOptions(Strict):
    """`payment_method_options`."""

    wechat_pay = Part(WechatPayOptions())


class MethodData(Strict):
    """`payment_method_data`."""

    type = Choice(("wechat_pay",), required=True)
    billing_details = Ignored()
    wechat_pay = Ignored()


class _Ignored(Strict):
    """What the seeds or Stripe's SDKs send and what changes nothing here."""

    allowed_payment_method_types = Ignored()
    automatic_payment_methods = Ignored()
    confirmation_method = Ignored()
    error_on_requires_action = Ignored()
    expand = Ignored()
    off_session = Ignored()
    quantity = Ignored()
    receipt_email = Ignored()
    shipping = Ignored()
    statement_descriptor = Ignored()
    statement_descriptor_suffix = Ignored()
    use_stripe_sdk = Ignored()


class ConfirmParameters(_Ignored):
    """`POST /v1/payment_intents/{id}/confirm`."""

    payment_method_data = Part(MethodData())
    payment_method_options = Part(MethodOptions())
    payment_method_types = WordList()
    capture_method = Choice(("automatic",))
    setup_future_usage = Choice(("none",), blank="unset")
    return_url = Url()
    client_secret = Words(200)

    @validates_schema
    def can_pay(self, data: dict[str, Any], **kwargs: Any) -> None:
        """The only way to pay so far."""
        types = data.get("payment_method_types")
        if types and not any(name.lower() == "wechat_pay" for name in types):
            raise ValidationError(
                {"payment_method_types": ["payment_method_not_available|wechat_pay is what can be collected here."]}
            )


class UpdateParameters(ConfirmParameters):
    """`POST /v1/payment_intents/{id}`."""

    amount = Whole()
    currency = Words(3)
    description = Words(DESCRIPTION_CHARACTERS_MAX, blank="unset", bmp_only=True)
    merchant_order_id = Words(IDENTIFIER_CHARACTERS_MAX, blank="unset")
    merchant_user_id = Words(IDENTIFIER_CHARACTERS_MAX, blank="unset")
    customer = Words(IDENTIFIER_CHARACTERS_MAX, blank="unset")
    metadata = Metadata()


class CreateParameters(UpdateParameters):
    """`POST /v1/payment_intents`."""

    amount = Whole(required=True, metadata={"description": "In the smallest unit: 2000 is 20.00 CNY."})
    currency = Words(3, required=True, metadata={"description": "ISO 4217, in any case."})
    confirm = Flag()


class CancelParameters(Strict):
    """`POST /v1/payment_intents/{id}/cancel`."""

    cancellation_reason = Words(500, blank="unset")
    expand = Ignored()


class RetrieveQuery(Strict):
    """`GET /v1/payment_intents/{id}`."""

    client_secret = Words(200)
    expand = Ignored()


class IntentListQuery(ListQuery):
    """`GET /v1/payment_intents`."""

    merchant_order_id = Words(IDENTIFIER_CHARACTERS_MAX)


class SearchQuery(Strict):
    """`GET /v1/payment_intents/search`."""

    query = Words(300, required=True, metadata={"description": "merchant_order_id:'order1234'"})
    limit = Whole()
    page = Words(64)
    expand = Ignored()


# --- the picture ------------------------------------------------------------------------------


class CashierParams(Strict):
    """What opens the WeChat cashier; all texts."""

    appId = fields.String(required=True)  # noqa: N815 - WeChat's spelling
    timeStamp = fields.String(required=True)  # noqa: N815
    nonceStr = fields.String(required=True)  # noqa: N815
    package = fields.String(required=True)
    signType = fields.String(required=True)  # noqa: N815
    paySign = fields.String(required=True)  # noqa: N815


class NextAction(Strict):
    """What the front end does next."""

    type = fields.String(required=True)
    wechat_pay_official_account_params = fields.Nested(CashierParams())
    wechat_pay_mini_program_params = fields.Nested(CashierParams())


class PaymentMethodPicture(Strict):
    """A payment method inside `last_payment_error`."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    created = fields.Integer(required=True)
    livemode = fields.Boolean(required=True)
    type = fields.String(required=True)
    billing_details = fields.Dict(required=True)


class LastPaymentError(Strict):
    """Why the last attempt led to no money."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    decline_code = fields.String()
    payment_method = fields.Nested(PaymentMethodPicture())


class PaymentIntentPicture(Strict):
    """A PaymentIntent; fields that are not set are left out."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    livemode = fields.Boolean(required=True)
    currency = fields.String(required=True)
    amount = fields.Integer(required=True)
    status = fields.String(
        required=True,
        metadata={
            "enum": ["requires_payment_method", "requires_confirmation", "requires_action", "succeeded", "canceled"]
        },
    )
    client_secret = fields.String()
    next_action = fields.Nested(NextAction())
    last_payment_error = fields.Nested(LastPaymentError())
    payment_method_types = fields.List(fields.String(), required=True)
    confirmation_method = fields.String()
    payment_method_options = fields.Dict()
    return_url = fields.String()
    payment_method = fields.String()
    capture_method = fields.String()
    description = fields.String()
    merchant_order_id = fields.String()
    merchant_user_id = fields.String()
    customer = fields.String()
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    amount_received = fields.Integer()
    cancellation_reason = fields.String()
    canceled_at = fields.Integer()


class PaymentIntentList(Strict):
    """A page of PaymentIntents."""

    object = fields.String(required=True)
    url = fields.String(required=True)
    has_more = fields.Boolean(required=True)
    data = fields.List(fields.Nested(PaymentIntentPicture()), required=True)


class PaymentIntentSearch(PaymentIntentList):
    """A page of search results."""

    next_page = fields.String(allow_none=True)


CREATE: Final = CreateParameters()
UPDATE: Final = UpdateParameters()
CONFIRM: Final = ConfirmParameters()
CANCEL: Final = CancelParameters()
RETRIEVE: Final = RetrieveQuery()
LIST: Final = IntentListQuery()
SEARCH: Final = SearchQuery()
INTENT: Final = PaymentIntentPicture()
INTENT_LIST: Final = PaymentIntentList()
INTENT_SEARCH: Final = PaymentIntentSearch()
