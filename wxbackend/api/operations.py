"""What each operation is called, which keys may use it and how it may fail; a route without a row here is a defect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from wxbackend.api import examples, examples_of_bills, group_examples, money_out_examples, shipping_examples
from wxbackend.api import mandate_examples as mandates


class Keys(Enum):
    """Who may call."""

    SECRET = "the merchant's server alone"  # noqa: S105 - a kind of key
    BUYER = "the merchant's server, or the buyer's side with the intent's client secret"
    ANY = "any key"
    NONE = "a browser, whose address says who it is"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as far as its schemas do not say it."""

    id: str
    keys: Keys
    errors: tuple[int, ...]
    answers: dict[str, Any] | None = None
    requests: dict[str, Any] | None = None
    body_required: bool = False
    structures: tuple[str, ...] = ()
    """The structures in its body, which forms spell with brackets."""


_BODY: Final = (413, 415)
_METHOD: Final = ("payment_method_data", "payment_method_options")
_INTENT: Final = "/v1/payment_intents"
_GROUP: Final = "/v1/payment_groups"
_ENDPOINT: Final = "/v1/webhook_endpoints"
_EVENT: Final = "/v1/events"
_WECHAT: Final = "/v1/wechat"
_CUSTOMER: Final = "/v1/customers"
_SETUP: Final = "/v1/setup_intents"
_SAVED: Final = "/v1/payment_methods"

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("post", _INTENT): Operation(
        "createPaymentIntent", Keys.SECRET, (400, 401, 403, 409, *_BODY),
        examples.CREATED, examples.CREATE, body_required=True, structures=(*_METHOD, "metadata"),
    ),
    ("get", _INTENT): Operation("listPaymentIntents", Keys.SECRET, (400, 401, 403, 404), examples.LISTED),
    ("get", f"{_INTENT}/search"): Operation(
        "searchPaymentIntents", Keys.SECRET, (400, 401, 403, 404), examples.FOUND
    ),
    ("get", f"{_INTENT}/{{intent_id}}"): Operation(
        "retrievePaymentIntent", Keys.BUYER, (400, 401, 404), examples.RETRIEVED
    ),
    ("post", f"{_INTENT}/{{intent_id}}"): Operation(
        "updatePaymentIntent", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.CREATED, examples.UPDATE,
        structures=(*_METHOD, "metadata"),
    ),
    ("post", f"{_INTENT}/{{intent_id}}/confirm"): Operation(
        "confirmPaymentIntent", Keys.BUYER, (400, 401, 403, 404, 409, *_BODY), examples.CONFIRMED, examples.CONFIRM,
        structures=_METHOD,
    ),
    ("post", f"{_INTENT}/{{intent_id}}/cancel"): Operation(
        "cancelPaymentIntent", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.CANCELED, examples.CANCEL
    ),
    ("post", _GROUP): Operation(
        "createPaymentGroup", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), group_examples.CREATED,
        group_examples.CREATE, body_required=True, structures=_METHOD,
    ),
    ("get", f"{_GROUP}/{{group_id}}"): Operation(
        "retrievePaymentGroup", Keys.SECRET, (400, 401, 403, 404), group_examples.SHOWN
    ),
    ("post", f"{_GROUP}/{{group_id}}/cancel"): Operation(
        "cancelPaymentGroup", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), group_examples.CANCELED,
        group_examples.CANCEL,
    ),
    ("post", "/v1/refunds"): Operation(
        "createRefund", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.REFUNDED, examples.REFUND,
        body_required=True, structures=("metadata",),
    ),
    ("get", "/v1/refunds"): Operation("listRefunds", Keys.SECRET, (400, 401, 403, 404), examples.REFUNDS_LISTED),
    ("get", "/v1/refunds/{refund_id}"): Operation(
        "retrieveRefund", Keys.SECRET, (400, 401, 403, 404), examples.REFUNDED
    ),
    ("post", "/v1/refunds/{refund_id}"): Operation(
        "updateRefund", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.REFUNDED, examples.REFUND_UPDATE,
        body_required=True, structures=("metadata",),
    ),
    ("post", f"{_INTENT}/{{intent_id}}/shipping"): Operation(
        "uploadShipping", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), shipping_examples.UPLOADED,
        shipping_examples.UPLOAD, body_required=True, structures=("items",),
    ),
    ("get", f"{_INTENT}/{{intent_id}}/shipping"): Operation(
        "retrieveShipping", Keys.SECRET, (400, 401, 403, 404), shipping_examples.SHOWN
    ),
    ("post", f"{_INTENT}/{{intent_id}}/shipping/remind"): Operation(
        "remindReceipt", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY, 502, 503), shipping_examples.REMINDED,
        shipping_examples.REMIND,
    ),
    ("get", "/v1/shippings"): Operation("listShippings", Keys.SECRET, (400, 401, 403, 404), shipping_examples.LISTED),
    ("post", "/v1/refunds/{refund_id}/cancel"): Operation(
        "cancelRefund", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.REFUND_CANCELED, examples.NOTHING
    ),
    ("post", "/v1/refunds/{refund_id}/send_to_card"): Operation(
        "sendRefundToCard", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.REFUNDED, examples.REFUND_TO_CARD,
        body_required=True,
    ),
    ("post", _CUSTOMER): Operation(
        "createCustomer", Keys.SECRET, (400, 401, 403, 409, *_BODY), mandates.CUSTOMER, mandates.CUSTOMER_CREATE,
        structures=("openids", "metadata"),
    ),
    ("get", _CUSTOMER): Operation("listCustomers", Keys.SECRET, (400, 401, 403, 404), mandates.CUSTOMERS),
    ("get", f"{_CUSTOMER}/{{customer_id}}"): Operation(
        "retrieveCustomer", Keys.SECRET, (400, 401, 403, 404), mandates.CUSTOMER
    ),
    ("post", f"{_CUSTOMER}/{{customer_id}}"): Operation(
        "updateCustomer", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), mandates.CUSTOMER, mandates.CUSTOMER_UPDATE,
        structures=("openids", "metadata"),
    ),
    ("get", f"{_CUSTOMER}/{{customer_id}}/payment_methods"): Operation(
        "listCustomerPaymentMethods", Keys.SECRET, (400, 401, 403, 404), mandates.METHODS
    ),
    ("post", _SETUP): Operation(
        "createSetupIntent", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), mandates.SETUP, mandates.SETUP_CREATE,
        body_required=True, structures=(*_METHOD, "metadata"),
    ),
    ("get", _SETUP): Operation("listSetupIntents", Keys.SECRET, (400, 401, 403, 404), mandates.SETUPS),
    ("get", f"{_SETUP}/{{setup_id}}"): Operation(
        "retrieveSetupIntent", Keys.BUYER, (400, 401, 404), mandates.SETUP_SHOWN
    ),
    ("post", f"{_SETUP}/{{setup_id}}/confirm"): Operation(
        "confirmSetupIntent", Keys.BUYER, (400, 401, 403, 404, 409, *_BODY), mandates.SETUP_SHOWN,
        mandates.SETUP_CONFIRM, structures=_METHOD,
    ),
    ("post", f"{_SETUP}/{{setup_id}}/cancel"): Operation(
        "cancelSetupIntent", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), mandates.SETUP_CANCELED,
        mandates.SETUP_CANCEL,
    ),
    ("get", "/v1/mandates/{mandate_id}"): Operation(
        "retrieveMandate", Keys.SECRET, (400, 401, 403, 404), mandates.MANDATE
    ),
    ("post", "/v1/mandates/{mandate_id}/revoke"): Operation(
        "revokeMandate", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), mandates.MANDATE_OVER, mandates.NOTHING
    ),
    ("post", "/v1/mandates/{mandate_id}/announce_debit"): Operation(
        "announceDebit", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY, 503), mandates.MANDATE_TOLD,
        mandates.ANNOUNCE, body_required=True,
    ),
    ("get", _SAVED): Operation("listPaymentMethods", Keys.SECRET, (400, 401, 403, 404), mandates.METHODS),
    ("get", f"{_SAVED}/{{method_id}}"): Operation(
        "retrievePaymentMethod", Keys.SECRET, (400, 401, 403, 404), mandates.METHOD
    ),
    ("post", f"{_SAVED}/{{method_id}}/detach"): Operation(
        "detachPaymentMethod", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), mandates.METHOD_DETACHED,
        mandates.NOTHING,
    ),
    ("post", "/v1/transfers"): Operation(
        "createTransfer", Keys.SECRET, (400, 401, 403, 409, *_BODY), money_out_examples.TRANSFER_MADE,
        money_out_examples.TRANSFER_CREATE, body_required=True, structures=("destination", "scene_report", "metadata"),
    ),
    ("get", "/v1/transfers"): Operation(
        "listTransfers", Keys.SECRET, (400, 401, 403, 404), money_out_examples.TRANSFERS_LISTED
    ),
    ("get", "/v1/transfers/{transfer_id}"): Operation(
        "retrieveTransfer", Keys.SECRET, (400, 401, 403, 404), money_out_examples.TRANSFER_MADE
    ),
    ("post", "/v1/transfers/{transfer_id}"): Operation(
        "updateTransfer", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), money_out_examples.TRANSFER_MADE,
        money_out_examples.TRANSFER_UPDATE, body_required=True, structures=("metadata",),
    ),
    ("post", "/v1/transfers/{transfer_id}/cancel"): Operation(
        "cancelTransfer", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), money_out_examples.TRANSFER_CANCELED,
        money_out_examples.TRANSFER_CANCEL,
    ),
    ("post", "/v1/profit_sharings"): Operation(
        "createProfitSharing", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), money_out_examples.SHARING_MADE,
        money_out_examples.SHARING_CREATE, body_required=True, structures=("receivers", "metadata"),
    ),
    ("get", "/v1/profit_sharings"): Operation(
        "listProfitSharings", Keys.SECRET, (400, 401, 403, 404), money_out_examples.SHARINGS_LISTED
    ),
    ("get", "/v1/profit_sharings/{sharing_id}"): Operation(
        "retrieveProfitSharing", Keys.SECRET, (400, 401, 403, 404), money_out_examples.SHARING_MADE
    ),
    ("post", "/v1/profit_sharing_returns"): Operation(
        "createProfitSharingReturn", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), money_out_examples.RETURN_MADE,
        money_out_examples.RETURN_CREATE, body_required=True, structures=("metadata",),
    ),
    ("get", "/v1/profit_sharing_returns"): Operation(
        "listProfitSharingReturns", Keys.SECRET, (400, 401, 403, 404), money_out_examples.RETURNS_LISTED
    ),
    ("get", "/v1/profit_sharing_returns/{return_id}"): Operation(
        "retrieveProfitSharingReturn", Keys.SECRET, (400, 401, 403, 404), money_out_examples.RETURN_MADE
    ),
    ("post", "/v1/profit_sharing_receivers"): Operation(
        "addProfitSharingReceiver", Keys.SECRET, (400, 401, 403, 409, *_BODY, 502, 503),
        money_out_examples.RECEIVER_ADDED, money_out_examples.RECEIVER_ADD, body_required=True,
    ),
    ("post", "/v1/profit_sharing_receivers/remove"): Operation(
        "removeProfitSharingReceiver", Keys.SECRET, (400, 401, 403, 409, *_BODY, 502, 503),
        money_out_examples.RECEIVER_REMOVED, money_out_examples.RECEIVER_REMOVE, body_required=True,
    ),
    ("get", "/v1/balance"): Operation("retrieveBalance", Keys.SECRET, (400, 401, 403), examples.BALANCE),
    ("get", "/v1/balance_transactions"): Operation(
        "listBalanceTransactions", Keys.SECRET, (400, 401, 403, 404), examples.BALANCE_LISTED
    ),
    ("get", "/v1/discrepancies"): Operation(
        "listDiscrepancies", Keys.SECRET, (400, 401, 403, 404), examples_of_bills.LISTED
    ),
    ("get", "/v1/discrepancies/{discrepancy_id}"): Operation(
        "retrieveDiscrepancy", Keys.SECRET, (400, 401, 403, 404), examples_of_bills.SHOWN
    ),
    ("post", "/v1/discrepancies/{discrepancy_id}/resolve"): Operation(
        "resolveDiscrepancy", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples_of_bills.RESOLVED,
        examples_of_bills.RESOLVE, body_required=True,
    ),
    ("post", _ENDPOINT): Operation(
        "createWebhookEndpoint", Keys.SECRET, (400, 401, 403, 409, *_BODY), examples.ENDPOINT_MADE,
        examples.ENDPOINT_CREATE, body_required=True, structures=("metadata",),
    ),
    ("get", _ENDPOINT): Operation(
        "listWebhookEndpoints", Keys.SECRET, (400, 401, 403), examples.ENDPOINTS_LISTED
    ),
    ("get", f"{_ENDPOINT}/{{endpoint_id}}"): Operation(
        "retrieveWebhookEndpoint", Keys.SECRET, (400, 401, 403, 404), examples.ENDPOINT_SHOWN
    ),
    ("post", f"{_ENDPOINT}/{{endpoint_id}}"): Operation(
        "updateWebhookEndpoint", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.ENDPOINT_SHOWN,
        examples.ENDPOINT_UPDATE, structures=("metadata",),
    ),
    ("delete", f"{_ENDPOINT}/{{endpoint_id}}"): Operation(
        "deleteWebhookEndpoint", Keys.SECRET, (400, 401, 403, 404), examples.ENDPOINT_DELETED
    ),
    ("post", f"{_ENDPOINT}/{{endpoint_id}}/rotate_secret"): Operation(
        "rotateWebhookEndpointSecret", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.ENDPOINT_MADE,
        examples.ENDPOINT_ROTATE,
    ),
    ("get", _EVENT): Operation("listEvents", Keys.SECRET, (400, 401, 403, 404), examples.EVENTS_LISTED),
    ("get", f"{_EVENT}/{{event_id}}"): Operation(
        "retrieveEvent", Keys.SECRET, (400, 401, 403, 404), examples.EVENT_SHOWN
    ),
    ("get", f"{_EVENT}/{{event_id}}/deliveries"): Operation(
        "listEventDeliveries", Keys.SECRET, (400, 401, 403, 404), examples.DELIVERIES_LISTED
    ),
    ("post", f"{_EVENT}/{{event_id}}/resend"): Operation(
        "resendEvent", Keys.SECRET, (400, 401, 403, 404, 409, *_BODY), examples.EVENT_SHOWN, examples.EVENT_RESEND
    ),
    ("post", f"{_WECHAT}/mini_program/login"): Operation(
        "logInMiniProgram", Keys.ANY, (400, 401, 409, *_BODY, 502, 503),
        examples.LOGGED_IN, examples.LOGIN, body_required=True,
    ),
    ("get", f"{_WECHAT}/jssdk_config"): Operation(
        "signPage", Keys.ANY, (400, 401, 502, 503), examples.PAGE_SIGNED
    ),
    ("get", f"{_WECHAT}/oauth/start"): Operation("startOAuth", Keys.NONE, (400, 401, 403, 503)),
    ("get", f"{_WECHAT}/oauth/callback"): Operation("finishOAuth", Keys.NONE, (400, 502, 503)),
}  # fmt: skip

ERRORS: Final = {
    400: "A parameter is missing, unknown or wrong (`param` names it), or the object's state does not allow this.",
    401: "No key was sent, or it is not one of ours.",
    403: "This kind of key may not do this.",
    404: "No such object for this key; `livemode_mismatch` when it exists in the other mode.",
    409: "A request with the same Idempotency-Key is being worked on. Repeat it in a moment; SDKs do so by themselves.",
    413: "The body is too large.",
    415: "The body is neither JSON nor a form.",
    502: "WeChat gave no usable answer. Nothing was changed; try again.",
    503: "WeChat could not be reached, or what log-ins need is away for the moment: nothing was changed. With "
    "`database_unavailable`, which every operation may answer, nobody knows: repeat it with the same Idempotency-Key.",
}
