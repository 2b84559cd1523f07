"""Ask WeChat which payments it waits for, and mend what we believe otherwise: told long ago, or not known at all.

What only waits for the shop is left as it is: `wxbackend_shippings_awaited` shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import structlog

from wxbackend.domain.errors import CoordinationAway, ProviderError
from wxbackend.domain.intent import IntentStatus
from wxbackend.domain.shipping import BEING_TOLD, Shipping, ShippingState
from wxbackend.domain.shipping_lifecycle import Taken
from wxbackend.flows import settle_shipping
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import App
from wxbackend.ports.order_shipping import WaitingOrder
from wxbackend.ports.store import Unit

EVERY_S: Final = 6 * 3_600
"""How often each app is asked, by one process of all."""
LEASE_S: Final = 600
"""How long nobody else asks while it is being done, and how soon it is done again when it failed or somebody died."""
BACK_MS: Final = 30 * 86_400_000
SETTLED_MS: Final = 600_000
"""Younger payments and tellings are on their way; WeChat's list may be behind them."""
PAGES_MAX: Final = 100
BELIEVED: Final = frozenset({ShippingState.SHIPPED, ShippingState.RECEIVED})
KEY: Final = "shipping_catch_up:"


def catch_up_shipping(deps: Dependencies, app: App, *, holder: str) -> Mapping[str, int] | None:
    """What was found, by what was done about it; None when another process did it, or WeChat or Redis is away."""
    key = KEY + app.appid
    try:
        if not deps.coordination.add(key, holder, ttl_s=LEASE_S):
            return None
        found = _compare_all(deps, app)
        deps.coordination.put(key, holder, ttl_s=EVERY_S)
    except CoordinationAway:
        return None
    except ProviderError as error:
        structlog.get_logger("shippings").warning("shipping_list_failed", appid=app.appid, reason=str(error))
        return None
    return found


def _compare_all(deps: Dependencies, app: App) -> Mapping[str, int]:
    now_ms = deps.surroundings.now_ms()
    found: Counter[str] = Counter()
    after: str | None = None
    for _ in range(PAGES_MAX):
        page = deps.identity.orders.waiting(app, from_ms=now_ms - BACK_MS, until_ms=now_ms - SETTLED_MS, after=after)
        for order in page.orders:
            found[_compare(deps, app, order, now_ms=now_ms)] += 1
        after = page.after
        if after is None:
            break
    structlog.get_logger("shippings").info("shipping_list_compared", appid=app.appid, **found)
    return found


def _compare(deps: Dependencies, app: App, order: WaitingOrder, *, now_ms: int) -> str:
    """One word for what was done."""
    if order.merchant != app.merchant:
        return "of_another_merchant"
    known = deps.store.read(
        lambda unit: unit.shippings.find_by_number(app.provider, order.merchant, order.out_trade_no)
    )
    if known is None:
        return deps.store.write(lambda unit: _begin(unit, deps, app, order))
    if known.state in BEING_TOLD:
        deps.store.write(lambda unit: unit.shippings.schedule(known.id, due_ms=now_ms, tries=0))
        return "hurried"
    if known.state not in BELIEVED:
        return "awaited"
    if known.told_ms is not None and now_ms - known.told_ms < SETTLED_MS:
        return "just_told"
    return _tell_again(deps, app, known)


def _begin(unit: Unit, deps: Dependencies, app: App, order: WaitingOrder) -> str:
    """A payment of ours that came before its app was watched is awaited from now on, and shown."""
    held = unit.intents.lock_by_number(app.provider, order.merchant, order.out_trade_no)
    if held is None:
        structlog.get_logger("shippings").warning(
            "shipping_of_nobodys_order", appid=app.appid, out_trade_no=order.out_trade_no
        )
        return "unknown"
    intent, attempt = held
    ours = intent.status is IntentStatus.SUCCEEDED and intent.attempt_id == attempt.id
    if not ours or unit.shippings.of_intent(intent.id) is not None:
        return "not_sold"  # misplaced money goes back by itself, and is not shipped
    return "awaited" if settle_shipping.begin(unit, deps, intent, attempt) is None else "begun"


def _tell_again(deps: Dependencies, app: App, shipping: Shipping) -> str:
    """We believe that WeChat has it; the same telling again does no harm where it has."""
    log = structlog.get_logger("shippings")
    if shipping.telling is None:
        log.error("shipping_not_told_at_wechat", shipping_id=shipping.id, now=shipping.state.value)
        return "not_told"
    said = deps.identity.orders.tell(app, shipping)
    deps.store.write(lambda unit: settle_shipping.settle_shipping(unit, deps, shipping.id, said))
    if isinstance(said, Taken):
        return "told_again"
    log.error("shipping_not_told_at_wechat", shipping_id=shipping.id, said=type(said).__name__)
    return "not_told"
