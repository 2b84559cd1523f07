"""What the pay page lets a browser load: itself, and the simulator's bridge only where one is configured."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from wxbackend.api.checkout_page.routes import blueprint


def page_headers(bridge: str | None) -> Any:
    app = Flask("page")
    app.register_blueprint(blueprint(bridge))
    return app.test_client().get("/pay/official_account").headers


def test_policy_names_the_simulator_only_in_test_mode() -> None:
    live = page_headers(None)
    lent = page_headers("http://127.0.0.1:9321/phone/bridge.js")
    for headers in (live, lent):
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
    assert "http" not in live["Content-Security-Policy"]
    assert "script-src 'self' http://127.0.0.1:9321;" in lent["Content-Security-Policy"]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "//host/bridge.js",
        "http://a b/",
        "http://host;x/",
        "https://me@host/",
    ],
)
def test_a_bridge_that_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="bridge must be"):
        blueprint(address)
