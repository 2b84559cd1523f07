"""Order management of mini programs: what was told of each payment's goods, and how much of its money is frozen.

Reference: WeChat platform, order shipping. Moments are virtual seconds.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime

from wxbackend.simulators.clock import Clock
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.wechat_pay.orders import Order, OrderBook
from wxbackend.simulators.wechat_pay.refunds import SUCCESS, RefundBook
from wxbackend.simulators.wechat_platform.pushes import Pushes
from wxbackend.simulators.wechat_platform.shipping_request import (
    PARCELS_MAX,
    SPLIT,
    OrderKey,
    ShippingRefusedError,
    Told,
    ToldParcel,
)

TO_SHIP, SHIPPED, RECEIVED, DONE, REFUNDED = 1, 2, 3, 4, 5
NOT_FOUND, ALREADY_SHIPPED, CHANCE_USED, WRONG_STATE = 10060001, 10060002, 10060003, 10060004
UNCHANGED, PARAMETER, TOO_MANY, OTHER_PAYER = 10060023, 10060014, 10060024, 10060031
NOT_KNOWN_S_DEFAULT = 5.0
RECEIVED_AFTER_S_DEFAULT = 10 * 86400.0
SETTLED_AFTER_S_DEFAULT = 0.0
AUTOMATIC, BY_HAND = 1, 2
TELLINGS_MAX = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """How long a payment is not known here, and when it is received and its money is free by itself."""

    not_known_s: float = NOT_KNOWN_S_DEFAULT
    received_after_s: float = RECEIVED_AFTER_S_DEFAULT
    settled_after_s: float = SETTLED_AFTER_S_DEFAULT


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of one payment's goods."""

    out_trade_no: str
    state: int = TO_SHIP
    told: Told | None = None
    parcels: tuple[ToldParcel, ...] = ()
    finished: int = 0
    uploads: int = 0
    shipped_at: float | None = None
    received_at: float | None = None
    received_how: int = 0
    settled_at: float | None = None
    reminded: bool = False


class ShippingBook:
    """All deliveries of payments in mini programs that are watched."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        clock: Clock,
        lock: threading.RLock,
        orders: OrderBook,
        refunds: RefundBook,
        pushes: Pushes,
    ) -> None:
        self._clock = clock
        self._lock = lock
        self._orders = orders
        self._refunds = refunds
        self._pushes = pushes
        self._kinds = {app.appid: app.kind for app in credentials.apps}
        self._deliveries: dict[str, Delivery] = {}
        self._unwatched: set[str] = set()
        self.rules = Rules()

    def watches(self, appid: str) -> bool:
        """Whether this app's orders are managed: a mini program's are, unless the desk says otherwise."""
        with self._lock:
            return self._kinds.get(appid) == "mini_program" and appid not in self._unwatched

    def watch(self, appid: str, *, on: bool) -> None:
        """Let WeChat manage the app's orders, or not."""
        with self._lock:
            (self._unwatched.discard if on else self._unwatched.add)(appid)

    def find(self, appid: str, key: OrderKey) -> tuple[Order, Delivery]:
        """A payment that is known here by now. Raises ShippingRefusedError."""
        with self._lock:
            order = self._order(key)
            if order is None or order.payment is None or order.request.appid != appid:
                raise ShippingRefusedError(NOT_FOUND)
            if self._clock.now() < order.payment.paid_at + self.rules.not_known_s:
                raise ShippingRefusedError(NOT_FOUND)
            return order, self.of(order)

    def of(self, order: Order) -> Delivery:
        """The delivery of a paid order as it is now."""
        with self._lock:
            number = order.request.out_trade_no
            delivery = self._deliveries.get(number, Delivery(number))
            given_back = sum(
                refund.request.refund for refund in self._refunds.of_order(number) if refund.status == SUCCESS
            )
            if given_back >= order.request.total and delivery.state != DONE:
                delivery = replace(delivery, state=REFUNDED)
            return delivery

    def upload(self, appid: str, told: Told) -> None:
        """Take in what was told. Raises ShippingRefusedError."""
        with self._lock:
            order, delivery = self.find(appid, told.key)
            assert order.payment is not None
            if told.openid != order.payment.openid:
                raise ShippingRefusedError(OTHER_PAYER)
            after = _with(delivery, told, self._clock.now())
            self._deliveries[after.out_trade_no] = after
        if after.finished > delivery.finished:
            self._tell_settlement(order, after)

    def remind(self, appid: str, key: OrderKey) -> None:
        """Remind the buyer, once. Raises ShippingRefusedError."""
        with self._lock:
            _, delivery = self.find(appid, key)
            if delivery.state != SHIPPED or delivery.reminded:
                raise ShippingRefusedError(WRONG_STATE)
            self._deliveries[delivery.out_trade_no] = replace(delivery, reminded=True)

    def receive(self, out_trade_no: str, *, how: int = BY_HAND) -> Delivery:
        """The buyer confirms, or time does. Raises ValueError."""
        with self._lock:
            order = self._orders.get(out_trade_no)
            delivery = self.of(order)
            if delivery.state != SHIPPED:
                raise ValueError(f"order {out_trade_no} is in state {delivery.state}, not shipped")
            after = replace(delivery, state=RECEIVED, received_at=self._clock.now(), received_how=how)
            self._deliveries[out_trade_no] = after
            return after

    def settle(self, out_trade_no: str) -> Delivery:
        """Set the money free and tell the merchant, receiving it first if nobody has. Raises ValueError."""
        with self._lock:
            order = self._orders.get(out_trade_no)
            if self.of(order).state == SHIPPED:
                self.receive(out_trade_no, how=AUTOMATIC)
            delivery = self.of(order)
            if delivery.state != RECEIVED:
                raise ValueError(f"order {out_trade_no} is in state {delivery.state}, not received")
            after = replace(delivery, state=DONE, settled_at=self._clock.now())
            self._deliveries[out_trade_no] = after
        self._tell_settlement(order, after)
        return after

    def settle_due(self) -> None:
        """Let time receive and settle what it is time for."""
        with self._lock:
            now, rules = self._clock.now(), self.rules
            for number, delivery in list(self._deliveries.items()):
                if delivery.state == SHIPPED and now >= (delivery.shipped_at or now) + rules.received_after_s:
                    self.receive(number, how=AUTOMATIC)
                received_at = self._deliveries[number].received_at
                waits = self._deliveries[number].state == RECEIVED and received_at is not None
                if waits and self._clock.now() >= (received_at or now) + rules.settled_after_s:
                    self.settle(number)

    def remind_merchant(self, out_trade_no: str) -> bool:
        """Push what WeChat pushes to a shop that has not shipped; whether the app has an address."""
        order = self._orders.get(out_trade_no)
        fields = {**_named(order), "msg": "该订单已超过承诺发货时间，请尽快发货"}
        return self._pushes.event(order.request.appid, "trade_manage_remind_shipping", fields) is not None

    def known(self) -> list[Order]:
        """Paid orders of watched apps, newest first."""
        return [order for order in self._orders.everything() if order.paid and self.watches(order.request.appid)]

    def frozen(self, order: Order) -> int:
        """How much of a payment the merchant cannot take yet, in fen."""
        if self.of(order).state in (DONE, REFUNDED):
            return 0
        refunds = self._refunds.of_order(order.request.out_trade_no)
        return order.request.total - sum(refund.request.refund for refund in refunds if refund.status == SUCCESS)

    def _order(self, key: OrderKey) -> Order | None:
        if key.transaction_id is not None:
            return self._orders.find_by_transaction(key.transaction_id)
        order = self._orders.find(key.out_trade_no or "")
        return order if order is not None and order.request.mchid == key.mchid else None

    def _tell_settlement(self, order: Order, delivery: Delivery) -> None:
        fields: dict[str, object] = {**_named(order), "shipped_time": int(delivery.shipped_at or 0)}
        if delivery.settled_at is None:
            later = self.rules.received_after_s + self.rules.settled_after_s
            fields["estimated_settlement_time"] = int((delivery.shipped_at or 0) + later)
        else:
            fields |= {
                "confirm_receive_method": delivery.received_how,
                "confirm_receive_time": int(delivery.received_at or 0),
                "settlement_time": int(delivery.settled_at),
            }
        self._pushes.event(order.request.appid, "trade_manage_order_settlement", fields)


