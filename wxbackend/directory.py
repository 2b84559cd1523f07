"""Accounts, keys, apps and endpoints as the settings name them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from wxbackend.domain.endpoint import Endpoint, RetiredSecret
from wxbackend.ports.accounts import Actor, App, KeyKind
from wxbackend.settings import AccountSettings, Settings


class SettingsDirectory:
    """See `ports.accounts.Accounts`. Keys are looked up by their hash, so no comparison leaks them.

    `kept_keys` finds a key that the settings do not name; one of an account that left the settings is nobody's.
    """

    def __init__(self, settings: Settings, *, kept_keys: Callable[[str], Actor | None]) -> None:
        self._kept_keys = kept_keys
        self._actors: dict[str, Actor] = {}
        self._publishable: dict[tuple[str, bool], str] = {}
        self._apps: dict[tuple[str, bool], tuple[App, ...]] = {}
        self._app_by_id: dict[str, App] = {}
        self._endpoints: dict[tuple[str, bool], tuple[Endpoint, ...]] = {}
        self._endpoint_by_id: dict[str, Endpoint] = {}
        self._owners: dict[tuple[str, str], Actor] = {}
        self._descriptions: dict[str, str] = {}
        for account in settings.accounts:
            self._add(account)

    def actor(self, key: str) -> Actor | None:
        """Who a key belongs to."""
        known = self._actors.get(_hash(key))
        if known is not None:
            return known
        kept = self._kept_keys(key)
        return kept if kept is not None and kept.account in self._descriptions else None

    def publishable_key(self, account: str, *, livemode: bool) -> str | None:
        """The first publishable key in that mode."""
        return self._publishable.get((account, livemode))

    def apps(self, account: str, *, livemode: bool) -> tuple[App, ...]:
        """The account's apps in that mode."""
        return self._apps.get((account, livemode), ())

    def app(self, appid: str) -> App | None:
        """One app."""
        return self._app_by_id.get(appid)

    def endpoints(self, account: str, *, livemode: bool) -> tuple[Endpoint, ...]:
        """The account's endpoints in that mode."""
        return self._endpoints.get((account, livemode), ())

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """One endpoint."""
        return self._endpoint_by_id.get(endpoint_id)

    def shipping_apps(self) -> tuple[App, ...]:
        """The apps whose orders WeChat's order management watches."""
        return tuple(app for app in self._app_by_id.values() if app.order_shipping is not None)

    def owner_of(self, provider: str, merchant: str) -> Actor | None:
        """Whose merchant's number it is."""
        return self._owners.get((provider, merchant))

    def default_description(self, account: str) -> str:
        """What buyers read when nothing else is said."""
        return self._descriptions[account]

    def _add(self, account: AccountSettings) -> None:
        self._descriptions[account.id] = account.default_description
        for key in account.api_keys:
            livemode, kind = key.mode == "live", KeyKind(key.kind)
            self._actors[_hash(key.key)] = Actor(account.id, livemode, kind)
            if kind is KeyKind.PUBLISHABLE:
                self._publishable.setdefault((account.id, livemode), key.key)
        for merchant in account.merchants:
            owner = Actor(account.id, merchant.mode == "live", KeyKind.SECRET)
            self._owners |= {(provider, merchant.mchid): owner for provider in merchant.providers}
        chosen = {merchant.mchid: merchant.provider for merchant in account.merchants}
        for livemode in (False, True):
            mode = "live" if livemode else "test"
            self._apps[account.id, livemode] = tuple(
                App(
                    appid=app.appid,
                    kind=app.kind,
                    account=account.id,
                    livemode=livemode,
                    provider=chosen[app.mchid],
                    merchant=app.mchid,
                    secret=app.secret,
                    platform_url=app.platform_url,
                    authorize_url=app.authorize_url,
                    return_urls=app.return_urls,
                    push_token=app.push_token,
                    push_aes_keys=app.push_aes_keys,
                    order_shipping=app.order_shipping,
                )
                for app in account.apps
                if app.mode == mode
            )
            self._app_by_id |= {app.appid: app for app in self._apps[account.id, livemode]}
            endpoints = tuple(
                Endpoint(
                    id=entry.id,
                    account=account.id,
                    livemode=livemode,
                    url=entry.url,
                    secret=entry.secrets[0],
                    retired=tuple(RetiredSecret(secret) for secret in entry.secrets[1:]),
                )
                for entry in account.endpoints
                if entry.mode == mode
            )
            self._endpoints[account.id, livemode] = endpoints
            self._endpoint_by_id |= {endpoint.id: endpoint for endpoint in endpoints}


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
