"""Desk paths about notices: what was sent, sending it again, letting it go, and forging one."""

from __future__ import annotations

from flask import Blueprint, Response, request

from wxbackend.simulators.desk.reading import (
    DeskError,
    flag,
    mapping,
    number,
    read_wish,
    show,
    text,
    whole,
)
from wxbackend.simulators.wechat_pay.courier import COPIES_MAX, delivery_view, parcel_view
from wxbackend.simulators.wechat_pay.delivery import Sender
from wxbackend.simulators.wechat_pay.forgery import Forgery, forge
from wxbackend.simulators.wechat_pay.v2.forgery import ForgeryV2
from wxbackend.simulators.wechat_pay.v2.forgery import forge as forge_by_v2
from wxbackend.simulators.world import World

WAIT_S_DEFAULT = 10.0
WAIT_S_MAX = 110.0


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_sent(desk, world)
    _add_forgery(desk, world)
    _add_forgery_v2(desk, world)


def _add_sent(desk: Blueprint, world: World) -> None:
    @desk.get("/notices")
    def notices() -> Response:
        """Every notice with its attempts, newest first; ?out_trade_no= ?out_refund_no= ?wait_s= (until none is due)."""
        wait_s = request.args.get("wait_s", 0.0, type=float)
        world.refunds.settle_due()
        settled = world.courier.wait_quiet(min(wait_s, WAIT_S_MAX))
        order, refund = request.args.get("out_trade_no"), request.args.get("out_refund_no")
        found = [
            parcel
            for parcel in world.courier.parcels()
            if order in (None, parcel.notice.out_trade_no) and refund in (None, parcel.notice.out_refund_no)
        ]
        deliveries = [delivery for parcel in found for delivery in parcel.deliveries]
        deliveries.sort(key=lambda delivery: delivery.at, reverse=True)
        return show(
            {
                "settled": settled,
                "notices": [parcel_view(parcel) for parcel in found],
                "deliveries": [delivery_view(delivery) for delivery in deliveries],
            }
        )

    @desk.post("/notices/<notice_id>/send")
    def send(notice_id: str) -> Response:
        """Send a notice off the schedule, times times, one by one or concurrently."""
        wish = read_wish(["times", "concurrently"])
        times = whole(wish, "times", 1)
        if not 1 <= times <= COPIES_MAX:
            raise DeskError(f"times must lie between 1 and {COPIES_MAX}")
        sent = world.courier.send_now(notice_id, times=times, concurrently=flag(wish, "concurrently"))
        if sent is None:
            raise DeskError(f"no notice {notice_id}", 404)
        return show({"deliveries": [delivery_view(delivery) for delivery in sent]})

    @desk.post("/notices/<notice_id>/release")
    def release(notice_id: str) -> Response:
        """Let a held notice go on its way."""
        if not world.courier.release(notice_id):
            raise DeskError(f"no held notice {notice_id}", 404)
        settled = world.courier.wait_quiet(WAIT_S_DEFAULT)
        return show({"released": notice_id, "settled": settled})


def _add_forgery(desk: Blueprint, world: World) -> None:
    @desk.post("/notices/forge")
    def forge_notice() -> Response:
        """Send a made-up notice to url, of a refund if out_refund_no is named, and tell what the receiver answered."""
        wish = read_wish(
            [
                "url",
                "sign",
                "key",
                "encrypt",
                "id",
                "out_trade_no",
                "out_refund_no",
                "timestamp_offset_s",
                "plaintext_overrides",
                "envelope_overrides",
                "raw_body",
                "tamper",
            ]
        )
        forgery = Forgery(
            url=text(wish, "url"),
            sign=text(wish, "sign", "valid"),
            key=text(wish, "key", "any"),
            encrypt=text(wish, "encrypt", "valid"),
            notice_id=text(wish, "id") if "id" in wish else None,
            out_trade_no=text(wish, "out_trade_no") if "out_trade_no" in wish else None,
            out_refund_no=text(wish, "out_refund_no") if "out_refund_no" in wish else None,
            timestamp_offset_s=int(number(wish, "timestamp_offset_s", 0)),
            plaintext_overrides=mapping(wish, "plaintext_overrides"),
            envelope_overrides=mapping(wish, "envelope_overrides"),
            raw_body=text(wish, "raw_body") if "raw_body" in wish else None,
            tamper=flag(wish, "tamper"),
        )
        sender = Sender()
        try:
            notice_id, reply = forge(world, forgery, sender)
        finally:
            sender.close()
        return show({"id": notice_id, **reply.view(), "body": reply.excerpt})


def _add_forgery_v2(desk: Blueprint, world: World) -> None:
    @desk.post("/notices/forge_v2")
    def forge_notice_v2() -> Response:
        """The same by API v2; overrides are flat texts, and sign is the key under which a refund's is sealed."""
        wish = read_wish(["url", "sign", "sign_type", "out_trade_no", "out_refund_no", "overrides", "raw_body"])
        forgery = ForgeryV2(
            url=text(wish, "url"),
            sign=text(wish, "sign", "valid"),
            sign_type=text(wish, "sign_type", "MD5"),
            out_trade_no=text(wish, "out_trade_no", ""),
            out_refund_no=text(wish, "out_refund_no", ""),
            overrides={name: str(value) for name, value in mapping(wish, "overrides").items()},
            raw_body=text(wish, "raw_body") if "raw_body" in wish else None,
        )
        sender = Sender()
        try:
            reply = forge_by_v2(world, forgery, sender)
        finally:
            sender.close()
        return show({**reply.view(), "body": reply.excerpt})
