"""Payments by code, as every protocol version has them: charge, the buyer's PIN, and the reversal.

A refusal is a word of ours here; each version says it in its own codes.
"""

from __future__ import annotations

from dataclasses import replace

from wxbackend.simulators.buyers import Buyer, account_of
from wxbackend.simulators.ledger import MERCHANT, Movement, NotEnoughMoneyError
from wxbackend.simulators.payment_codes import BadCodeError
from wxbackend.simulators.wechat_pay.order_request import OrderRequest
from wxbackend.simulators.wechat_pay.orders import CLOSED, PAYERROR, REVOKED, SUCCESS, USERPAYING, Order
from wxbackend.simulators.world import World

TRADE_TYPE = "MICROPAY"
PIN_OUTCOMES = ("pay", "wrong_password", "no_money", "cancel")
REVERSIBLE_S = 7 * 86400


class CodeRefusedError(Exception):
    """The charge or the reversal is refused; `why` is one of the words below.

    `unknown` `used` `expired` (codes) · `no_money` · `paid` `closed` `reversed` `changed` (the number) ·
    `no_order` `other_product` `too_late` `refunded` (reversals).
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def charge(world: World, wish: OrderRequest, digits: str) -> Order:
    """Charge a code: the order is SUCCESS, or USERPAYING while the buyer has to type the PIN.

    `wish.openid` is not known yet and is filled in from the code. Raises CodeRefusedError.
    """
    with world.lock:
        earlier = world.orders.find(wish.out_trade_no)
        if earlier is not None:
            return _repeated(earlier, wish)
        try:
            code = world.codes.take(digits, out_trade_no=wish.out_trade_no)
        except BadCodeError as bad:
            raise CodeRefusedError(bad.why) from bad
        buyer = world.buyers.get(code.buyer_id)
        if buyer is None or wish.appid not in buyer.openids:
            raise CodeRefusedError("unknown")
        order = world.orders.open_by_code(replace(wish, openid=buyer.openids[wish.appid]))
        if world.codes.asks_pin(code, wish.total):
            return order
        return _take_money(world, order, buyer)


def type_pin(world: World, buyer: Buyer, out_trade_no: str, outcome: str) -> Order:
    """The buyer answers the question for the PIN. Raises ValueError where nobody asked this buyer."""
    if outcome not in PIN_OUTCOMES:
        raise ValueError(f"outcome must be one of {', '.join(PIN_OUTCOMES)}")
    with world.lock:
        order = next((each for each in asked(world, buyer) if each.request.out_trade_no == out_trade_no), None)
        if order is None:
            raise ValueError(f"{buyer.id} is not asked for a PIN by {out_trade_no}")
        if outcome == "wrong_password":
            return order
        if outcome == "pay":
            try:
                return _take_money(world, order, buyer)
            except CodeRefusedError:
                return world.orders.get(out_trade_no)
        return world.orders.become(out_trade_no, PAYERROR)


def asked(world: World, buyer: Buyer) -> list[Order]:
    """The orders whose PIN this buyer is asked for, newest first."""
    openids = frozenset(buyer.openids.values())
    everything = world.orders.everything()
    return [order for order in everything if order.state == USERPAYING and order.request.openid in openids]


def reverse(world: World, out_trade_no: str) -> bool:
    """Reverse a charge: what was paid is given back, what was not can no longer be paid. True: ask again.

    Reversing what is reversed changes nothing. Raises CodeRefusedError.
    """
    with world.lock:
        order = world.orders.find(out_trade_no)
        if order is None:
            raise CodeRefusedError("no_order")
        if order.request.trade_type != TRADE_TYPE:
            raise CodeRefusedError("other_product")
        if order.state in (REVOKED, CLOSED):
            return False
        if world.clock.now() > order.created_at + REVERSIBLE_S:
            raise CodeRefusedError("too_late")
        if order.paid and order.state != SUCCESS:
            raise CodeRefusedError("refunded")
        if world.codes.take_recall():
            return True
        if order.paid:
            owner = world.buyers.owner(order.request.openid or "")
            assert owner is not None, "the code named its buyer"
            world.ledger.move(Movement(MERCHANT, account_of(owner[0].id), order.request.total, out_trade_no))
        world.orders.revoke(out_trade_no)
        return False


def pay_though_reversed(world: World, out_trade_no: str | None) -> None:
    """The reversal is confirmed to the merchant, and the payment that was under way wins all the same."""
    with world.lock:
        order = world.orders.find(out_trade_no or "")
        owner = world.buyers.owner(order.request.openid or "") if order else None
        if order is not None and owner is not None and order.state == REVOKED:
            _take_money(world, world.orders.become(order.request.out_trade_no, USERPAYING), owner[0])


def _repeated(earlier: Order, wish: OrderRequest) -> Order:
    same = earlier.request.body == wish.body and earlier.request.trade_type == wish.trade_type
    if earlier.paid:
        raise CodeRefusedError("paid" if same else "changed")
    if earlier.state == REVOKED:
        raise CodeRefusedError("reversed")
    if earlier.state in (CLOSED, PAYERROR):
        raise CodeRefusedError("closed")
    if not same:
        raise CodeRefusedError("changed")
    return earlier


def _take_money(world: World, order: Order, buyer: Buyer) -> Order:
    request = order.request
    try:
        world.ledger.move(Movement(account_of(buyer.id), MERCHANT, request.total, request.out_trade_no))
    except NotEnoughMoneyError as error:
        world.orders.become(request.out_trade_no, PAYERROR)
        raise CodeRefusedError("no_money") from error
    return world.orders.mark_paid(request.out_trade_no, request.openid or "", buyer.openids)
