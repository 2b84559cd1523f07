"""`/metrics`: for this machine, or for whoever brings the token that the settings name."""

from __future__ import annotations

import hmac
from typing import Final

from flask import Blueprint, Response, request

from wxbackend.api.authentication import key_of
from wxbackend.api.errors import envelope
from wxbackend.api.forwarding import WAS_FORWARDED, read_address
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.read_gauges import read_gauges

TEXT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def blueprint(deps: Dependencies, *, token: str | None) -> Blueprint:
    """Counts of what happened, and gauges read from the database at that moment."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def metrics() -> Response:
        refused = _refusal(token)
        if refused is not None:
            return refused
        return Response(deps.counting.exposition(read_gauges(deps)), content_type=TEXT_TYPE)

    return routes


def _refusal(token: str | None) -> Response | None:
    if token is not None:
        given = key_of(request.headers.get("Authorization", ""))
        if hmac.compare_digest(given.encode(), token.encode()):
            return None
        answer = envelope(401, "invalid_request_error", "Send the metrics token: Authorization: Bearer …")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    peer = read_address(request.remote_addr or "")
    if peer is not None and peer.is_loopback and not request.environ.get(WAS_FORWARDED):
        return None
    message = "Metrics are served to this machine only. Name a server.metrics_token_file to read them from elsewhere."
    return envelope(403, "invalid_request_error", message, code="metrics_token_required")
