"""A market with buyers, and the story of one sale on a page."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from tests.soak.client import Client, at_once
from tests.soak.plan import BUYERS, FEN_MAX
from tests.soak.tally import Journal, Tally
from tests.support.stack import MINI_PROGRAM, OFFICIAL_ACCOUNT, RunningStack

PAYABLE_WITHIN_S: Final = 90.0
SETTLED_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.3
TROUBLES: Final = ("wrong_password", "no_money", "fail", "cancel")
PAYING: Final = ("pay", "pay", "pay", "pay_but_report_cancel", "pay_and_say_nothing")


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody with WeChat on the telephone."""

    id: str
    openids: dict[str, str]


@dataclass(frozen=True, slots=True)
class Market:
    """What every story needs."""

    stack: RunningStack
    client: Client
    tally: Tally
    journal: Journal
    buyers: tuple[Buyer, ...]


def open_market(stack: RunningStack, client: Client, tally: Tally, journal: Journal) -> Market:
    """Buyers with money."""
    found = [stack.desk("POST", "/buyers", {"balance": 1_000_000_000}) for _ in range(BUYERS)]
    stack.desk("POST", "/refunds/rules", {"min_spacing_s": 1, "settle_after_s": 1})
    return Market(stack, client, tally, journal, tuple(Buyer(each["id"], each["openids"]) for each in found))


