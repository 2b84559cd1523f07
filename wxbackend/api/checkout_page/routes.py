"""Serves the official-account pay page; the link's secret stays in the fragment and never reaches this server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template

# WeChat's own bridge speaks to the app through hidden frames with these schemes. They lead nowhere outside WeChat.
WECHAT_BRIDGE_SCHEMES = ("weixin:", "weixinping:", "weixinpreinject:")

_AUTHORITY = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")


def origin_of(url: str) -> str:
    """The origin of an http or https address, fit to stand in a Content-Security-Policy.

    Raises ValueError when the address has no plain host, or carries a user name.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not _AUTHORITY.fullmatch(parts.netloc):
        raise ValueError(f"the bridge must be an http or https address with a plain host, not {url!r}")
    return f"{parts.scheme}://{parts.netloc}"


def content_security_policy(bridge_origin: str | None) -> str:
    """What the page may load: itself, WeChat's bridge frames, and in test mode the simulator's bridge."""
    lent = [bridge_origin] if bridge_origin else []
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *lent],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-src": [*WECHAT_BRIDGE_SCHEMES, *lent],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def blueprint(test_bridge_url: str | None) -> Blueprint:
    """The page at /pay/official_account with its own static files below /pay/static.

    test_bridge_url is the simulator's bridge.js, lent to browsers that are not WeChat, and only for pk_test_ keys;
    None in production. Raises ValueError when it is not a plain http or https address.
    """
    page = Blueprint(
        "checkout_page",
        __name__,
        url_prefix="/pay",
        static_folder="static",
        static_url_path="/static",
        template_folder="templates",
    )
    policy = content_security_policy(origin_of(test_bridge_url) if test_bridge_url else None)

    @page.get("/official_account")
    def official_account() -> Response:
        """The page itself: the same bytes for everybody, since all it knows comes in the fragment."""
        body = render_template("checkout_page/official_account.html", test_bridge_url=test_bridge_url or "")
        answer = make_response(body)
        answer.headers["Content-Security-Policy"] = policy
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @page.after_request
    def keep_to_ourselves(answer: Response) -> Response:
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return answer

    return page
