"""The desk's door: loopback callers only, errors as JSON, and a list of all it offers."""

from __future__ import annotations

import ipaddress

from flask import Blueprint, Response, current_app, request

from wxbackend.simulators.desk import (
    bill_routes,
    buyer_routes,
    code_routes,
    contract_routes,
    entrance_routes,
    notice_routes,
    push_routes,
    refund_routes,
    sharing_routes,
    shipping_routes,
    token_routes,
    transfer_routes,
    world_routes,
)
from wxbackend.simulators.desk.reading import DeskError, show
from wxbackend.simulators.world import World

PREFIX = "/_desk"


def blueprint(world: World) -> Blueprint:
    """Every desk path."""
    desk = Blueprint("desk", __name__, url_prefix=PREFIX)

    @desk.before_request
    def loopback_only() -> Response | None:
        caller = request.remote_addr or ""
        try:
            near = ipaddress.ip_address(caller).is_loopback
        except ValueError:
            near = False
        if not near:
            return show({"error": "the desk answers loopback callers only"}, 403)
        origin = request.headers.get("Origin")
        if origin is not None and origin != request.host_url.rstrip("/"):
            return show({"error": "the desk does not answer other sites' pages"}, 403)
        return None

    @desk.errorhandler(DeskError)
    def refused(error: DeskError) -> Response:
        return show({"error": str(error)}, error.status)

    @desk.errorhandler(ValueError)
    def wrong(error: ValueError) -> Response:
        return show({"error": str(error)}, 400)

    @desk.get("")
    def offers() -> Response:
        return show({"offers": _offers()})

    world_routes.add_to(desk, world)
    buyer_routes.add_to(desk, world)
    entrance_routes.add_to(desk, world)
    code_routes.add_to(desk, world)
    notice_routes.add_to(desk, world)
    token_routes.add_to(desk, world)
    refund_routes.add_to(desk, world)
    contract_routes.add_to(desk, world)
    transfer_routes.add_to(desk, world)
    sharing_routes.add_to(desk, world)
    bill_routes.add_to(desk, world)
    push_routes.add_to(desk, world)
    shipping_routes.add_to(desk, world)
    return desk


def _offers() -> list[dict[str, object]]:
    listed: list[dict[str, object]] = []
    for rule in current_app.url_map.iter_rules():
        if not rule.rule.startswith(PREFIX):
            continue
        meaning = (current_app.view_functions[rule.endpoint].__doc__ or "").strip()
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        listed.append({"path": rule.rule, "methods": methods, "meaning": meaning})
    return sorted(listed, key=lambda item: (str(item["path"]), str(item["methods"])))
