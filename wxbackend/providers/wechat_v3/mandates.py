"""Auto-debit contracts of one merchant number at WeChat Pay: builds exchanges, reads replies. No I/O."""

from __future__ import annotations

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.mandate import Mandate, Told
from wxbackend.domain.mandate_lifecycle import MandateObservation
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Accepted, Declined, Observation, Uncertain
from wxbackend.ports.provider import Exchange, Reply
from wxbackend.ports.surroundings import Surroundings
from wxbackend.providers.wechat_v3 import mandate_wire, mapping, wire
from wxbackend.providers.wechat_v3.adapter import WechatV3
from wxbackend.providers.wechat_v3.config import AutoDebit


class WechatMandates:
    """See `ports.mandate.MandateProvider`."""

    def __init__(self, wechat: WechatV3, plan: AutoDebit, surroundings: Surroundings) -> None:
        self._wechat = wechat
        self._plan = plan
        self._surroundings = surroundings

    def sign(self, mandate: Mandate) -> Exchange[MandateObservation]:
        """A page to sign on, in an official account or a mini program (doc/v3 scheduled-deduct-pre-sign)."""
        body = mandate_wire.sign_body(mandate, self._plan, notify_url=self._wechat.notify_url)
        target = mandate_wire.sign_target(mandate)
        return self._wechat.exchange("sign", "POST", target, body, lambda reply: self._read_page(mandate, reply))

    def query_mandate(self, mandate: Mandate) -> Exchange[MandateObservation]:
        """The contract by our number (doc/v3 normal-get-contract-by-code)."""
        target = mandate_wire.contract_target(mandate, self._plan)
        return self._wechat.exchange("contract_query", "GET", target, b"", self._read_contract)

    def end(self, mandate: Mandate) -> Exchange[MandateObservation]:
        """End it by our number (doc/v3 normal-terminate-contract-by-code)."""
        target = f"{mandate_wire.contract_target(mandate, self._plan)}/terminate"
        body = mandate_wire.terminate_body()
        return self._wechat.exchange("contract_terminate", "POST", target, body, self._read_end)

    def tell(self, mandate: Mandate, money: Money) -> Exchange[Told | Declined | Uncertain]:
        """Tell the buyer of a debit to come (doc/v3 normal-schedule-deduction, deduct-notify)."""
        target, body = mandate_wire.tell_request(mandate, self._plan, money)
        return self._wechat.exchange("debit_notice", "POST", target, body, self._read_told)

    def charge(self, attempt: Attempt) -> Exchange[Observation]:
        """Take the money; accepted is not paid (doc/v3 normal-create-transaction)."""
        mandate_wire.require_handle(attempt)
        body = mandate_wire.charge_body(attempt, notify_url=self._wechat.notify_url)
        return self._wechat.exchange("debit", "POST", mandate_wire.CHARGE_PATH, body, self._read_charge)

    def query_charge(self, attempt: Attempt) -> Exchange[Observation]:
        """The debit by our number; its path is known from hearsay, so the settings may name another."""
        target = mandate_wire.charge_target(attempt, self._plan)
        return self._wechat.exchange("debit_query", "GET", target, b"", self._read_charge_query)

    def _read_page(self, mandate: Mandate, reply: Reply) -> MandateObservation:
        if reply.status != 200:
            return mandate_wire.of_refusal(reply.status, *self._wechat.error_of(reply))
        self._wechat.prove(reply)
        until_ms = min(mandate.expires_ms, self._surroundings.now_ms() + self._plan.page_lasts_s * 1000)
        try:
            return mandate_wire.of_page(wire.parse_object(reply.body), mandate, until_ms=until_ms)
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _read_contract(self, reply: Reply) -> MandateObservation:
        if reply.status != 200:
            code, _, _ = self._wechat.error_of(reply)
            if code in mandate_wire.NOT_KNOWN:
                self._wechat.prove(reply)
                return Absent()
            return Uncertain(f"the provider answered {reply.status} {code}")
        return self._proven_contract(reply)

    def _read_end(self, reply: Reply) -> MandateObservation:
        if reply.status != 200:
            code, _, _ = self._wechat.error_of(reply)
            return Uncertain(f"the provider answered {reply.status} {code}")  # a query tells whether it is over
        return self._proven_contract(reply)

    def _proven_contract(self, reply: Reply) -> MandateObservation:
        self._wechat.prove(reply)
        try:
            return mandate_wire.of_contract(wire.parse_object(reply.body), now_ms=self._surroundings.now_ms())
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _read_told(self, reply: Reply) -> Told | Declined | Uncertain:
        if reply.status not in (200, 204):
            return mandate_wire.of_refusal(reply.status, *self._wechat.error_of(reply))
        self._wechat.prove(reply)
        if not reply.body:
            return Told(None, None)
        try:
            body = wire.parse_object(reply.body)
        except UnreadableMessage as error:
            return Uncertain(str(error))
        return Told(wire.text(body, "deduct_start_date"), wire.text(body, "deduct_end_date"))

    def _read_charge(self, reply: Reply) -> Observation:
        if reply.status not in (200, 202, 204):
            refusal = mandate_wire.of_charge_error(reply.status, *self._wechat.error_of(reply))
            if isinstance(refusal, Declined) and reply.status != 401:
                self._wechat.prove(reply)  # else another debit might be made while this one still takes the money
            return refusal
        self._wechat.prove(reply)
        return Accepted("accepted")

    def _read_charge_query(self, reply: Reply) -> Observation:
        if reply.status != 200:
            code, _, _ = self._wechat.error_of(reply)
            if code in mapping.NOT_KNOWN:
                self._wechat.prove(reply)
            return mapping.of_query_error(reply.status, code)
        self._wechat.prove(reply)
        try:
            return mandate_wire.of_debit(wire.parse_object(reply.body))
        except UnreadableMessage as error:
            return Uncertain(str(error))
