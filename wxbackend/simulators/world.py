"""Everything one simulated WeChat knows and remembers, under one lock; a reset forgets all but the keys."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from wxbackend.simulators.abroad_funds import COLLECTOR, AbroadFunds
from wxbackend.simulators.buyers import ACCOUNT_PREFIX, Buyers
from wxbackend.simulators.clock import Clock
from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.ledger import MERCHANT, Ledger
from wxbackend.simulators.merchant_funds import BANK, MerchantFunds
from wxbackend.simulators.mischief import Mischief
from wxbackend.simulators.payment_codes import PaymentCodes
from wxbackend.simulators.wechat_pay import exchange
from wxbackend.simulators.wechat_pay.abroad_views import notice_view_abroad
from wxbackend.simulators.wechat_pay.bills import RATE_MILLIONTHS_DEFAULT, Parcel, Spoiling
from wxbackend.simulators.wechat_pay.certificates import PlatformKeys
from wxbackend.simulators.wechat_pay.combined_orders import CombinedBook
from wxbackend.simulators.wechat_pay.contracts import TOPICS as CONTRACT_TOPICS
from wxbackend.simulators.wechat_pay.contracts import Contract, ContractBook, contract_view
from wxbackend.simulators.wechat_pay.courier import Courier
from wxbackend.simulators.wechat_pay.debits import FAILED, DebitBook
from wxbackend.simulators.wechat_pay.entrances import Entrances
from wxbackend.simulators.wechat_pay.notices import PAID, Topic, make_notice
from wxbackend.simulators.wechat_pay.orders import Order, OrderBook, transaction_view
from wxbackend.simulators.wechat_pay.parties import merchant_members
from wxbackend.simulators.wechat_pay.refunds import SUCCESS, TOPICS, Refund, RefundBook, notice_view
from wxbackend.simulators.wechat_pay.settler import Settler
from wxbackend.simulators.wechat_pay.sharings import SharingBook
from wxbackend.simulators.wechat_pay.transfers import TOPIC, Transfer, TransferBook
from wxbackend.simulators.wechat_pay.transfers import notice_view as transfer_notice_view
from wxbackend.simulators.wechat_pay.v2.notices import refund_notice
from wxbackend.simulators.wechat_platform.logins import Logins
from wxbackend.simulators.wechat_platform.oauth_rights import OauthRights
from wxbackend.simulators.wechat_platform.pushes import Pushes
from wxbackend.simulators.wechat_platform.shipping_book import ShippingBook
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
        self.pushes = Pushes(credentials, self.clock, self.mischief)
        self.settler = Settler(self._settle)
        self._forget()

    def _forget(self) -> None:
        self.ledger = Ledger(self.lock)
        self.buyers = Buyers(self.credentials, self.ledger, self.lock)
        self.orders = OrderBook(self.clock, self.lock)
        self.combined = CombinedBook(self.clock, self.lock, self.orders)
        self.entrances = Entrances(self.clock, self.lock)
        self.codes = PaymentCodes(self.clock, self.lock)
        self.contracts = ContractBook(self.clock, self.lock, self._tell_contract)
        self.debits = DebitBook(
            clock=self.clock,
            lock=self.lock,
            orders=self.orders,
            contracts=self.contracts,
            buyers=self.buyers,
            ledger=self.ledger,
            tell=self._tell_debit,
        )
        self.funds = MerchantFunds(self.ledger, self.lock)
        self.abroad = AbroadFunds(self.ledger, self.lock)
        self.refunds = RefundBook(
            clock=self.clock,
            lock=self.lock,
            orders=self.orders,
            funds=self.funds,
            abroad=self.abroad,
            tell=self._tell_refund,
        )
        self.transfers = TransferBook(clock=self.clock, lock=self.lock, funds=self.funds, tell=self._tell_transfer)
        self.sharings = SharingBook(
            clock=self.clock,
            lock=self.lock,
            ledger=self.ledger,
            funds=self.funds,
            buyers=self.buyers,
            tell=self._tell_sharing,
        )
        self.shipping = ShippingBook(
            credentials=self.credentials,
            clock=self.clock,
            lock=self.lock,
            orders=self.orders,
            refunds=self.refunds,
            pushes=self.pushes,
        )
        self.logins = Logins(self.clock, self.credentials.openid_secret)
        self.oauth_rights = OauthRights()
        self.tokens = Tokens(self.clock)
        self.bill_parcels: dict[str, Parcel] = {}
        self.bill_rate_millionths = RATE_MILLIONTHS_DEFAULT
        self.spoiled_bills: dict[str, Spoiling] = {}
        self.requests: deque[RequestEntry] = deque(maxlen=REQUESTS_REMEMBERED_MAX)

    def reset(self) -> None:
        """Forget orders, refunds, buyers, notices, logins and mischief; keep keys and certificates."""
        with self.lock:
            self.mischief.clear()
            self.keys.reset()
            self.clock.reset()
            self.courier.reset()
            self.pushes.reset()
            self._forget()

    def start(self) -> None:
        """Start delivering notices and ending refunds."""
        self.courier.start()
        self.settler.start()

    def stop(self) -> None:
        """Stop both, and wait for notices on their way."""
        self.settler.stop()
        self.courier.stop()
        self.pushes.stop()

    def advance(self, seconds: float) -> None:
        """Move virtual time forward and let happen what became due."""
        self.clock.advance(seconds)
        self.orders.expire_due()
        self.refunds.settle_due()
        self.debits.settle_due()
        self.transfers.settle_due()
        self.sharings.settle_due()
        self.shipping.settle_due()
        self.courier.wake()

    def books(self) -> dict[str, object]:
        """Totals in fen. `balanced` holds while no fen appeared, vanished or moved without a reason on record."""
        with self.lock:
            all_orders, all_refunds = self.orders.everything(), self.refunds.everything()
            orders = [order for order in all_orders if not order.request.abroad]
            refunds = [refund for refund in all_refunds if not refund.request.abroad]
            paid = [order.request.total for order in orders if order.paid]
            ended = [refund for refund in refunds if refund.status == SUCCESS]
            refunded = sum(refund.request.refund for refund in ended)
            to_bank = sum(refund.request.refund for refund in ended if refund.receiver == BANK)
            pending = sum(refund.request.refund for refund in refunds if refund.pending)
            transferred, locked = self.transfers.totals()
            shared, promised = self.sharings.totals()
            funds = self.funds.view()
            withdrawn = funds["withdrawn_total"]
            balanced = (
                self.ledger.balance(MERCHANT) == sum(paid) - refunded - transferred - shared - withdrawn
                and self.ledger.balance(BANK) == withdrawn + to_bank
                and self.ledger.total() == self.ledger.issued()
                and funds["reserved"] == pending + locked + promised
                and self.ledger.balance(COLLECTOR) == self._yuan_abroad()
            )
            return {
                "orders": len(all_orders),
                "paid_count": len(paid),
                "paid_total": sum(paid),
                "refunds_count": len(all_refunds),
                "refunded_count": len(ended),
                "refunded_total": refunded,
                "pending": pending,
                "transferred_total": transferred,
                "locked_for_transfers": locked,
                "shared_total": shared,
                "promised_to_receivers": promised,
                "merchant_balance": funds["balance"],
                "bank_balance": funds["bank_balance"],
                "buyers_total": self.ledger.total_of(ACCOUNT_PREFIX),
                "issued_total": self.ledger.issued(),
                "balanced": balanced,
            }

    def _yuan_abroad(self) -> int:
        """What the orders and refunds of the global API say that their collector has, in fen."""
        paid = [order.request for order in self.orders.everything() if order.request.abroad and order.paid]
        ended = [refund.request for refund in self.refunds.everything() if refund.status == SUCCESS]
        back = [exchange.in_yuan_of_part(each.refund, each.total, each.currency) for each in ended if each.abroad]
        return sum(exchange.in_yuan(each.total, each.currency) for each in paid) - sum(back)

    def _settle(self) -> float | None:
        """End what is due in this world, never in one that a reset has just forgotten."""
        with self.lock:
            books = (self.refunds, self.debits, self.transfers, self.sharings)
            nexts = [book.settle_due() for book in books]
        return min((each for each in nexts if each is not None), default=None)

    def _tell_contract(self, contract: Contract) -> None:
        """Send word of a contract that was signed or ended."""
        notice = make_notice(
            contract_view(contract, self.credentials.mchid),
            url=contract.request.notify_url,
            apiv3_key=self.credentials.apiv3_key,
            now=self.clock.now(),
            topic=CONTRACT_TOPICS[contract.state],
        )
        self.courier.announce(notice)

    def _tell_debit(self, order: Order) -> None:
        """Send word of a debit that ended."""
        notice = make_notice(
            transaction_view(order),
            url=order.request.notify_url,
            apiv3_key=self.credentials.apiv3_key,
            now=self.clock.now(),
            topic=PAID if order.paid else FAILED,
        )
        self.courier.announce(notice)

    def _tell_sharing(self, topic: Topic, resource: dict[str, object]) -> None:
        """Send word of a part that was given or came back, if the console names an address for it."""
        if self.sharings.rules.notify_url is None:
            return
        notice = make_notice(
            {"mchid": self.credentials.mchid, **resource},
            url=self.sharings.rules.notify_url,
            apiv3_key=self.credentials.apiv3_key,
            now=self.clock.now(),
            topic=topic,
        )
        self.courier.announce(notice)

    def _tell_transfer(self, transfer: Transfer) -> None:
        """Send word of a transfer that ended, if it has an address to send it to."""
        if transfer.request.notify_url is None:
            return
        notice = make_notice(
            transfer_notice_view(transfer, self.credentials.mchid),
            url=transfer.request.notify_url,
            apiv3_key=self.credentials.apiv3_key,
            now=self.clock.now(),
            topic=TOPIC,
        )
        self.courier.announce(notice)

    def _tell_refund(self, refund: Refund) -> None:
        """Send word of a refund that ended, if it has an address to send it to."""
        if refund.notify_url is None:
            return
        order = self.orders.get(refund.out_trade_no)
        if refund.request.sign_type is not None:
            now = self.clock.now()
            self.courier.announce(refund_notice(refund, order, self.credentials, url=refund.notify_url, now=now))
            return
        view = notice_view_abroad if refund.request.abroad else notice_view
        notice = make_notice(
            view(refund, merchant_members(order.request)),
            url=refund.notify_url,
            apiv3_key=self.credentials.signs(order.request.signed_by).apiv3_key,
            now=self.clock.now(),
            topic=TOPICS[refund.status],
        )
        self.courier.announce(notice)
