"""How the platform answers: HTTP 200, JSON in a text/plain coat, and errcode where something was wrong."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from flask import Request, Response

from wxbackend.simulators.credentials import App
from wxbackend.simulators.world import World

# errcodes: reference, WeChat platform general return codes.
MESSAGES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40097: "invalid args",
    40125: "invalid appsecret",
    40163: "code been used",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41003: "refresh_token missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    42002: "refresh_token expired",
    42003: "oauth_code expired",
    43002: "require POST method",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, mustslower, retry next minute",
    47001: "data format error",
    48001: "api unauthorized",
    10060001: "payment order not exist",
    10060002: "payment order has been shipped",
    10060003: "payment order has used the reshipping chance",
    10060004: "payment order state can not ship",
    10060005: "logistics type error",
    10060006: "split delivery is for express only",
    10060007: "is_all_delivered missing",
    10060008: "item_desc empty",
    10060009: "item_desc too long",
    10060012: "system error",
    10060014: "parameter error",
    10060023: "shipping info not updated",
    10060024: "shipping_list too long",
    10060025: "express_company too long",
    10060026: "tracking_no too long",
    10060031: "openid does not match the payer",
    268485194: "order_number_type error",
    268485195: "transaction_id not found",
    268485196: "out_trade_no not found",
    268485216: "upload_time is not RFC 3339",
    268485224: "delivery_mode error",
}


class PlatformError(Exception):
    """An answer with an errcode other than 0."""

    def __init__(self, errcode: int) -> None:
        super().__init__(str(errcode))
        self.errcode = errcode


def answer(body: Mapping[str, object]) -> Response:
    """A JSON answer; Chinese is not escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, 200, content_type="text/plain")


def error_answer(error: PlatformError) -> Response:
    """The errcode with its message and a request id."""
    rid = "-".join(secrets.token_hex(4) for _ in range(3))
    message = f"{MESSAGES.get(error.errcode, 'refused')}, rid: {rid}"
    return answer({"errcode": error.errcode, "errmsg": message})


def check_app(world: World, given: Mapping[str, object], kind: str | None = None) -> App:
    """The app that appid and secret name. Raises PlatformError in the order in which WeChat looks."""
    appid, secret = given.get("appid"), given.get("secret")
    if not appid:
        raise PlatformError(41002)
    if not secret:
        raise PlatformError(41004)
    app = world.credentials.app(str(appid))
    if app is None or (kind is not None and app.kind != kind):
        raise PlatformError(40013)
    if not secrets.compare_digest(str(secret).encode(), app.secret.encode()):
        raise PlatformError(40125)
    return app


def check_grant(request: Request, wanted: str) -> None:
    """Raises PlatformError 40002 unless grant_type is the wanted one."""
    if request.args.get("grant_type") != wanted:
        raise PlatformError(40002)


def check_busy(world: World) -> None:
    """Raises PlatformError -1 while the mischief `busy` is set."""
    if world.mischief.take_platform("busy"):
        raise PlatformError(-1)
