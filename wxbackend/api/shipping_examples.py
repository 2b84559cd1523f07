"""Examples of shippings in the OpenAPI document: made-up values in the shape of real ones."""

from __future__ import annotations

from typing import Any, Final

_WAITING: Final[dict[str, Any]] = {
    "id": "shp_1666625339547498497",
    "object": "shipping",
    "created": 1_686_189_348_000,
    "livemode": False,
    "payment_intent": "pi_1666625039547498496",
    "status": "awaiting_shipment",
    "amount": 2000,
    "amount_frozen": 2000,
    "currency": "CNY",
    "ship_by": 1_686_362_148_000,
}
_TOLD: Final[dict[str, Any]] = {
    "logistics_type": "express",
    "items": [{"description": "Tea, 2 boxes", "tracking_number": "SF1234567890", "carrier": "ZTO"}],
}
_SHIPPED: Final[dict[str, Any]] = _WAITING | _TOLD | {
    "status": "shipped", "corrections_left": 1, "delivery_mode": "unified", "all_shipped": True,
}  # fmt: skip


def _named(**shown: tuple[str, Any]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in shown.items()}


UPLOAD: Final = _named(
    express=("By a carrier", _TOLD),
    virtual=("Nothing is sent", {"logistics_type": "virtual", "items": [{"description": "Membership, one year"}]}),
    parcels=(
        "The first of several parcels",
        _TOLD | {"delivery_mode": "split", "all_shipped": False},
    ),
)
REMIND: Final = _named(handed_over=("When the carrier handed it over", {"received_at": 1_686_289_348_000}))
UPLOADED: Final = _named(shipped=("WeChat has it", _SHIPPED))
REMINDED: Final = _named(reminded=("The buyer was asked", _SHIPPED | {"reminded_at": 1_686_289_349_000}))
SHOWN: Final = _named(waiting=("WeChat waits for it", _WAITING), shipped=("Shipped", _SHIPPED))
LISTED: Final = _named(
    page=("A page", {"object": "list", "url": "/v1/shippings", "has_more": False, "data": [_WAITING]})
)
