"""A house whose keys are changed while it sells: settings with other key files, and WeChat's console."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from tests.support.house import House
from wxbackend.development import CONFIG
from wxbackend.work.certificates import Schedule

MERCHANT: Final = "1900000109"
PAUSES_S: Final = (15, 15, 30, 180, 600)
"""WeChat's first pauses between two tries of a notice."""


def settings(folder: Path, **lines: str | None) -> dict[str, str]:
    """The development settings with lines of the merchant set, added or (None) left out: as environment for a house."""
    text = CONFIG.read_text(encoding="utf-8")
    for name, value in lines.items():
        text = re.sub(rf"^{name} = .*\n", "", text, flags=re.MULTILINE)
        if value is not None:
            text = text.replace("[[accounts.merchants]]\n", f"[[accounts.merchants]]\n{name} = {value}\n", 1)
    file = folder / f"settings_{len(list(folder.iterdir()))}.toml"
    file.write_text(text, encoding="utf-8")
    return {"WXBACKEND_CONFIG": str(file)}


def key_file(folder: Path, key: str) -> str:
    """A file with that key, as it stands in the settings."""
    file = folder / f"{key[:4]}.txt"
    file.write_text(key, encoding="ascii")
    return f'"{file}"'


def notices(shop: House) -> list[dict[str, Any]]:
    """Every notice with its tries, when none is due any more."""
    found: list[dict[str, Any]] = shop.side.desk("GET", "/notices?wait_s=20")["notices"]
    return found


def deliver(shop: House, schedule: Schedule | None = None) -> None:
    """WeChat tells again what was not taken, on its schedule; the worker's clock for certificates goes on meanwhile."""
    for pause_s in PAUSES_S:
        if all(one["state"] == "delivered" for one in notices(shop)):
            return
        if schedule is not None:
            schedule.tick(shop.assembled.deps)
        assert shop.side.desk("POST", "/clock", {"advance_s": pause_s, "wait_s": 20})["settled"]
    assert [one["state"] for one in notices(shop) if one["state"] != "delivered"] == []


def tries_of(shop: House, intent: dict[str, Any]) -> list[int | None]:
    """How the notice of an intent's payment was answered, try by try."""
    (attempt,) = attempts_of(shop, intent)
    of_payments = [one for one in notices(shop) if one["out_refund_no"] is None]
    (notice,) = [one for one in of_payments if one["out_trade_no"] == attempt["out_trade_no"]]
    return [one["status"] for one in notice["deliveries"]]


def attempts_of(shop: House, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """The intent's orders."""
    number = int(intent["id"].removeprefix("pi_"))
    return shop.rows(f"SELECT * FROM attempts WHERE intent_id = {number} ORDER BY id")


def paid_once(shop: House, *intents: dict[str, Any]) -> None:
    """Each was paid by one order, counted once in the books and told once."""
    for intent in intents:
        assert shop.intent(intent)["status"] == "succeeded"
        (attempt,) = attempts_of(shop, intent)
        assert attempt["state"] == "paid"
        number = int(intent["id"].removeprefix("pi_"))
        told = shop.rows(f"SELECT type FROM events WHERE subject_id = {number}")
        assert [row["type"] for row in told].count("payment_intent.succeeded") == 1
    books = shop.side.desk("GET", "/books")
    paid = shop.rows("SELECT id FROM attempts WHERE state = 'paid'")
    assert (books["balanced"], books["paid_count"]) == (True, len(paid))
    assert shop.rows("SELECT id FROM discrepancies") == []
