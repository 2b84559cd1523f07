"""Everything one simulated WeChat knows and remembers, under one lock; a reset forgets all but the keys."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from wxbackend.simulators.buyers import Buyers
from wxbackend.simulators.clock import Clock
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.ledger import MERCHANT, Ledger
from wxbackend.simulators.mischief import Mischief
from wxbackend.simulators.wechat_pay.certificates import PlatformKeys
from wxbackend.simulators.wechat_pay.courier import Courier
from wxbackend.simulators.wechat_pay.orders import SUCCESS, OrderBook
from wxbackend.simulators.wechat_platform.logins import Logins
from wxbackend.simulators.wechat_platform.oauth_rights import OauthRights
from wxbackend.simulators.wechat_platform.tokens import Tokens

REQUESTS_REMEMBERED_MAX = 5000


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """One request to the Pay API as the desk shows it; `at` is real time."""

    at: float
    method: str
    path: str
    status: int
    verdict: str
    request_id: str
    mischief: tuple[str, ...] = ()
    body: object = field(default=None, repr=False)


class World:
    """The state behind every route. `lock` guards whatever touches orders and money together."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.lock = threading.RLock()
        self.clock = Clock()
        self.mischief = Mischief()
        self.keys = PlatformKeys(credentials, self.lock)
        self.courier = Courier(self.clock, self.mischief, self.keys)
        self._forget()

    def _forget(self) -> None:
        self.ledger = Ledger(self.lock)
        self.buyers = Buyers(self.credentials, self.ledger, self.lock)
        self.orders = OrderBook(self.clock, self.lock)
        self.logins = Logins(self.clock, self.credentials.openid_secret)
        self.oauth_rights = OauthRights()
        self.tokens = Tokens(self.clock)
        self.requests: deque[RequestEntry] = deque(maxlen=REQUESTS_REMEMBERED_MAX)

    def reset(self) -> None:
        """Forget orders, buyers, notices, logins and mischief; keep keys and certificates."""
        with self.lock:
            self.mischief.clear()
            self.keys.reset()
            self.clock.reset()
            self.courier.reset()
            self._forget()

    def start(self) -> None:
        """Start delivering notices."""
        self.courier.start()

    def stop(self) -> None:
        """Stop delivering notices and wait for those on their way."""
        self.courier.stop()

    def advance(self, seconds: float) -> None:
        """Move virtual time forward and let happen what became due."""
        self.clock.advance(seconds)
        self.orders.expire_due()
        self.courier.wake()

    def books(self) -> dict[str, object]:
        """Totals in fen. `balanced` holds while no fen appeared, vanished or moved without an order."""
        with self.lock:
            orders = self.orders.everything()
            paid = [order.request.total for order in orders if order.state == SUCCESS]
            merchant = self.ledger.balance(MERCHANT)
            buyers_total = self.ledger.others_total()
            return {
                "orders": len(orders),
                "paid_count": len(paid),
                "paid_total": sum(paid),
                "merchant_balance": merchant,
                "buyers_total": buyers_total,
                "issued_total": self.ledger.issued(),
                "balanced": merchant == sum(paid) and merchant + buyers_total == self.ledger.issued(),
            }
