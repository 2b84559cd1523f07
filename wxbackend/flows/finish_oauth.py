"""WeChat sent the buyer back with a code: one state, one code, one exchange, however often the page is loaded.

WeChat sometimes follows the same redirect twice, and people press "back". The first visit
exchanges the code; the same code from the same browser is answered from that first result.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

from wxbackend.domain.errors import CoordinationAway, InvalidRequest
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.open_session import OpenedSession, hash_of, open_session
from wxbackend.flows.start_oauth import STATE_LASTS_S, state_key
from wxbackend.ports.accounts import App
from wxbackend.ports.identity import Identity, LoginRefused

WAIT_FOR_FIRST_LOOKS_MAX: Final = 100
LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class FinishOAuth:
    """What came back from WeChat, and the browser's own secret."""

    code: str
    state: str
    browser: str


@dataclass(frozen=True, slots=True)
class Returned:
    """Where to send the browser, with a session or with the reason why there is none."""

    return_url: str
    session: OpenedSession | None = None
    error: str | None = None


def finish_oauth(deps: Dependencies, command: FinishOAuth) -> Returned:
    """Log the buyer in; raises `InvalidRequest` when the state is not this browser's."""
    kept = deps.coordination.get(state_key(command.state))
    started: dict[str, Any] | None = orjson.loads(kept) if kept else None
    if started is None or started["browser"] != hash_of(command.browser):
        raise InvalidRequest(
            "This log-in was not started in this browser, or more than ten minutes ago. Start it again.",
            code="oauth_state_invalid",
            param="state",
        )
    return_url = str(started["return_url"])
    if not command.code:
        return Returned(return_url, error="login_denied")
    app = _app(deps, started)
    if app is None:
        return Returned(return_url, error="app_misconfigured")
    result = _exchange_once(deps, app, command)
    if "error" in result:
        return Returned(return_url, error=result["error"])
    identity = Identity(result["openid"], result["unionid"], is_snapshot=result["snapshot"])
    return Returned(return_url, session=open_session(deps, app, identity))


def _app(deps: Dependencies, started: dict[str, Any]) -> App | None:
    apps = deps.accounts.apps(started["account"], livemode=started["livemode"])
    return next((app for app in apps if app.appid == started["appid"]), None)


def _exchange_once(deps: Dependencies, app: App, command: FinishOAuth) -> dict[str, Any]:
    """A state goes with the first code that comes with it; that code is exchanged by whoever is first."""
    mine = hash_of(command.code)
    used_key = f"{state_key(command.state)}:code"
    result_key = f"oauth_result:{app.appid}:{mine}"
    if not deps.coordination.add(used_key, mine, ttl_s=STATE_LASTS_S):
        if deps.coordination.get(used_key) != mine:
            raise InvalidRequest(
                "This log-in was finished with another code. Start it again.",
                code="oauth_state_used",
                param="state",
            )
        return _wait_for_first(deps, result_key)
    try:
        identity = deps.identity.exchange_oauth_code(app, command.code)
    except LoginRefused as refused:
        result: dict[str, Any] = {"error": refused.code}
    except Exception:
        # Nothing is known: let the next load of the page try again with the same code.
        with suppress(CoordinationAway):
            deps.coordination.remove(used_key, value=mine)
        raise
    else:
        result = {
            "openid": identity.openid,
            "unionid": identity.unionid,
            "snapshot": identity.is_snapshot,
        }
    # The code is spent, so this visit logs in whatever becomes of the result; only a second one needs it.
    with suppress(CoordinationAway):
        deps.coordination.put(result_key, orjson.dumps(result).decode(), ttl_s=STATE_LASTS_S)
    return result


def _wait_for_first(deps: Dependencies, result_key: str) -> dict[str, Any]:
    for _ in range(WAIT_FOR_FIRST_LOOKS_MAX):
        kept = deps.coordination.get(result_key)
        if kept is not None:
            result: dict[str, Any] = orjson.loads(kept)
            return result
        deps.surroundings.wait(LOOK_EVERY_S)
    return {"error": "login_unfinished"}
