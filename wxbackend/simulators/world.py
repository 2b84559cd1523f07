"""Everything one simulated WeChat knows and remembers, under one lock; a reset forgets all but the keys."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from wxbackend.simulators.buyers import ACCOUNT_PREFIX, Buyers
from wxbackend.simulators.clock import Clock
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.ledger import MERCHANT, Ledger
from wxbackend.simulators.merchant_funds import BANK, MerchantFunds
from wxbackend.simulators.mischief import Mischief
from wxbackend.simulators.wechat_pay.certificates import PlatformKeys
from wxbackend.simulators.wechat_pay.courier import Courier
from wxbackend.simulators.wechat_pay.notices import make_notice
from wxbackend.simulators.wechat_pay.orders import OrderBook
from wxbackend.simulators.wechat_pay.refunds import SUCCESS, TOPICS, Refund, RefundBook, notice_view
from wxbackend.simulators.wechat_pay.settler import Settler
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
        self.settler = Settler(self._settle_refunds)
        self._forget()

    def _forget(self) -> None:
        self.ledger = Ledger(self.lock)
        self.buyers = Buyers(self.credentials, self.ledger, self.lock)
        self.orders = OrderBook(self.clock, self.lock)
        self.funds = MerchantFunds(self.ledger, self.lock)
        self.refunds = RefundBook(
            clock=self.clock,
            lock=self.lock,
            orders=self.orders,
            funds=self.funds,
            tell=self._tell_refund,
        )
        self.logins = Logins(self.clock, self.credentials.openid_secret)
        self.oauth_rights = OauthRights()
        self.tokens = Tokens(self.clock)
        self.requests: deque[RequestEntry] = deque(maxlen=REQUESTS_REMEMBERED_MAX)

    def reset(self) -> None:
        """Forget orders, refunds, buyers, notices, logins and mischief; keep keys and certificates."""
        with self.lock:
            self.mischief.clear()
            self.keys.reset()
            self.clock.reset()
            self.courier.reset()
            self._forget()

    def start(self) -> None:
        """Start delivering notices and ending refunds."""
        self.courier.start()
        self.settler.start()

    def stop(self) -> None:
        """Stop both, and wait for notices on their way."""
        self.settler.stop()
        self.courier.stop()

    def advance(self, seconds: float) -> None:
        """Move virtual time forward and let happen what became due."""
        self.clock.advance(seconds)
        self.orders.expire_due()
        self.refunds.settle_due()
        self.courier.wake()

    def books(self) -> dict[str, object]:
        """Totals in fen. `balanced` holds while no fen appeared, vanished or moved without a reason on record."""
        with self.lock:
            orders, refunds = self.orders.everything(), self.refunds.everything()
            paid = [order.request.total for order in orders if order.paid]
            ended = [refund for refund in refunds if refund.status == SUCCESS]
            refunded = sum(refund.request.refund for refund in ended)
            to_bank = sum(refund.request.refund for refund in ended if refund.receiver == BANK)
            pending = sum(refund.request.refund for refund in refunds if refund.pending)
            funds = self.funds.view()
            withdrawn = funds["withdrawn_total"]
            balanced = (
                self.ledger.balance(MERCHANT) == sum(paid) - refunded - withdrawn
                and self.ledger.balance(BANK) == withdrawn + to_bank
                and self.ledger.total() == self.ledger.issued()
                and funds["reserved"] == pending
            )
            return {
                "orders": len(orders),
                "paid_count": len(paid),
                "paid_total": sum(paid),
                "refunds_count": len(refunds),
                "refunded_count": len(ended),
                "refunded_total": refunded,
                "pending": pending,
                "merchant_balance": funds["balance"],
                "bank_balance": funds["bank_balance"],
                "buyers_total": self.ledger.total_of(ACCOUNT_PREFIX),
                "issued_total": self.ledger.issued(),
                "balanced": balanced,
            }

    def _settle_refunds(self) -> float | None:
        """End due refunds of this world, never of one that a reset has just forgotten."""
        with self.lock:
            return self.refunds.settle_due()

    def _tell_refund(self, refund: Refund) -> None:
        """Send word of a refund that ended, if it has an address to send it to."""
        if refund.notify_url is None:
            return
        notice = make_notice(
            notice_view(refund, self.credentials.mchid),
            url=refund.notify_url,
            apiv3_key=self.credentials.apiv3_key,
            now=self.clock.now(),
            topic=TOPICS[refund.status],
        )
        self.courier.announce(notice)
