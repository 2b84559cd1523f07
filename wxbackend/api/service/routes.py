"""Whether the process lives and can work, and the OpenAPI document's companions."""

from __future__ import annotations

from flask import Blueprint, Response

from wxbackend.api.answers import json_answer
from wxbackend.flows.dependencies import Dependencies


def blueprint(deps: Dependencies) -> Blueprint:
    """`/health/live` and `/health/ready`."""
    routes = Blueprint("service", __name__, url_prefix="/health")

    @routes.get("/live")
    def live() -> Response:
        return json_answer({"status": "live"})

    @routes.get("/ready")
    def ready() -> Response:
        deps.store.read(lambda unit: unit.discrepancies.count_open())
        return json_answer({"status": "ready"})

    return routes
