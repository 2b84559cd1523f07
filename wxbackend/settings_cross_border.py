"""The table [accounts.merchants.cross_border]: a merchant number that sells across the border by the global API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wxbackend.settings_document import WrongSettings

GLOBAL_URL: Final = "https://apihk.mch.weixin.qq.com"
LIMIT_CURRENCY: Final = "USD"
RATE: Final = re.compile(r"(\d{1,5})(?:\.(\d{1,6}))?")
NOT_BESIDE: Final = (
    "apiv2_key_file", "auto_debit", "service_provider", "v3_codepay", "certificate_api_url", "backup_url",
)  # fmt: skip
"""What the global API has nothing for here."""


@dataclass(frozen=True, slots=True)
class CrossBorderSettings:
    """What orders say beside themselves, and what they are priced in; see `providers.wechat_global.config.Terms`.

    `usd_rates` are millionths of a US dollar that one unit of a currency is worth.
    """

    merchant_category_code: str
    store_name: str
    store_address: str
    currencies: frozenset[str]
    usd_rates: Mapping[str, int] = field(default_factory=dict)


def cross_border(entry: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What a merchant's table with [cross_border] in it changes; raises `WrongSettings` naming what and the fix."""
    table = entry["cross_border"]
    wrong = [name for name in NOT_BESIDE if name in entry]
    if wrong or entry.get("api_version", "v3") != "v3":
        name = wrong[0] if wrong else 'api_version = "v2"'
        raise WrongSettings(
            f"{place}: {name} does not go with cross_border: such a number orders by the global API alone. "
            "Take one of the two away; a number of mainland China stands in a table of its own."
        )
    currencies = frozenset(table["currencies"])
    rates = {name: _millionths(name, text, place) for name, text in table["usd_rates"].items()}
    missing = sorted(currencies - rates.keys() - {LIMIT_CURRENCY})
    if missing:
        raise WrongSettings(
            f"{place} cross_border.usd_rates: {missing[0]} has no rate. Say how many US dollars one {missing[0]} is "
            'worth, for example "1.25": no order may be worth more than 50,000 USD.'
        )
    unknown = sorted(rates.keys() - currencies | (rates.keys() & {LIMIT_CURRENCY}))
    if unknown:
        raise WrongSettings(f"{place} cross_border.usd_rates: {unknown[0]} needs no rate here; take it away.")
    terms = CrossBorderSettings(
        merchant_category_code=table["merchant_category_code"],
        store_name=table["store_name"],
        store_address=table["store_address"],
        currencies=currencies,
        usd_rates=rates,
    )
    return {"cross_border": terms, "api_url": entry.get("api_url", GLOBAL_URL), "backup_url": None}


def _millionths(currency: str, text: str, place: str) -> int:
    found = RATE.fullmatch(text)
    rate = 0 if found is None else int(found[1] + (found[2] or "").ljust(6, "0"))
    if rate == 0:
        raise WrongSettings(
            f'{place} cross_border.usd_rates.{currency}: {text!r} is not a rate such as "1.25", with at most six '
            "decimals and more than nothing."
        )
    return rate
