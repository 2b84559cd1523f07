"""The shipping's state machine against a drawing of its own, and what may be told when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wxbackend.domain import ledger, shipping_lifecycle
from wxbackend.domain.errors import Conflict, InvalidRequest
from wxbackend.domain.event import EventType
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Pending, Uncertain
from wxbackend.domain.shipping import (
    BEING_TOLD,
    FINAL,
    NOT_TOLD,
    PARCELS_MAX,
    PUBLIC_STATUS,
    Logistics,
    Parcel,
    Shipping,
    ShippingState,
    Telling,
    check_telling,
)
from wxbackend.domain.shipping_lifecycle import (
    NotKnownYet,
    NotSent,
    Refused,
    SeenReceived,
    SeenRefunded,
    SeenShipped,
    SeenWaiting,
    Settled,
    SettlesAt,
    ShippingObservation,
    Taken,
)

SAID: dict[str, ShippingObservation] = {
    "all": Taken(complete=True),
    "some": Taken(complete=False),
    "unsent": NotSent(),
    "unknown": NotKnownYet(),
    "refused": Refused("not_shippable"),
    "waits": SeenWaiting(),
    "shipped": SeenShipped(1),
    "received": SeenReceived(),
    "settled": Settled(5),
    "planned": SettlesAt(9),
    "refunded": SeenRefunded(),
    "pending": Pending("9"),
    "absent": Absent(),
    "uncertain": Uncertain("time-out"),
}

# Rows: the state before. Columns: what is heard. Drawn here by hand, not read from the table; = is no change.
DRAWING = """
           all      some   unsent unknown refused waits    shipped  received settled planned refunded pending absent uncertain
