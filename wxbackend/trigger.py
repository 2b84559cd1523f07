"""Makes an event really happen: a payment through the API and the simulator's desk, never a made-up event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from wxbackend.demo import BUYER, Demo
from wxbackend.domain.errors import WxbackendError
from wxbackend.domain.event import EventType

AMOUNT_FEN: Final = 2_000
LOOK_BACK: Final = 20
BEFORE_ALL: Final = "evt_0000000000000000000"


class UnknownEvent(WxbackendError):
    """Nobody knows how to make it happen."""


def trigger(demo: Demo, name: str) -> dict[str, Any]:
    """The event, once it happened; raises `UnknownEvent`, or `DemoFailed` when it did not."""
    kind = next((kind for kind in EventType if kind.value == name), None)
    if kind is None:
        known = "\n  ".join(sorted(kind.value for kind in SCENES))
        raise UnknownEvent(f"There is no event {name!r}. There are:\n  {known}")
    newest = demo.api("GET", "/v1/events?limit=1")["data"]
    before = newest[0]["id"] if newest else BEFORE_ALL
    about = SCENES[kind](demo)

    def happened() -> dict[str, Any] | None:
        asked = urlencode({"type": kind.value, "ending_before": before, "limit": LOOK_BACK})
        for event in demo.api("GET", f"/v1/events?{asked}")["data"]:
            subject: dict[str, Any] = event["data"]["object"]
            if about in (subject["id"], subject.get("payment_intent"), subject.get("transaction_id")):
                found: dict[str, Any] = event
                return found
        return None

    return demo.until(f"the event {name}", happened)


def _created(demo: Demo) -> str:
    return str(demo.create(AMOUNT_FEN)["id"])


def _ordered(demo: Demo) -> dict[str, Any]:
    intent = demo.create(AMOUNT_FEN)
    demo.confirm(intent)
    return intent


def _requires_action(demo: Demo) -> str:
    return str(_ordered(demo)["id"])


def _succeeded(demo: Demo) -> str:
    intent = _ordered(demo)
    demo.pay(intent)

    def succeeded() -> dict[str, Any] | None:
        found = demo.api("GET", f"/v1/payment_intents/{intent['id']}")
        return found if found["status"] == "succeeded" else None

    demo.until("the payment to be believed", succeeded)
    return str(intent["id"])


def _payment_failed(demo: Demo) -> str:
    """The buyer's openid in another app is one that WeChat declines."""
    intent = demo.create(AMOUNT_FEN)
    openids: dict[str, str] = demo.desk("GET", f"/buyers/{BUYER}")["openids"]
    foreign = next(openid for app, openid in openids.items() if app != demo.app)
    options = {"wechat_pay": {"terminal_type": "official_account", "openid": foreign}}
    demo.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", {
        "payment_method_data": {"type": "wechat_pay"}, "payment_method_options": options,
    })  # fmt: skip
    return str(intent["id"])


def _canceled(demo: Demo) -> str:
    intent = _ordered(demo)
    demo.api("POST", f"/v1/payment_intents/{intent['id']}/cancel", {"cancellation_reason": "abandoned"})
    return str(intent["id"])


def _refunded(demo: Demo) -> str:
    intent = _succeeded(demo)
    demo.api("POST", "/v1/refunds", {"payment_intent": intent})
    return intent


def _late_money(demo: Demo) -> str:
    """A notice of money for an order that was closed."""
    intent = _ordered(demo)
    demo.api("POST", f"/v1/payment_intents/{intent['id']}/cancel", {"cancellation_reason": "abandoned"})
    transaction = f"42000001{intent['id'][-19:]}"
    demo.desk("POST", "/notices/forge", {
        "url": demo.notice_url, "out_trade_no": intent["out_trade_no"],
        "plaintext_overrides": {"transaction_id": transaction},
    })  # fmt: skip
    return transaction


SCENES: Final[dict[EventType, Callable[[Demo], str]]] = {
    EventType.INTENT_CREATED: _created,
    EventType.INTENT_REQUIRES_ACTION: _requires_action,
    EventType.INTENT_SUCCEEDED: _succeeded,
    EventType.INTENT_PAYMENT_FAILED: _payment_failed,
    EventType.INTENT_CANCELED: _canceled,
    EventType.REFUND_CREATED: _refunded,
    EventType.REFUND_UPDATED: _refunded,
    EventType.DISCREPANCY_OPENED: _late_money,
}
"""How each event comes about; what it gives is named by the event's object."""
