"""Makes an event really happen: a payment through the API and the simulator's desk, never a made-up event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from wxbackend.demo import BUYER, Demo
from wxbackend.domain.errors import WxbackendError
from wxbackend.domain.event import EventType

AMOUNT_FEN: Final = 2_000
PART_FEN: Final = 300
MINI_PROGRAM: Final = "wx7a154c094f74e84f"
SUPPLIER: Final = "1900000110"
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
    _paid(demo, intent)
    return str(intent["id"])


def _paid(demo: Demo, intent: dict[str, Any]) -> None:
    demo.pay(intent)

    def succeeded() -> dict[str, Any] | None:
        found = demo.api("GET", f"/v1/payment_intents/{intent['id']}")
        return found if found["status"] == "succeeded" else None

    demo.until("the payment to be believed", succeeded)


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


def _refund_failed(demo: Demo) -> str:
    """A refund that WeChat closes."""
    demo.desk("POST", "/refunds/rules", {"outcome": "CLOSED", "times": 1})
    return _refunded(demo)


def _late_money(demo: Demo) -> str:
    """A notice of money for an order that was closed."""
    intent = _ordered(demo)
    demo.api("POST", f"/v1/payment_intents/{intent['id']}/cancel", {"cancellation_reason": "abandoned"})
    transaction = f"42000001{intent['id'][-19:]}"
    told = {"url": demo.notice_url(intent), "out_trade_no": intent["out_trade_no"]}
    if demo.provider_of(intent) == "wechat_v2":
        demo.desk("POST", "/notices/forge_v2", told | {
            "overrides": {"transaction_id": transaction}, "sign_type": demo.sign_type_of(intent),
        })  # fmt: skip
    else:
        demo.desk("POST", "/notices/forge", told | {"plaintext_overrides": {"transaction_id": transaction}})
    return transaction


def _transfer(demo: Demo) -> dict[str, Any]:
    """Money for the demo's buyer, from a merchant that has some."""
    demo.desk("POST", "/merchant", {"top_up": AMOUNT_FEN})
    openids: dict[str, str] = demo.desk("GET", f"/buyers/{BUYER}")["openids"]
    return demo.api("POST", "/v1/transfers", {
        "amount": AMOUNT_FEN, "currency": "CNY", "description": "Commission", "scene": "1005",
        "destination": {"openid": openids[demo.app], "app_id": demo.app},
        "scene_report": [{"type": "岗位类型", "content": "外卖员"}, {"type": "报酬说明", "content": "六月配送费"}],
    })  # fmt: skip


def _transferred(demo: Demo) -> str:
    return str(_transfer(demo)["id"])


def _confirmed(demo: Demo) -> str:
    made = _transfer(demo)
    demo.desk("POST", f"/buyers/{BUYER}/confirm_transfer", {"out_bill_no": made["out_bill_no"]})
    return str(made["id"])


def _not_payable(demo: Demo) -> str:
    made = _transfer(demo)
    told = {"out_bill_no": made["out_bill_no"], "outcome": "fail"}
    demo.desk("POST", f"/buyers/{BUYER}/confirm_transfer", told)
    return str(made["id"])


def _taken_back(demo: Demo) -> str:
    made = _transfer(demo)
    demo.api("POST", f"/v1/transfers/{made['id']}/cancel", {})
    return str(made["id"])


def _shared(demo: Demo) -> dict[str, Any]:
    """A part of a payment for another merchant."""
    receiver = {"type": "merchant", "account": SUPPLIER}
    demo.desk("POST", "/sharings/rules", {"percent_max": 30})
    added = {"app_id": demo.app, "name": "示例商贸有限公司", "relation": "supplier"}
    demo.api("POST", "/v1/profit_sharing_receivers", receiver | added)
    intent = demo.create(AMOUNT_FEN)
    demo.confirm(intent, profit_sharing=True)
    _paid(demo, intent)
    part = receiver | {"amount": PART_FEN, "description": "Supplier"}
    return demo.api("POST", "/v1/profit_sharings", {"payment_intent": intent["id"], "receivers": [part]})


def _sharing(demo: Demo) -> str:
    return str(_shared(demo)["id"])


def _returned(demo: Demo) -> str:
    made = _shared(demo)

    def finished() -> dict[str, Any] | None:
        found = demo.api("GET", f"/v1/profit_sharings/{made['id']}")
        return found if found["status"] == "finished" else None

    demo.until("the sharing to be finished", finished)
    return str(demo.api("POST", "/v1/profit_sharing_returns", {
        "profit_sharing": made["id"], "receiver": SUPPLIER, "amount": PART_FEN, "description": "Refund",
    })["id"])  # fmt: skip


