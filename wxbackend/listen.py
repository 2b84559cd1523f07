"""Forwards events to a server on the developer's machine as they happen: the API asked for them, not the outbox."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson
import urllib3

from wxbackend.domain.endpoint import SECRET_PREFIX, Endpoint
from wxbackend.domain.errors import WxbackendError
from wxbackend.ports.delivery import Courier, Parcel
from wxbackend.surroundings import TOKEN_CHARACTERS, clock_ms, random_text

WAIT_S: Final = 10
ANSWER_TIMEOUT_S: Final = 30.0
PAUSE_S: Final = 0.3
"""Between two questions that brought nothing, should the API not let us wait."""
AGAIN_AFTER_S: Final = 2.0
PAGE: Final = 100
LOOK_BACK_EVENTS: Final = 50
BEFORE_ALL: Final = "evt_0000000000000000000"


class NotListening(WxbackendError):
    """The API refuses to say what happens, or the address is none."""


class Listener:
    """Asks for new events, forwards each once, and says a line for each."""

    def __init__(
        self, *, api_url: str, secret_key: str, courier: Courier, address: str, say: Callable[[str], object]
    ) -> None:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise NotListening(f"{address!r} is no address; name one like http://127.0.0.1:3000/webhooks.")
        self._url = f"{api_url}/v1/events"
        self._headers = {"Authorization": f"Bearer {secret_key}"}
        self._http = urllib3.PoolManager(retries=False, timeout=ANSWER_TIMEOUT_S)
        self._courier = courier
        secret = SECRET_PREFIX + random_text(TOKEN_CHARACTERS)
        self._endpoint = Endpoint("we_listen", "acct_listen", livemode=False, url=address, secret=secret)
        self._say = say
        self._stop = threading.Event()
        self._seen: dict[str, None] = {}

    def run(self) -> None:
        """Forward what happens from now on until `stop`; raises `NotListening` when the API can't be asked at all."""
        try:
            newest = self._ask({"limit": 1})
        except urllib3.exceptions.HTTPError as error:
            raise NotListening(f"{self._url} does not answer. Start the stack with `make run` first.") from error
        start = cursor = str(newest[0]["id"]) if newest else BEFORE_ALL
        self._say(f"Forwarding to {self._endpoint.url}, signed with {self._endpoint.secret}. Ctrl-C stops it.")
        while not self._stop.is_set():
            try:
                found = self._ask({"limit": PAGE, "ending_before": cursor, "wait": WAIT_S})
                # An event is numbered before it is committed, so one may appear behind the cursor.
                late = self._ask({"limit": PAGE, "ending_before": start}) if found else []
            except urllib3.exceptions.HTTPError as error:
                self._say(f"{self._url} does not answer ({type(error).__name__}); asking again.")
                self._stop.wait(AGAIN_AFTER_S)
                continue
            for event in [*reversed(late), *reversed(found)]:
                self._forward(event)
            cursor = max([cursor, *(str(event["id"]) for event in found)])
            start = self._look_back_from(start)
            if not found:
                self._stop.wait(PAUSE_S)

    def stop(self) -> None:
        """Stop after the present question."""
        self._stop.set()

    def _ask(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self._http.request("GET", f"{self._url}?{urlencode(query)}", headers=self._headers)
        found: dict[str, Any] = orjson.loads(answer.data)
        if answer.status != 200:
            raise NotListening(f"{self._url} answered {answer.status}: {found['error']['message']}")
        events: list[dict[str, Any]] = found["data"]
        return events

    def _forward(self, event: dict[str, Any]) -> None:
        number = str(event["id"])
        if number in self._seen or self._stop.is_set():
            return
        self._seen[number] = None
        frozen = {name: value for name, value in event.items() if name != "pending_webhooks"}
        parcel = Parcel(number, self._endpoint, orjson.dumps(frozen), number=1, now_ms=clock_ms())
        outcome = self._courier.deliver(parcel)
        self._say(f"{number} {event['type']} -> {outcome.reason}")

    def _look_back_from(self, start: str) -> str:
        """Where looking back begins: some events behind the newest. What lies before it is forgotten."""
        newest = sorted(self._seen)[-LOOK_BACK_EVENTS:]
        if len(newest) < LOOK_BACK_EVENTS:
            return start
        self._seen = dict.fromkeys(newest)
        return newest[0]
