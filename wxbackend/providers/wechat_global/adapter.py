"""One merchant number that sells across the border, as the port wants it. No I/O.

Orders are priced in a currency of the merchant's, buyers pay them in yuan, and WeChat settles in the currency that the
merchant was registered with. Requests are signed, and answers proven, as those of API v3 (reference: cross-border).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.bill import BillKind
from wxbackend.domain.errors import NotConfigured, ProviderUnknown, UnreadableMessage, Untrusted
from wxbackend.domain.observation import Closed, Observation, RefundObservation, Uncertain
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.refund import Refund
from wxbackend.domain.terminal import Terminal
from wxbackend.ports.bills import BillAnswer, BillOffer, Download
from wxbackend.ports.provider import Acknowledgement, Exchange, Notice, PlatformCertificate, Reply
from wxbackend.ports.surroundings import Surroundings
from wxbackend.providers.wechat_global import mapping, notify, statements, wire
from wxbackend.providers.wechat_global.config import Terms
from wxbackend.providers.wechat_v3 import bills, certificates, opening, signing
from wxbackend.providers.wechat_v3 import mapping as v3_mapping
from wxbackend.providers.wechat_v3 import notify as v3_notify
from wxbackend.providers.wechat_v3 import wire as v3_wire
from wxbackend.providers.wechat_v3.adapter import PaymentCalls
from wxbackend.providers.wechat_v3.config import MerchantConfig
from wxbackend.providers.wechat_v3.keys import KeyRing

OPENINGS: Final = opening.OPENINGS | {Terminal.WAP: replace(opening.OPENINGS[Terminal.WAP], member="mweb_url")}


class WechatGlobal:
    """See `ports.provider.Provider`, `ports.provider.OrderLimits` and `ports.bills.BillSource`."""

    name: Final = "wechat_global"
    takes_codes: Final = False
    bill_kinds: Final = frozenset({BillKind.PAYMENTS})
    covers: Final = (name,)

    def __init__(self, config: MerchantConfig, keys: KeyRing, surroundings: Surroundings, terms: Terms) -> None:
        self._config = config
        self._keys = keys
        self._surroundings = surroundings
        self._terms = terms
        self._line = PaymentCalls(config, keys, surroundings)
        """Signs what we ask and proves what is answered."""

    @property
    def merchant(self) -> str:
        """The mchid."""
        return self._config.mchid

    @property
    def currencies(self) -> frozenset[str]:
        """Those that the settings say the merchant prices in."""
        return self._terms.currencies

    def amount_max(self, currency: str) -> int | None:
        """WeChat's limit of an order, at the rates of the settings."""
        return self._terms.amount_max(currency)

    def order(self, attempt: Attempt) -> Exchange[Observation]:
        """JSAPI, Native, H5 or App order (openapi `v3/global/transactions`)."""
        body = wire.order_body(attempt, self._terms, notify_url=self._config.notify_url)
        target = wire.order_target(attempt)
        return self._line.exchange("order", "POST", target, body, lambda reply: self._read_order(attempt, reply))

    def query(self, attempt: Attempt) -> Exchange[Observation]:
        """Query by our number."""
        return self._line.exchange("query", "GET", wire.query_target(attempt), b"", self._read_query)

    def close(self, attempt: Attempt) -> Exchange[Observation]:
        """Close by our number."""
        target, body = wire.close_target(attempt), wire.close_body(attempt)
        return self._line.exchange("close", "POST", target, body, self._read_close)

    def charge_code(self, attempt: Attempt, code: PaymentCode) -> Exchange[Observation]:
        """Payment codes are not charged through the global API here; `takes_codes` says so."""
        raise NotConfigured(self.merchant)

    def reverse(self, attempt: Attempt) -> Exchange[Observation]:
        """Nothing was charged by code, so there is nothing to reverse."""
        raise NotConfigured(self.merchant)

    def refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Refund by our number, which never changes, in the currency of the order (openapi `v3/global/refunds`)."""
        body = wire.refund_body(refund, notify_url=self._config.notify_url)
        return self._line.exchange("refund", "POST", wire.REFUNDS, body, lambda reply: self._read_refund(refund, reply))

    def query_refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Ask for a refund by our number."""
        target = wire.refund_target(refund)
        return self._line.exchange(
            "query_refund", "GET", target, b"", lambda reply: self._read_refund_query(refund, reply)
        )

    def bill(self, kind: BillKind, day: str) -> Exchange[BillAnswer]:
        """Ask for a day's statement; its headers say whether there is one, and what its bytes have to be."""
        target = statements.target(day, path=wire.STATEMENTS, mchid=self.merchant)
        asked = self._line.exchange("bill", "GET", target, b"", lambda reply: self._read_bill(target, reply))
        return replace(asked, headers_suffice=True)

    def bill_file(self, offer: BillOffer) -> Download:
        """Fetch it."""
        signed = self._line.exchange("bill_file", "GET", offer.target, b"", lambda _: None)
        return Download(signed.purpose, signed.hosts, signed.target, signed.headers, offer.digest)

    def read_bill(self, kind: BillKind, file: BinaryIO) -> Iterator[list[Any]]:
        """Its rows."""
        return statements.read(file)

    def certificates(self) -> Exchange[tuple[PlatformCertificate, ...]]:
        """Fetch the platform certificates from the global host."""
        return self._line.exchange(
            "certificates",
            "GET",
            wire.CERTIFICATES,
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
        signing.verify(self._keys, headers, body, now_s=self._now_s())
        return self.reread_notice(body)

    def reread_notice(self, body: bytes) -> Notice:
        """Decrypt and read what was verified before."""
        return notify.parse(self._config.apiv3_keys, body)

    def acknowledge(self, *, accepted: bool) -> Acknowledgement:
        """WeChat's yes or no."""
        return v3_notify.ACCEPTED if accepted else v3_notify.REFUSED

    def _now_s(self) -> int:
        return self._surroundings.now_ms() // 1000

    def _read_order(self, attempt: Attempt, reply: Reply) -> Observation:
        if reply.status != 200:
            code, message, request_id = self._line.error_of(reply)
            return v3_mapping.of_order_error(reply.status, code, message, request_id)
        self._line.prove(reply)
        now_ms, nonce, key = self._surroundings.now_ms(), self._surroundings.nonce(), self._config.private_key
        stamp = opening.Stamp(now_ms, nonce, key, self.merchant)
        return _readable(lambda: opening.read(attempt, v3_wire.parse_object(reply.body), stamp, openings=OPENINGS))

    def _read_query(self, reply: Reply) -> Observation:
        if reply.status != 200:
            code, _, _ = self._line.error_of(reply)
            if code in v3_mapping.NOT_KNOWN:
                self._line.prove(reply)
            return v3_mapping.of_query_error(reply.status, code)
        self._line.prove(reply)
        return _readable(lambda: mapping.of_transaction(v3_wire.parse_object(reply.body)))

    def _read_close(self, reply: Reply) -> Observation:
        if reply.status not in (200, 204):
            code, _, _ = self._line.error_of(reply)
            if code in v3_mapping.NOT_KNOWN or code in v3_mapping.ALREADY_CLOSED:
                self._line.prove(reply)
            return v3_mapping.of_close_error(reply.status, code)
        self._line.prove(reply)
        return Closed("closed by us")

    def _read_refund(self, refund: Refund, reply: Reply) -> RefundObservation:
        if reply.status != 200:
            code, message, request_id = self._line.error_of(reply)
            return v3_mapping.of_refund_error(reply.status, code, message, request_id)
        self._line.prove(reply)
        return _refund_readable(lambda: mapping.of_accepted_refund(v3_wire.parse_object(reply.body), refund))

    def _read_refund_query(self, refund: Refund, reply: Reply) -> RefundObservation:
        if reply.status != 200:
            code, _, _ = self._line.error_of(reply)
            if code in v3_mapping.REFUND_NOT_KNOWN:
                self._line.prove(reply)
            return v3_mapping.of_refund_query_error(reply.status, code)
        self._line.prove(reply)
        return _refund_readable(lambda: mapping.of_refund(v3_wire.parse_object(reply.body), refund))

    def _read_bill(self, target: str, reply: Reply) -> BillAnswer:
        if reply.status == 200:
            try:
                signing.verify(self._keys, reply.headers, statements.signed_part(reply), now_s=self._now_s())
            except Untrusted as error:
                raise ProviderUnknown(f"the statement is not proven: {error}") from error
            return statements.offer(reply, target)
        code, _, _ = self._line.error_of(reply)
        proven = code == bills.NOTHING_HAPPENED
        if proven:
            self._line.prove(reply)
        return bills.of_error(reply.status, code, proven=proven)


def _readable(read: Callable[[], Observation]) -> Observation:
    try:
        return read()
    except UnreadableMessage as error:
        return Uncertain(str(error))


def _refund_readable(read: Callable[[], RefundObservation]) -> RefundObservation:
    try:
        return read()
    except UnreadableMessage as error:
        return Uncertain(str(error))
