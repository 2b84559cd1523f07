"""Examples of customers, SetupIntents, mandates and saved payment methods in the OpenAPI document; all made up."""

from __future__ import annotations

from typing import Any, Final

_CREATED: Final = 1_686_189_348_000
_CUSTOMER: Final[dict[str, Any]] = {
    "id": "cus_1666625539547498496",
    "object": "customer",
    "created": _CREATED,
    "livemode": False,
    "merchant_user_id": "user77",
    "openids": {"wx2421b1c4370ec43b": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "metadata": {"tier": "gold"},
}
_SETUP_ID: Final = "seti_1666625639547498496"
_MANDATE_ID: Final = "mandate_1666625739547498496"
_METHOD_ID: Final = "pm_1666625739547498497"
_SETUP: Final[dict[str, Any]] = {
    "id": _SETUP_ID,
    "object": "setup_intent",
    "created": _CREATED,
    "livemode": False,
    "status": "requires_action",
    "usage": "off_session",
    "client_secret": f"{_SETUP_ID}_secret_EXAMPLE",
    "customer": _CUSTOMER["id"],
    "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://payapp.example.com/sign?id=1"}},
    "payment_method_types": ["wechat_pay"],
    "payment_method_options": {"wechat_pay": {"terminal_type": "official_account"}},
}
_CANCELED: Final[dict[str, Any]] = {name: value for name, value in _SETUP.items() if name != "next_action"} | {
    "status": "canceled",
    "canceled_at": _CREATED + 1,
}
_MANDATE: Final[dict[str, Any]] = {
    "id": _MANDATE_ID,
    "object": "mandate",
    "created": _CREATED,
    "livemode": False,
    "status": "active",
    "type": "multi_use",
    "customer": _CUSTOMER["id"],
    "payment_method": _METHOD_ID,
    "payment_method_details": {"type": "wechat_pay", "wechat_pay": {}},
    "customer_acceptance": {"type": "online", "accepted_at": _CREATED + 9_000},
    "setup_intent": _SETUP_ID,
}
_METHOD: Final[dict[str, Any]] = {
    "id": _METHOD_ID,
    "object": "payment_method",
    "created": _CREATED,
    "livemode": False,
    "type": "wechat_pay",
    "wechat_pay": {"app_id": "wx2421b1c4370ec43b"},
    "billing_details": {},
    "customer": _CUSTOMER["id"],
    "mandate": _MANDATE_ID,
}
_NOTICE: Final = {
    "amount": 3000,
    "currency": "CNY",
    "created": _CREATED,
    "chargeable_from": "2023-06-10",
    "chargeable_until": "2023-06-16",
}
_BY_BUYER: Final[dict[str, Any]] = {
    name: value for name, value in _SETUP.items() if name not in ("client_secret", "customer", "payment_method_options")
}


def _named(**shown: tuple[str, Any]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in shown.items()}


def _page(url: str, *data: dict[str, Any]) -> dict[str, Any]:
    return _named(page=("A page", {"object": "list", "url": url, "has_more": False, "data": list(data)}))


_SIGNING: Final = {
    "payment_method_data": {"type": "wechat_pay"},
    "payment_method_options": {"wechat_pay": {"terminal_type": "official_account"}},
}
CUSTOMER_CREATE: Final = _named(
    one=("A buyer of yours", {"merchant_user_id": "user77", "openids": _CUSTOMER["openids"]})
)
CUSTOMER_UPDATE: Final = _named(metadata=("Another text", {"metadata": {"tier": "silver"}}))
CUSTOMER: Final = _named(one=("A customer", _CUSTOMER))
CUSTOMERS: Final = _page("/v1/customers", _CUSTOMER)
SETUP_CREATE: Final = _named(
    confirmed=("Ask for a page to sign on at once", {"customer": _CUSTOMER["id"], "confirm": True, **_SIGNING})
)
SETUP_CONFIRM: Final = _named(official_account=("In an official account", _SIGNING))
SETUP_CANCEL: Final = _named(reason=("With a reason", {"cancellation_reason": "abandoned"}))
SETUP: Final = _named(to_sign=("The buyer is to sign", _SETUP))
SETUP_SHOWN: Final = _named(to_sign=("The buyer is to sign", _SETUP), buyers=("By the buyer's side", _BY_BUYER))
SETUP_CANCELED: Final = _named(canceled=("Canceled", _CANCELED))
SETUPS: Final = _page("/v1/setup_intents", _SETUP)
MANDATE: Final = _named(active=("In force", _MANDATE))
MANDATE_TOLD: Final = _named(told=("With what the buyer was told", _MANDATE | {"debit_notice": _NOTICE}))
MANDATE_OVER: Final = _named(over=("Over", _MANDATE | {"status": "inactive", "ended_at": _CREATED + 99_000}))
ANNOUNCE: Final = _named(debit=("30.00 CNY at the most", {"amount": 3000, "currency": "CNY"}))
NOTHING: Final = _named(nothing=("Nothing is needed", {}))
METHOD: Final = _named(saved=("It can be charged", _METHOD))
METHOD_DETACHED: Final = _named(
    detached=("It can't be charged", {name: value for name, value in _METHOD.items() if name != "customer"})
)
METHODS: Final = _page("/v1/payment_methods", _METHOD)