def _resolved(demo: Demo) -> str:
    """The same, and a person who looked at it."""
    transaction = _late_money(demo)

    def recorded() -> dict[str, Any] | None:
        found: list[dict[str, Any]] = demo.api("GET", "/v1/discrepancies?status=open&limit=100")["data"]
        return next((each for each in found if each["transaction_id"] == transaction), None)

    number = demo.until("the money to be on record", recorded)["id"]
    demo.api("POST", f"/v1/discrepancies/{number}/resolve", {"note": "triggered"})
    return transaction


def _customer(demo: Demo) -> str:
    openids: dict[str, str] = demo.desk("GET", f"/buyers/{BUYER}")["openids"]
    return str(demo.api("POST", "/v1/customers", {"openids": {demo.app: openids[demo.app]}})["id"])


def _customer_changed(demo: Demo) -> str:
    customer = _customer(demo)
    demo.api("POST", f"/v1/customers/{customer}", {"metadata": {"triggered": "yes"}})
    return customer


def _setup(demo: Demo) -> dict[str, Any]:
    """A contract that the buyer is asked to sign."""
    options = {"wechat_pay": {"terminal_type": "official_account"}}
    return demo.api("POST", "/v1/setup_intents", {
        "customer": _customer(demo), "confirm": True,
        "payment_method_data": {"type": "wechat_pay"}, "payment_method_options": options,
    })  # fmt: skip


def _setup_made(demo: Demo) -> str:
    return str(_setup(demo)["id"])


def _setup_canceled(demo: Demo) -> str:
    setup = demo.api("POST", "/v1/setup_intents", {"customer": _customer(demo)})
    demo.api("POST", f"/v1/setup_intents/{setup['id']}/cancel", {})
    return str(setup["id"])


def _setup_failed(demo: Demo) -> str:
    """The buyer's openid in another app is one for which WeChat opens no page."""
    openids: dict[str, str] = demo.desk("GET", f"/buyers/{BUYER}")["openids"]
    foreign = next(openid for app, openid in openids.items() if app != demo.app)
    customer = demo.api("POST", "/v1/customers", {"openids": {demo.app: foreign}})["id"]
    return str(demo.api("POST", "/v1/setup_intents", {
        "customer": customer, "confirm": True, "payment_method_data": {"type": "wechat_pay"},
        "payment_method_options": {"wechat_pay": {"terminal_type": "official_account"}},
    })["id"])  # fmt: skip


def _signed(demo: Demo) -> dict[str, Any]:
    setup = _setup(demo)
    url: str = setup["next_action"]["redirect_to_url"]["url"]
    page = parse_qs(urlsplit(url).query)["pre_entrust_id"][0]
    demo.desk("POST", f"/buyers/{BUYER}/sign", {"page": page, "answer": "agree"})

    def succeeded() -> dict[str, Any] | None:
        found = demo.api("GET", f"/v1/setup_intents/{setup['id']}")
        return found if found["status"] == "succeeded" else None

    return demo.until("the contract to be signed", succeeded)


def _setup_succeeded(demo: Demo) -> str:
    return str(_signed(demo)["id"])


def _mandate_changed(demo: Demo) -> str:
    return str(_signed(demo)["mandate"])


def _method_attached(demo: Demo) -> str:
    return str(_signed(demo)["payment_method"])


def _method_detached(demo: Demo) -> str:
    method = str(_signed(demo)["payment_method"])
    demo.api("POST", f"/v1/payment_methods/{method}/detach", {})
    return method


def _debited(demo: Demo) -> str:
    signed = _signed(demo)
    demo.desk("POST", "/debits/rules", {"notice_required": False})
    return str(demo.api("POST", "/v1/payment_intents", {
        "amount": AMOUNT_FEN, "currency": "CNY", "customer": signed["customer"],
        "payment_method": signed["payment_method"], "off_session": True, "confirm": True,
    })["id"])  # fmt: skip


