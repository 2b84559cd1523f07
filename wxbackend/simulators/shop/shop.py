"""The shop's books: orders it took, webhooks it received, and whether each webhook was really signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

import urllib3

CATALOG_FEN: Final = {"tea": 2_000, "cup": 8_800, "sticker": 1}
SIGNATURE_AGE_S_MAX: Final = 300
API_TIMEOUT_S: Final = 15.0
ORDERS_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """What a merchant is given: an address, keys, and the secret of its webhook endpoint."""

    api_url: str
    secret_key: str = field(repr=False)
    publishable_key: str
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """One webhook call as it came in."""

    at_ms: int
    event_id: str
    type: str
    delivery_attempt: int
    verified: bool
    answered: int
    subject: dict[str, Any]


class UnknownArticle(ValueError):
    """The shop does not sell that."""


class Shop:
    """The merchant's side of a sale."""

    def __init__(self, settings: ShopSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._orders: dict[str, dict[str, Any]] = {}
        self._received: list[ReceivedWebhook] = []
        self._seen: set[str] = set()
        self._moods: list[tuple[int, float]] = []
        self._http = urllib3.PoolManager(retries=False)

    def take_order(self, article: str, quantity: int) -> dict[str, Any]:
        """Ask wxbackend for a PaymentIntent; the price is the shop's own, never the buyer's."""
        if article not in CATALOG_FEN or not 1 <= quantity <= 99:
            raise UnknownArticle(f"the shop sells 1 to 99 of: {', '.join(CATALOG_FEN)}")
        number = f"order_{time.time_ns()}"
        intent = self._api(
            "POST",
            "/v1/payment_intents",
            {
                "amount": CATALOG_FEN[article] * quantity,
                "currency": "CNY",
                "merchant_order_id": number,
                "description": f"{article} x {quantity}",
            },
            idempotency_key=number,
        )
        order = {"order_id": number, "payment_intent": intent["id"], "status": "waiting"}
        with self._lock:
            if len(self._orders) < ORDERS_MAX:
                self._orders[number] = order
        return order | {
            "client_secret": intent["client_secret"],
            "publishable_key": self.settings.publishable_key,
            "amount": intent["amount"],
        }

    def order(self, number: str) -> dict[str, Any] | None:
        """An order as the webhooks told it."""
        with self._lock:
            return self._orders.get(number)

    def receive(self, signature: str, attempt: str, body: bytes) -> int:
        """Verify a webhook, book it once, and say which status to answer."""
        verified = self._verify(signature, body)
        event = _read(body) if verified else {}
        status, delay_s = self._mood(verified=verified)
        received = ReceivedWebhook(
            at_ms=time.time_ns() // 1_000_000,
            event_id=str(event.get("id", "")),
            type=str(event.get("type", "")),
            delivery_attempt=int(attempt) if attempt.isdigit() else 0,
            verified=verified,
            answered=status,
            subject=event.get("data", {}).get("object", {}),
        )
        with self._lock:
            self._received.append(received)
            if verified and status < 300 and received.event_id not in self._seen:
                self._seen.add(received.event_id)
                self._book(received)
        if delay_s:
            time.sleep(delay_s)
        return status

    def received(self) -> list[ReceivedWebhook]:
        """All webhook calls, oldest first."""
        with self._lock:
            return list(self._received)

    def answer_next(self, status: int, *, times: int, delay_s: float) -> None:
        """Answer the next webhooks differently, to see them come again."""
        with self._lock:
            self._moods.extend([(status, delay_s)] * times)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._orders.clear()
            self._received.clear()
            self._seen.clear()
            self._moods.clear()

    def _mood(self, *, verified: bool) -> tuple[int, float]:
        if not verified:
            return 400, 0.0
        with self._lock:
            return self._moods.pop(0) if self._moods else (200, 0.0)

    def _book(self, received: ReceivedWebhook) -> None:
        order = self._orders.get(str(received.subject.get("merchant_order_id", "")))
        if order is not None and received.type == "payment_intent.succeeded":
            order["status"] = "paid"

    def _verify(self, header: str, body: bytes) -> bool:
        parts = [part.partition("=") for part in header.split(",")]
        times = [value for name, _, value in parts if name == "t"]
        if len(times) != 1 or not times[0].isdigit():
            return False
        if abs(time.time() - int(times[0])) > SIGNATURE_AGE_S_MAX:
            return False
        message = f"{times[0]}.".encode() + body
        wanted = hmac.new(self.settings.webhook_secret.encode(), message, hashlib.sha256).hexdigest()
        return any(hmac.compare_digest(wanted, value) for name, _, value in parts if name == "v1")

    def _api(self, method: str, path: str, body: dict[str, Any], *, idempotency_key: str) -> dict[str, Any]:
        answer = self._http.request(
            method,
            self.settings.api_url + path,
            json=body,
            headers={
                "Authorization": f"Bearer {self.settings.secret_key}",
                "Idempotency-Key": idempotency_key,
            },
            timeout=API_TIMEOUT_S,
        )
        found: dict[str, Any] = answer.json()
        if answer.status != 200:
            raise RuntimeError(f"wxbackend answered {answer.status}: {found['error']['message']}")
        return found


def _read(body: bytes) -> dict[str, Any]:
    value = json.loads(body)
    return value if isinstance(value, dict) else {}
