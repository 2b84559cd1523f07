"""One merchant number at WeChat Pay by API v2, as the port wants it: builds exchanges, reads replies. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderUnknown, UnreadableMessage, Untrusted
from wxbackend.domain.observation import Observation, RefundObservation
from wxbackend.domain.payment_code import PaymentCode
from wxbackend.domain.refund import Refund
from wxbackend.ports.provider import Acknowledgement, Exchange, Notice, Reply
from wxbackend.ports.surroundings import Surroundings
from wxbackend.providers.wechat_v2 import notify, opening, reading, signing, wire
from wxbackend.providers.wechat_v2.config import MerchantConfig
from wxbackend.providers.wechat_v2.keys import KeyInUse

T = TypeVar("T")

USER_AGENT: Final = "wxbackend"


class WechatV2:
    """See `ports.provider.Provider`."""

    name: Final = "wechat_v2"
    currencies: Final = frozenset({"CNY"})

    def __init__(self, config: MerchantConfig, surroundings: Surroundings) -> None:
        self._config = config
        self._surroundings = surroundings
        self._key = KeyInUse(config)

    @property
    def merchant(self) -> str:
        """The mch_id."""
        return self._config.mchid

    def order(self, attempt: Attempt) -> Exchange[Observation]:
        """Unified order (reference: WeChat Pay API v2, unifiedorder)."""
        fields = wire.order_fields(attempt, notify_url=self._config.notify_url)
        return self._exchange("order", wire.ORDER_PATH, fields, reading.order(attempt, self._stamp))

    def query(self, attempt: Attempt) -> Exchange[Observation]:
        """Query by our number (reference: WeChat Pay API v2, orderquery)."""
        return self._exchange("query", wire.QUERY_PATH, wire.number_fields(attempt), reading.query(attempt))

    def close(self, attempt: Attempt) -> Exchange[Observation]:
        """Close by our number (reference: WeChat Pay API v2, closeorder)."""
        return self._exchange("close", wire.CLOSE_PATH, wire.number_fields(attempt), reading.close)

    @property
    def takes_codes(self) -> bool:
        """Unless the settings say that the merchant charges them by API v3."""
        return self._config.charges_codes

    def charge_code(self, attempt: Attempt, code: PaymentCode) -> Exchange[Observation]:
        """Take the money with the code that the buyer shows (reference: WeChat Pay API v2, micropay)."""
        fields = wire.charge_code_fields(attempt, code=code.digits)
        return self._exchange("code_pay", wire.CHARGE_CODE_PATH, fields, reading.charge(attempt))

    def reverse(self, attempt: Attempt) -> Exchange[Observation]:
        """Undo a payment by code, paid or not (reference: WeChat Pay API v2, reverse)."""
        fields = wire.number_fields(attempt)
        return self._exchange("reverse", wire.REVERSE_PATH, fields, reading.reversal, certified=True)

    def refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Refund by our number, which never changes (reference: WeChat Pay API v2, refund)."""
        fields = wire.refund_fields(refund, notify_url=self._config.notify_url)
        return self._exchange("refund", wire.REFUND_PATH, fields, reading.refund(refund), certified=True)

    def query_refund(self, refund: Refund) -> Exchange[RefundObservation]:
        """Ask for a refund by our number (reference: WeChat Pay API v2, refundquery)."""
        fields = wire.refund_number_fields(refund)
        return self._exchange("query_refund", wire.REFUND_QUERY_PATH, fields, reading.refund_query(refund))

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Parse, verify and read; all that proves a message is in its body."""
        return notify.read(self._config, body)

    def reread_notice(self, body: bytes) -> Notice:
        """Read what was verified before."""
        return notify.reread(self._config, body)

    def acknowledge(self, *, accepted: bool) -> Acknowledgement:
        """WeChat's yes or no."""
        return notify.ACCEPTED if accepted else notify.REFUSED

    def _exchange(
        self,
        purpose: str,
        target: str,
        fields: wire.Fields,
        read: Callable[[wire.Fields], T],
        *,
        certified: bool = False,
    ) -> Exchange[T]:
        config = self._config
        fresh = {"nonce_str": self._surroundings.nonce(), "sign_type": config.sign_type}
        whole = {**fields, **fresh}
        key = self._key.present
        whole["sign"] = signing.sign(whole, key=key, sign_type=config.sign_type)
        return Exchange(
            purpose,
            "POST",
            config.certificate_hosts if certified else config.hosts,
            target,
            {"Accept": "text/xml", "Content-Type": "text/xml; charset=utf-8", "User-Agent": USER_AGENT},
            wire.document(whole),
            lambda reply: self._read(reply, fields["appid"], key, read),
            client=config.client if certified else None,
        )

    def _read(self, reply: Reply, app: str, key: str, read: Callable[[wire.Fields], T]) -> T:
        """The answer, if it is proven and ours; one that says FAIL is proven by nobody and keeps its two fields."""
        if reply.status != 200:
            raise ProviderUnknown(f"the provider answered {reply.status}")
        try:
            said = wire.parse(reply.body)
            if said.get("return_code") != "SUCCESS":
                self._key.told(key, said.get("return_msg", ""))
                return read({"return_code": "FAIL", "return_msg": said.get("return_msg", "")})
            self._key.took(signing.verify_by_any(said, keys=self._config.keys, sign_type=self._config.sign_type))
            if said.get("mch_id") != self._config.mchid or said.get("appid") not in {app, *self._config.apps}:
                raise UnreadableMessage("the answer is of another merchant's number or app")
            return read(said)
        except Untrusted as error:
            raise ProviderUnknown(f"the answer is not proven: {error}") from error

    def _stamp(self) -> opening.Stamp:
        """What the front end's parameters are signed with."""
        config, around = self._config, self._surroundings
        return opening.Stamp(around.now_ms(), around.nonce(), self._key.present, config.sign_type)
