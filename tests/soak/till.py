"""Stories of a till: the shop scans the code that the buyer's telephone shows."""

from __future__ import annotations

import time
from typing import Any, Final

from tests.soak.client import at_once
from tests.soak.sales import LOOK_EVERY_S, PAYABLE_WITHIN_S, Sale

SCANS_MAX: Final = 3


class ScannedSale(Sale):
    """Charged at once, after a PIN, or never; what was surely not charged is scanned anew."""

    def run(self) -> None:
        """The story."""
        self._market.tally.add("sales", "scanned sales begun")
        intent: dict[str, Any] | None = None
        for _ in range(SCANS_MAX):
            intent = self._scan(intent)
            if intent is None:
                return
            intent = self._ended(intent)
            if intent["status"] != "requires_payment_method":
                break
        if intent is not None and self._dice.random() < 0.4:
            self._refund(intent["id"])

    def _scan(self, intent: dict[str, Any] | None) -> dict[str, Any] | None:
        """The till reads a fresh code; only a new key charges a new code."""
        ask_pin = self._dice.random() < 0.3
        wish = {"ask_pin": ask_pin}
        code = self._market.stack.desk("POST", f"/buyers/{self._buyer.id}/payment_code", wish)["code"]
        body: dict[str, Any] = {
            "payment_method_data": {"type": "wechat_pay", "wechat_pay": {"payment_code": code}},
            "payment_method_options": {"wechat_pay": {"terminal_type": "SCAN_CODE"}},
        }
        twins = self._dice.choice((1, 1, 1, 2))
        key = self._key("scan")
        if intent is None:
            told = {"amount": self._amount, "currency": "CNY", "merchant_order_id": self._name, "confirm": True, **body}
            shown = at_once(lambda: self._client.post("create", "/v1/payment_intents", told, key=key), twins)[0]
        else:
            path = f"/v1/payment_intents/{intent['id']}/confirm"
            shown = at_once(lambda: self._client.post("confirm", path, body, key=key), twins)[0]
        if shown is not None and ask_pin and self._dice.random() < 0.8:
            self._type_pin()
        return shown

    def _type_pin(self) -> None:
        asked = self._market.stack.desk("GET", f"/buyers/{self._buyer.id}/pin")["orders"]
        for order in asked:
            outcome = self._dice.choice(("pay", "pay", "pay", "wrong_password", "cancel"))
            told = {"out_trade_no": order["out_trade_no"], "outcome": outcome}
            try:
                self._market.stack.desk("POST", f"/buyers/{self._buyer.id}/pin", told)
            except AssertionError:
                outcome = "too late"  # the order was reversed meanwhile, or another telling was quicker
            self._market.tally.add("cashier", f"PIN, {outcome}")

    def _ended(self, intent: dict[str, Any]) -> dict[str, Any]:
        """Wait until it is known what became of the scan."""
        ends = time.monotonic() + PAYABLE_WITHIN_S
        while intent["status"] in ("requires_action", "processing") and time.monotonic() < ends:
            time.sleep(LOOK_EVERY_S * 3)
            intent = self._client.intent(intent["id"])
        return intent