def _named(order: Order) -> dict[str, object]:
    assert order.payment is not None
    return {
        "transaction_id": order.payment.transaction_id,
        "merchant_id": order.request.mchid,
        "merchant_trade_no": order.request.out_trade_no,
        "pay_time": int(order.payment.paid_at),
    }


def _with(delivery: Delivery, told: Told, now: float) -> Delivery:
    """The delivery with one more upload. Raises ShippingRefusedError."""
    if delivery.state not in (TO_SHIP, SHIPPED):
        raise ShippingRefusedError(WRONG_STATE)
    if delivery.told is not None and delivery.told.facts() == told.facts():
        raise ShippingRefusedError(UNCHANGED)
    if delivery.told is not None and not _is_later(told.upload_time, delivery.told.upload_time):
        raise ShippingRefusedError(PARAMETER)
    if delivery.finished >= TELLINGS_MAX:
        raise ShippingRefusedError(CHANCE_USED)
    changes_mode = delivery.told is not None and delivery.told.delivery_mode != told.delivery_mode
    goes_on = told.delivery_mode == SPLIT and not delivery.finished and not changes_mode
    parcels = _joined(delivery.parcels, told.parcels) if goes_on else told.parcels
    if len(parcels) > PARCELS_MAX:
        raise ShippingRefusedError(TOO_MANY)
    finished = delivery.finished
    if told.complete:
        finished = TELLINGS_MAX if changes_mode else finished + 1
    return replace(
        delivery,
        told=told,
        parcels=parcels,
        finished=finished,
        uploads=delivery.uploads + 1,
        state=SHIPPED if finished else TO_SHIP,
        shipped_at=now if told.complete else delivery.shipped_at,
    )


def _joined(known: tuple[ToldParcel, ...], told: tuple[ToldParcel, ...]) -> tuple[ToldParcel, ...]:
    numbers = {parcel.tracking_no for parcel in told}
    return (*(parcel for parcel in known if parcel.tracking_no not in numbers), *told)


def _is_later(moment: datetime, than: datetime) -> bool:
    return moment > than
