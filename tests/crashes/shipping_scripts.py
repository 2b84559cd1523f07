"""What happens in a case about goods: WeChat is told that they were sent."""

from __future__ import annotations

from typing import Any, Final

from tests.crashes.life import Life
from tests.journeys.reckoning import reckon
from tests.support.stack import MINI_PROGRAM

EXPRESS: Final = {
    "logistics_type": "express",
    "delivery_mode": "split",
    "all_shipped": False,
    "items": [{"description": "tea", "tracking_number": "Z1", "carrier": "ZTO"}],
}
REST: Final = EXPRESS | {
    "all_shipped": True,
    "items": [{"description": "cups", "tracking_number": "Z2", "carrier": "ZTO"}],
}


def shipped(life: Life) -> None:
    """A mini program's shop tells its first parcel and then the rest."""
    intent = _paid(life)
    path = f"/v1/payment_intents/{intent['id']}/shipping"
    life.watch()
    life.ask("first parcel", path, EXPRESS)
    life.rest()
    life.ask("the rest", path, REST)
    life.rest()
    assert life.look(path)["status"] == "shipped"
    (delivery,) = life.desk("GET", "/shipping")["orders"]
    assert (delivery["order_state"], delivery["uploads"]) == (2, 2), delivery
    uploaded = life.rows("SELECT id FROM events WHERE type = 'shipping.uploaded'")
    assert len(uploaded) == 2
    reckon(life, intent)


def _paid(life: Life) -> dict[str, Any]:
    """An intent that a mini program's buyer has paid, and that WeChat's order management knows."""
    life.desk("POST", "/shipping/rules", {"not_known_s": 0})
    intent = life.created(**life.paying("mini_program"))
    assert life.openid(MINI_PROGRAM)
    life.pay(life.payable(intent, "mini_program"))
    life.rest()
    return intent
