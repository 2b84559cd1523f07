"""A provider's notice: proven, kept durably, settled once, then acknowledged. It never calls out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
import structlog

from wxbackend.domain.errors import DatabaseAway, NotConfigured, Untrusted
from wxbackend.domain.mandate_lifecycle import MandateObservation
from wxbackend.domain.observation import Paid
from wxbackend.domain.profit_sharing import ProfitSharing, SharingReturn
from wxbackend.flows import announce, settle, settle_group, settle_mandate, settle_refund, settle_transfer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.park_failure import note_failure, went_well
from wxbackend.flows.report_discrepancy import report_unmatched
from wxbackend.ports.provider import Acknowledgement, GroupNews, Notice, Provider, SharingNews, TransferNews
from wxbackend.ports.store import Kept, KeptNotice, Unit, Work

KEPT_HEADERS: Final = (
    "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial",
    "wechatpay-signature-type", "request-id", "content-type",
)  # fmt: skip
"""All that any provider signs with or that says what came; nothing else of a request is looked at."""
SETTLED: Final = "settled"
REFUSED: Final = "refused"
TAKE_UP_AFTER_MS: Final = 5_000
TAKE_UP_AT_ONCE_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Received:
    """What to answer, and what the log should say of it."""

    answer: Acknowledgement
    told: Mapping[str, str]


def receive_notice(deps: Dependencies, provider: Provider, headers: Mapping[str, str], body: bytes) -> Received:
    """What to answer. Yes is said only when the notice is stored durably."""
    try:
        notice = provider.read_notice(headers, body)
    except Untrusted as error:
        log = structlog.get_logger("notices")
        log.warning("notice_refused", provider=provider.name, merchant=provider.merchant, reason=str(error))
        deps.counting.notice(verdict=REFUSED)
        return Received(provider.acknowledge(accepted=False), {"verdict": REFUSED})
    kept = KeptNotice(
        id=deps.surroundings.new_id(),
        provider=provider.name,
        merchant=provider.merchant,
        notice_id=notice.id,
        kind=notice.kind,
        out_trade_no=notice.out_trade_no,
        received_ms=deps.surroundings.now_ms(),
        headers=orjson.dumps({name: headers[name] for name in KEPT_HEADERS if name in headers}).decode(),
        body=body,
    )
    try:
        verdict = deps.store.write(lambda unit: _keep_and_settle(unit, deps, kept, notice))
    except DatabaseAway:
        raise  # nothing can be kept now; WeChat is told so and sends it again
    except Exception:
        # A defect in settling must not lose the notice: keep it alone, the worker takes it up again.
        log = structlog.get_logger("notices")
        log.exception("notice_not_settled", notice_id=notice.id)
        deps.store.write(lambda unit: unit.notices.keep(kept))
        verdict = "kept"
    deps.counting.notice(verdict=verdict)
    told = {"notice_id": notice.id, "kind": notice.kind, "verdict": verdict}
    return Received(provider.acknowledge(accepted=True), told)


def take_up_notices(deps: Dependencies) -> int:
    """Settle notices that were kept and not settled; how many there were."""
    before_ms = deps.surroundings.now_ms() - TAKE_UP_AFTER_MS
    left = deps.store.read(lambda unit: unit.notices.unhandled(before_ms=before_ms, limit=TAKE_UP_AT_ONCE_MAX))
    for kept in left:
        try:
            _take_up(deps, kept)
        except DatabaseAway:
            raise  # none of them can be settled now
        except Exception as error:  # noqa: BLE001 - one that always fails must not hold up the others
            structlog.get_logger("notices").exception("notice_not_settled", notice_id=kept.notice_id)
            note_failure(deps, Work.NOTICE, kept.id, error)
    return len(left)


def _take_up(deps: Dependencies, kept: KeptNotice) -> None:
    provider = deps.providers.of(kept.provider, kept.merchant)
    if provider is None:
        raise NotConfigured(kept.merchant)
    notice = provider.reread_notice(kept.body)
    deps.store.write(lambda unit: _keep_and_settle(unit, deps, kept, notice))
    went_well(deps, Work.NOTICE, kept.id)


def _keep_and_settle(unit: Unit, deps: Dependencies, kept: KeptNotice, notice: Notice) -> str:
    if notice.observation is not None and notice.out_trade_no is not None:
        unit.intents.expect_lock_by_number(kept.provider, kept.merchant, notice.out_trade_no)
        owner = deps.accounts.owner_of(kept.provider, kept.merchant)
        if owner is not None:
            announce.expect(unit, owner.account, livemode=owner.livemode)
    now_ms = deps.surroundings.now_ms()
    found = unit.notices.keep(kept, verdict=SETTLED, now_ms=now_ms)
    if found is Kept.HANDLED:
        return "seen before"
    verdict = _settle(unit, deps, kept, notice)
    if found is Kept.LEFT or verdict != SETTLED:
        unit.notices.handled(kept, verdict=verdict, now_ms=now_ms)
    return verdict


def _settle(unit: Unit, deps: Dependencies, kept: KeptNotice, notice: Notice) -> str:
    if notice.out_refund_no is not None:
        return _settle_refund(unit, deps, kept, notice)
    if notice.out_mandate_no is not None and notice.mandate_observation is not None:
        return _settle_mandate(unit, deps, kept, notice.out_mandate_no, notice.mandate_observation)
    if notice.transfer is not None:
        return _settle_transfer(unit, deps, kept, notice.transfer)
    if notice.sharing is not None:
        return _look_at_sharing(unit, deps, kept, notice.sharing)
    if notice.group is not None:
        return _settle_group(unit, deps, kept, notice.merchant, notice.group)
    return _settle_order(unit, deps, kept, notice)


def _settle_order(unit: Unit, deps: Dependencies, kept: KeptNotice, notice: Notice) -> str:
    if notice.observation is None or notice.out_trade_no is None:
        return "kept only"
    locked = unit.intents.lock_by_number(kept.provider, kept.merchant, notice.out_trade_no)
    if locked is None:
        return _report_unmatched(unit, deps, kept, notice)
    step = settle.settle_locked(unit, deps, *locked, notice.observation)
    if locked[1].group_id is not None:
        settle_group.look_soon(unit, deps, locked[1].group_id)
    if step.discrepancy is not None:
        return f"discrepancy: {step.discrepancy.kind.value}"
    return SETTLED


def _settle_group(unit: Unit, deps: Dependencies, kept: KeptNotice, merchant: str, news: GroupNews) -> str:
    """It tells of all orders; what it tells of orders that are not in the group is money that nobody asked for."""
    group = settle_group.find_by_number(unit, kept.provider, kept.merchant, news.number)
    if merchant != kept.merchant:
        group = None
    ours = {each.attempt.out_trade_no for each in group.members} if group is not None else set()
    owner = deps.accounts.owner_of(kept.provider, kept.merchant)
    strange = {number: said for number, said in news.told.orders.items() if number not in ours}
    for number, said in strange.items():
        if isinstance(said, Paid) and owner is not None:
            report_unmatched(unit, deps, owner, said, out_trade_no=number)
    if group is None:
        return "no such order"
    _, steps = settle_group.settle_group(unit, deps, group, news.told)
    found = next((step.discrepancy for step in steps if step.discrepancy is not None), None)
    if found is not None:
        return f"discrepancy: {found.kind.value}"
    return "orders that are not in the group" if strange else SETTLED


def _settle_refund(unit: Unit, deps: Dependencies, kept: KeptNotice, notice: Notice) -> str:
    refund = unit.refunds.find_by_number(kept.provider, kept.merchant, notice.out_refund_no or "")
    if refund is None:
        return "no such refund"
    if notice.refund_observation is None:
        return "asked" if settle_refund.look_soon(unit, deps, refund.id) else "hint not needed"
    settle_refund.settle_refund(unit, deps, refund.id, notice.refund_observation)
    return SETTLED


def _settle_mandate(unit: Unit, deps: Dependencies, kept: KeptNotice, number: str, said: MandateObservation) -> str:
    mandate = unit.mandates.find_by_number(kept.provider, kept.merchant, number)
    if mandate is None:
        return "no such mandate"
    settle_mandate.settle(unit, deps, mandate.id, said)
    return SETTLED


def _settle_transfer(unit: Unit, deps: Dependencies, kept: KeptNotice, news: TransferNews) -> str:
    transfer = unit.merchant_transfers.find_by_number(kept.provider, kept.merchant, news.number)
    if transfer is None:
        return "no such transfer"
    settle_transfer.settle_transfer(unit, deps, transfer.id, news.observation)
    return SETTLED


def _look_at_sharing(unit: Unit, deps: Dependencies, kept: KeptNotice, news: SharingNews) -> str:
    """It tells of one receiver only: the worker asks at once for the whole."""
    found: ProfitSharing | SharingReturn | None
    if news.return_number is not None:
        found = unit.sharing_returns.find_by_number(kept.provider, kept.merchant, news.return_number)
    else:
        found = unit.profit_sharings.find_by_number(kept.provider, kept.merchant, news.number)
    if found is None:
        return "no such sharing"
    if found.is_unresolved():
        unit.sharing_looks.schedule(found.id, due_ms=deps.surroundings.now_ms(), tries=0)
    return "asked about"


def _report_unmatched(unit: Unit, deps: Dependencies, kept: KeptNotice, notice: Notice) -> str:
    owner = deps.accounts.owner_of(kept.provider, kept.merchant)
    if isinstance(notice.observation, Paid) and owner is not None:
        report_unmatched(unit, deps, owner, notice.observation, out_trade_no=notice.out_trade_no or "")
    return "no such order"
