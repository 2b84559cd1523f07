"""The state machines of sharings, parts and returns against drawings of their own, and the laws of an order's money."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wxbackend.domain import sharing_ledger, sharing_lifecycle
from wxbackend.domain.errors import Conflict, InvalidRequest, Rejected
from wxbackend.domain.ledger import SHARINGS, SHARINGS_PENDING, Transfer
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Declined, Pending, Uncertain
from wxbackend.domain.profit_sharing import (
    RETURN_STATUS,
    SHARING_STATUS,
    SHARINGS_PER_ORDER_MAX,
    Part,
    PartState,
    PartyKind,
    ProfitSharing,
    ReturnState,
    SharingReturn,
    SharingState,
)
from wxbackend.domain.sharing_lifecycle import OrderMoney
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

PARTS = (Part(PartyKind.MERCHANT, "1", 300, "a", name="x"), Part(PartyKind.PERSON, "2", 200, "b"))


def told(first: PartState, second: PartState) -> tuple[PartResult, ...]:
    """What became of both parts."""
    return (
        PartResult(PartyKind.MERCHANT, "1", 300, first, "declined" if first is PartState.CLOSED else None),
        PartResult(PartyKind.PERSON, "2", 200, second, "declined" if second is PartState.CLOSED else None),
    )


BOTH = told(PartState.SUCCEEDED, PartState.SUCCEEDED)
SAID: dict[str, SharingObservation] = {
    "processing": SharingProcessing("30", told(PartState.PENDING, PartState.PENDING)),
    "finished": SharingFinished("30", BOTH),
    "declined": Declined("profit_sharing_declined", "rule_limit", "no"),
    "nothing": Pending("SOMETHING_NEW"),
    "absent": Absent(),
    "uncertain": Uncertain("timeout"),
    "half": SharingProcessing("30", told(PartState.SUCCEEDED, PartState.PENDING)),
    "closed": SharingFinished("30", told(PartState.CLOSED, PartState.SUCCEEDED)),
}
# Rows: the state before. Columns: what the provider says. Drawn here by hand, not read from the table.
DRAWING = """
           processing finished declined   nothing    absent     uncertain
recorded   processing finished declined   uncertain  recorded   uncertain
uncertain  processing finished declined   uncertain  uncertain  uncertain
processing processing finished processing processing processing processing
finished   finished   finished finished   finished   finished   finished
declined   processing finished declined   declined   declined   declined
"""
BACK: dict[str, ReturnObservation] = {
    "processing": ReturnProcessing("31"),
    "succeeded": ReturnSucceeded("31", 5, 100),
    "failed": ReturnFailed("31", "expired"),
    "declined": Declined("profit_sharing_declined", "rule_limit", "no"),
    "nothing": Pending("SOMETHING_NEW"),
    "absent": Absent(),
    "uncertain": Uncertain("timeout"),
}
RETURN_DRAWING = """
           processing succeeded failed    declined   nothing    absent     uncertain
