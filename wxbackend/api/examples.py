"""Examples in the OpenAPI document: made-up values in the shape of real ones, with no secret that ever was one."""

from __future__ import annotations

from typing import Any, Final

_ID: Final = "pi_1666625039547498496"
_METHOD: Final = "pm_1666625039430057984"
_CREATED: Final = 1_686_189_348_000

_INTENT: Final[dict[str, Any]] = {
    "id": _ID,
    "object": "payment_intent",
    "created": _CREATED,
    "livemode": False,
    "currency": "CNY",
    "amount": 2000,
    "status": "requires_payment_method",
    "client_secret": f"{_ID}_secret_EXAMPLE",
    "payment_method_types": ["wechat_pay"],
    "confirmation_method": "automatic",
    "capture_method": "automatic",
    "description": "Tea",
    "merchant_order_id": "order1234",
    "metadata": {"table": "7"},
}
_OPTIONS: Final = {"wechat_pay": {"terminal_type": "official_account", "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}
_OPEN: Final[dict[str, Any]] = _INTENT | {
    "status": "requires_action",
    "next_action": {
        "type": "wechat_pay_official_account_params",
        "wechat_pay_official_account_params": {
            "appId": "wx2421b1c4370ec43b",
            "timeStamp": "1686189348",
            "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
            "package": "prepay_id=wx201410272009395522657a690389285100",
            "signType": "RSA",
            "paySign": "RXhhbXBsZQ==",
        },
    },
    "payment_method_options": _OPTIONS,
    "payment_method": _METHOD,
}
_CODE_TEXT: Final = "weixin://wxpay/bizpayurl?pr=lJhTByDzz"
_CODE: Final[dict[str, Any]] = _OPEN | {
    "next_action": {
        "type": "wechat_pay_display_qr_code",
        "wechat_pay_display_qr_code": {
            "image_data_url": _CODE_TEXT,
            "data": _CODE_TEXT,
            "image_url_png": "https://pay.example.com/pay/qr/1666625039547498499/EXAMPLE.png",
            "image_url_svg": "https://pay.example.com/pay/qr/1666625039547498499/EXAMPLE.svg",
            "expires_at": _CREATED + 7_140_000,
        },
    },
    "payment_method_options": {"wechat_pay": {"terminal_type": "WEB"}},
}
_BROWSER: Final[dict[str, Any]] = _OPEN | {
    "next_action": {
        "type": "wechat_pay_redirect_to_web",
        "wechat_pay_redirect_to_web": {
            "url": "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx0809562969461EXAMPLE"
            "&package=3449031350&redirect_url=https%3A%2F%2Fshop.example.com%2Fdone"
        },
    },
    "payment_method_options": {"wechat_pay": {"terminal_type": "WAP", "client_ip": "36.110.147.2"}},
    "return_url": "https://shop.example.com/done",
}
_APP: Final[dict[str, Any]] = _OPEN | {
    "next_action": {
        "type": "wechat_pay_app_params",
        "wechat_pay_app_params": {
            "appid": "wx8c1f5b7e3a9d2046",
            "partnerid": "1900000109",
            "prepayid": "wx201410272009395522657a690389285100",
            "package": "Sign=WXPay",
            "noncestr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
            "timestamp": "1686189348",
            "sign": "RXhhbXBsZQ==",
        },
    },
    "payment_method_options": {"wechat_pay": {"terminal_type": "APP"}},
}
_HOSTED: Final[dict[str, Any]] = _OPEN | {
    "next_action": {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "url": "https://pay.example.com/pay/official_account#key=pk_test_EXAMPLE&app_id=wx2421b1c4370ec43b"
            f"&return_url=https%3A%2F%2Fshop.example.com%2Fdone&go_back=1&client_secret={_ID}_secret_EXAMPLE",
            "return_url": "https://shop.example.com/done",
        },
    },
    "payment_method_options": {"wechat_pay": {"terminal_type": "official_account", "hosted_oauth": True}},
    "return_url": "https://shop.example.com/done",
}
_DECLINED: Final[dict[str, Any]] = _INTENT | {
    "last_payment_error": {
        "code": "payment_method_provider_decline",
        "message": "Service error. Please try again.",
        "decline_code": "invalid_request_error",
        "payment_method": {
            "id": _METHOD,
            "object": "payment_method",
            "created": _CREATED,
            "livemode": False,
            "type": "wechat_pay",
            "billing_details": {},
        },
    },
    "payment_method_options": {"wechat_pay": {"terminal_type": "official_account", "openid": ""}},
    "payment_method": _METHOD,
}
_PAID: Final[dict[str, Any]] = {name: value for name, value in _OPEN.items() if name != "next_action"} | {
    "status": "succeeded",
    "amount_received": 2000,
}
_BUYERS: Final[dict[str, Any]] = {
    name: _OPEN[name]
    for name in (
        "id", "object", "created", "livemode", "currency", "amount", "status", "description", "next_action",
        "payment_method_types",
    )
}  # fmt: skip


def _named(**shown: tuple[str, Any]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in shown.items()}


CREATE: Final = _named(
    only=("An order to be paid later", {"amount": 2000, "currency": "CNY", "merchant_order_id": "order1234"}),
    confirmed=(
        "Create and confirm for a buyer whose openid the merchant knows",
        {
            "amount": 2000,
            "currency": "CNY",
            "confirm": True,
            "payment_method_data": {"type": "wechat_pay"},
            "payment_method_options": _OPTIONS,
        },
    ),
)
UPDATE: Final = _named(note=("Set one name of metadata and unset another", {"metadata": {"table": "8", "seat": ""}}))
CONFIRM: Final = _named(
    server=("From the merchant's server", {"payment_method_options": _OPTIONS}),
    buyer=("From the buyer's side, with Client-Secret and a login", {"payment_method_data": {"type": "wechat_pay"}}),
)
CANCEL: Final = _named(reason=("With a reason", {"cancellation_reason": "customer cancelled"}))
LOGIN: Final = _named(code=("What wx.login gave", {"code": "033n5f0w3xTgL23LVS3w3Z7Gqe1n5f0x"}))

CREATED: Final = _named(created=("Created", _INTENT), open=("Confirmed too: open the cashier", _OPEN))
CONFIRMED: Final = _named(
    open=("Open the cashier with these parameters", _OPEN),
    code=("Show this code to a buyer at a screen", _CODE),
    browser=("Send a browser outside WeChat there", _BROWSER),
    app=("Hand these to the OpenSDK", _APP),
    hosted=("Send a buyer inside WeChat to our page", _HOSTED),
    declined=("Declined: see last_payment_error, and confirm again", _DECLINED),
    buyers=("What a publishable key is shown", _BUYERS),
)
RETRIEVED: Final = _named(
    paid=("Paid", _PAID), open=("Waiting for the buyer", _OPEN), buyers=("What a publishable key is shown", _BUYERS)
)
CANCELED: Final = _named(
    canceled=(
        "Canceled",
        _INTENT | {"status": "canceled", "cancellation_reason": "customer cancelled", "canceled_at": _CREATED + 60_000},
    ),
)
_PAGE: Final[dict[str, Any]] = {"object": "list", "url": "/v1/payment_intents", "has_more": False, "data": [_PAID]}
LISTED: Final = _named(page=("A page", _PAGE))
FOUND: Final = _named(
    found=(
        "Found",
        _PAGE | {"object": "search_result", "url": "/v1/payment_intents/search", "next_page": None},
    ),
)
_REFUND: Final[dict[str, Any]] = {
    "id": "re_1666625139547498496",
    "object": "refund",
    "amount": 500,
    "created": _CREATED,
    "currency": "CNY",
    "livemode": False,
    "payment_intent": _ID,
    "reason": "requested_by_customer",
    "status": "pending",
    "pending_reason": "processing",
}
_REFUND_PAGE: Final[dict[str, Any]] = {"object": "list", "url": "/v1/refunds", "has_more": False, "data": [_REFUND]}
_MOVEMENT: Final[dict[str, Any]] = {
    "id": "txn_1666625239547498496",
    "object": "balance_transaction",
    "amount": 2000,
    "created": _CREATED,
    "currency": "CNY",
    "fee": 0,
    "net": 2000,
    "source": _ID,
    "status": "available",
    "type": "payment",
}
REFUND: Final = _named(
    part=("A part", {"payment_intent": _ID, "amount": 500, "reason": "requested_by_customer"}),
    all=("All that remains", {"payment_intent": _ID}),
)
REFUND_UPDATE: Final = _named(note=("Set a name of metadata", {"metadata": {"ticket": "42"}}))
_QUEUED: Final[dict[str, Any]] = _REFUND | {
    "id": "re_1666625149547498496", "amount": 300, "pending_reason": "queued", "sends_at": _CREATED + 61_000,
}  # fmt: skip
REFUNDED: Final = _named(
    pending=("On its way", _REFUND), queued=("The second within a minute: it waits for its turn", _QUEUED)
)
_TAKEN_BACK: Final = {name: _QUEUED[name] for name in _QUEUED if name not in ("pending_reason", "sends_at")}
REFUND_CANCELED: Final = _named(
    canceled=("Never sent", _TAKEN_BACK | {"status": "canceled", "failure_reason": "merchant_request"})
)
NOTHING: Final = _named(nothing=("Nothing is needed", {}))
REFUND_TO_CARD: Final = _named(
    merchant=("To the shop's own bank account; the shop pays the buyer itself", {"holder": "merchant"}),
    buyer=("To a debit card of the buyer", {
        "holder": "buyer", "bank": "ICBC", "number": "6222000000000000000", "name": "张三",
    }),
)  # fmt: skip
REFUNDS_LISTED: Final = _named(page=("A page", _REFUND_PAGE))
BALANCE: Final = _named(
    balance=(
        "After a payment and a refund that is on its way",
        {
            "object": "balance",
            "available": [{"amount": 1500, "currency": "CNY"}],
            "pending": [{"amount": 500, "currency": "CNY"}],
            "frozen": [{"amount": 1500, "currency": "CNY"}],
            "livemode": False,
        },
    )
)
BALANCE_LISTED: Final = _named(
    page=(
        "A page",
        {"object": "list", "url": "/v1/balance_transactions", "has_more": False, "data": [_MOVEMENT]},
    )
)
LOGGED_IN: Final = _named(
    session=(
        "Send the token as Wx-Session when confirming",
        {
            "object": "login_session",
            "token": "ws_EXAMPLE",
            "app_id": "wx7a154c094f74e84f",
            "expires_at": _CREATED + 86_400_000,
            "livemode": False,
        },
    ),
)
PAGE_SIGNED: Final = _named(
    page=(
        "Hand it to wx.config",
        {
            "object": "jssdk_config",
            "app_id": "wx2421b1c4370ec43b",
            "timestamp": 1_666_625_039,
            "nonce": "EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAM",
            "signature": "f4d90daf4b3bca3078ab155816175ba34c443a7b",
            "url": "https://pay.example.com/shop",
            "livemode": False,
        },
    ),
)
_EVENT: Final[dict[str, Any]] = {
    "id": "evt_1666625039547498498",
    "object": "event",
    "api_version": "1.0.1",
    "created": _CREATED,
    "livemode": False,
    "type": "payment_intent.succeeded",
    "data": {"object": _PAID},
}
_KEPT_EVENT: Final[dict[str, Any]] = _EVENT | {"pending_webhooks": 1}
_EVENTS_URL: Final = "/v1/events"
_ENDPOINT: Final[dict[str, Any]] = {
    "id": "we_1666625339547498496",
    "object": "webhook_endpoint",
    "api_version": "1.0.1",
    "created": _CREATED,
    "description": "The shop's books",
    "enabled_events": ["payment_intent.succeeded", "charge.refund.updated"],
    "livemode": False,
    "status": "enabled",
    "url": "https://shop.example.com/webhooks",
}
_OF_SETTINGS: Final[dict[str, Any]] = {
    "id": "we_demo_shop",
    "object": "webhook_endpoint",
    "api_version": "1.0.1",
    "enabled_events": ["*"],
    "livemode": False,
    "read_only": True,
    "status": "enabled",
    "url": "https://shop.example.com/all",
}
_DELIVERY: Final[dict[str, Any]] = {
    "id": "dlv_1666625439547498496",
    "object": "delivery",
    "event": _EVENT["id"],
    "webhook_endpoint": _ENDPOINT["id"],
    "status": "pending",
    "next_attempt_at": _CREATED + 5_000,
    "attempts": [
        {
            "number": 1,
            "created": _CREATED,
            "duration_ms": 41,
            "status": 503,
            "reason": "HTTP 503",
            "response_excerpt": "Back in a minute",
        }
    ],
}
EVENT: Final = _named(succeeded=("Paid", _EVENT))
EVENT_SHOWN: Final = _named(succeeded=("Paid, and not yet delivered everywhere", _KEPT_EVENT))
EVENTS_LISTED: Final = _named(
    page=("A page", {"object": "list", "url": _EVENTS_URL, "has_more": False, "data": [_KEPT_EVENT]})
)
EVENT_RESEND: Final = _named(
    all=("To all that want it now", {}),
    one=("To one only, here one of the settings", {"webhook_endpoint": _OF_SETTINGS["id"]}),
)
DELIVERIES_LISTED: Final = _named(
    waiting=(
        "Tried once, and to be tried again",
        {"object": "list", "url": f"{_EVENTS_URL}/{_EVENT['id']}/deliveries", "has_more": False, "data": [_DELIVERY]},
    )
)
ENDPOINT_CREATE: Final = _named(
    some=(
        "For some types of events",
        {
            "url": _ENDPOINT["url"],
            "enabled_events": _ENDPOINT["enabled_events"],
            "description": _ENDPOINT["description"],
        },
    ),
    all=("For everything", {"url": _ENDPOINT["url"], "enabled_events": ["*"]}),
)
ENDPOINT_UPDATE: Final = _named(
    types=("Other types of events", {"enabled_events": ["*"]}), disabled=("Disable it", {"disabled": True})
)
ENDPOINT_ROTATE: Final = _named(nothing=("Nothing is needed", {}))
ENDPOINT_MADE: Final = _named(made=("With its secret, this once", _ENDPOINT | {"secret": "whsec_EXAMPLE"}))
ENDPOINT_SHOWN: Final = _named(enabled=("Made through the API", _ENDPOINT))
ENDPOINT_DELETED: Final = _named(
    deleted=("Deleted", {"id": _ENDPOINT["id"], "object": "webhook_endpoint", "deleted": True})
)
ENDPOINTS_LISTED: Final = _named(
    page=(
        "One made through the API, and one of the settings",
        {"object": "list", "url": "/v1/webhook_endpoints", "has_more": False, "data": [_ENDPOINT, _OF_SETTINGS]},
    )
)
ERROR: Final = {
    "error": {
        "type": "invalid_request_error",
        "message": "amount: This must be a whole number, without a point.",
        "code": "parameter_invalid_integer",
        "param": "amount",
        "request_id": "req_1666625039547498497",
    }
}
