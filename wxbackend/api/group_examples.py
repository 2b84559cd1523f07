"""Examples of payment groups in the OpenAPI document: made-up values in the shape of real ones."""

from __future__ import annotations

from typing import Any, Final

_FIRST: Final = "pi_1666625039547498496"
_SECOND: Final = "pi_1666625039547498497"
_CODE_TEXT: Final = "weixin://wxpay/bizpayurl?pr=lJhTByDzz"
_OPEN: Final[dict[str, Any]] = {
    "id": "pg_1666625339547498498",
    "object": "payment_group",
    "created": 1_686_189_348_000,
    "livemode": False,
    "currency": "CNY",
    "amount": 3500,
    "status": "requires_action",
    "payment_intents": [_FIRST, _SECOND],
    "orders": [
        {
            "payment_intent": _FIRST,
            "amount": 2000,
            "out_trade_no": "1666625339547498499",
            "status": "requires_action",
        },
        {
            "payment_intent": _SECOND,
            "amount": 1500,
            "out_trade_no": "1666625339547498500",
            "status": "requires_action",
        },
    ],
    "next_action": {
        "type": "wechat_pay_display_qr_code",
        "wechat_pay_display_qr_code": {
            "image_data_url": _CODE_TEXT,
            "data": _CODE_TEXT,
            "image_url_png": "https://pay.example.com/pay/qr/1666625339547498499/EXAMPLE.png",
            "image_url_svg": "https://pay.example.com/pay/qr/1666625339547498499/EXAMPLE.svg",
            "expires_at": 1_686_196_488_000,
        },
    },
    "expires_at": 1_686_196_548_000,
}
_PAID: Final[dict[str, Any]] = {name: value for name, value in _OPEN.items() if name != "next_action"} | {
    "status": "succeeded",
    "orders": [order | {"status": "succeeded"} for order in _OPEN["orders"]],
}
_CANCELED: Final[dict[str, Any]] = _PAID | {
    "status": "canceled",
    "orders": [order | {"status": "requires_confirmation"} for order in _OPEN["orders"]],
}


def _asked(options: dict[str, str]) -> dict[str, Any]:
    return {
        "payment_intents": [_FIRST, _SECOND],
        "payment_method_data": {"type": "wechat_pay"},
        "payment_method_options": {"wechat_pay": options},
    }


def _named(**shown: tuple[str, Any]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in shown.items()}


CREATE: Final = _named(
    code=("A QR code that whoever scans it pays", _asked({"terminal_type": "WEB"})),
    mini_program=(
        "In a mini program",
        _asked({"terminal_type": "mini_program", "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}),
    ),
)
CANCEL: Final = _named(nothing=("Nothing to say", {}))
CREATED: Final = _named(opened=("The buyer can pay", _OPEN))
SHOWN: Final = _named(opened=("The buyer can pay", _OPEN), paid=("Paid", _PAID))
CANCELED: Final = _named(canceled=("Closed at WeChat", _CANCELED))
