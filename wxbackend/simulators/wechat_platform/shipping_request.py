"""Reads what a merchant tells of its shipping, as strictly as WeChat: each mistake has its own errcode.

Reference: WeChat platform, order shipping. Members that are not known are a data format error here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

EXPRESS, SAME_CITY, VIRTUAL, PICK_UP = 1, 2, 3, 4
UNIFIED, SPLIT = 1, 2
PARCELS_MAX = 15
DESCRIPTION_CHARACTERS_MAX = 120
NUMBER_BYTES_MAX = 128
COMPANY_WITH_CONTACT = "SF"
FORMAT, PARAMETER = 47001, 10060014


class ShippingRefusedError(Exception):
    """What is told or asked cannot be taken; `errcode` says why."""

    def __init__(self, errcode: int) -> None:
        super().__init__(str(errcode))
        self.errcode = errcode


@dataclass(frozen=True, slots=True)
class OrderKey:
    """Which payment is meant: by WeChat's number, or by the merchant's."""

    transaction_id: str | None = None
    mchid: str | None = None
    out_trade_no: str | None = None


@dataclass(frozen=True, slots=True)
class ToldParcel:
    """One parcel."""

    item_desc: str
    tracking_no: str = ""
    express_company: str = ""
    contact: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What an upload says."""

    key: OrderKey
    logistics_type: int
    delivery_mode: int
    complete: bool
    parcels: tuple[ToldParcel, ...]
    upload_time: datetime
    openid: str = field(repr=False)

    def facts(self) -> tuple[object, ...]:
        """What makes two uploads the same."""
        return (self.logistics_type, self.delivery_mode, self.complete, self.parcels)


def read_upload(body: Mapping[str, Any]) -> Told:
    """An upload of one payment. Raises ShippingRefusedError."""
    known = (
        "order_key", "logistics_type", "delivery_mode", "is_all_delivered", "shipping_list", "upload_time", "payer",
    )  # fmt: skip
    _known(body, known)
    key = read_key(_mapping(body, "order_key"))
    payer = _mapping(body, "payer")
    _known(payer, ("openid",))
    logistics, mode, complete, parcels = _read_delivery(body)
    return Told(
        key=key,
        logistics_type=logistics,
        delivery_mode=mode,
        complete=complete,
        parcels=parcels,
        upload_time=_moment(body.get("upload_time")),
        openid=_text(payer, "openid"),
    )


def read_combined(body: Mapping[str, Any]) -> tuple[OrderKey, list[Told]]:
    """An upload of a combined order: which one, and what is told of its parts. Raises ShippingRefusedError."""
    _known(body, ("order_key", "sub_orders", "upload_time", "payer"))
    key = read_key(_mapping(body, "order_key"))
    subs = body.get("sub_orders")
    if not isinstance(subs, list) or not subs:
        raise ShippingRefusedError(FORMAT)
    moment, payer = _moment(body.get("upload_time")), _mapping(body, "payer")
    _known(payer, ("openid",))
    return key, [_told_part(sub, key, moment, _text(payer, "openid")) for sub in subs]


def _told_part(sub: object, whole: OrderKey, moment: datetime, openid: str) -> Told:
    if not isinstance(sub, dict):
        raise ShippingRefusedError(FORMAT)
    _known(sub, ("order_key", "logistics_type", "delivery_mode", "is_all_delivered", "shipping_list"))
    key = read_key(_mapping(sub, "order_key"))
    if (key.transaction_id is None) is not (whole.transaction_id is None):
        raise ShippingRefusedError(268485194)  # a part is named in the same way as the whole
    return Told(key, *_read_delivery(sub), upload_time=moment, openid=openid)


def read_key(key: Mapping[str, Any]) -> OrderKey:
    """`order_key`."""
    _known(key, ("order_number_type", "transaction_id", "mchid", "out_trade_no"))
    match key.get("order_number_type"):
        case 1:
            return OrderKey(mchid=_text(key, "mchid"), out_trade_no=_text(key, "out_trade_no"))
        case 2:
            return OrderKey(transaction_id=_text(key, "transaction_id"))
        case bool() | None:
            raise ShippingRefusedError(FORMAT)
        case int():
            raise ShippingRefusedError(268485194)
        case _:
            raise ShippingRefusedError(FORMAT)


