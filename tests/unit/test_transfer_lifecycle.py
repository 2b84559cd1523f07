"""The state machine of a transfer to a person against a drawing of its own, and the laws of what is reserved."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wxbackend.domain import transfer_ledger, transfer_lifecycle, transfer_representation
from wxbackend.domain.errors import Conflict
from wxbackend.domain.event import EventType
from wxbackend.domain.ledger import TRANSFERS, TRANSFERS_PENDING, Transfer
from wxbackend.domain.merchant_transfer import ENDED, PUBLIC_STATUS, RELEASED, UNSENT, MerchantTransfer
from wxbackend.domain.merchant_transfer import MerchantTransferState as State
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.transfer_observation import (
    TransferAccepted,
    TransferAwaiting,
    TransferCanceled,
    TransferCanceling,
    TransferFailed,
    TransferMoving,
    TransferObservation,
    TransferPaid,
    TransferShort,
)

PARAMS = {"package": "p"}
SAID: dict[str, TransferObservation] = {
    "accepted": TransferAccepted("13"),
    "awaiting": TransferAwaiting("13", 9, PARAMS),
    "moving": TransferMoving("13"),
    "paid": TransferPaid("13", 5, 500),
    "failed": TransferFailed("13", "expired"),
    "canceling": TransferCanceling("13"),
    "canceled": TransferCanceled("13"),
    "short": TransferShort(),
    "declined": Declined("transfer_declined", "param_error", "no"),
    "nothing": Pending("SOMETHING_NEW"),
    "absent": Absent(),
    "uncertain": Uncertain("timeout"),
}
NOW_MS = 1_000_000

# Rows: the state before. Columns: what the provider says. Drawn here by hand, not read from the table.
DRAWING = """
          accepted  awaiting  moving    paid failed   canceling canceled short     declined  nothing   absent    uncertain
