"""One merchant number at WeChat Pay, as the port wants it: builds exchanges, reads replies. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final, TypeVar

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.bill import BillKind
from wxbackend.domain.card import Card, Holder
from wxbackend.domain.errors import NotConfigured, ProviderUnknown, UnreadableMessage, Untrusted
from wxbackend.domain.observation import Closed, Observation, RefundObservation, Uncertain
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.refund import Refund
from wxbackend.ports.bills import BillAnswer, BillOffer, Download
from wxbackend.ports.provider import Acknowledgement, Exchange, Notice, PlatformCertificate, Reply
from wxbackend.ports.surroundings import Surroundings
from wxbackend.providers import wechat_bills
from wxbackend.providers.wechat_v3 import (
    bills,
    card_refunds,
    certificates,
    code_payments,
    mapping,
    notify,
    opening,
    signing,
    wire,
)
from wxbackend.providers.wechat_v3.combined import CombinedCalls
from wxbackend.providers.wechat_v3.config import MerchantConfig
from wxbackend.providers.wechat_v3.keys import KeyRing
from wxbackend.providers.wechat_v3.sharing import SharingCalls
from wxbackend.providers.wechat_v3.transfers import TransferCalls

T = TypeVar("T")

USER_AGENT: Final = "wxbackend"


class PaymentCalls:
    """See `ports.provider.Provider`: what every merchant number has, whoever signs for it."""

    name: Final = "wechat_v3"
    currencies: Final = frozenset({"CNY"})
    bill_kinds: frozenset[BillKind] = frozenset(BillKind)

    def __init__(self, config: MerchantConfig, keys: KeyRing, surroundings: Surroundings) -> None:
        self._config = config
        self._role = config.role
        self._keys = keys
        self._surroundings = surroundings

    @property
    def merchant(self) -> str:
        """The mchid."""
        return self._config.mchid

    @property
    def takes_codes(self) -> bool:
        """Only where the settings say that WeChat has opened it to the merchant."""
        return self._config.v3_codepay

    def order(self, attempt: Attempt) -> Exchange[Observation]:
        """JSAPI, Native, H5 or App order, by where the buyer stands (see `opening`)."""
        body = wire.order_body(attempt, self._role, notify_url=self._config.notify_url)
        target = wire.order_target(attempt, self._role)
        return self._exchange("order", "POST", target, body, lambda reply: self._read_order(attempt, reply))

    def query(self, attempt: Attempt) -> Exchange[Observation]:
        """Query by our number (doc/v3/merchant/4012791900)."""
        return self._exchange("query", "GET", wire.query_target(attempt, self._role), b"", self._read_query)

    def close(self, attempt: Attempt) -> Exchange[Observation]:
        """Close by our number (doc/v3/merchant/4012791901)."""
        target, body = wire.close_target(attempt, self._role), wire.close_body(attempt, self._role)
        return self._exchange("close", "POST", target, body, self._read_close)

    def charge_code(self, attempt: Attempt, code: PaymentCode) -> Exchange[Observation]:
        """Charge a payment code (apis/code-payment-v3/direct/code-pay)."""
        target, body = wire.charge_target(self._role), wire.charge_body(attempt, code, self._role)
        return self._exchange("code_pay", "POST", target, body, self._read_charge)

    def reverse(self, attempt: Attempt) -> Exchange[Observation]:
        """Reverse by our number (apis/code-payment-v3/direct/reverse)."""
        target, body = wire.reverse_target(attempt, self._role), wire.reverse_body(attempt, self._role)
        return self._exchange("reverse", "POST", target, body, self._read_reversal)

    def refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Refund by our number, which never changes (doc/v3/merchant/4012791862)."""
        body = wire.refund_body(refund, self._role, notify_url=self._config.notify_url)
        return self._exchange("refund", "POST", wire.REFUND_PATH, body, self._read_refund)

    def query_refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Ask for a refund by our number (doc/v3/merchant/4012791863)."""
        target = wire.refund_target(refund, self._role)
        return self._exchange("query_refund", "GET", target, b"", self._read_refund_query)

    @property
    def covers(self) -> tuple[str, ...]:
        """Orders of both versions."""
        return bills.COVERS

    def bill(self, kind: BillKind, day: str) -> Exchange[BillAnswer]:
        """Ask for a day's bill."""
        target = bills.target(kind, day, self._role.beside(self.merchant))
        return self._exchange("bill", "GET", target, b"", self._read_bill)

    def bill_file(self, offer: BillOffer) -> Download:
        """Fetch its file: the request is signed, the answer is not."""
        signed = self._exchange("bill_file", "GET", offer.target, b"", lambda _: None)
        return Download(signed.purpose, signed.hosts, signed.target, signed.headers, offer.digest)

    def read_bill(self, kind: BillKind, file: BinaryIO) -> Iterator[list[Any]]:
        """Its rows."""
        return wechat_bills.READERS[kind](file)

    @property
    def card_banks(self) -> frozenset[str]:
        """The banks whose cards take an abnormal refund."""
        return card_refunds.BANKS

    def refund_to_card(self, refund: Refund, card: Card) -> Exchange[RefundObservation]:
        """Send an abnormal refund to a bank card (refund/refunds/create-abnormal-refund)."""
        key = self._keys.for_sealing(self._config.public_key_id, now_s=self._now_s())
        if key is None and card.holder is Holder.BUYER:
            raise NotConfigured(self.merchant)
        body = card_refunds.body(refund, card, self._role, key=key[1] if key else None)
        return self._exchange(
            "refund_to_card",
            "POST",
            card_refunds.target(refund),
            body,
            self._read_refund,
            sealed_for=key[0] if key else None,
        )

    def certificates(self) -> Exchange[tuple[PlatformCertificate, ...]]:
        """Fetch the platform certificates."""
        return self._exchange(
            "certificates",
            "GET",
            certificates.PATH,
            b"",
            lambda reply: certificates.read(
                reply, held=self._keys, apiv3_keys=self._config.apiv3_keys, now_s=self._now_s()
            ),
        )

    def trust(self, fetched: tuple[PlatformCertificate, ...]) -> None:
        """Verify with these too."""
        self._keys.add(fetched)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify, decrypt and read."""
        return notify.read(
            self._keys,
            self._config.apiv3_keys,
            headers,
            body,
            now_s=self._now_s(),
            role=self._role,
            mchid=self.merchant,
        )

    def reread_notice(self, body: bytes) -> Notice:
        """Decrypt and read what was verified before."""
        return notify.parse(self._config.apiv3_keys, body, role=self._role, mchid=self.merchant)

    def acknowledge(self, *, accepted: bool) -> Acknowledgement:
        """WeChat's yes or no."""
        return notify.ACCEPTED if accepted else notify.REFUSED

    @property
    def notify_url(self) -> str:
        """Where notices are to go."""
        return self._config.notify_url

    def exchange(self, purpose: str, method: str, target: str, body: bytes, read: Callable[[Reply], T]) -> Exchange[T]:
        """A signed request of this merchant number, for its other products."""
        return self._exchange(purpose, method, target, body, read)

    def prove(self, reply: Reply) -> None:
        """Raise `ProviderUnknown` unless the reply is proven to come from WeChat Pay."""
        self._prove(reply)

    def error_of(self, reply: Reply) -> tuple[str, str, str]:
        """Code, message and Request-ID of an error answer."""
        return self._error(reply)

    def _now_s(self) -> int:
        return self._surroundings.now_ms() // 1000

    def _exchange(
        self,
        purpose: str,
        method: str,
        target: str,
        body: bytes,
        read: Callable[[Reply], T],
        *,
        sealed_for: str | None = None,
    ) -> Exchange[T]:
        """A signed request; `sealed_for` is the serial of the key that fields in it are encrypted with."""
        config = self._config
        timestamp, nonce = str(self._now_s()), self._surroundings.nonce()
        headers = {
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "Authorization": signing.authorization(
                config.private_key,
                mchid=self._role.signer(config.mchid),
                serial=config.serial,
                timestamp=timestamp,
                nonce=nonce,
                message=signing.request_message(method, target, timestamp, nonce, body),
            ),
        }
        if body or method == "POST":
            headers["Content-Type"] = "application/json"
        serial = sealed_for or config.public_key_id
        if serial is not None:
            headers["Wechatpay-Serial"] = serial
        return Exchange(purpose, method, config.hosts, target, headers, body, read)

    def _prove(self, reply: Reply) -> None:
        try:
            signing.verify(self._keys, reply.headers, reply.body, now_s=self._now_s())
        except Untrusted as error:
            raise ProviderUnknown(f"the answer {reply.status} is not proven: {error}") from error

    def _error(self, reply: Reply) -> tuple[str, str, str]:
        """Code, message and Request-ID of an error answer; a gateway's page has none of them."""
        try:
            body = wire.parse_object(reply.body)
        except UnreadableMessage:
            raise ProviderUnknown(f"the provider answered {reply.status} without an error document") from None
        code, message = wire.text(body, "code") or "", wire.text(body, "message") or ""
        return code, message, reply.headers.get("request-id", "")

    def _read_order(self, attempt: Attempt, reply: Reply) -> Observation:
        if reply.status != 200:
            code, message, request_id = self._error(reply)
            return mapping.of_order_error(reply.status, code, message, request_id)
        self._prove(reply)
        try:
            config, signer = self._config, self._role.signer(self.merchant)
            stamp = opening.Stamp(self._surroundings.now_ms(), self._surroundings.nonce(), config.private_key, signer)
            return opening.read(attempt, wire.parse_object(reply.body), stamp)
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _read_charge(self, reply: Reply) -> Observation:
        self._prove(reply)  # a refusal too: the shop lets the buyer go because of it
        if reply.status not in (200, 202):
            return code_payments.of_charge_error(reply.status, *self._error(reply))
        try:
            return mapping.of_transaction(wire.parse_object(reply.body), self._role)
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _read_reversal(self, reply: Reply) -> Observation:
        self._prove(reply)
        if reply.status != 200:
            return code_payments.of_reversal_error(reply.status, *self._error(reply))
        try:
            return code_payments.of_reversal(wire.parse_object(reply.body))
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _read_query(self, reply: Reply) -> Observation:
        if reply.status != 200:
            code, _, _ = self._error(reply)
            if code in mapping.NOT_KNOWN:
                self._prove(reply)
            return mapping.of_query_error(reply.status, code)
        self._prove(reply)
        try:
            return mapping.of_transaction(wire.parse_object(reply.body), self._role)
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _read_bill(self, reply: Reply) -> BillAnswer:
        if reply.status == 200:
            self._prove(reply)
            return bills.read(reply, self._config.hosts)
        code, _, _ = self._error(reply)
        proven = code == bills.NOTHING_HAPPENED
        if proven:
            self._prove(reply)
        return bills.of_error(reply.status, code, proven=proven)

    def _read_close(self, reply: Reply) -> Observation:
        if reply.status not in (200, 204):
            code, _, _ = self._error(reply)
            if code in mapping.NOT_KNOWN or code in mapping.ALREADY_CLOSED:
                self._prove(reply)
            return mapping.of_close_error(reply.status, code)
        self._prove(reply)
        return Closed("closed by us")

    def _read_refund(self, reply: Reply) -> RefundObservation:
        if reply.status != 200:
            code, message, request_id = self._error(reply)
            return mapping.of_refund_error(reply.status, code, message, request_id)
        return self._proven_refund(reply)

    def _read_refund_query(self, reply: Reply) -> RefundObservation:
        if reply.status != 200:
            code, _, _ = self._error(reply)
            if code in mapping.REFUND_NOT_KNOWN:
                self._prove(reply)
            return mapping.of_refund_query_error(reply.status, code)
        return self._proven_refund(reply)

    def _proven_refund(self, reply: Reply) -> RefundObservation:
        self._prove(reply)
        try:
            return mapping.of_refund(wire.parse_object(reply.body), state_name="status")
        except UnreadableMessage as error:
            return Uncertain(str(error))


class WechatV3(PaymentCalls, TransferCalls, SharingCalls, CombinedCalls):
    """A merchant number that signs for itself; see `ports.money_out` for what it offers beyond payments."""

    def query(self, attempt: Attempt) -> Exchange[Observation]:
        """Of a part of a combined order, by the number of the whole."""
        return super().query(attempt) if attempt.group_id is None else self.query_member(attempt)
