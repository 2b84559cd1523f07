"""Examples of money that goes out, for the OpenAPI document: made-up values in the shape of real ones."""

from __future__ import annotations

from typing import Any, Final

_CREATED: Final = 1_686_189_348_000
_APP: Final = "wx7a154c094f74e84f"
_OPENID: Final = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
_TRANSFER: Final[dict[str, Any]] = {
    "id": "tr_1666625539547498496",
    "object": "transfer",
    "amount": 500,
    "created": _CREATED,
    "currency": "CNY",
    "description": "June commission",
    "destination": {"type": "wechat_pay", "app_id": _APP, "openid": _OPENID},
    "livemode": False,
    "next_action": {
        "type": "wechat_pay_request_merchant_transfer",
        "wechat_pay_request_merchant_transfer": {
            "mchId": "1900000109", "appId": _APP, "package": "ABBQO+oYAAABAAAAAAAk+yPZGrO90FmLqYWEaBAAAADnG",
        },
    },
    "scene": "1005",
    "status": "requires_action",
    "confirm_until": _CREATED + 86_400_000,
    "out_bill_no": "1666625539547498496",
}  # fmt: skip
_WITHOUT_ACTION: Final = {name: value for name, value in _TRANSFER.items() if name != "next_action"}
_PAGE: Final[dict[str, Any]] = {"object": "list", "url": "/v1/transfers", "has_more": False, "data": [_TRANSFER]}


def _named(**examples: tuple[str, Any]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}


TRANSFER_CREATE: Final = _named(
    commission=(
        "A commission",
        {
            "amount": 500,
            "currency": "CNY",
            "destination": {"openid": _OPENID, "app_id": _APP},
            "description": "June commission",
            "scene": "1005",
            "scene_report": [
                {"type": "岗位类型", "content": "外卖员"},
                {"type": "报酬说明", "content": "六月配送费"},
            ],
        },
    )
)
TRANSFER_UPDATE: Final = _named(note=("Set a name of metadata", {"metadata": {"ticket": "42"}}))
TRANSFER_CANCEL: Final = _named(nothing=("Nothing is needed", {}))
TRANSFER_MADE: Final = _named(waiting=("Waits for the recipient's confirmation", _TRANSFER))
TRANSFER_CANCELED: Final = _named(canceling=("Being taken back", _WITHOUT_ACTION | {"status": "canceling"}))
TRANSFERS_LISTED: Final = _named(page=("A page", _PAGE))
_INTENT: Final = "pi_1666625039547498496"
_SHARING: Final[dict[str, Any]] = {
    "id": "ps_1666625639547498496",
    "object": "profit_sharing",
    "amount": 300,
    "created": _CREATED,
    "currency": "CNY",
    "description": "分账",
    "finish": False,
    "livemode": False,
    "payment_intent": _INTENT,
    "receivers": [
        {"type": "merchant", "account": "1900000110", "amount": 300, "description": "Supplier", "status": "pending"}
    ],
    "status": "processing",
    "out_order_no": "1666625639547498496",
}
_RETURN: Final[dict[str, Any]] = {
    "id": "psr_1666625739547498496",
    "object": "profit_sharing_return",
    "amount": 100,
    "created": _CREATED,
    "currency": "CNY",
    "description": "Refund",
    "livemode": False,
    "payment_intent": _INTENT,
    "profit_sharing": _SHARING["id"],
    "receiver": "1900000110",
    "status": "succeeded",
    "returned_at": _CREATED + 1_000,
    "out_return_no": "1666625739547498496",
}
_RECEIVER: Final[dict[str, Any]] = {
    "object": "profit_sharing_receiver",
    "type": "merchant",
    "account": "1900000110",
    "app_id": _APP,
    "livemode": False,
}


def _page(url: str, *data: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "url": url, "has_more": False, "data": list(data)}


SHARING_CREATE: Final = _named(
    share=(
        "Share with a merchant",
        {
            "payment_intent": _INTENT,
            "receivers": [{"type": "merchant", "account": "1900000110", "amount": 300, "description": "Supplier"}],
        },
    ),
    release=("Release what remains", {"payment_intent": _INTENT, "finish": True}),
)
SHARING_MADE: Final = _named(processing=("WeChat Pay is at it", _SHARING))
SHARINGS_LISTED: Final = _named(page=("A page", _page("/v1/profit_sharings", _SHARING)))
RETURN_CREATE: Final = _named(
    some=(
        "Some of a part",
        {"profit_sharing": _SHARING["id"], "receiver": "1900000110", "amount": 100, "description": "Refund"},
    )
)
RETURN_MADE: Final = _named(done=("Brought back", _RETURN))
RETURNS_LISTED: Final = _named(page=("A page", _page("/v1/profit_sharing_returns", _RETURN)))
RECEIVER_ADD: Final = _named(
    merchant=(
        "A merchant",
        {
            "type": "merchant",
            "account": "1900000110",
            "name": "示例商贸有限公司",
            "relation": "supplier",
            "app_id": _APP,
        },
    )
)
RECEIVER_REMOVE: Final = _named(merchant=("A merchant", {"type": "merchant", "account": "1900000110", "app_id": _APP}))
RECEIVER_ADDED: Final = _named(added=("Allowed", _RECEIVER | {"relation": "supplier"}))
RECEIVER_REMOVED: Final = _named(removed=("No longer allowed", _RECEIVER | {"removed": True}))