recorded  accepted  awaiting  moving    paid failed   canceling canceled short     declined  uncertain recorded  uncertain
uncertain accepted  awaiting  moving    paid failed   canceling canceled short     declined  uncertain uncertain uncertain
short     accepted  awaiting  moving    paid failed   canceling canceled short     declined  uncertain short     uncertain
accepted  accepted  awaiting  moving    paid failed   canceling canceled accepted  accepted  accepted  accepted  accepted
awaiting  awaiting  awaiting  moving    paid failed   canceling canceled awaiting  awaiting  awaiting  awaiting  awaiting
moving    moving    moving    moving    paid failed   canceling canceled moving    moving    moving    moving    moving
canceling canceling canceling canceling paid failed   canceling canceled canceling canceling canceling canceling canceling
paid      paid      paid      paid      paid paid     paid      paid     paid      paid      paid      paid      paid
failed    failed    failed    failed    paid failed   failed    failed   failed    failed    failed    failed    failed
canceled  canceled  canceled  canceled  paid canceled canceled  canceled canceled  canceled  canceled  canceled  canceled
declined  accepted  awaiting  moving    paid declined canceling declined declined  declined  declined  declined  declined
"""  # noqa: E501 - a drawing


def drawn() -> list[tuple[str, str, str]]:
    """(before, said, after) for every cell of the drawing."""
    head, *rows = [line.split() for line in DRAWING.strip().splitlines()]
    return [(row[0], said, after) for row in rows for said, after in zip(head, row[1:], strict=True)]


def transfer(state: State = State.RECORDED) -> MerchantTransfer:
    """Five yuan for somebody with a name."""
    return MerchantTransfer(
        id=1,
        account="acct_demo",
        livemode=False,
        provider="wechat_v3",
        merchant="1900000109",
        app="wx1",
        payee="o1",
        out_bill_no="1",
        money=Money(500, "CNY"),
        description="Commission",
        scene="1005",
        created_ms=NOW_MS,
        sent_ms=NOW_MS,
        payee_name="x",
        state=state,
    )


def test_the_drawing_has_every_state_and_every_word() -> None:
    cells = drawn()
    assert {before for before, _, _ in cells} == {state.value for state in State}
    assert {said for _, said, _ in cells} == set(SAID)
    assert set(PUBLIC_STATUS) == set(State)


@pytest.mark.parametrize(("before", "said", "after"), drawn())
def test_every_cell_of_the_table_is_as_drawn(before: str, said: str, after: str) -> None:
    step = transfer_lifecycle.advance(transfer(State(before)), SAID[said], now_ms=NOW_MS)
    assert step.transfer.state.value == after


@given(st.lists(st.sampled_from(sorted(SAID)), max_size=14))
def test_whatever_is_said_in_whatever_order_it_is_paid_once_and_the_books_hold(words: list[str]) -> None:
    found, events = transfer(), Counter[EventType]()
    rows: list[Transfer] = [*transfer_ledger.of_transfer(found, None)]
    for word in words:
        step = transfer_lifecycle.advance(found, SAID[word], now_ms=NOW_MS)
        after = replace(step.transfer, version=found.version + 1)
        rows += transfer_ledger.of_transfer(after, found.state)
        events.update(step.events)
        if found.state is State.PAID:
            assert (after.state, step.events) == (State.PAID, ())
        if found.state in RELEASED and after.state not in RELEASED:
            assert found.state is State.DECLINED or after.state is State.PAID
        assert after.out_bill_no == "1"
        assert (after.payee_name is None) == (after.state in ENDED) or found.payee_name is None
        found = after
    assert len({(row.kind, row.subject_id, row.occasion) for row in rows}) == len(rows), "each row is booked once"
    moved = Counter[str]()
    for row in rows:
        moved[row.debit] += row.amount
        moved[row.credit] -= row.amount
    assert sum(moved.values()) == 0
    assert moved["provider:wechat_v3:1900000109"] == (-500 if found.state is State.PAID else 0)
    assert moved[TRANSFERS_PENDING] == (0 if found.state in ENDED else -500)
    assert moved[TRANSFERS] == (0 if found.state in RELEASED else 500)
    assert events[EventType.TRANSFER_PAID] == int(found.state is State.PAID)


@pytest.mark.parametrize("state", [state for state in State if state in ENDED])
def test_what_has_ended_cannot_be_canceled(state: State) -> None:
    with pytest.raises(Conflict):
        transfer_lifecycle.request_cancel(transfer(state), now_ms=NOW_MS)


@pytest.mark.parametrize("state", [state for state in State if state in UNSENT])
def test_what_shall_be_canceled_is_not_sent_again_and_ends_only_when_nothing_can_be_on_its_way(state: State) -> None:
    asked = transfer_lifecycle.request_cancel(transfer(state), now_ms=NOW_MS).transfer
    assert transfer(state).is_to_be_sent()
    assert not asked.is_to_be_sent()
    soon = transfer_lifecycle.advance(asked, Absent(), now_ms=NOW_MS + 60_000)
    late = transfer_lifecycle.advance(asked, Absent(), now_ms=NOW_MS + 60_001)
    unasked = transfer_lifecycle.advance(transfer(state), Absent(), now_ms=NOW_MS + 60_001)
    assert (soon.transfer.state, late.transfer.state, unasked.transfer.state) == (state, State.CANCELED, state)
    assert late.events == (EventType.TRANSFER_CANCELED,)


def test_what_opens_the_confirmation_is_kept_when_a_query_does_not_repeat_it_and_gone_when_it_ended() -> None:
    waiting = transfer_lifecycle.advance(transfer(), SAID["awaiting"], now_ms=NOW_MS).transfer
    asked = transfer_lifecycle.advance(waiting, TransferAwaiting("13", 9), now_ms=NOW_MS)
    assert (asked.transfer.client_params, asked.events) == (PARAMS, ())
    shown = transfer_representation.transfer(waiting)
    assert shown["next_action"]["wechat_pay_request_merchant_transfer"] == PARAMS
    canceling = transfer_lifecycle.request_cancel(waiting, now_ms=NOW_MS).transfer
    assert "next_action" not in transfer_representation.transfer(canceling)
    ended = transfer_lifecycle.advance(waiting, SAID["paid"], now_ms=NOW_MS).transfer
    assert "next_action" not in transfer_representation.transfer(ended)
