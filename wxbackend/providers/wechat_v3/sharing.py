"""Profit sharing (分账, reference: profit sharing): wire, mapping and exchanges of sharings, returns and receivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import orjson

from wxbackend.domain.errors import ProviderUnknown, UnreadableMessage
from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.profit_sharing import Part, PartState, PartyKind, ProfitSharing, SharingReturn
from wxbackend.domain.sharing_observation import (
    PartResult,
    ReturnFailed,
    ReturnObservation,
    ReturnProcessing,
    ReturnSucceeded,
    SharingFinished,
    SharingObservation,
    SharingProcessing,
)
from wxbackend.ports.money_out import Fault
from wxbackend.ports.profit_sharing import Party
from wxbackend.ports.provider import Exchange, Reply
from wxbackend.providers.wechat_v3 import wire
from wxbackend.providers.wechat_v3.config import MerchantConfig
from wxbackend.providers.wechat_v3.keys import KeyRing
from wxbackend.providers.wechat_v3.sealing import PLAIN_BYTES_MAX, seal_field

T = TypeVar("T")

PATH: Final = "/v3/profitsharing"
NOTICE_KINDS: Final = frozenset({"PROFITSHARING", "PROFITSHARING_RETURN"})
KINDS: Final = {PartyKind.MERCHANT: "MERCHANT_ID", PartyKind.PERSON: "PERSONAL_OPENID"}
_KIND_OF: Final = {word: kind for kind, word in KINDS.items()}
RELATIONS: Final = (
    "service_provider", "store", "staff", "store_owner", "partner", "headquarter", "brand", "distributor", "user",
    "supplier", "custom",
)  # fmt: skip
RESULTS: Final = {
    "PENDING": PartState.PENDING,
    "SUCCESS": PartState.SUCCEEDED,
    "CLOSED": PartState.CLOSED,
}
REASONS: Final = {
    "ACCOUNT_ABNORMAL": "receiver_account_unusable",
    "NO_RELATION": "receiver_not_added",
    "RECEIVER_HIGH_RISK": "receiver_refused",
    "RECEIVER_REAL_NAME_NOT_VERIFIED": "receiver_not_verified",
    "NO_AUTH": "not_permitted",
    "RECEIVER_RECEIPT_LIMIT": "receiver_limit_exceeded",
    "PAYER_ACCOUNT_ABNORMAL": "merchant_account_unusable",
    "BALANCE_NOT_ENOUGH": "receiver_insufficient_funds",
    "TIME_OUT_CLOSED": "expired",
}
"""Why a part was not given or not returned, in our words; any other reason is `declined`."""
NOT_KNOWN: Final = frozenset({"RESOURCE_NOT_EXISTS", "NOT_FOUND"})


class Line(Protocol):
    """What these exchanges need of the adapter: how it signs, and how it reads answers."""

    _config: MerchantConfig
    _keys: KeyRing

    def _now_s(self) -> int: ...

    def _exchange(
        self,
        purpose: str,
        method: str,
        target: str,
        body: bytes,
        read: Callable[[Reply], T],
        *,
        sealed_for: str | None = None,
    ) -> Exchange[T]: ...

    def _prove(self, reply: Reply) -> None: ...

    def _error(self, reply: Reply) -> tuple[str, str, str]: ...

    def _name_fault(self, name: str | None, param: str) -> Fault | None: ...

    def _sealer(self, *names: str | None) -> tuple[str | None, Callable[[str], str]]: ...

    def _sharing(self, reply: Reply) -> SharingObservation: ...

    def _returned(self, reply: Reply) -> ReturnObservation: ...

    def _not_there(self, reply: Reply) -> Absent | Uncertain: ...

    def _done(self, reply: Reply) -> Declined | None: ...


class SharingCalls:
    """See `ports.profit_sharing.SharesProfit`."""

    def sharing_fault(self: Line, sharing: ProfitSharing) -> Fault | None:
        """What WeChat would refuse."""
        for place, part in enumerate(sharing.parts):
            if part.party == sharing.merchant:
                return Fault(f"receivers[{place}][account]", "The payment's own merchant number cannot be a receiver.")
            fault = self._name_fault(part.name, f"receivers[{place}][name]")
            if fault is not None:
                return fault
        return None

    def party_fault(self: Line, party: Party) -> Fault | None:
        """What WeChat would refuse."""
        if party.party == self._config.mchid:
            return Fault("account", "The payment's own merchant number cannot be a receiver.")
        if party.kind is PartyKind.MERCHANT and party.name is None:
            return Fault("name", "WeChat Pay wants the full name of a receiving merchant.", "parameter_missing")
        if (party.relation == "custom") is not (party.custom_relation is not None):
            return Fault("custom_relation", "It names the relation `custom`, and no other.")
        return self._name_fault(party.name, "name")

    def share(self: Line, sharing: ProfitSharing) -> Exchange[SharingObservation]:
        """Share by our number, or release what remains (doc/v3/merchant/4012525683, 4012526018)."""
        serial, seal = self._sealer(*(part.name for part in sharing.parts))
        path = f"{PATH}/orders" if sharing.parts else f"{PATH}/orders/unfreeze"
        return self._exchange("share", "POST", path, _share_body(sharing, seal), self._sharing, sealed_for=serial)

    def query_sharing(self: Line, sharing: ProfitSharing) -> Exchange[SharingObservation]:
        """Ask by our number (doc/v3/merchant/4012525939)."""
        target = f"{PATH}/orders/{_word(sharing.out_order_no)}?transaction_id={_word(sharing.transaction)}"

        def read(reply: Reply) -> SharingObservation:
            return self._sharing(reply) if reply.status == 200 else self._not_there(reply)

        return self._exchange("query_sharing", "GET", target, b"", read)

    def return_share(self: Line, returned: SharingReturn) -> Exchange[ReturnObservation]:
        """Bring a part back by our number (doc/v3/merchant/4012525979)."""
        body = {
            "out_order_no": returned.out_order_no,
            "out_return_no": returned.out_return_no,
            "return_mchid": returned.party,
            "amount": returned.money.amount,
            "description": returned.description,
        }
        return self._exchange("return_share", "POST", f"{PATH}/return-orders", orjson.dumps(body), self._returned)

    def query_return(self: Line, returned: SharingReturn) -> Exchange[ReturnObservation]:
        """Ask by our number (doc/v3/merchant/4012526005)."""
        number = _word(returned.out_return_no)
        target = f"{PATH}/return-orders/{number}?out_order_no={_word(returned.out_order_no)}"

        def read(reply: Reply) -> ReturnObservation:
            return self._returned(reply) if reply.status == 200 else self._not_there(reply)

        return self._exchange("query_return", "GET", target, b"", read)

    def add_party(self: Line, party: Party) -> Exchange[Declined | None]:
        """Add a receiver; one that is there already stays (doc/v3/merchant/4012526083)."""
        serial, seal = self._sealer(party.name)
        body = _party_body(party) | {"relation_type": party.relation.upper()}
        if party.custom_relation is not None:
            body["custom_relation"] = party.custom_relation
        if party.name is not None:
            body["name"] = seal(party.name)
        path = f"{PATH}/receivers/add"
        return self._exchange("add_receiver", "POST", path, orjson.dumps(body), self._done, sealed_for=serial)

    def remove_party(self: Line, party: Party) -> Exchange[Declined | None]:
        """Remove a receiver; one that is not there is none (doc/v3/merchant/4012526085)."""
        body = orjson.dumps(_party_body(party))
        return self._exchange("remove_receiver", "POST", f"{PATH}/receivers/delete", body, self._done)

    def _sealer(self: Line, *names: str | None) -> tuple[str | None, Callable[[str], str]]:
        """The serial to name and how to encrypt; without names nothing is encrypted."""
        if not any(names):
            return None, str
        found = self._keys.for_sealing(self._config.public_key_id, now_s=self._now_s())
        assert found is not None, "what has a name is only recorded when there is a key to seal it with"
        serial, key = found
        return serial, lambda name: seal_field(key, name)

    def _name_fault(self: Line, name: str | None, param: str) -> Fault | None:
        if name is None:
            return None
        if len(name.encode()) > PLAIN_BYTES_MAX:
            return Fault(param, f"A name has at most {PLAIN_BYTES_MAX} bytes.", "parameter_too_long")
        if self._keys.for_sealing(self._config.public_key_id, now_s=self._now_s()) is None:
            return Fault(param, "There is no key of WeChat Pay yet to encrypt the name with. Try again soon.")
        return None

    def _sharing(self: Line, reply: Reply) -> SharingObservation:
        if reply.status != 200:
            return _refused(reply.status, self._error(reply), "sharing")
        self._prove(reply)
        try:
            return _of_sharing(wire.parse_object(reply.body))
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _returned(self: Line, reply: Reply) -> ReturnObservation:
        if reply.status != 200:
            return _refused(reply.status, self._error(reply), "return")
        self._prove(reply)
        try:
            return _of_return(wire.parse_object(reply.body))
        except UnreadableMessage as error:
            return Uncertain(str(error))

    def _not_there(self: Line, reply: Reply) -> Absent | Uncertain:
        code, _, _ = self._error(reply)
        if code in NOT_KNOWN:
            self._prove(reply)
            return Absent()
        return Uncertain(f"the provider answered {reply.status} {code}")

    def _done(self: Line, reply: Reply) -> Declined | None:
        if reply.status == 200:
            self._prove(reply)
            return None
        said = _refused(reply.status, self._error(reply), "receiver")
        if isinstance(said, Uncertain):
            raise ProviderUnknown(said.reason)
        return said


def sharing_number(content: dict[str, Any]) -> str:
    """Our number in a notice about a sharing."""
    return wire.required_text(content, "out_order_no")


def _of_sharing(order: dict[str, Any]) -> SharingObservation:
    state = wire.required_text(order, "state")
    handle = wire.text(order, "order_id") or ""
    results = tuple(_result(each) for each in order.get("receivers") or () if _is_ours(each))
    if state == "FINISHED":
        return SharingFinished(handle, results)
    return SharingProcessing(handle, results) if state == "PROCESSING" else Pending(state)


def _is_ours(receiver: Any) -> bool:
    """A kind of receiver that we name; the rest that is released stands in the list as well."""
    return isinstance(receiver, dict) and receiver.get("type") in _KIND_OF and receiver.get("result") in RESULTS


def _result(receiver: dict[str, Any]) -> PartResult:
    state = RESULTS[wire.required_text(receiver, "result")]
    reason = REASONS.get(wire.text(receiver, "fail_reason") or "", "declined")
    return PartResult(
        kind=_KIND_OF[wire.required_text(receiver, "type")],
        party=wire.required_text(receiver, "account"),
        amount=wire.required_amount(receiver, "amount"),
        state=state,
        failure=reason if state is PartState.CLOSED else None,
    )


def _of_return(order: dict[str, Any]) -> ReturnObservation:
    state = wire.required_text(order, "result")
    handle = wire.text(order, "return_id") or ""
    match state:
        case "PROCESSING":
            return ReturnProcessing(handle)
        case "SUCCESS":
            finished_ms = wire.read_time_ms(wire.text(order, "finish_time")) or 0
            return ReturnSucceeded(handle, finished_ms, wire.required_amount(order, "amount"))
        case "FAILED":
            return ReturnFailed(handle, REASONS.get(wire.text(order, "fail_reason") or "", "declined"))
    return Pending(state)


def _refused(status: int, told: tuple[str, str, str], what: str) -> Declined | Uncertain:
    """429, 401 and 5xx prove nothing."""
    code, message, request_id = told
    if status == 429 or status >= 500 or status == 401:
        return Uncertain(f"the provider answered {status} {code}")
    return Declined(
        "profit_sharing_declined",
        code.lower() or "unknown",
        f"WeChat Pay refused the {what} ({code}).",
        operator_hint=f"{status} {code} {message} (Request-ID {request_id})",
    )


def _share_body(sharing: ProfitSharing, seal: Callable[[str], str]) -> bytes:
    body: dict[str, Any] = {"transaction_id": sharing.transaction, "out_order_no": sharing.out_order_no}
    if not sharing.parts:
        return orjson.dumps(body | {"description": sharing.description})
    body["appid"] = sharing.app
    body["receivers"] = [_receiver(part, seal) for part in sharing.parts]
    body["unfreeze_unsplit"] = sharing.finish
    return orjson.dumps(body)


def _receiver(part: Part, seal: Callable[[str], str]) -> dict[str, Any]:
    receiver: dict[str, Any] = {
        "type": KINDS[part.kind],
        "account": part.party,
        "amount": part.amount,
        "description": part.description,
    }
    if part.name is not None:
        receiver["name"] = seal(part.name)
    return receiver


def _party_body(party: Party) -> dict[str, Any]:
    return {"appid": party.app, "type": KINDS[party.kind], "account": party.party}


def _word(value: str) -> str:
    return quote(value, safe="")
