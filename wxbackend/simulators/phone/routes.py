"""Serves the telephone, its cashier and the bridge lent to pages; it reads the books, and only the desk moves money."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response, render_template, request

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.wechat_pay.code_payments import asked
from wxbackend.simulators.wechat_pay.orders import REFUND, SUCCESS, Order
from wxbackend.simulators.wechat_pay.refunds import Refund
from wxbackend.simulators.world import World

PAID_SHOWN_MAX = 50
WAITING_SHOWN_MAX = 50
MERCHANT_NAME = "模拟商户 Simulated merchant"

OWN_THINGS_ONLY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'"
)


def order_view(order: Order) -> dict[str, object]:
    """An order as the buyer sees it; `total` is fen, `at` is when it was paid or else created, in Beijing time."""
    at = order.payment.paid_at if order.payment else order.created_at
    return {
        "out_trade_no": order.request.out_trade_no,
        "description": order.request.description,
        "total": order.request.total,
        "state": order.state,
        "merchant": f"{MERCHANT_NAME} {order.request.mchid}",
        "at": rfc3339(at)[:19].replace("T", " "),
    }


def refund_line(refund: Refund) -> dict[str, object]:
    """A refund as the buyer sees it below what was paid; `fen` is how much."""
    return {"fen": refund.request.refund, "state": refund.status, "to": refund.received_account}


def blueprint(world: World) -> Blueprint:
    """The telephone at /phone, its cashier at /phone/cashier and the bridge at /phone/bridge.js."""
    phone = Blueprint(
        "phone",
        __name__,
        url_prefix="/phone",
        static_folder="static",
        static_url_path="/static",
        template_folder="templates",
    )
    _pages(phone)
    _books(phone, world)

    @phone.after_request
    def keep_fresh(answer: Response) -> Response:
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["Cache-Control"] = "no-cache"
        return answer

    return phone


def _pages(phone: Blueprint) -> None:
    @phone.get("")
    @phone.get("/")
    def handset() -> Response:
        """The whole telephone; nobody may put it into a frame."""
        answer = make_response(render_template("phone/index.html"))
        answer.headers["Content-Security-Policy"] = f"{OWN_THINGS_ONLY}; frame-ancestors 'none'"
        return answer

    @phone.get("/cashier")
    def cashier() -> Response:
        """The cashier alone, made to stand in a frame over somebody's page."""
        answer = make_response(render_template("phone/cashier.html"))
        answer.headers["Content-Security-Policy"] = OWN_THINGS_ONLY
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer

    @phone.get("/sign")
    def sign() -> Response:
        """The page on which a buyer signs a contract; nobody may put it into a frame."""
        answer = make_response(render_template("phone/sign.html"))
        answer.headers["Content-Security-Policy"] = f"{OWN_THINGS_ONLY}; frame-ancestors 'none'"
        return answer

    @phone.get("/bridge.js")
    def bridge() -> Response:
        """The bridge, which any page may load."""
        answer = phone.send_static_file("bridge.js")
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer


def _books(phone: Blueprint, world: World) -> None:
    @phone.get("/orders")
    def orders() -> tuple[Response, int]:
        """What waits for `?buyer=` to pay, whose PIN is asked for, and what was paid; newest first."""
        buyer = world.buyers.get(request.args.get("buyer", ""))
        if buyer is None:
            return jsonify(error={"message": "没有这个买家 no such buyer"}), 404
        openids = frozenset(buyer.openids.values())
        waiting = world.orders.waiting_for(openids)
        paid = [
            order
            for order in world.orders.everything()
            if order.state in (SUCCESS, REFUND) and order.payment and order.payment.openid in openids
        ]
        paid.sort(key=lambda order: order.payment.paid_at if order.payment else 0, reverse=True)
        return jsonify(
            waiting=[order_view(order) for order in waiting[:WAITING_SHOWN_MAX]],
            paid=[
                order_view(order)
                | {"refunds": [refund_line(each) for each in world.refunds.of_order(order.request.out_trade_no)]}
                for order in paid[:PAID_SHOWN_MAX]
            ],
            asked=[order_view(order) for order in asked(world, buyer)],
        ), 200

    @phone.get("/codes")
    def order_behind_code() -> tuple[Response, int]:
        """The order behind a QR code's text, for the cashier to show before it is paid."""
        number = world.entrances.scanned(request.args.get("code", ""))
        order = world.orders.find(number) if number is not None else None
        if order is None:
            return jsonify(error={"message": "二维码无效或已过期 no such code, or it has ended"}), 404
        return jsonify(order_view(order)), 200

    @phone.get("/prepays/<prepay_id>")
    def order_behind(prepay_id: str) -> tuple[Response, int]:
        """The order behind a prepay id that has not run out, for the cashier to show before it is paid."""
        prepay = world.orders.live_prepay(prepay_id)
        order = world.orders.find(prepay.out_trade_no) if prepay else None
        if order is None:
            return jsonify(error={"message": "没有这个预支付单 no such prepay id"}), 404
        return jsonify(order_view(order)), 200

    @phone.get("/contracts/<page>")
    def contract_behind(page: str) -> tuple[Response, int]:
        """The contract behind a page to sign on, for the buyer to read."""
        contract = world.contracts.behind(page)
        if contract is None:
            return jsonify(error={"message": "页面已失效 no such page, or its time is over"}), 404
        return jsonify(
            code=contract.request.code,
            state=contract.state,
            display_account=contract.request.display_account,
            merchant=f"{MERCHANT_NAME} {world.credentials.mchid}",
        ), 200
