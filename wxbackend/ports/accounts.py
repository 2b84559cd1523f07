"""Who uses this installation: accounts, their keys, WeChat apps, merchants and webhook endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from wxbackend.domain.endpoint import Endpoint
from wxbackend.domain.shipping import OrderShipping
from wxbackend.domain.terminal import AppKind


class KeyKind(Enum):
    """What a key may do: everything for its account, or the buyer's side only."""

    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    PUBLISHABLE = "publishable"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is calling: an account in one mode, by one kind of key."""

    account: str
    livemode: bool
    kind: KeyKind


@dataclass(frozen=True, slots=True)
class App:
    """A WeChat appid of an account, and the merchant number it pays to."""

    appid: str
    kind: AppKind
    account: str
    livemode: bool
    provider: str
    merchant: str
    secret: str = field(repr=False)
    platform_url: str = ""
    authorize_url: str = ""
    return_urls: tuple[str, ...] = ()
    push_token: str | None = field(default=None, repr=False)
    push_aes_keys: tuple[str, ...] = field(default=(), repr=False)
    """The EncodingAESKey of now and, while it is being changed, the one before; none: pushes come in plain."""
    order_shipping: OrderShipping | None = None
    """How WeChat's order management is told of what was shipped; None: it does not watch this app."""


class Accounts(Protocol):
    """The directory of all of them."""

    def actor(self, key: str) -> Actor | None:
        """Who a key belongs to, or None."""
        ...

    def publishable_key(self, account: str, *, livemode: bool) -> str | None:
        """The account's publishable key in that mode, for pages that we serve."""
        ...

    def apps(self, account: str, *, livemode: bool) -> tuple[App, ...]:
        """The account's apps in that mode."""
        ...

    def app(self, appid: str) -> App | None:
        """The app with that appid, whoever's it is."""
        ...

    def shipping_apps(self) -> tuple[App, ...]:
        """The apps whose orders WeChat's order management watches, of all accounts."""
        ...

    def endpoints(self, account: str, *, livemode: bool) -> tuple[Endpoint, ...]:
        """The webhook endpoints that the settings name for the account in that mode."""
        ...

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """One of those by its id."""
        ...

    def owner_of(self, provider: str, merchant: str) -> Actor | None:
        """The account and mode that a merchant's number belongs to."""
        ...

    def default_description(self, account: str) -> str:
        """What buyers read in WeChat when the merchant names no description."""
        ...
