"""Order shipping of mini programs at WeChat's platform, in the words of its API; an errcode becomes an observation.

Reference: WeChat platform, order shipping (发货信息管理). Texts go out in UTF-8, never escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import orjson

from wxbackend.domain.errors import Conflict, CoordinationAway, ProviderError, ProviderUnknown, ProviderUnreached
from wxbackend.domain.observation import Absent, Pending, Uncertain
from wxbackend.domain.payment_group import number_of
from wxbackend.domain.shipping import Logistics, Parcel, Shipping, Telling
from wxbackend.domain.shipping_lifecycle import (
    NotKnownYet,
    NotSent,
    Refused,
    SeenReceived,
    SeenRefunded,
    SeenShipped,
    SeenWaiting,
    Settled,
    ShippingObservation,
    Taken,
)
from wxbackend.identity.answers import read_object, read_success, tell
from wxbackend.identity.errcodes import Policy, policy_of
from wxbackend.identity.tokens import AccessTokens, platform_hosts
from wxbackend.ports.accounts import App
from wxbackend.ports.identity import AppMisconfigured, PlatformRefused, QuotaReached, TokenRejected
from wxbackend.ports.order_shipping import WaitingOrder, WaitingPage
from wxbackend.ports.provider import Exchange, Reply

T = TypeVar("T")
Reader = Callable[[Mapping[str, Any]], ShippingObservation]

UPLOAD: Final = ("shipping_upload", "/wxa/sec/order/upload_shipping_info")
UPLOAD_COMBINED: Final = ("shipping_upload", "/wxa/sec/order/upload_combined_shipping_info")
QUERY: Final = ("shipping_query", "/wxa/sec/order/get_order")
LIST: Final = ("shipping_list", "/wxa/sec/order/get_order_list")
MANAGED: Final = ("shipping_managed", "/wxa/sec/order/is_trade_managed")
REMIND: Final = ("shipping_remind", "/wxa/sec/order/notify_confirm_receive")
BY_NUMBER: Final = 1
"""The order is named by its merchant and the merchant's number; a combined order and its parts both or neither."""
BY_TRANSACTION: Final = 2
"""The order is named by WeChat's own number and not by the merchant's."""
TO_SHIP: Final = 1
"""The `order_state` of a payment that WeChat waits for."""
PAGE_ORDERS: Final = 100
LOGISTICS: Final = {Logistics.EXPRESS: 1, Logistics.SAME_CITY: 2, Logistics.VIRTUAL: 3, Logistics.PICK_UP: 4}
UNIFIED: Final = 1
SPLIT: Final = 2
BEIJING: Final = timezone(timedelta(hours=8))

NOT_KNOWN: Final = frozenset({10060001, 268485195, 268485196})
UNCHANGED: Final = 10060023
"""WeChat has these very facts already: a repeat whose first answer was lost."""
THEIR_TROUBLE: Final = frozenset({10060012, 10060019})
REFUSALS: Final[Mapping[int, str]] = {
    10060002: "already_shipped",
    10060003: "already_corrected",
    10060004: "not_shippable",
    10060005: "logistics_type_invalid",
    10060006: "split_not_allowed",
    10060007: "all_shipped_missing",
    10060008: "description_missing",
    10060009: "description_too_long",
    10060014: "parameter_invalid",
    10060024: "too_many_parcels",
    10060025: "carrier_too_long",
    10060026: "tracking_number_too_long",
    10060031: "payer_mismatch",
}


