"""What a mini program's shop tells WeChat of the goods: until it has, the buyer's money stays frozen there.

Reference: WeChat platform, order shipping (发货信息管理). One payment is shipped as a whole or in parcels, and may be
told anew once after all of it was told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.money import Money

PARCELS_MAX: Final = 15
DESCRIPTION_CHARACTERS_MAX: Final = 120
TRACKING_NUMBER_CHARACTERS_MAX: Final = 128
CARRIER_CHARACTERS_MAX: Final = 128
CONTACT_CHARACTERS_MAX: Final = 64
TELLINGS_MAX: Final = 2
"""How often all of a payment may be told as shipped: once, and once anew."""
SHIP_WITHIN_MS: Final = 48 * 3_600_000
"""What WeChat promises the buyer unless the shop has told it otherwise."""
WARN_BEFORE_MS: Final = 24 * 3_600_000
CARRIER_WITH_CONTACT: Final = "SF"
"""The carrier whose parcels are found only with the end of a telephone number."""
_CONTACT: Final = re.compile(r"[0-9+*\- ]{0,40}[0-9]{4}")


class OrderShipping(Enum):
    """How an app's orders are told to be shipped."""

    BY_HAND = "by_hand"
    """The shop tells each."""
    VIRTUAL = "virtual"
    """Nothing is sent: told by itself after the payment."""
    PICK_UP = "pick_up"
    """The buyer fetches it: told by itself after the payment."""


class Logistics(Enum):
    """How the goods reach the buyer."""

    EXPRESS = "express"
    SAME_CITY = "same_city"
    VIRTUAL = "virtual"
    PICK_UP = "pick_up"


class ShippingState(Enum):
    """What WeChat knows, as far as we know."""

    AWAITED = "awaited"
    """Paid; nothing was told."""
    RECORDED = "recorded"
    """To be told; it is not known to have left us."""
    UNCERTAIN = "uncertain"
    """Sent; whether WeChat took it is being found out."""
    LATER = "later"
    """WeChat does not know the payment yet; told again soon."""
    REFUSED = "refused"
    """WeChat will not take it as it is; nothing changed there."""
    PARTLY = "partly"
    """Some parcels are told, more will follow."""
    SHIPPED = "shipped"
    RECEIVED = "received"
    """The buyer has it, or WeChat takes it for granted; the money is about to be free."""
    SETTLED = "settled"
    """The money is the shop's to take."""
    REFUNDED = "refunded"
    """WeChat gave all of it back to the buyer; nothing is left to be free."""


BEING_TOLD: Final = frozenset({ShippingState.RECORDED, ShippingState.UNCERTAIN, ShippingState.LATER})
NOT_TOLD: Final = BEING_TOLD | {ShippingState.AWAITED, ShippingState.REFUSED, ShippingState.PARTLY}
"""States in which WeChat still waits for the shop."""
FINAL: Final = frozenset({ShippingState.SETTLED, ShippingState.REFUNDED})

PUBLIC_STATUS: Final = {
    ShippingState.AWAITED: "awaiting_shipment",
    ShippingState.RECORDED: "pending",
    ShippingState.UNCERTAIN: "pending",
    ShippingState.LATER: "pending",
    ShippingState.REFUSED: "refused",
    ShippingState.PARTLY: "partly_shipped",
    ShippingState.SHIPPED: "shipped",
    ShippingState.RECEIVED: "received",
    ShippingState.SETTLED: "settled",
    ShippingState.REFUNDED: "refunded",
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is in it and, if a carrier has it, where it can be followed."""

    description: str
    tracking_number: str | None = None
    carrier: str | None = None
    consignor_contact: str | None = field(default=None, repr=False)
    receiver_contact: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told at once: how it is sent, in one piece or parcel by parcel, and whether that is all of it."""

    logistics: Logistics
    split: bool
    complete: bool
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class Shipping:
    """One payment's goods; times are Unix milliseconds, `frozen` minor units that the shop cannot take yet."""

    id: int
    intent_id: int
    attempt_id: int
    account: str
    livemode: bool
    app: str
    provider: str
    merchant: str
    transaction: str
    out_trade_no: str
    payer: str = field(repr=False)
    money: Money
    frozen: int
    paid_ms: int
    created_ms: int
    ship_by_ms: int
    state: ShippingState = ShippingState.AWAITED
    telling: Telling | None = None
    told_ms: int | None = None
    """The time that the telling carries; it grows with each, and a repeat has the same."""
    tellings: int = 0
    """How often all of it was told and taken."""
    failure: str | None = None
    reminded_ms: int | None = None
    settles_ms: int | None = None
    settled_ms: int | None = None
    version: int = 0
    group_id: int | None = None
    """The payment group with whose combined order it was paid; WeChat is told of its goods under that order."""

    def is_overdue(self, now_ms: int) -> bool:
        """Whether WeChat has waited longer than it promised the buyer."""
        return self.state in NOT_TOLD and now_ms >= self.ship_by_ms


def check_telling(telling: Telling) -> None:
    """Refuse what WeChat would refuse, and name the parameter."""
    express = telling.logistics is Logistics.EXPRESS
    if telling.split and not express:
        raise _wrong("delivery_mode", "split delivery is for logistics_type express alone; use unified.")
    if not telling.split and not telling.complete:
        raise _wrong("all_shipped", "a unified delivery is all of it; use delivery_mode split for parts.")
    if not telling.parcels:
        raise _wrong("items", "name at least one item.", code="parameter_missing")
    if not telling.split and len(telling.parcels) > 1:
        raise _wrong("items", "a unified delivery is one parcel; use delivery_mode split for several.")
    if len(telling.parcels) > PARCELS_MAX:
        raise _wrong("items", f"{PARCELS_MAX} parcels are the most for one payment.")
    for place, parcel in enumerate(telling.parcels):
        _check_parcel(parcel, f"items[{place}]", express=express)
    numbers = [parcel.tracking_number for parcel in telling.parcels if parcel.tracking_number]
    if len(set(numbers)) != len(numbers):
        raise _wrong("items", "two parcels have the same tracking_number.")


def _check_parcel(parcel: Parcel, place: str, *, express: bool) -> None:
    for name, value in (("tracking_number", parcel.tracking_number), ("carrier", parcel.carrier)):
        if express and value is None:
            raise _wrong(f"{place}[{name}]", "logistics_type express needs it.", code="parameter_missing")
        if not express and value is not None:
            raise _wrong(f"{place}[{name}]", "only logistics_type express has it; leave it out.")
    contacts = {"consignor_contact": parcel.consignor_contact, "receiver_contact": parcel.receiver_contact}
    for name, value in contacts.items():
        if value is not None and not _CONTACT.fullmatch(value):
            raise _wrong(f"{place}[{name}]", "a telephone number whose last four digits are shown: 189****1234.")
    if parcel.carrier == CARRIER_WITH_CONTACT and not any(contacts.values()):
        raise _wrong(
            f"{place}[receiver_contact]",
            f"{CARRIER_WITH_CONTACT} finds a parcel only with consignor_contact or receiver_contact.",
            code="parameter_missing",
        )


def _wrong(param: str, why: str, *, code: str = "parameter_invalid") -> InvalidRequest:
    return InvalidRequest(f"{param}: {why}", code=code, param=param)
