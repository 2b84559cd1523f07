"""A merchant's client: goes round the webs, fails over to another, and asks again with the same key until answered."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import orjson
import urllib3

from tests.soak.plan import ANSWER_WITHIN_S, CALL_TIMEOUT_S
from tests.soak.tally import Journal, Said, Tally
from tests.support.stack import Answer

T = TypeVar("T")
PAUSE_S: Final = 0.1
PAUSE_S_MAX: Final = 2.0
CONNECTIONS_MAX: Final = 128
IN_FLIGHT: Final = "idempotency_key_in_use"
EXPECTED: Final = frozenset(
    {
        "payment_intent_unexpected_state",
        "charge_already_refunded",
        "charge_not_refundable",
        "amount_too_large",
        "transfer_unexpected_state",
        "profit_sharing_unexpected_state",
        "profit_sharing_finished",
        "profit_sharing_return_required",
    }
)
"""Refusals that a story can run into honestly; any other one is trouble."""


class Unanswered(Exception):
    """Nobody answered in all that time."""


class Client:
    """Calls of the API that go on until there is an answer."""

    def __init__(self, urls: Sequence[str], secret_key: str, tally: Tally, journal: Journal) -> None:
        self._urls = tuple(urls)
        self._turn = itertools.count()
        self._secret_key = secret_key
        self._tally = tally
        self._journal = journal
        self._given_up = threading.Event()
        self._http = urllib3.PoolManager(retries=False, timeout=CALL_TIMEOUT_S, maxsize=CONNECTIONS_MAX)

    def give_up(self) -> None:
        """Nobody waits for answers any more: the soak was interrupted."""
        self._given_up.set()

    def post(self, kind: str, path: str, body: dict[str, Any], *, key: str, **more: Any) -> dict[str, Any] | None:
        """A POST with a key; what it shows, or None where it was refused for an honest reason."""
        headers = {"Idempotency-Key": key, **more.pop("headers", {})}
        answer = self.until_answered("POST", path, body, headers=headers, **more)
        shown: dict[str, Any] = answer.json()
        self._journal.said(Said(kind, key, answer.status, answer.body, shown))
        if answer.headers.get("idempotent-replayed"):
            self._tally.add("answers", "kept answer given again")
        if answer.status != 200:
            self._refused(f"{kind} {path}", answer)
            return None
        self._journal.seen(shown)
        return shown

    def intent(self, intent_id: str) -> dict[str, Any]:
        """An intent as it is shown now."""
        return self.look(f"/v1/payment_intents/{intent_id}")

    def look(self, path: str) -> dict[str, Any]:
        """An object as it is shown now."""
        answer = self.until_answered("GET", path)
        shown: dict[str, Any] = answer.json()
        if answer.status == 200:
            self._journal.seen(shown)
        else:
            self._refused(f"GET {path}", answer)
        return shown

    def glance(self, path: str) -> str:
        """Ask once; the status, or why there is none."""
        why, answer = self._once("GET", path, None, {"Authorization": f"Bearer {self._secret_key}"})
        return str(why) if answer is None else str(answer.status)

    def until_answered(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key_of_caller: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Again, at another web, after no answer, a 5xx, or while the same request is being worked on."""
        sent = {"Authorization": f"Bearer {key_of_caller or self._secret_key}", **(headers or {})}
        deadline, pause_s = time.monotonic() + ANSWER_WITHIN_S, PAUSE_S
        while not self._given_up.is_set():
            why, answer = self._once(method, path, body, sent)
            if answer is not None and why is None:
                self._tally.add("answers", str(answer.status))
                return answer
            self._tally.add("asked again", str(why))
            if time.monotonic() > deadline:
                self._journal.trouble(f"{method} {path} was not answered in {ANSWER_WITHIN_S} s; at last: {why}")
                raise Unanswered(path)
            self._given_up.wait(pause_s)
            pause_s = min(pause_s * 1.6, PAUSE_S_MAX)
        raise Unanswered(path)

    def _once(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> tuple[str | None, Answer | None]:
        """Why it has to be asked again, if it has, and the answer."""
        url = self._urls[next(self._turn) % len(self._urls)] + path
        more: dict[str, Any] = {} if body is None else {"json": body}
        try:
            found = self._http.request(method, url, headers=headers, redirect=False, **more)
        except urllib3.exceptions.TimeoutError as error:
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)
            return "connection refused" if refused else "no answer in time", None
        except urllib3.exceptions.HTTPError:
            return "connection lost", None
        answer = Answer(found.status, {n.lower(): v for n, v in found.headers.items()}, found.data)
        if answer.status >= 500:
            return f"answered {answer.status}", answer
        if answer.status == 409 and code_of(answer) == IN_FLIGHT:
            return "key in flight", answer
        return None, answer

    def _refused(self, what: str, answer: Answer) -> None:
        code = code_of(answer)
        self._tally.add("refusals", f"{answer.status} {code}")
        if code not in EXPECTED:
            self._journal.trouble(f"{what} was refused: {answer.status} {answer.body.decode(errors='replace')[:300]}")


def code_of(answer: Answer) -> str:
    """The code of an error."""
    try:
        code: str = orjson.loads(answer.body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return "no code"
    return code


def at_once(call: Callable[[], T], times: int) -> list[T]:
    """The same call so many times in parallel."""
    if times == 1:
        return [call()]
    with ThreadPoolExecutor(times) as crowd:
        return [each.result() for each in [crowd.submit(call) for _ in range(times)]]