class WeChatOrderDesk:
    """See `ports.order_shipping.OrderDesk`."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def tell(self, app: App, shipping: Shipping) -> ShippingObservation:
        """`upload_shipping_info`, or `upload_combined_shipping_info` with this one order of the combined order."""
        telling, told_ms = shipping.telling, shipping.told_ms
        assert telling is not None
        assert told_ms is not None
        delivery = {
            "logistics_type": LOGISTICS[telling.logistics],
            "delivery_mode": SPLIT if telling.split else UNIFIED,
            **({"is_all_delivered": telling.complete} if telling.split else {}),
            "shipping_list": [_parcel(parcel) for parcel in telling.parcels],
        }
        same = {"upload_time": _moment(told_ms), "payer": {"openid": shipping.payer}}
        if shipping.group_id is None:
            key = {"order_number_type": BY_TRANSACTION, "transaction_id": shipping.transaction}
            call, body = UPLOAD, {"order_key": key, **delivery, **same}
        else:
            call = UPLOAD_COMBINED
            sub_order = {"order_key": _key(shipping, shipping.out_trade_no), **delivery}
            body = {"order_key": _key(shipping, number_of(shipping.group_id)), "sub_orders": [sub_order], **same}
        return self._observe(app, call, body, lambda answer: _of_upload(answer, telling, app.appid))

    def ask(self, app: App, shipping: Shipping) -> ShippingObservation:
        """`get_order`."""
        body = {"transaction_id": shipping.transaction}
        return self._observe(app, QUERY, body, lambda answer: _of_query(answer, app.appid))

    def waiting(self, app: App, *, from_ms: int, until_ms: int, after: str | None) -> WaitingPage:
        """`get_order_list` with `order_state` 1."""
        body: dict[str, Any] = {
            "pay_time_range": {"begin_time": from_ms // 1000, "end_time": until_ms // 1000},
            "order_state": TO_SHIP,
            "page_size": PAGE_ORDERS,
        }
        if after is not None:
            body["last_index"] = after
        return self._tokens.call_with_token(
            app, lambda token: _exchange(app, LIST, token, body, partial(_waiting_page, app))
        )

    def is_managed(self, app: App) -> bool:
        """`is_trade_managed`."""

        def read(reply: Reply) -> bool:
            return read_success(reply, MANAGED[0], appid=app.appid).get("is_trade_managed") is True

        return self._tokens.call_with_token(
            app, lambda token: _exchange(app, MANAGED, token, {"appid": app.appid}, read)
        )

    def remind(self, app: App, shipping: Shipping, *, received_ms: int) -> None:
        """`notify_confirm_receive`."""
        body = {"transaction_id": shipping.transaction, "received_time": received_ms // 1000}
        try:
            self._tokens.call_with_token(
                app, lambda token: _exchange(app, REMIND, token, body, partial(_acknowledge, app))
            )
        except (AppMisconfigured, QuotaReached, TokenRejected):
            raise
        except PlatformRefused as refused:
            raise Conflict(
                f"WeChat sends no reminder for this order now (errcode {refused.errcode}): it sends one for each, "
                "after all of it was shipped.",
                code="reminder_refused",
            ) from refused

    def _observe(self, app: App, call: tuple[str, str], body: Mapping[str, Any], read: Reader) -> ShippingObservation:
        purpose = call[0]

        def understand(reply: Reply) -> ShippingObservation:
            answer = read_object(reply, purpose)
            errcode = answer.get("errcode", 0)
            if not isinstance(errcode, int):
                raise ProviderUnknown(f"WeChat's answer to {purpose} has an errcode that is no number")
            if _concerns_the_call(errcode):
                read_success(reply, purpose, appid=app.appid)
            return read(answer)

        try:
            return self._tokens.call_with_token(app, lambda token: _exchange(app, call, token, body, understand))
        except ProviderUnknown as error:
            return Uncertain(str(error))
        except (ProviderUnreached, PlatformRefused, CoordinationAway) as error:
            # The call did not leave, or WeChat hears no call of this app now: either way nothing was done there.
            return NotSent(str(error))
        except ProviderError as error:
            return Uncertain(str(error))


def _concerns_the_call(errcode: int) -> bool:
    """Whether WeChat speaks of the token, the app or a quota, and not of this order."""
    if errcode == -1:
        return True
    return policy_of(errcode) in (Policy.RENEW_TOKEN, Policy.FATAL, Policy.STOP_TODAY, Policy.SLOW_DOWN)


def _exchange(
    app: App, call: tuple[str, str], token: str, body: Mapping[str, Any], read: Callable[[Reply], T]
) -> Exchange[T]:
    purpose, path = call
    return Exchange(
        purpose=purpose,
        method="POST",
        hosts=platform_hosts(app),
        target=f"{path}?{urlencode({'access_token': token})}",
        headers={"Accept": "application/json", "Content-Type": "application/json"},
        body=orjson.dumps(body),
        read=read,
    )


def _acknowledge(app: App, reply: Reply) -> None:
    read_success(reply, REMIND[0], appid=app.appid)


def _waiting_page(app: App, reply: Reply) -> WaitingPage:
    answer = read_success(reply, LIST[0], appid=app.appid)
    listed, after = answer.get("order_list", []), answer.get("last_index")
    if not isinstance(listed, list):
        raise ProviderUnknown("WeChat's list of orders is no list")
    orders = tuple(
        WaitingOrder(str(order.get("merchant_id")), str(order.get("merchant_trade_no")))
        for order in listed
        if isinstance(order, dict) and order.get("order_state") == TO_SHIP
    )
    more = answer.get("has_more") is True and isinstance(after, str) and bool(listed)
    return WaitingPage(orders, after if more else None)


def _key(shipping: Shipping, number: str) -> dict[str, Any]:
    return {"order_number_type": BY_NUMBER, "mchid": shipping.merchant, "out_trade_no": number}


def _parcel(parcel: Parcel) -> dict[str, Any]:
    told: dict[str, Any] = {"item_desc": parcel.description}
    if parcel.tracking_number is not None:
        told |= {"tracking_no": parcel.tracking_number, "express_company": parcel.carrier}
    contact = {"consignor_contact": parcel.consignor_contact, "receiver_contact": parcel.receiver_contact}
    contact = {name: value for name, value in contact.items() if value is not None}
    return told | ({"contact": contact} if contact else {})


def _moment(time_ms: int) -> str:
    """RFC 3339 to the millisecond, in Beijing."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC).replace(microsecond=time_ms % 1000 * 1000)
    return moment.astimezone(BEIJING).isoformat(timespec="milliseconds")


