"""What an endpoint's address must be when it is named: https in live mode, and public unless the settings say so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from wxbackend.domain.errors import InvalidRequest
from wxbackend.flows.create_endpoint import require_reachable
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.ports.accounts import Actor, KeyKind

PRIVATE = ["https://10.0.0.1/", "https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "https://[::1]/",
           "https://[64:ff9b::a00:1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/"]  # fmt: skip


def check(url: str, *, livemode: bool = True, allow_private: bool = False) -> None:
    """Ask as a merchant's server would; the rule reads nothing but the policy."""
    deps = cast("Dependencies", SimpleNamespace(policy=Policy(allow_private_webhooks=allow_private)))
    require_reachable(deps, Actor("acct_demo", livemode, KeyKind.SECRET), url)


def test_live_mode_needs_https_and_test_mode_does_not() -> None:
    check("https://shop.example/webhooks")
    check("http://shop.example/webhooks", livemode=False)
    with pytest.raises(InvalidRequest) as refused:
        check("http://shop.example/webhooks")
    assert (refused.value.code, refused.value.param) == ("url_invalid", "url")
    with pytest.raises(InvalidRequest):
        check("http://shop.example/webhooks", allow_private=True)


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_refused_unless_the_settings_allow_it(url: str) -> None:
    with pytest.raises(InvalidRequest):
        check(url)
    check(url, allow_private=True)
