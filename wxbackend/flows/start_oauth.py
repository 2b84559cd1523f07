"""Send a buyer to WeChat to log in: a random state, bound to this browser, for one return address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.choose_app import choose_app
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.open_session import hash_of
from wxbackend.ports.accounts import Actor, App

STATE_LASTS_S: Final = 600
RETURN_URL_CHARACTERS_MAX: Final = 2_000
CALLBACK_PATH: Final = "/v1/wechat/oauth/callback"
SCOPES: Final = ("snsapi_base", "snsapi_userinfo")


@dataclass(frozen=True, slots=True)
class StartOAuth:
    """Where to come back to, in which app, how much to ask, and the browser's own secret."""

    return_url: str
    app_id: str | None
    scope: str
    browser: str


def state_key(state: str) -> str:
    """Under which a state is kept; the state itself is a secret of the browser."""
    return f"oauth_state:{hash_of(state)}"


def start_oauth(deps: Dependencies, actor: Actor, command: StartOAuth) -> str:
    """The address at WeChat to send the browser to."""
    if command.scope not in SCOPES:
        raise InvalidRequest(f"scope must be one of {', '.join(SCOPES)}.", code="parameter_invalid_enum", param="scope")
    app = choose_app(deps, actor, AppKind.OFFICIAL_ACCOUNT, command.app_id)
    check_return_url(deps, app, command.return_url)
    state = deps.surroundings.token()
    kept = {
        "browser": hash_of(command.browser),
        "return_url": command.return_url,
        "account": actor.account,
        "livemode": actor.livemode,
        "appid": app.appid,
    }
    deps.coordination.put(state_key(state), orjson.dumps(kept).decode(), ttl_s=STATE_LASTS_S)
    callback_url = deps.policy.public_url + CALLBACK_PATH
    return deps.identity.authorize_url(app, callback_url=callback_url, scope=command.scope, state=state)


def check_return_url(deps: Dependencies, app: App, url: str, *, param: str = "return_url") -> None:
    """Only our own pages and addresses on the app's list may be returned to, or signed."""
    if len(url) > RETURN_URL_CHARACTERS_MAX:
        raise InvalidRequest(
            f"{param} is longer than {RETURN_URL_CHARACTERS_MAX} characters.",
            code="url_invalid",
            param=param,
        )
    origin = _origin(url)
    allowed = {_origin(deps.policy.public_url), *(_origin(entry) for entry in app.return_urls)}
    if origin is None or origin not in allowed:
        raise InvalidRequest(
            f"{param} is not on the app's list; add its origin to return_urls in the settings.",
            code="url_invalid",
            param=param,
        )


def _origin(url: str) -> str | None:
    """Scheme, host and port; None when a browser might read the address in another way than we do."""
    if any(ord(character) <= 32 or character == "\\" for character in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{parts.hostname}:{port or default}"