def _of_upload(answer: Mapping[str, Any], telling: Telling, appid: str) -> ShippingObservation:
    errcode = answer.get("errcode", 0)
    if errcode in (0, UNCHANGED):
        return Taken(telling.complete)
    if errcode in NOT_KNOWN:
        return NotKnownYet()
    tell(errcode, str(answer.get("errmsg", "")), purpose=UPLOAD[0], appid=appid)
    if errcode in THEIR_TROUBLE:
        return Uncertain(f"WeChat has trouble of its own (errcode {errcode})")
    return Refused(REFUSALS.get(errcode, f"wechat_{errcode}"))


def _of_query(answer: Mapping[str, Any], appid: str) -> ShippingObservation:
    """By `order_state`. Whatever else WeChat may say one day is no reason to believe anything."""
    errcode = answer.get("errcode", 0)
    if errcode in NOT_KNOWN:
        return Absent()
    if errcode:
        tell(errcode, str(answer.get("errmsg", "")), purpose=QUERY[0], appid=appid)
        return Pending(str(errcode))
    order = answer.get("order")
    if not isinstance(order, dict):
        raise ProviderUnknown("WeChat's answer holds no order")
    state = order.get("order_state")
    said: dict[Any, ShippingObservation] = {
        1: SeenWaiting(_numbers(order)),
        2: SeenShipped(_tellings(order), _numbers(order)),
        3: SeenReceived(),
        4: Settled(),
        5: SeenRefunded(),
        6: SeenReceived(),
    }
    return said.get(state, Pending(str(state))) if isinstance(state, int) else Pending()


def _shipping(order: Mapping[str, Any]) -> Mapping[str, Any]:
    found = order.get("shipping")
    return found if isinstance(found, dict) else {}


def _tellings(order: Mapping[str, Any]) -> int:
    count = _shipping(order).get("finish_shipping_count")
    return count if isinstance(count, int) and count > 0 else 1


def _numbers(order: Mapping[str, Any]) -> frozenset[str]:
    listed = _shipping(order).get("shipping_list")
    parcels = listed if isinstance(listed, list) else []
    told = (parcel.get("tracking_no") for parcel in parcels if isinstance(parcel, dict))
    return frozenset(str(number) for number in told if number)
