"""Whether the process lives and can work, and the OpenAPI document's companions."""

from __future__ import annotations

from typing import Final

import structlog
from flask import Blueprint, Response

from wxbackend.api.answers import json_answer
from wxbackend.flows.check_readiness import check_readiness
from wxbackend.flows.dependencies import Dependencies

RETRY_AFTER_S: Final = "2"


def blueprint(deps: Dependencies) -> Blueprint:
    """`/health/live` and `/health/ready`."""
    routes = Blueprint("service", __name__, url_prefix="/health")

    @routes.get("/live")
    def live() -> Response:
        return json_answer({"status": "live"})

    @routes.get("/ready")
    def ready() -> Response:
        found = check_readiness(deps)
        parts = {"database": found.database, "migrations": found.migrations, "coordination": found.coordination}
        if found.ready:
            return json_answer({"status": "ready", "parts": parts})
        structlog.get_logger("api").error("not_ready", **parts)
        answer = json_answer({"status": "not_ready", "parts": parts}, status=503)
        answer.headers["Retry-After"] = RETRY_AFTER_S
        return answer

    return routes
