"""A provider's notice: proven, kept durably, settled once, then acknowledged. It never calls out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
import structlog

from wxbackend.domain.errors import DatabaseAway, NotConfigured, Untrusted
from wxbackend.domain.observation import Paid
from wxbackend.flows import settle, settle_refund
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.park_failure import note_failure, went_well
from wxbackend.flows.report_discrepancy import report_unmatched
from wxbackend.ports.provider import Acknowledgement, Notice, Provider
from wxbackend.ports.store import KeptNotice, Unit, Work

KEPT_HEADERS: Final = (
    "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial",
    "wechatpay-signature-type", "request-id", "content-type",
)  # fmt: skip
TAKE_UP_AFTER_MS: Final = 5_000
TAKE_UP_AT_ONCE_MAX: Final = 50


def receive_notice(deps: Dependencies, provider: Provider, headers: Mapping[str, str], body: bytes) -> Acknowledgement:
    """What to answer. Yes is said only when the notice is stored durably."""
    log = structlog.get_logger("notices")
    try:
        notice = provider.read_notice(headers, body)
    except Untrusted as error:
        log.warning("notice_refused", provider=provider.name, merchant=provider.merchant, reason=str(error))
        deps.counting.notice(verdict="refused")
        return provider.acknowledge(accepted=False)
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
        log.exception("notice_not_settled", notice_id=notice.id)
        deps.store.write(lambda unit: unit.notices.keep(kept))
        verdict = "kept"
    log.info("notice_received", notice_id=notice.id, kind=notice.kind, verdict=verdict)
    deps.counting.notice(verdict=verdict)
    return provider.acknowledge(accepted=True)


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
    if not unit.notices.keep(kept):
        return "seen before"
    verdict = _settle(unit, deps, kept, notice)
    unit.notices.handled(kept, verdict=verdict, now_ms=deps.surroundings.now_ms())
    return verdict


def _settle(unit: Unit, deps: Dependencies, kept: KeptNotice, notice: Notice) -> str:
    if notice.out_refund_no is not None and notice.refund_observation is not None:
        refund = unit.refunds.find_by_number(kept.provider, kept.merchant, notice.out_refund_no)
        if refund is None:
            return "no such refund"
        settle_refund.settle_refund(unit, deps, refund.id, notice.refund_observation)
        return "settled"
    if notice.observation is None or notice.out_trade_no is None:
        return "kept only"
    locked = unit.intents.lock_by_number(kept.provider, kept.merchant, notice.out_trade_no)
    if locked is None:
        return _report_unmatched(unit, deps, kept, notice)
    step = settle.settle_locked(unit, deps, *locked, notice.observation)
    if step.discrepancy is not None:
        return f"discrepancy: {step.discrepancy.kind.value}"
    return "settled"


def _report_unmatched(unit: Unit, deps: Dependencies, kept: KeptNotice, notice: Notice) -> str:
    owner = deps.accounts.owner_of(kept.provider, kept.merchant)
    if isinstance(notice.observation, Paid) and owner is not None:
        report_unmatched(unit, deps, owner, notice.observation, out_trade_no=notice.out_trade_no or "")
    return "no such order"
