"""The PaymentIntent's parameters and its picture in the OpenAPI document; every schema is made once."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from wxbackend.api.field_types import (
    Choice,
    Flag,
    Ignored,
    Metadata,
    OffSession,
    Part,
    Picture,
    Strict,
    Url,
    Whole,
    WordList,
    Words,
)
from wxbackend.api.pagination import LIMIT_METADATA, ListQuery
from wxbackend.domain.money import AMOUNT_MINOR_UNITS_MAX, MINOR_DIGITS
from wxbackend.domain.next_action import HOSTED_PAGE, TYPES
from wxbackend.domain.terminal import Terminal

DESCRIPTION_CHARACTERS_MAX: Final = 127
"""What WeChat shows and takes (doc/v3/merchant/4012791856)."""
IDENTIFIER_CHARACTERS_MAX: Final = 128
OPENID_CHARACTERS_MAX: Final = 128
_AMOUNT: Final = {
    "minimum": 1,
    "maximum": AMOUNT_MINOR_UNITS_MAX,
    "description": "In the smallest unit: 2000 is 20.00 CNY.",
    "example": 2000,
}
_CURRENCY: Final = {
    "description": f"ISO 4217, in any case: one of {', '.join(MINOR_DIGITS)} that an app of the account collects.",
    "example": "CNY",
}
_TERMINALS: Final = [terminal.value for terminal in Terminal]
_STATUSES: Final = [
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "succeeded",
    "canceled",
]


class WechatPayOptions(Strict):
    """`payment_method_options[wechat_pay]`."""

    terminal_type = Words(40, metadata={"enum": _TERMINALS, "description": "Where the buyer stands; read in any case."})
    openid = Words(
        OPENID_CHARACTERS_MAX, blank="kept", metadata={"description": "The buyer's openid; secret keys only."}
    )
    app_id = Words(32, metadata={"description": "Which of the account's apps, when it has several of the kind."})
    client_ip = Words(
        45, blank="unset", metadata={"description": "The buyer's own address; WAP needs it, else kept and shown."}
    )
    os_type = Words(
        16, blank="unset", metadata={"description": "The buyer's system; WAP tells WeChat IOS and ANDROID."}
    )
    hosted_oauth = Flag(
        metadata={
            "description": (
                "For official_account without an openid, by a secret key and with return_url: the answer sends the "
                "buyer to a page of ours that logs in, pays and comes back."
            )
        }
    )
    profit_sharing = Flag(
        metadata={"description": "Hold back what is paid, to share it with profit_sharings; secret keys only."}
    )
    client = Ignored()


class MethodOptions(Strict):
    """`payment_method_options`."""

    wechat_pay = Part(WechatPayOptions())


class WechatPayData(Strict):
    """`payment_method_data[wechat_pay]`."""

    payment_code = Words(
        64,
        metadata={
            "description": "SCAN_CODE only: the 18 digits of the buyer's payment code. Charged at once, never kept.",
            "example": "132993614656096754",
        },
    )


class MethodData(Strict):
    """`payment_method_data`."""

    type = Choice(("wechat_pay",), required=True)
    billing_details = Ignored()
    wechat_pay = Part(WechatPayData())


class _Ignored(Strict):
    """What the seeds or Stripe's SDKs send and what changes nothing here."""

    allowed_payment_method_types = Ignored()
    automatic_payment_methods = Ignored()
    confirmation_method = Ignored()
    error_on_requires_action = Ignored()
    expand = Ignored()
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
    payment_method = Words(64, metadata={"description": "A saved one, charged without the buyer: pm_…."})
    off_session = OffSession(metadata={"description": "The buyer is away; needed to charge a saved payment_method."})
    payment_method_types = WordList()
    capture_method = Choice(("automatic",))
    setup_future_usage = Choice(("none",), blank="unset")
    return_url = Url(
        metadata={"description": "May come without a scheme. WAP and hosted_oauth send the buyer there afterwards."}
    )
    client_secret = Words(200, metadata={"description": "Instead of the Client-Secret header."})

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

    amount = Whole(metadata=_AMOUNT)
    currency = Words(3, metadata=_CURRENCY)
    description = Words(
        DESCRIPTION_CHARACTERS_MAX,
        blank="unset",
        bmp_only=True,
        metadata={"description": "What the buyer reads in WeChat. WeChat takes no 4-byte characters such as emoji."},
    )
    merchant_order_id = Words(
        IDENTIFIER_CHARACTERS_MAX, blank="unset", metadata={"description": "Your number of the order."}
    )
    merchant_user_id = Words(IDENTIFIER_CHARACTERS_MAX, blank="unset")
    customer = Words(IDENTIFIER_CHARACTERS_MAX, blank="unset")
    metadata = Metadata(metadata={"description": "Texts of yours by name; an empty text unsets a name."})


class CreateParameters(UpdateParameters):
    """`POST /v1/payment_intents`."""

    amount = Whole(required=True, metadata=_AMOUNT)
    currency = Words(3, required=True, metadata=_CURRENCY)
    confirm = Flag(metadata={"description": "Order at WeChat at once; needs a payment method."})


class CancelParameters(Strict):
    """`POST /v1/payment_intents/{id}/cancel`."""

    cancellation_reason = Words(500, blank="unset")
    expand = Ignored()


class RetrieveQuery(Strict):
    """`GET /v1/payment_intents/{id}`."""

    client_secret = Words(200, metadata={"description": "Instead of the Client-Secret header; prefer that one."})
    expand = Ignored()


class IntentListQuery(ListQuery):
    """`GET /v1/payment_intents`."""

    merchant_order_id = Words(IDENTIFIER_CHARACTERS_MAX, metadata={"description": "Only of this order of yours."})