awaited    shipped  partly =      =       =       =        shipped  received settled =       refunded =       =      =
recorded   shipped  partly =      later   refused =        =        received settled =       refunded =       later  uncertain
uncertain  shipped  partly =      later   =       recorded recorded received settled =       refunded =       later  =
later      shipped  partly =      =       refused =        =        received settled =       refunded =       =      uncertain
refused    shipped  partly =      =       =       =        shipped  received settled =       refunded =       =      =
partly     shipped  =      =      =       =       =        shipped  received settled =       refunded =       =      =
shipped    =        =      =      =       =       =        =        received settled =       refunded =       =      =
received   =        =      =      =       =       =        =        =        settled =       refunded =       =      =
settled    =        =      =      =       =       =        =        =        =       =       =        =       =      =
refunded   =        =      =      =       =       =        =        =        =       =       =        =       =      =
"""  # noqa: E501

ONE = Telling(Logistics.VIRTUAL, split=False, complete=True, parcels=(Parcel("a membership"),))


def drawn() -> list[tuple[str, str, str]]:
    """(before, said, after) for every cell of the drawing."""
    head, *rows = [line.split() for line in DRAWING.strip().splitlines()]
    cells = [(row[0], said, after) for row in rows for said, after in zip(head, row[1:], strict=True)]
    return [(before, said, before if after == "=" else after) for before, said, after in cells]


def shipping(state: ShippingState = ShippingState.AWAITED, **changes: Any) -> Shipping:
    """The goods of a payment of twenty yuan."""
    made = Shipping(
        id=1,
        intent_id=2,
        attempt_id=3,
        account="acct_demo",
        livemode=False,
        app="wx7a154c094f74e84f",
        provider="wechat_v3",
        merchant="1900000109",
        transaction="4200",
        out_trade_no="1",
        payer="o1",
        money=Money(2000, "CNY"),
        frozen=2000,
        paid_ms=1,
        created_ms=1,
        ship_by_ms=1000,
        state=state,
    )
    return replace(made, **changes)


def parcel(number: str, **changes: Any) -> Parcel:
    """A parcel that a carrier has."""
    return replace(Parcel("tea", tracking_number=number, carrier="ZTO"), **changes)


def parcels(*numbers: str, complete: bool = True) -> Telling:
    """A delivery in parcels."""
    return Telling(Logistics.EXPRESS, split=True, complete=complete, parcels=tuple(map(parcel, numbers)))


@pytest.mark.parametrize(("before", "said", "after"), drawn())
def test_every_pair_leads_where_the_drawing_says(before: str, said: str, after: str) -> None:
    step = shipping_lifecycle.advance(shipping(ShippingState(before)), SAID[said])
    assert step.shipping.state is ShippingState(after)


def test_the_drawing_is_complete() -> None:
    assert {before for before, _, _ in drawn()} == {state.value for state in ShippingState}
    assert {said for _, said, _ in drawn()} == set(SAID)
    assert set(PUBLIC_STATUS) == set(ShippingState)
    assert not NOT_TOLD & FINAL


@given(st.sampled_from(sorted(ShippingState, key=str)), st.lists(st.sampled_from(sorted(SAID)), max_size=12))
def test_what_was_frozen_is_set_free_once_and_only_by_wechats_word(state: ShippingState, words: list[str]) -> None:
    now = shipping(state, frozen=0 if state in FINAL else 2000)
    rows: list[ledger.Transfer] = []
    for word in words:
        step = shipping_lifecycle.advance(now, SAID[word])
        freed = ledger.of_freed(now, step.shipping)
        if freed:
            assert word in ("settled", "refunded")
        assert (EventType.INTENT_SETTLED in step.events) is (word == "settled" and bool(freed))
        rows += freed
        now = step.shipping
    assert sum(row.amount for row in rows) == (2000 if now.state in FINAL and state not in FINAL else 0)
    assert {row.credit for row in rows} <= {ledger.FROZEN}


def test_a_refusal_of_a_repeat_never_shows_an_unknown_telling_as_refused() -> None:
    uncertain = shipping(ShippingState.UNCERTAIN, telling=ONE)
    assert PUBLIC_STATUS[shipping_lifecycle.advance(uncertain, Refused("already_shipped")).shipping.state] == "pending"


def test_a_correction_is_told_once_with_a_later_time() -> None:
    first = shipping_lifecycle.tell(shipping(), ONE, now_ms=50)
    shipped = shipping_lifecycle.advance(first, Taken(complete=True)).shipping
    second = shipping_lifecycle.tell(shipped, replace(ONE, logistics=Logistics.PICK_UP), now_ms=50)
    assert (first.told_ms, second.told_ms, second.tellings) == (50, 51, 1)
    corrected = shipping_lifecycle.advance(second, Taken(complete=True)).shipping
    with pytest.raises(Conflict) as refused:
        shipping_lifecycle.tell(corrected, ONE, now_ms=60)
    assert refused.value.code == "shipping_already_corrected"


@pytest.mark.parametrize("state", sorted(BEING_TOLD | FINAL | {ShippingState.RECEIVED}, key=str))
def test_nothing_is_told_while_something_is_on_its_way_or_when_it_is_over(state: ShippingState) -> None:
    with pytest.raises(Conflict) as refused:
        shipping_lifecycle.tell(shipping(state), ONE, now_ms=1)
    assert refused.value.code == ("shipping_in_progress" if state in BEING_TOLD else "shipping_over")


def test_parcels_are_told_with_those_before_them_and_never_too_many() -> None:
    first = shipping_lifecycle.tell(shipping(), parcels("1", "2", complete=False), now_ms=1)
    partly = shipping_lifecycle.advance(first, Taken(complete=False)).shipping
    more = shipping_lifecycle.tell(partly, parcels("2", "3"), now_ms=2).telling
    assert more is not None
    assert [one.tracking_number for one in more.parcels] == ["1", "2", "3"]
    with pytest.raises(InvalidRequest) as refused:
        shipping_lifecycle.tell(partly, parcels(*(str(n) for n in range(10, 10 + PARCELS_MAX))), now_ms=2)
    assert refused.value.param == "items"
    with pytest.raises(InvalidRequest) as refused:
        shipping_lifecycle.tell(partly, ONE, now_ms=2)
    assert refused.value.param == "delivery_mode"


@pytest.mark.parametrize(
    ("telling", "seen", "there"),
    [
        (ONE, SeenShipped(1), True),
        (ONE, SeenWaiting(), False),
        (parcels("1"), SeenShipped(1, frozenset({"1"})), True),
        (parcels("1"), SeenShipped(1, frozenset({"2"})), False),
        (parcels("1"), SeenWaiting(frozenset({"1"})), False),
        (parcels("1", complete=False), SeenWaiting(frozenset({"1", "2"})), True),
        (parcels("1", complete=False), SeenWaiting(frozenset({"2"})), False),
        (ONE, Uncertain(), False),
    ],
)
def test_only_wechats_record_of_this_very_telling_proves_it(
    telling: Telling, seen: ShippingObservation, there: bool
) -> None:
    assert shipping_lifecycle.is_there(shipping(ShippingState.UNCERTAIN, telling=telling), seen) is there
    corrected = shipping(ShippingState.UNCERTAIN, telling=telling, tellings=1)
    assert shipping_lifecycle.is_there(corrected, SeenShipped(1, frozenset({"1"}))) is False


BAD = [
    (replace(ONE, parcels=()), "items"),
    (replace(ONE, split=True), "delivery_mode"),
    (replace(ONE, complete=False), "all_shipped"),
    (replace(ONE, parcels=(Parcel("a"), Parcel("b"))), "items"),
    (replace(ONE, parcels=(parcel("1"),)), "items[0][tracking_number]"),
    (replace(ONE, parcels=(Parcel("a", carrier="ZTO"),)), "items[0][carrier]"),
    (replace(ONE, logistics=Logistics.EXPRESS), "items[0][tracking_number]"),
    (parcels("1", "1"), "items"),
    (parcels(*(str(n) for n in range(PARCELS_MAX + 1))), "items"),
    (replace(parcels("1"), parcels=(parcel("1", carrier="SF"),)), "items[0][receiver_contact]"),
    (replace(parcels("1"), parcels=(parcel("1", receiver_contact="189****"),)), "items[0][receiver_contact]"),
]


@pytest.mark.parametrize(("telling", "param"), BAD)
def test_what_wechat_would_refuse_is_refused_here_and_named(telling: Telling, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_telling(telling)
    assert refused.value.param == param


def test_sf_takes_a_parcel_with_the_end_of_a_telephone_number() -> None:
    check_telling(replace(parcels("1"), parcels=(parcel("1", carrier="SF", receiver_contact="189****1234"),)))
