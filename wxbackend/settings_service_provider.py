"""The table [accounts.merchants.service_provider]: who signs for a sub-merchant (服务商模式), and what goes with it.

Such a merchant's `mchid` is the sub-merchant's number (`sub_mchid`); every key and certificate beside it is the
service provider's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from wxbackend.settings_document import WrongSettings

NOT_FOR_SUB_MERCHANTS: Final = {
    "apiv2_key_file": "API v2 is not offered for sub-merchants",
    "auto_debit": "auto-debit is not offered for sub-merchants",
}


@dataclass(frozen=True, slots=True)
class ServiceProviderSettings:
    """The service provider's own number and the app that stands for it in every order."""

    sp_mchid: str
    sp_appid: str


def service_provider_of(entry: dict[str, Any]) -> ServiceProviderSettings | None:
    """What a merchant's table says about its service provider, or None; raises `WrongSettings`."""
    if "service_provider" not in entry:
        return None
    place, found = f"mchid {entry['mchid']}", ServiceProviderSettings(**entry["service_provider"])
    if entry.get("api_version", "v3") != "v3":
        raise WrongSettings(
            f'{place}: api_version = "v2" does not go with service_provider: sub-merchants are served by API v3 '
            "only. Remove api_version."
        )
    for name, why in NOT_FOR_SUB_MERCHANTS.items():
        if name in entry:
            raise WrongSettings(f"{place}: {name} does not go with service_provider: {why}. Remove {name}.")
    if found.sp_mchid == entry["mchid"]:
        raise WrongSettings(
            f"{place}: service_provider.sp_mchid is this very mchid. mchid is the sub-merchant's number, sp_mchid the "
            "service provider's."
        )
    return found


def shared_apps(accounts: Sequence[Any]) -> frozenset[str]:
    """The service provider's apps that stand in several accounts; raises `WrongSettings` where they may not.

    Buyers of every sub-merchant may log in with the service provider's own app, so each account names it.
    """
    standing = [
        app
        for account in accounts
        for merchant in account.merchants
        for app in account.apps
        if merchant.service_provider is not None
        and (app.appid, app.mchid) == (merchant.service_provider.sp_appid, merchant.mchid)
    ]
    shared = frozenset(appid for appid, times in Counter(app.appid for app in standing).items() if times > 1)
    for account in accounts:
        for appid, times in Counter(app.appid for app in account.apps).items():
            if times > 1 and appid in shared:
                raise WrongSettings(f"{appid} stands twice in {account.id}; each account may name it once.")
    every = [app for account in accounts for app in account.apps if app.appid in shared]
    for appid in shared:
        _check_same([app for app in every if app.appid == appid], standing)
    return shared


def _check_same(entries: list[Any], standing: list[Any]) -> None:
    first = entries[0]
    place = f"app {first.appid}"
    for entry in entries:
        if entry not in standing:
            raise WrongSettings(
                f"{place}: it stands in several accounts, but mchid {entry.mchid} has no service_provider with it as "
                "sp_appid."
            )
        if entry.push_token is not None or entry.order_shipping is not None:
            raise WrongSettings(
                f"{place}: push_token_file and order_shipping are for an app of one account; it stands in several."
            )
        if replace(entry, mchid="", return_urls=()) != replace(first, mchid="", return_urls=()):
            raise WrongSettings(
                f"{place}: it stands in several accounts and must be the same in each but for mchid and return_urls "
                "(mode, kind, secret_file, addresses)."
            )
