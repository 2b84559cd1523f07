"""The page to which an H5 order sends a browser outside WeChat: it opens the cashier and goes back to the merchant."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request

from wxbackend.simulators.phone.routes import OWN_THINGS_ONLY, order_view
from wxbackend.simulators.wechat_pay.entrances import PAGE_PATH
from wxbackend.simulators.world import World

# What WeChat's page says (reference: WeChat Pay H5, life times and environment rules).
NO_REFERER = "商家参数格式有误，请联系商家解决"
INSIDE_WECHAT = "请在微信外打开订单，进行支付"
GONE = "支付链接已失效，请返回商家重新下单"


def blueprint(world: World) -> Blueprint:
    """The page, at the path that WeChat has for it."""
    pages = Blueprint("browser", __name__)

    @pages.get(PAGE_PATH)
    def checkmweb() -> Response:
        """Open the cashier for a browser that comes from the merchant's page."""
        number = world.entrances.opened(request.url)
        order = world.orders.find(number) if number is not None else None
        back = request.args.get("redirect_url", "")
        problem = _problem(back) or ("" if order else GONE)
        shown = order_view(order) if order and not problem else None
        page = render_template("phone/browser.html", order=shown, problem=problem, back="" if problem else back)
        answer = make_response(page, 400 if problem else 200)
        answer.headers["Content-Security-Policy"] = f"{OWN_THINGS_ONLY}; frame-ancestors 'none'"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return pages


def _problem(back: str) -> str:
    if "MicroMessenger" in request.headers.get("User-Agent", ""):
        return INSIDE_WECHAT
    if not urlsplit(request.headers.get("Referer", "")).hostname:
        return NO_REFERER
    if back and not (back.startswith(("http://", "https://")) and urlsplit(back).hostname):
        return NO_REFERER
    return ""
