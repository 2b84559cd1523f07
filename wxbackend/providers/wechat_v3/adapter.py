"""One merchant number at WeChat Pay, as the port wants it: builds exchanges, reads replies. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnknown, UnreadableMessage, Untrusted
from wxbackend.domain.observation import Closed, Observation, Opened, RefundObservation, Uncertain
from wxbackend.domain.refund import Refund
from wxbackend.ports.provider import Acknowledgement, Exchange, Notice, PlatformCertificate, Reply
from wxbackend.ports.surroundings import Surroundings
from wxbackend.providers.wechat_v3 import certificates, mapping, notify, signing, wire
from wxbackend.providers.wechat_v3.config import MerchantConfig
from wxbackend.providers.wechat_v3.keys import KeyRing

T = TypeVar("T")

PREPAY_LASTS_MS: Final = 7_200_000
PREPAY_MARGIN_MS: Final = 60_000
USER_AGENT: Final = "wxbackend"


class WechatV3:
    """See `ports.provider.Provider`."""

    name: Final = "wechat_v3"
    currencies: Final = frozenset({"CNY"})

    def __init__(self, config: MerchantConfig, keys: KeyRing, surroundings: Surroundings) -> None:
        self._config = config
        self._keys = keys
        self._surroundings = surroundings

    @property
    def merchant(self) -> str:
        """The mchid."""
        return self._config.mchid

    def order(self, attempt: Attempt) -> Exchange[Observation]:
        """JSAPI order, also for mini programs (doc/v3/merchant/4012791856)."""
        body = wire.order_body(attempt, notify_url=self._config.notify_url)
        return self._exchange("order", "POST", wire.ORDER_PATH, body, lambda reply: self._read_order(attempt, reply))

    def query(self, attempt: Attempt) -> Exchange[Observation]:
        """Query by our number (doc/v3/merchant/4012791900)."""
        return self._exchange("query", "GET", wire.query_target(attempt), b"", self._read_query)

    def close(self, attempt: Attempt) -> Exchange[Observation]:
        """Close by our number (doc/v3/merchant/4012791901)."""
        return self._exchange("close", "POST", wire.close_target(attempt), wire.close_body(attempt), self._read_close)

    def refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Refund by our number, which never changes (doc/v3/merchant/4012791862)."""
        body = wire.refund_body(refund, notify_url=self._config.notify_url)
        return self._exchange("refund", "POST", wire.REFUND_PATH, body, self._read_refund)

    def query_refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Ask for a refund by our number (doc/v3/merchant/4012791863)."""
        return self._exchange("query_refund", "GET", wire.refund_target(refund), b"", self._read_refund_query)

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
        return notify.read(self._keys, self._config.apiv3_keys, headers, body, now_s=self._now_s())

    def reread_notice(self, body: bytes) -> Notice:
        """Decrypt and read what was verified before."""
        return notify.parse(self._config.apiv3_keys, body)

    def acknowledge(self, *, accepted: bool) -> Acknowledgement:
        """WeChat's yes or no."""
        return notify.ACCEPTED if accepted else notify.REFUSED

    def _now_s(self) -> int:
        return self._surroundings.now_ms() // 1000

    def _exchange(self, purpose: str, method: str, target: str, body: bytes, read: Callable[[Reply], T]) -> Exchange[T]:
        config = self._config
        timestamp, nonce = str(self._now_s()), self._surroundings.nonce()
        headers = {
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "Authorization": signing.authorization(
                config.private_key,
                mchid=config.mchid,
                serial=config.serial,
                timestamp=timestamp,
                nonce=nonce,
                message=signing.request_message(method, target, timestamp, nonce, body),
            ),
        }
        if body:
            headers["Content-Type"] = "application/json"
        if config.public_key_id is not None:
            headers["Wechatpay-Serial"] = config.public_key_id
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
            prepay_id = wire.required_text(wire.parse_object(reply.body), "prepay_id")
        except UnreadableMessage as error:
            return Uncertain(str(error))
        now_ms = self._surroundings.now_ms()
        until = min(attempt.expires_ms, now_ms + PREPAY_LASTS_MS) - PREPAY_MARGIN_MS
        return Opened(prepay_id, self._client_params(attempt, prepay_id), until)

    def _client_params(self, attempt: Attempt, prepay_id: str) -> dict[str, str]:
        """What getBrandWCPayRequest and wx.requestPayment take (doc/v3/merchant/4012365341)."""
        timestamp, nonce = str(self._now_s()), self._surroundings.nonce()
        package = f"prepay_id={prepay_id}"
        signature = signing.cashier_signature(
            self._config.private_key, appid=attempt.app, timestamp=timestamp, nonce=nonce, package=package
        )
        return {
            "appId": attempt.app,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": signature,
        }

    def _read_query(self, reply: Reply) -> Observation:
        if reply.status != 200:
            code, _, _ = self._error(reply)
            if code in mapping.NOT_KNOWN:
                self._prove(reply)
            return mapping.of_query_error(reply.status, code)
        self._prove(reply)
        try:
            return mapping.of_transaction(wire.parse_object(reply.body))
        except UnreadableMessage as error:
            return Uncertain(str(error))

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