class SearchQuery(Strict):
    """`GET /v1/payment_intents/search`."""

    query = Words(
        300,
        required=True,
        metadata={"description": "What to look for.", "example": "merchant_order_id:'order1234'"},
    )
    limit = Whole(metadata=LIMIT_METADATA)
    page = Words(64, metadata={"description": "The `next_page` of the page before."})
    expand = Ignored()


# --- the picture ------------------------------------------------------------------------------


class CashierParams(Picture):
    """What opens the WeChat cashier; all texts."""

    appId = fields.String(required=True)  # noqa: N815 - WeChat's spelling
    timeStamp = fields.String(required=True)  # noqa: N815
    nonceStr = fields.String(required=True)  # noqa: N815
    package = fields.String(required=True)
    signType = fields.String(required=True)  # noqa: N815
    paySign = fields.String(required=True)  # noqa: N815


class QrCodePicture(Picture):
    """What a buyer scans with WeChat; the pictures' links need no key and end with the code."""

    image_data_url = fields.String(
        required=True, metadata={"description": "The text of the code, under the name that the documents give it."}
    )
    data = fields.String(required=True, metadata={"description": "The same text, to draw the code yourself."})
    image_url_png = fields.String()
    image_url_svg = fields.String()
    expires_at = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})


class WebPagePicture(Picture):
    """Where a browser outside WeChat goes, from a page of the domain that is registered with WeChat."""

    url = fields.String(required=True, metadata={"description": "Good for five minutes; confirm again for a new one."})


class HostedPagePicture(Picture):
    """Our own page, to be opened inside WeChat; it holds the client secret."""

    url = fields.String(required=True)
    return_url = fields.String(required=True)


class NextAction(Picture):
    """What the front end does next."""

    type = fields.String(
        required=True,
        metadata={
            "description": "The name of the member to use.",
            "enum": [*TYPES.values(), HOSTED_PAGE],
        },
    )
    wechat_pay_official_account_params = fields.Nested(CashierParams())
    wechat_pay_mini_program_params = fields.Nested(CashierParams())
    wechat_pay_display_qr_code = fields.Nested(QrCodePicture())
    wechat_pay_redirect_to_web = fields.Nested(WebPagePicture())
    wechat_pay_app_params = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "What the OpenSDK's PayReq takes, under WeChat's names."},
    )
    redirect_to_url = fields.Nested(HostedPagePicture())


class ShownWechatPayOptionsPicture(Picture):
    """What was said of the payment method; only the merchant's server is shown it."""

    terminal_type = fields.String(metadata={"enum": _TERMINALS})
    openid = fields.String()
    app_id = fields.String()
    client_ip = fields.String()
    os_type = fields.String()
    profit_sharing = fields.Boolean()
    hosted_oauth = fields.Boolean()


class ShownMethodOptionsPicture(Picture):
    """`payment_method_options` as it is shown."""

    wechat_pay = fields.Nested(ShownWechatPayOptionsPicture())


class PaymentMethodPicture(Picture):
    """A payment method inside `last_payment_error`."""

    id = fields.String(required=True)
    object = fields.String(required=True)
    created = fields.Integer(required=True)
    livemode = fields.Boolean(required=True)
    type = fields.String(required=True)
    billing_details = fields.Dict(required=True)


class LastPaymentError(Picture):
    """Why the last attempt led to no money."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    decline_code = fields.String()
    payment_method = fields.Nested(PaymentMethodPicture())


class PresentmentDetails(Picture):
    """What left the buyer's wallet, where that is another currency; it decides nothing."""

    presentment_amount = fields.Integer(required=True, metadata={"description": "Minor units."})
    presentment_currency = fields.String(required=True, metadata={"example": "CNY"})
    exchange_rate = fields.String(metadata={"description": "As WeChat told it, a decimal number.", "example": "9.21"})


class PaymentIntentPicture(Picture):
    """A PaymentIntent; fields that are not set are left out, and a publishable key is shown a part of them."""

    id = fields.String(required=True, metadata={"pattern": "^pi_[0-9]{19}$"})
    object = fields.String(required=True, metadata={"enum": ["payment_intent"]})
    created = fields.Integer(required=True, metadata={"description": "Unix milliseconds of a whole second."})
    livemode = fields.Boolean(required=True)
    currency = fields.String(required=True, metadata={"enum": list(MINOR_DIGITS)})
    amount = fields.Integer(required=True, metadata=_AMOUNT)
    status = fields.String(required=True, metadata={"enum": _STATUSES})
    client_secret = fields.String(
        metadata={"description": "For the buyer's side of this one intent; keep out of logs."}
    )
    next_action = fields.Nested(NextAction())
    last_payment_error = fields.Nested(LastPaymentError())
    payment_method_types = fields.List(fields.String(), required=True)
    confirmation_method = fields.String()
    payment_method_options = fields.Nested(ShownMethodOptionsPicture())
    return_url = fields.String()
    payment_method = fields.String()
    capture_method = fields.String()
    description = fields.String()
    merchant_order_id = fields.String()
    merchant_user_id = fields.String()
    customer = fields.String()
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    amount_received = fields.Integer(metadata={"description": "What was paid; there only when something was."})
    presentment_details = fields.Nested(PresentmentDetails())
    cancellation_reason = fields.String()
    canceled_at = fields.Integer(metadata={"description": "Unix milliseconds."})
    payment_group = fields.String(
        metadata={"description": "The PaymentGroup with which it is being paid, or was: that has the next_action."}
    )


class PaymentIntentList(Picture):
    """A page of PaymentIntents."""

    object = fields.String(required=True, metadata={"enum": ["list", "search_result"]})
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