recorded   processing succeeded failed    declined   uncertain  recorded   uncertain
uncertain  processing succeeded failed    declined   uncertain  uncertain  uncertain
processing processing succeeded failed    processing processing processing processing
succeeded  succeeded  succeeded succeeded succeeded  succeeded  succeeded  succeeded
failed     failed     succeeded failed    failed     failed     failed     failed
declined   processing succeeded declined  declined   declined   declined   declined
"""


def drawn(drawing: str) -> list[tuple[str, str, str]]:
    """(before, said, after) for every cell of a drawing."""
    head, *rows = [line.split() for line in drawing.strip().splitlines()]
    return [(row[0], said, after) for row in rows for said, after in zip(head, row[1:], strict=True)]


def sharing(state: SharingState = SharingState.RECORDED, parts: tuple[Part, ...] = PARTS) -> ProfitSharing:
    """Five yuan for two."""
    return ProfitSharing(
        id=1, intent_id=2, attempt_id=3, account="acct_demo", livemode=False, provider="wechat_v3",
        merchant="1900000109", app="wx1", transaction="42", out_order_no="1", currency="CNY", parts=parts,
        finish=False, description="x", created_ms=1, sent_ms=1, state=state,
    )  # fmt: skip


def a_return(state: ReturnState = ReturnState.RECORDED, amount: int = 100) -> SharingReturn:
    """One yuan back from the merchant."""
    return SharingReturn(
        id=9, sharing_id=1, intent_id=2, account="acct_demo", livemode=False, provider="wechat_v3",
        merchant="1900000109", out_order_no="1", out_return_no="9", party="1", money=Money(amount, "CNY"),
        description="x", created_ms=1, sent_ms=1, state=state,
    )  # fmt: skip


def test_the_drawings_have_every_state() -> None:
    assert {before for before, _, _ in drawn(DRAWING)} == {state.value for state in SharingState}
    assert {before for before, _, _ in drawn(RETURN_DRAWING)} == {state.value for state in ReturnState}
    assert (set(SHARING_STATUS), set(RETURN_STATUS)) == (set(SharingState), set(ReturnState))


@pytest.mark.parametrize(("before", "said", "after"), drawn(DRAWING))
def test_every_cell_of_the_sharings_table_is_as_drawn(before: str, said: str, after: str) -> None:
    state = SharingState(before)
    ended = tuple(replace(part, state=PartState.SUCCEEDED) for part in PARTS)
    begun = sharing(state, ended if state is SharingState.FINISHED else PARTS)
    assert sharing_lifecycle.advance(begun, SAID[said], now_ms=9).sharing.state.value == after


@pytest.mark.parametrize(("before", "said", "after"), drawn(RETURN_DRAWING))
def test_every_cell_of_the_returns_table_is_as_drawn(before: str, said: str, after: str) -> None:
    assert sharing_lifecycle.advance_return(a_return(ReturnState(before)), BACK[said]).returned.state.value == after


@given(st.lists(st.sampled_from(sorted(SAID)), max_size=14))
def test_whatever_is_said_in_whatever_order_each_part_is_given_once_and_the_books_hold(words: list[str]) -> None:
    found = sharing()
    rows: list[Transfer] = [*sharing_ledger.of_sharing(found, None)]
    for word in words:
        step = sharing_lifecycle.advance(found, SAID[word], now_ms=9)
        after = replace(step.sharing, version=found.version + 1)
        rows += sharing_ledger.of_sharing(after, found)
        for was, now in zip(found.parts, after.parts, strict=True):
            assert was.state is not PartState.SUCCEEDED or now.state is PartState.SUCCEEDED
        found = after
    assert len({(row.kind, row.subject_id, row.occasion) for row in rows}) == len(rows), "each row is booked once"
    moved = Counter[str]()
    for row in rows:
        moved[row.debit] += row.amount
        moved[row.credit] -= row.amount
    given = sum(part.amount for part in found.parts if part.state is PartState.SUCCEEDED)
    assert sum(moved.values()) == 0
    assert moved["provider:wechat_v3:1900000109"] == -given
    assert moved[SHARINGS] == found.holds()
    assert moved[SHARINGS_PENDING] == given - found.holds()


def test_finished_without_every_parts_end_is_asked_again() -> None:
    said = SharingFinished("30", BOTH[:1])
    after = sharing_lifecycle.advance(sharing(), said, now_ms=9).sharing
    assert (after.state, [part.state for part in after.parts]) == (
        SharingState.PROCESSING, [PartState.SUCCEEDED, PartState.PENDING],
    )  # fmt: skip


def test_a_part_of_another_amount_than_ours_is_never_believed() -> None:
    said = SharingFinished("30", (replace(BOTH[0], amount=299), BOTH[1]))
    assert sharing_lifecycle.advance(sharing(), said, now_ms=9).sharing.parts[0].state is PartState.PENDING


@given(st.lists(st.tuples(st.sampled_from(["share", "refund", "close", "return"]), st.integers(1, 1200)), max_size=12))
def test_shared_and_refunded_are_never_more_than_was_paid(asked: list[tuple[str, int]]) -> None:
    """What a merchant asks for in any order, decided one by one as the lock makes it."""
    money = OrderMoney(paid=1000, refunded=0)
    for number, (what, amount) in enumerate(asked):
        part = Part(PartyKind.MERCHANT, str(number), amount, "x", state=PartState.SUCCEEDED)
        try:
            if what == "share":
                sharing_lifecycle.require_sharable(money, (part,))
                made = replace(sharing(SharingState.FINISHED, (part,)), id=number)
                money = replace(money, sharings=[*money.sharings, made])
            elif what == "refund":
                sharing_lifecycle.require_not_shared_away(money, amount)
                money = replace(money, refunded=money.refunded + amount)
            elif what == "close" and money.sharings:
                first = money.sharings[0]
                closed = replace(first, parts=tuple(replace(each, state=PartState.CLOSED) for each in first.parts))
                already = any(each.sharing_id == first.id for each in money.returns)
                money = money if already else replace(money, sharings=[closed, *money.sharings[1:]])
            elif what == "return" and money.sharings:
                last = money.sharings[-1]
                earlier = [each for each in money.returns if each.sharing_id == last.id]
                sharing_lifecycle.require_returnable(last, last.parts[0].party, amount, earlier)
                back = replace(a_return(ReturnState.SUCCEEDED, amount), sharing_id=last.id, party=last.parts[0].party)
                money = replace(money, returns=[*money.returns, back])
        except Rejected:
            continue
        assert money.shared() >= 0
        assert money.shared() + money.refunded <= money.paid


def test_the_fifty_first_sharing_is_refused() -> None:
    money = OrderMoney(1000, 0, [sharing(parts=())] * SHARINGS_PER_ORDER_MAX)
    with pytest.raises(Conflict, match="50"):
        sharing_lifecycle.require_sharable(money, PARTS[:1])


def test_what_a_person_has_cannot_be_returned_and_holds_up_no_refund() -> None:
    finished = sharing_lifecycle.advance(sharing(), SAID["finished"], now_ms=9).sharing
    with pytest.raises(InvalidRequest, match="Only what a merchant received"):
        sharing_lifecycle.require_returnable(finished, "2", 1, [])
    money = OrderMoney(1000, 0, [finished])
    sharing_lifecycle.require_not_shared_away(money, 700)
    with pytest.raises(Conflict, match="at most 700"):
        sharing_lifecycle.require_not_shared_away(money, 701)
