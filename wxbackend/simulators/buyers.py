"""The people who pay: who they are, and the openid each has under each app."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.ledger import Ledger

DEFAULT_BUYER = "buyer_1"
DEFAULT_NAME = "小明"
DEFAULT_BALANCE_FEN = 10_000_00
OPENID_CHARACTERS = 28
BUYERS_MAX = 10_000
ACCOUNT_PREFIX = "buyer:"


@dataclass(frozen=True, slots=True)
class Buyer:
    """One WeChat user. `risky` users are refused at login (40226); `snapshot` users log in as virtual ones."""

    id: str
    name: str
    risky: bool
    snapshot: bool
    openids: Mapping[str, str]


def account_of(buyer_id: str) -> str:
    """The ledger account that holds a buyer's money."""
    return f"{ACCOUNT_PREFIX}{buyer_id}"


def derive_openid(secret: bytes, *parts: str) -> str:
    """An openid of 28 characters that is the same whenever secret and parts are the same."""
    digest = hmac.new(secret, "|".join(parts).encode(), hashlib.sha256).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode("ascii")[: OPENID_CHARACTERS - 1]


class Buyers:
    """All buyers; the default one exists from the start."""

    def __init__(self, credentials: Credentials, ledger: Ledger, lock: threading.RLock) -> None:
        self._credentials = credentials
        self._ledger = ledger
        self._lock = lock
        self._buyers: dict[str, Buyer] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self.add(name=DEFAULT_NAME)

    def add(
        self,
        *,
        name: str | None = None,
        balance: int = DEFAULT_BALANCE_FEN,
        risky: bool = False,
        snapshot: bool = False,
    ) -> Buyer:
        """Let one more person in, with a balance in fen. Raises ValueError for a negative balance or when full."""
        with self._lock:
            number = len(self._buyers) + 1
            if number > BUYERS_MAX:
                raise ValueError(f"there are {BUYERS_MAX} buyers already")
            buyer_id = f"buyer_{number}"
            secret = self._credentials.openid_secret
            openids = {app.appid: derive_openid(secret, buyer_id, app.appid) for app in self._credentials.apps}
            self._ledger.open(account_of(buyer_id), balance)
            buyer = Buyer(buyer_id, name or buyer_id, risky, snapshot, openids)
            self._buyers[buyer_id] = buyer
            for appid, openid in openids.items():
                self._owners[openid] = (buyer_id, appid)
            return buyer

    def get(self, buyer_id: str) -> Buyer | None:
        """The buyer with this id, or None."""
        with self._lock:
            return self._buyers.get(buyer_id)

    def default(self) -> Buyer:
        """The buyer who is logged in when nobody said otherwise."""
        with self._lock:
            return self._buyers[DEFAULT_BUYER]

    def owner(self, openid: str) -> tuple[Buyer, str] | None:
        """Whose openid this is and under which appid, or None for one never given out."""
        with self._lock:
            found = self._owners.get(openid)
            return (self._buyers[found[0]], found[1]) if found else None

    def everyone(self) -> list[Buyer]:
        """All buyers in the order in which they came."""
        with self._lock:
            return list(self._buyers.values())

    def view(self, buyer: Buyer) -> dict[str, object]:
        """A buyer as the desk shows one, with the balance in fen."""
        return {
            "id": buyer.id,
            "name": buyer.name,
            "balance": self._ledger.balance(account_of(buyer.id)),
            "risky": buyer.risky,
            "snapshot": buyer.snapshot,
            "openids": dict(buyer.openids),
        }
