"""The shop over HTTP: what a mini program calls, where webhooks arrive, and a desk to ask what came."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request

from wxbackend.simulators.shop.shop import Shop, UnknownArticle


def blueprint(shop: Shop) -> Blueprint:
    """`/shop/orders`, `/shop/webhooks` and `/_desk/shop`."""
    routes = Blueprint("shop", __name__)

    @routes.post("/shop/orders")
    def take_order() -> tuple[Response, int]:
        asked = request.get_json(silent=True) or {}
        try:
            return jsonify(shop.take_order(str(asked.get("sku", "tea")), int(asked.get("quantity", 1)))), 200
        except (UnknownArticle, TypeError, ValueError) as error:
            return jsonify({"error": {"message": str(error)}}), 400
        except RuntimeError as error:
            return jsonify({"error": {"message": str(error)}}), 502

    @routes.get("/shop/orders/<number>")
    def order(number: str) -> tuple[Response, int]:
        found = shop.order(number)
        return (jsonify(found), 200) if found else (jsonify({"error": {"message": "no such order"}}), 404)

    @routes.post("/shop/webhooks")
    def webhook() -> tuple[str, int]:
        headers = request.headers
        signature, attempt = headers.get("Wx-Signature", ""), headers.get("Wx-Delivery-Attempt", "")
        return "", shop.receive(signature, attempt, request.get_data())

    @routes.get("/_desk/shop/webhooks")
    def received() -> Response:
        return jsonify({"webhooks": [asdict(webhook) for webhook in shop.received()]})

    @routes.post("/_desk/shop/mood")
    def mood() -> Response:
        asked = request.get_json(silent=True) or {}
        shop.answer_next(
            int(asked.get("status", 500)),
            times=int(asked.get("times", 1)),
            delay_s=float(asked.get("delay_s", 0)),
        )
        return jsonify({"ok": True})

    @routes.post("/_desk/shop/reset")
    def reset() -> Response:
        shop.forget()
        return jsonify({"ok": True})

    return routes