def read_query_key(body: Mapping[str, Any], besides: Iterable[str] = ()) -> OrderKey:
    """The order as queries name it: transaction_id, or merchant_id and merchant_trade_no."""
    _known(body, ("transaction_id", "merchant_id", "sub_merchant_id", "merchant_trade_no", *besides))
    if body.get("transaction_id"):
        return OrderKey(transaction_id=_text(body, "transaction_id"))
    return OrderKey(mchid=_text(body, "merchant_id"), out_trade_no=_text(body, "merchant_trade_no"))


def _read_delivery(body: Mapping[str, Any]) -> tuple[int, int, bool, tuple[ToldParcel, ...]]:
    logistics, mode = _number(body, "logistics_type"), _number(body, "delivery_mode")
    if logistics not in (EXPRESS, SAME_CITY, VIRTUAL, PICK_UP):
        raise ShippingRefusedError(10060005)
    if mode not in (UNIFIED, SPLIT):
        raise ShippingRefusedError(268485224)
    if mode == SPLIT and logistics != EXPRESS:
        raise ShippingRefusedError(10060006)
    complete = body.get("is_all_delivered")
    if mode == SPLIT and complete is None:
        raise ShippingRefusedError(10060007)
    if complete is not None and not isinstance(complete, bool):
        raise ShippingRefusedError(FORMAT)
    listed = body.get("shipping_list")
    if not isinstance(listed, list):
        raise ShippingRefusedError(FORMAT)
    if len(listed) > PARCELS_MAX:
        raise ShippingRefusedError(10060024)
    if not listed or (mode == UNIFIED and len(listed) > 1):
        raise ShippingRefusedError(PARAMETER)
    return logistics, mode, mode == UNIFIED or bool(complete), tuple(_parcel(item, logistics) for item in listed)


def _parcel(item: object, logistics: int) -> ToldParcel:
    if not isinstance(item, dict):
        raise ShippingRefusedError(FORMAT)
    _known(item, ("tracking_no", "express_company", "item_desc", "contact"))
    description = _description(item)
    contact = item.get("contact", {})
    if not isinstance(contact, dict):
        raise ShippingRefusedError(FORMAT)
    _known(contact, ("consignor_contact", "receiver_contact"))
    if logistics != EXPRESS:
        if item.get("tracking_no") or item.get("express_company"):
            raise ShippingRefusedError(PARAMETER)
        return ToldParcel(description)
    number, company = _required(item, "tracking_no"), _required(item, "express_company")
    if len(company.encode()) > NUMBER_BYTES_MAX:
        raise ShippingRefusedError(10060025)
    if len(number.encode()) > NUMBER_BYTES_MAX:
        raise ShippingRefusedError(10060026)
    told = tuple(sorted((name, _contact(value)) for name, value in contact.items()))
    if company == COMPANY_WITH_CONTACT and not told:
        raise ShippingRefusedError(PARAMETER)
    return ToldParcel(description, number, company, told)


def _description(item: Mapping[str, Any]) -> str:
    description = item.get("item_desc", "")
    if not isinstance(description, str):
        raise ShippingRefusedError(FORMAT)
    if not description:
        raise ShippingRefusedError(10060008)
    if len(description) > DESCRIPTION_CHARACTERS_MAX:
        raise ShippingRefusedError(10060009)
    return description


def _contact(value: object) -> str:
    if not isinstance(value, str) or len(value) < 4 or not value[-4:].isdigit():
        raise ShippingRefusedError(PARAMETER)
    return value


def _required(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise ShippingRefusedError(FORMAT)
    if not value:
        raise ShippingRefusedError(PARAMETER)
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ShippingRefusedError(FORMAT)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ShippingRefusedError(268485216) from error
    if moment.tzinfo is None or "T" not in value:
        raise ShippingRefusedError(268485216)
    return moment


def _known(given: Mapping[str, Any], names: Iterable[str]) -> None:
    if set(given) - set(names):
        raise ShippingRefusedError(FORMAT)


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise ShippingRefusedError(FORMAT)
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ShippingRefusedError(FORMAT)
    return value


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ShippingRefusedError(FORMAT)
    return value
