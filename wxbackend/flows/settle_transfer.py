"""The one door for transfers to people: every observation about one comes through here, whoever heard it."""

from __future__ import annotations

from dataclasses import replace

import structlog

from wxbackend.domain import transfer_ledger, transfer_lifecycle, transfer_representation
from wxbackend.domain.merchant_transfer import MerchantTransfer
from wxbackend.domain.observation import Pending
from wxbackend.domain.transfer_lifecycle import TransferStep
from wxbackend.domain.transfer_observation import TransferObservation, TransferPaid
from wxbackend.flows import announce
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.look_schedule import next_transfer_look_ms
from wxbackend.ports.store import Unit


def begin(unit: Unit, deps: Dependencies, step: TransferStep) -> MerchantTransfer:
    """Store a new transfer, its amount reserved, before it is sent; the worker takes it up if nobody else does."""
    transfer = step.transfer
    unit.merchant_transfers.insert(transfer)
    unit.merchant_transfers.schedule(transfer.id, due_ms=transfer.created_ms + deps.policy.lease_ms, tries=0)
    moved = transfer_ledger.of_transfer(transfer, None)
    announce.book(unit, deps, moved, account=transfer.account, livemode=transfer.livemode)
    _announce(unit, deps, step)
    return transfer


def resend(unit: Unit, deps: Dependencies, transfer_id: int, *, now_ms: int) -> MerchantTransfer | None:
    """Note that the same transfer is sent again; None when something was heard of it since it was read."""
    transfer = lock(unit, transfer_id)
    if not transfer.is_to_be_sent():
        return None
    sent = unit.merchant_transfers.save(replace(transfer, sent_ms=now_ms), was=transfer)
    unit.merchant_transfers.schedule(transfer_id, due_ms=now_ms + deps.policy.lease_ms, tries=0)
    return sent


def keep(
    unit: Unit, deps: Dependencies, step: TransferStep, *, was: MerchantTransfer, acting: bool
) -> MerchantTransfer:
    """Store what the caller of a flow asked for; `acting` when the flow goes on to call the provider."""
    transfer = unit.merchant_transfers.save(step.transfer, was=was)
    if acting:
        due_ms = deps.surroundings.now_ms() + deps.policy.lease_ms
        unit.merchant_transfers.schedule(transfer.id, due_ms=due_ms, tries=0)
    _announce(unit, deps, TransferStep(transfer, step.events))
    return transfer


def settle_transfer(
    unit: Unit, deps: Dependencies, transfer_id: int, observation: TransferObservation, *, looks: int | None = None
) -> MerchantTransfer:
    """What the transfer is after the observation; stored, booked and announced in one unit.

    `looks` is how often the worker has looked, or 0 when a request that acted on it lets go of it.
    """
    was = lock(unit, transfer_id)
    step = transfer_lifecycle.advance(was, _compared(was, observation), now_ms=deps.surroundings.now_ms())
    transfer = unit.merchant_transfers.save(step.transfer, was=was)
    moved = transfer_ledger.of_transfer(transfer, was.state)
    announce.book(unit, deps, moved, account=transfer.account, livemode=transfer.livemode)
    if transfer.state is not was.state:
        _plan_look(unit, deps, transfer, tries=0)  # the pauses belong to the state: a new one begins with its first
    elif looks is not None:
        _plan_look(unit, deps, transfer, tries=looks)
    _announce(unit, deps, TransferStep(transfer, step.events))
    return transfer


def lock(unit: Unit, transfer_id: int) -> MerchantTransfer:
    """Read it for changing."""
    transfer = unit.merchant_transfers.lock(transfer_id)
    assert transfer is not None, "an observation about a transfer that was never recorded"
    return transfer


def _compared(transfer: MerchantTransfer, observation: TransferObservation) -> TransferObservation:
    """Another amount than ours is never believed: it stays open, and the operator is told."""
    if isinstance(observation, TransferPaid) and observation.amount != transfer.money.amount:
        log = structlog.get_logger("transfers")
        log.error("transfer_amount_differs", transfer_id=transfer.id, ours=transfer.money.amount,
                  theirs=observation.amount)  # fmt: skip
        return Pending("paid with another amount")
    return observation


def _plan_look(unit: Unit, deps: Dependencies, transfer: MerchantTransfer, *, tries: int) -> None:
    if not transfer.is_unresolved():
        unit.merchant_transfers.unschedule(transfer.id)
        return
    due_ms = next_transfer_look_ms(
        transfer,
        tries=tries,
        now_ms=deps.surroundings.now_ms(),
        look_after_s=deps.policy.refund_look_after_s,
        short_after_s=deps.policy.refund_short_after_s,
    )
    unit.merchant_transfers.schedule(transfer.id, due_ms=due_ms, tries=tries)


def _announce(unit: Unit, deps: Dependencies, step: TransferStep) -> None:
    if not step.events:
        return
    transfer = step.transfer
    subject = transfer_representation.transfer(transfer)
    for kind in step.events:
        announce.emit(unit, deps, kind, transfer.id, subject, account=transfer.account, livemode=transfer.livemode)
