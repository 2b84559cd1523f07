"""Desk paths about pushes: where they go, what was answered, sending one again, and forging one."""

from __future__ import annotations

from flask import Blueprint, Response, request

from wxbackend.simulators.desk.reading import DeskError, flag, mapping, number, read_wish, show, text, whole
from wxbackend.simulators.wechat_platform.push_letters import PLAIN, SIGNS, XML, Twist, message_text
from wxbackend.simulators.world import World

WAIT_S_MAX = 110.0
TIMES_MAX = 64


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""
    _add_sent(desk, world)

    @desk.post("/apps/<appid>/push")
    def set_push_address(appid: str) -> Response:
        """Set where pushes go: url (must give the echostr back), mode plain, compatible or safe, format xml or json."""
        _check_app(world, appid)
        wish = read_wish(["url", "mode", "format"])
        address = world.pushes.configure(
            appid, text(wish, "url"), mode=text(wish, "mode", PLAIN), style_format=text(wish, "format", XML)
        )
        return show({"appid": appid, "url": address.url, "mode": address.style.mode, "format": address.style.format})

    @desk.post("/apps/<appid>/event")
    def push_event(appid: str) -> Response:
        """Push an event with these fields."""
        _check_app(world, appid)
        wish = read_wish(["event", "fields"])
        pushed = world.pushes.event(appid, text(wish, "event"), mapping(wish, "fields"))
        if pushed is None:
            raise DeskError(f"{appid} has no address yet")
        return show(pushed.view(), 201)

    @desk.post("/apps/<appid>/forge")
    def forge_push(appid: str) -> Response:
        """Send a made-up push: fields or raw_body, sign, timestamp_offset_s, wrong_key, tamper; what was answered."""
        _check_app(world, appid)
        wish = read_wish(["fields", "raw_body", "sign", "timestamp_offset_s", "wrong_key", "tamper"])
        twist = Twist(
            sign=text(wish, "sign", "valid"),
            timestamp_offset_s=int(number(wish, "timestamp_offset_s", 0)),
            wrong_key=flag(wish, "wrong_key"),
            tamper=flag(wish, "tamper"),
        )
        if twist.sign not in SIGNS:
            raise DeskError(f"sign must be one of {', '.join(SIGNS)}")
        style = world.pushes.style(appid)
        made_up = message_text(mapping(wish, "fields"), style.format if style else XML)
        reply = world.pushes.forge(appid, text(wish, "raw_body", made_up), twist)
        return show(reply.view())


def _add_sent(desk: Blueprint, world: World) -> None:
    @desk.get("/pushes")
    def pushes() -> Response:
        """Every push with its answers, newest first; ?wait_s= (until none is on its way)."""
        settled = world.pushes.wait_quiet(min(request.args.get("wait_s", 0.0, type=float), WAIT_S_MAX))
        return show({"settled": settled, "pushes": [pushed.view() for pushed in world.pushes.everything()]})

    @desk.post("/pushes/<push_id>/send")
    def send_push(push_id: str) -> Response:
        """Send a push now, times times."""
        wish = read_wish(["times"])
        times = whole(wish, "times", 1)
        if not 1 <= times <= TIMES_MAX:
            raise DeskError(f"times must lie between 1 and {TIMES_MAX}")
        replies = world.pushes.send(push_id, times=times)
        if replies is None:
            raise DeskError(f"no push {push_id}", 404)
        return show({"replies": [reply.view() for reply in replies]})


def _check_app(world: World, appid: str) -> None:
    if world.credentials.app(appid) is None:
        raise DeskError(f"no app {appid}", 404)
