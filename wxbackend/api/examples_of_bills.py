"""Examples for the OpenAPI document: what bills show."""

from __future__ import annotations

from typing import Any, Final


def _named(**examples: tuple[str, Any]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}


_OPEN: Final[dict[str, Any]] = {
    "id": "dsc_1666625039547498498",
    "object": "discrepancy",
    "created": 1732240800000,
    "livemode": False,
    "kind": "amount",
    "status": "open",
    "amount": 1900,
    "currency": "CNY",
    "transaction_id": "4200002026202611210000000001",
    "expected": {"amount": 2000},
    "observed": {"amount": 1900, "out_trade_no": "1666625039547498496"},
    "payment_intent": "pi_1666625039547498496",
    "bill_date": "2026-11-21",
}
_DONE: Final = _OPEN | {
    "status": "resolved",
    "resolution": "settled",
    "resolved": 1732244400000,
    "note": "WeChat corrected the bill on the phone.",
}
SHOWN: Final = _named(open=("A difference that waits for a person", _OPEN))
LISTED: Final = _named(
    page=("A page", {"object": "list", "url": "/v1/discrepancies", "has_more": False, "data": [_OPEN]})
)
RESOLVE: Final = _named(note=("What was found out", {"note": _DONE["note"]}))
RESOLVED: Final = _named(resolved=("Dealt with", _DONE))
