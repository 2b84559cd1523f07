"""Stories of money that goes out: to a person who confirms it or does not, and to other merchants and back."""

from __future__ import annotations

import random
import time
from typing import Any, Final

from tests.soak.client import at_once
from tests.soak.sales import LOOK_EVERY_S, PAYABLE_WITHIN_S, SETTLED_WITHIN_S, Market, Sale
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT

TRANSFERS: Final = "/v1/transfers"
SHARINGS: Final = "/v1/profit_sharings"
RETURNS: Final = "/v1/profit_sharing_returns"
SUPPLIER: Final = "1900000110"
GIFT_FEN: Final = (30, 20_000)
"""From WeChat's least amount for a person to what asks for no name."""
SHARED_PERCENT_MAX: Final = 29
NEVER_CONFIRMED: Final = ("paid", "failed", "canceled")


def open_sharing(market: Market) -> None:
    """Allow sharing with the supplier, once for all stories."""
    receiver = {"type": "merchant", "account": SUPPLIER, "name": "示例商贸有限公司", "relation": "supplier"}
    body = receiver | {"app_id": OFFICIAL_ACCOUNT}
    answer = market.client.until_answered("POST", "/v1/profit_sharing_receivers", body)
    assert answer.status == 200, answer.body


class Gift:
    """Money for a person: confirmed, left alone, taken back, or both at once."""

    def __init__(self, market: Market, dice: random.Random, name: str) -> None:
        self._market = market
        self._client = market.client
        self._dice = dice
        self._name = name
        self._buyer = dice.choice(market.buyers)

    def run(self) -> None:
        """The story."""
        self._market.tally.add("sales", "transfers begun")
        key = f"{self._name}-transfer"
        body = {
            "amount": self._dice.randint(*GIFT_FEN),
            "currency": "CNY",
            "destination": {"openid": self._buyer.openids[MINI_PROGRAM], "app_id": MINI_PROGRAM},
            "description": "June commission",
            "scene": "1005",
            "scene_report": [{"type": "岗位类型", "content": "外卖员"}, {"type": "报酬说明", "content": "六月"}],
            "metadata": {"asked": key},
        }
        twins = self._dice.choice((1, 1, 1, 2, 4))
        made = at_once(lambda: self._client.post("transfer", TRANSFERS, body, key=key), twins)[0]
        if made is None:
            return
        chance = self._dice.random()
        if chance < 0.15:
            self._cancel(made)
        shown = self._confirmable(made)
        if 0.15 <= chance < 0.3:
            at_once(lambda: self._cancel(made), self._dice.choice((1, 2)))
        if 0.3 <= chance < 0.45:
            self._market.tally.add("sales", "transfers left alone")
            return
        if "next_action" in shown:
            self._confirm(shown)

    def _cancel(self, made: dict[str, Any]) -> None:
        key = f"{self._name}-cancel-transfer"
        self._client.post("cancel transfer", f"{TRANSFERS}/{made['id']}/cancel", {}, key=key)

    def _confirmable(self, made: dict[str, Any]) -> dict[str, Any]:
        """Wait until the person can confirm it, or will not."""
        shown, ends = made, time.monotonic() + PAYABLE_WITHIN_S
        while "next_action" not in shown and shown["status"] not in NEVER_CONFIRMED and time.monotonic() < ends:
            time.sleep(LOOK_EVERY_S)
            shown = self._client.look(f"{TRANSFERS}/{made['id']}")
        return shown

    def _confirm(self, shown: dict[str, Any]) -> None:
        params = shown["next_action"]["wechat_pay_request_merchant_transfer"]
        outcome = self._dice.choice(("confirm", "confirm", "confirm", "cancel", "fail"))
        told = {"params": params, "outcome": outcome}
        answer = self._market.stack.desk("POST", f"/buyers/{self._buyer.id}/confirm_transfer", told)
        self._market.tally.add("cashier", f"transfer, {outcome}: {str(answer['err_msg']).rpartition(':')[2][:24]}")


class SharedSale(Sale):
    """A sale whose money is held back: parts of it go to a supplier, some come back, the rest is released."""

    def run(self) -> None:
        """The story."""
        self._market.tally.add("sales", "shared sales begun")
        self._terminal, self._amount = "official_account", max(self._amount, 1000)
        intent = self._open_at_once()
        if intent is None:
            return
        intent = self._payable(intent)
        if "next_action" in intent:
            self._at_the_cashier(intent, "pay")
        if not self._succeeds(intent["id"]):
            return
        made = [self._share(intent["id"]) for _ in range(self._dice.choice((1, 1, 2)))]
        for sharing in made:
            if sharing is not None and self._dice.random() < 0.5:
                self._bring_back(sharing)
        if self._dice.random() < 0.5:
            body = {"payment_intent": intent["id"], "finish": True}
            self._client.post("sharing", SHARINGS, body, key=self._key("finish"))
        if self._dice.random() < 0.5:
            self._refund(intent["id"])

    def _method(self) -> dict[str, Any]:
        told = super()._method()
        told["payment_method_options"]["wechat_pay"]["profit_sharing"] = True
        return told

    def _share(self, intent_id: str) -> dict[str, Any] | None:
        key = self._key("share")
        amount = self._dice.randint(1, max(1, self._amount * SHARED_PERCENT_MAX // 200))
        part = {"type": "merchant", "account": SUPPLIER, "amount": amount, "description": "Supplier"}
        body = {"payment_intent": intent_id, "receivers": [part], "metadata": {"asked": key}}
        twins = self._dice.choice((1, 1, 2, 4))
        return at_once(lambda: self._client.post("sharing", SHARINGS, body, key=key), twins)[0]

    def _bring_back(self, sharing: dict[str, Any]) -> None:
        shown, ends = sharing, time.monotonic() + SETTLED_WITHIN_S
        while shown["status"] not in ("finished", "failed") and time.monotonic() < ends:
            time.sleep(LOOK_EVERY_S)
            shown = self._client.look(f"{SHARINGS}/{sharing['id']}")
        if shown["status"] != "finished" or shown["receivers"][0]["status"] != "succeeded":
            return
        key = self._key("return")
        amount = self._dice.randint(1, shown["amount"])
        named = {"profit_sharing": sharing["id"], "receiver": SUPPLIER, "description": "Refund"}
        body = named | {"amount": amount, "metadata": {"asked": key}}
        at_once(lambda: self._client.post("return", RETURNS, body, key=key), self._dice.choice((1, 1, 3)))
