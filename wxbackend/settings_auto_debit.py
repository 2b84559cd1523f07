"""The table [accounts.merchants.auto_debit]: what contracts with buyers need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AutoDebitSettings:
    """What contracts with buyers need; see `providers.wechat_v3.config.AutoDebit`."""

    plan_id: int
    orders_path: str = "/v3/papay/pay/transactions"
    announce_by: str = "schedule"
    page_lasts_s: int = 1_800