class Sale:
    """One order of a shop, from its creation to its refund."""

    def __init__(self, market: Market, dice: random.Random, name: str) -> None:
        self._market = market
        self._client = market.client
        self._dice = dice
        self._name = name
        self._keys = 0
        self._terminal = dice.choice(("official_account", "mini_program", "WEB"))
        self._buyer = dice.choice(market.buyers)
        self._amount = dice.randint(1, FEN_MAX)

    def run(self) -> None:
        """The story."""
        self._market.tally.add("sales", "begun")
        if self._dice.random() < 0.08:
            self._look_at_the_page()
        intent = self._open()
        if intent is None:
            return
        intent = self._payable(intent)
        chance = self._dice.random()
        if chance < 0.06:
            self._market.tally.add("sales", "abandoned")
        elif chance < 0.16:
            self._cancel(intent, paying=chance > 0.11)
        elif chance < 0.24:
            self._change_buyer(intent)
        else:
            if chance < 0.36:
                intent = self._confirm(intent, times=self._dice.choice((1, 2))) or intent
            self._pay(intent)
        if self._dice.random() < 0.5:
            self._refund(intent["id"])

    # --- ordering -----------------------------------------------------------------------------

    def _open(self) -> dict[str, Any] | None:
        """Created and confirmed, in one request or two, by the shop or by the buyer's own session."""
        way = self._dice.choice(("at once", "at once", "in two steps", "by the buyer"))
        if way == "at once":
            return self._open_at_once()
        intent = self._create({})
        if intent is None:
            return None
        if way == "in two steps":
            return self._confirm(intent, times=self._dice.choice((1, 1, 3))) or intent
        return self._confirm_as_buyer(intent) or intent

    def _open_at_once(self) -> dict[str, Any] | None:
        return self._create({"confirm": True, **self._method()})

    def _create(self, more: dict[str, Any]) -> dict[str, Any] | None:
        body = {"amount": self._amount, "currency": "CNY", "merchant_order_id": self._name, **more}
        twins, key = self._dice.choice((1, 1, 1, 1, 1, 2, 4)), self._key("create")
        return at_once(lambda: self._client.post("create", "/v1/payment_intents", body, key=key), twins)[0]

    def _method(self) -> dict[str, Any]:
        if self._terminal == "WEB":
            options = {"wechat_pay": {"terminal_type": "WEB"}}
            return {"payment_method_data": {"type": "wechat_pay"}, "payment_method_options": options}
        appid = OFFICIAL_ACCOUNT if self._terminal == "official_account" else MINI_PROGRAM
        told = {"terminal_type": self._terminal, "openid": self._buyer.openids[appid]}
        return {"payment_method_data": {"type": "wechat_pay"}, "payment_method_options": {"wechat_pay": told}}

    def _confirm(self, intent: dict[str, Any], *, times: int) -> dict[str, Any] | None:
        key, path = self._key("confirm"), f"/v1/payment_intents/{intent['id']}/confirm"
        return at_once(lambda: self._client.post("confirm", path, self._method(), key=key), times)[0]

    def _confirm_as_buyer(self, intent: dict[str, Any]) -> dict[str, Any] | None:
        """Log in by a mini program, then confirm with the client secret, as its page does."""
        self._terminal = "mini_program"
        publishable = self._market.stack.publishable_key
        wish = {"appid": MINI_PROGRAM, "kind": "mini_program"}
        code = self._market.stack.desk("POST", f"/buyers/{self._buyer.id}/codes", wish)["code"]
        login = self._client.until_answered(
            "POST", "/v1/wechat/mini_program/login", {"code": code}, key_of_caller=publishable
        )
        if login.status != 200:  # a code works once: after a lost answer the page would ask for another
            self._market.tally.add("sales", "log-in failed, the shop confirmed")
            return self._confirm(intent, times=1)
        headers = {"Wx-Session": login.json()["token"], "Client-Secret": intent["client_secret"]}
        body = {
            "payment_method_data": {"type": "wechat_pay"},
            "payment_method_options": {"wechat_pay": {"terminal_type": "mini_program"}},
        }
        path = f"/v1/payment_intents/{intent['id']}/confirm"
        return self._client.post(
            "confirm", path, body, key=self._key("buyer"), headers=headers, key_of_caller=publishable
        )

    def _look_at_the_page(self) -> None:
        """What a page asks for, which needs the access token that all processes share."""
        page = self._market.stack.web_url + "/pay/official_account"
        self._market.tally.add(
            "pages signed", self._client.glance(f"/v1/wechat/jssdk_config?{urlencode({'url': page})}")
        )

    # --- paying -------------------------------------------------------------------------------

    def _payable(self, intent: dict[str, Any]) -> dict[str, Any]:
        """Wait until the order can be paid, or will not be."""
        ends = time.monotonic() + PAYABLE_WITHIN_S
        while intent["status"] == "requires_action" and "next_action" not in intent and time.monotonic() < ends:
            time.sleep(LOOK_EVERY_S)
            intent = self._client.intent(intent["id"])
        return intent

    def _pay(self, intent: dict[str, Any]) -> None:
        if "next_action" not in intent:
            self._market.tally.add("sales", f"not payable: {intent['status']}")
            return
        if self._dice.random() < 0.15:
            self._at_the_cashier(intent, self._dice.choice(TROUBLES))
            if self._dice.random() < 0.3:
                return
        self._at_the_cashier(intent, self._dice.choice(PAYING))

    def _at_the_cashier(self, intent: dict[str, Any], outcome: str) -> None:
        answer = self._present(intent, outcome, self._buyer)
        self._market.tally.add("cashier", f"{outcome}: {str(answer['err_msg']).rpartition(':')[2] or 'nothing'}")

    def _present(self, intent: dict[str, Any], outcome: str, buyer: Buyer) -> dict[str, Any]:
        """The buyer's telephone with what the front end was handed: a code to scan, or signed parameters."""
        shown = intent["next_action"].get("wechat_pay_display_qr_code")
        if shown is None:
            return self._market.stack.pay(intent, outcome, buyer.id)
        told = {"code": shown["data"], "outcome": outcome}
        found: dict[str, Any] = self._market.stack.desk("POST", f"/buyers/{buyer.id}/scan", told)
        return found

    def _cancel(self, intent: dict[str, Any], *, paying: bool) -> None:
        """The shop gives up, sometimes in the very moment in which the buyer pays."""
        key, path = self._key("cancel"), f"/v1/payment_intents/{intent['id']}/cancel"
        crossing = threading.Thread(target=self._pay, args=(intent,))
        if paying:
            crossing.start()
        self._client.post("cancel", path, {"cancellation_reason": "abandoned"}, key=key)
        if paying:
            crossing.join()
        elif self._dice.random() < 0.4:
            self._pay(intent)

    def _change_buyer(self, intent: dict[str, Any]) -> None:
        """Somebody else pays: the first order is closed and another made; the first one is tried all the same."""
        first, first_buyer = intent, self._buyer
        self._buyer = self._dice.choice([each for each in self._market.buyers if each != first_buyer])
        second = self._confirm(intent, times=1)
        if second is not None:
            second = self._payable(second)
        if self._dice.random() < 0.5 and "next_action" in first:
            answer = self._present(first, "pay", first_buyer)
            self._market.tally.add("cashier", f"a replaced order: {str(answer['err_msg']).rpartition(':')[2]}")
        if second is not None:
            self._pay(second)

    # --- giving back --------------------------------------------------------------------------

    def _refund(self, intent_id: str) -> None:
        if not self._succeeds(intent_id):
            return
        manner = self._dice.choice(("all", "part", "twins", "in pieces", "too much"))
        body: dict[str, Any] = {"payment_intent": intent_id}
        if manner in ("part", "twins") and self._amount > 1:
            body["amount"] = self._dice.randint(1, self._amount)
        if manner == "too much":
            body["amount"] = self._amount + 1
        for _ in range(3 if manner == "in pieces" else 1):
            if manner == "in pieces":
                body["amount"] = max(1, self._amount // 2)
            key = self._key("refund")
            told = dict(body, metadata={"asked": key})
            at_once(lambda: self._client.post("refund", "/v1/refunds", told, key=key), 3 if manner == "twins" else 1)  # noqa: B023

    def _succeeds(self, intent_id: str) -> bool:
        ends = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < ends:
            intent = self._client.intent(intent_id)
            if intent["status"] == "succeeded":
                return True
            if intent["status"] == "canceled" or intent["status"] == "requires_payment_method":
                return False
            time.sleep(LOOK_EVERY_S * 2)
        return False

    def _key(self, kind: str) -> str:
        self._keys += 1
        return f"{self._name}-{kind}-{self._keys}"
