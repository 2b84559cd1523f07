"""The jsapi_ticket, one for all processes, and the signature that lets a page use WeChat's JS-SDK.

Reference: WeChat platform, JS-SDK. `WeixinJSBridge` needs none of it; `chooseWXPay` and the other JS-SDK calls do.
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlencode

from wxbackend.identity.answers import read_success
from wxbackend.identity.single_flight import Fetched, SingleFlight
from wxbackend.identity.tokens import AccessTokens, platform_hosts, read_credential, shared_name
from wxbackend.ports.accounts import App
from wxbackend.ports.provider import Exchange, Reply

TICKET_PATH: Final = "/cgi-bin/ticket/getticket"
PURPOSE: Final = "jsapi_ticket"


class JsapiTickets:
    """Hands out tickets. Raises `ProviderError` and `CoordinationAway`."""

    def __init__(self, tokens: AccessTokens, flight: SingleFlight) -> None:
        self._tokens = tokens
        self._flight = flight

    def ticket(self, app: App) -> str:
        """The app's ticket; a secret, it never leaves the server."""
        return self._flight.current(shared_name(PURPOSE, app), lambda: self._fetch(app)).value

    def _fetch(self, app: App) -> Fetched:
        def read(reply: Reply) -> Fetched:
            return read_credential(read_success(reply, PURPOSE, appid=app.appid), "ticket")

        def build(token: str) -> Exchange[Fetched]:
            target = f"{TICKET_PATH}?{urlencode({'access_token': token, 'type': 'jsapi'})}"
            return Exchange(PURPOSE, "GET", platform_hosts(app), target, {"Accept": "application/json"}, b"", read)

        return self._tokens.call_with_token(app, build)


def page_signature(ticket: str, *, nonce: str, timestamp_s: int, url: str) -> str:
    """SHA-1 in hexadecimal over the page's address as the browser shows it, without what follows `#`.

    The protocol wants SHA-1; what protects the page is the ticket inside.
    """
    page, _, _ = url.partition("#")
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp_s}&url={page}"
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - WeChat's choice, see above
