"""Serves the picture of a QR code to whoever has its link; the browser may keep it until the code ends."""

from __future__ import annotations

import io
from typing import Any, Final

import segno
from flask import Blueprint, Response

from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.find_qr_code import PICTURES_PATH, find_qr_code

PIXELS_PER_MODULE: Final = 8
QUIET_MODULES: Final = 4
"""The white edge that ISO/IEC 18004 asks for."""
# Paper and telephones at an angle: a seventh of the code may be unreadable.
ERROR_CORRECTION: Final = "m"
NOTHING_INSIDE: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""An SVG is a document: it may load and run nothing."""
PICTURES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "png": ("image/png", {"scale": PIXELS_PER_MODULE}),
    "svg": ("image/svg+xml", {"scale": PIXELS_PER_MODULE, "light": "#fff", "xmldecl": True, "svgversion": 1.1}),
}


def blueprint(deps: Dependencies) -> Blueprint:
    """The pictures, each in both formats."""
    routes = Blueprint("qr_codes", __name__, url_prefix=PICTURES_PATH)

    @routes.get("/<int:attempt_id>/<secret>.<any(png, svg):kind>")
    def picture(attempt_id: int, secret: str, kind: str) -> Response:
        """The picture."""
        found = find_qr_code(deps, attempt_id, secret)
        answer = Response(draw(found.text, kind), content_type=PICTURES[kind][0])
        answer.headers["Cache-Control"] = f"private, max-age={found.lasts_ms // 1000}"
        answer.headers["Content-Security-Policy"] = NOTHING_INSIDE
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    return routes


def draw(text: str, kind: str) -> bytes:
    """The picture's bytes; the same text always gives the same."""
    code = segno.make_qr(text, error=ERROR_CORRECTION)
    drawn = io.BytesIO()
    code.save(drawn, kind=kind, border=QUIET_MODULES, **PICTURES[kind][1])
    return drawn.getvalue()