def _to_ship(demo: Demo) -> dict[str, Any]:
    """A payment in the mini program, whose money WeChat holds until the goods are shipped."""
    demo.desk("POST", "/shipping/rules", {"not_known_s": 0})
    address = f"{demo.web_url}/pushes/wechat/{MINI_PROGRAM}"
    demo.desk("POST", f"/apps/{MINI_PROGRAM}/push", {"url": address, "mode": "safe", "format": "json"})
    intent = demo.create(AMOUNT_FEN)
    openid = demo.desk("GET", f"/buyers/{BUYER}")["openids"][MINI_PROGRAM]
    options = {"wechat_pay": {"terminal_type": "mini_program", "openid": openid}}
    confirmed = demo.api("POST", f"/v1/payment_intents/{intent['id']}/confirm", {
        "payment_method_data": {"type": "wechat_pay"}, "payment_method_options": options,
    })  # fmt: skip
    orders = demo.desk("GET", f"/buyers/{BUYER}/orders")["orders"]
    (number,) = [each["out_trade_no"] for each in orders if each["description"] == intent["description"]]
    demo.desk("POST", f"/buyers/{BUYER}/pay", {
        "channel": "mini_program", "appid": MINI_PROGRAM, "outcome": "pay",
        "params": confirmed["next_action"]["wechat_pay_mini_program_params"],
    })  # fmt: skip

    def succeeded() -> dict[str, Any] | None:
        found = demo.api("GET", f"/v1/payment_intents/{intent['id']}")
        return found if found["status"] == "succeeded" else None

    demo.until("the payment to be believed", succeeded)
    shipped = {"logistics_type": "virtual", "items": [{"description": "Tea"}]}
    demo.api("POST", f"/v1/payment_intents/{intent['id']}/shipping", shipped)
    return intent | {"out_trade_no": number}


def _shipped(demo: Demo) -> str:
    return str(_to_ship(demo)["id"])


def _shipping_refused(demo: Demo) -> str:
    """A correction that comes when the buyer has received the goods."""
    intent = _to_ship(demo)
    demo.desk("POST", f"/shipping/{intent['out_trade_no']}/receive", {})
    corrected = {"logistics_type": "virtual", "items": [{"description": "Green tea"}]}
    demo.api("POST", f"/v1/payment_intents/{intent['id']}/shipping", corrected)
    return str(intent["id"])


def _settled(demo: Demo) -> str:
    intent = _to_ship(demo)
    demo.desk("POST", f"/shipping/{intent['out_trade_no']}/settle", {})
    return str(intent["id"])


SCENES: Final[dict[EventType, Callable[[Demo], str]]] = {
    EventType.INTENT_CREATED: _created,
    EventType.INTENT_REQUIRES_ACTION: _requires_action,
    EventType.INTENT_SUCCEEDED: _succeeded,
    EventType.INTENT_PAYMENT_FAILED: _payment_failed,
    EventType.INTENT_CANCELED: _canceled,
    EventType.REFUND_CREATED: _refunded,
    EventType.REFUND_UPDATED: _refunded,
    EventType.REFUND_CHANGED: _refunded,
    EventType.REFUND_FAILED: _refund_failed,
    EventType.REFUND_SUCCEEDED: _refunded,
    EventType.TRANSFER_CREATED: _transferred,
    EventType.TRANSFER_UPDATED: _transferred,
    EventType.TRANSFER_PAID: _confirmed,
    EventType.TRANSFER_FAILED: _not_payable,
    EventType.TRANSFER_CANCELED: _taken_back,
    EventType.SHARING_CREATED: _sharing,
    EventType.SHARING_UPDATED: _sharing,
    EventType.RETURN_CREATED: _returned,
    EventType.RETURN_UPDATED: _returned,
    EventType.DISCREPANCY_OPENED: _late_money,
    EventType.DISCREPANCY_RESOLVED: _resolved,
    EventType.CUSTOMER_CREATED: _customer,
    EventType.CUSTOMER_UPDATED: _customer_changed,
    EventType.SETUP_CREATED: _setup_made,
    EventType.SETUP_REQUIRES_ACTION: _setup_made,
    EventType.SETUP_SUCCEEDED: _setup_succeeded,
    EventType.SETUP_CANCELED: _setup_canceled,
    EventType.SETUP_FAILED: _setup_failed,
    EventType.MANDATE_UPDATED: _mandate_changed,
    EventType.METHOD_ATTACHED: _method_attached,
    EventType.METHOD_DETACHED: _method_detached,
    EventType.INTENT_PROCESSING: _debited,
    EventType.SHIPPING_UPLOADED: _shipped,
    EventType.SHIPPING_REFUSED: _shipping_refused,
    EventType.INTENT_SETTLED: _settled,
}
"""How each event comes about; what it gives is named by the event's object."""
