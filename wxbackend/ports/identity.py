"""The port to WeChat's platform: a code becomes an openid, and a page may use the JS-SDK."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from wxbackend.domain.errors import ProviderError, ProviderUnknown, WxbackendError
from wxbackend.ports.accounts import App
from wxbackend.ports.order_shipping import OrderDesk
from wxbackend.ports.pushes import PushReader


@dataclass(frozen=True, slots=True)
class Identity:
    """Who logged in. A snapshot user is a stand-in that WeChat shows before consent; it cannot pay."""

    openid: str = field(repr=False)
    unionid: str | None = field(default=None, repr=False)
    is_snapshot: bool = False


class LoginRefused(WxbackendError):
    """WeChat did not accept the code. `code` is our word; `errcode` is WeChat's, for the operator's log."""

    def __init__(self, code: str, message: str, *, errcode: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.errcode = errcode


class PlatformBusy(ProviderUnknown):
    """WeChat's platform has no time (errcode -1); it was asked several times."""


class PlatformRefused(ProviderError):
    """WeChat's platform said no; `errcode` is its word."""

    def __init__(self, errcode: int) -> None:
        super().__init__(f"WeChat refused (errcode {errcode})")
        self.errcode = errcode


class TokenRejected(PlatformRefused):
    """The access token is not accepted, and neither was the one fetched after it."""


class AppMisconfigured(PlatformRefused):
    """Only the operator can mend it: a wrong secret, an address that is not on the list, a missing right."""


class QuotaReached(PlatformRefused):
    """Asked too often: nothing more is asked until the quota begins anew."""


class IdentityProvider(Protocol):
    """WeChat's platform, for one installation."""

    @property
    def orders(self) -> OrderDesk:
        """Order management of mini programs."""
        ...

    @property
    def pushes(self) -> PushReader:
        """What the platform pushes."""
        ...

    def authorize_url(self, app: App, *, callback_url: str, scope: str, state: str) -> str:
        """Where to send the browser so that WeChat asks the buyer."""
        ...

    def exchange_oauth_code(self, app: App, code: str) -> Identity:
        """The openid for an official account's code; raises `LoginRefused` or `ProviderError`."""
        ...

    def exchange_mini_program_code(self, app: App, code: str) -> Identity:
        """The openid for a `wx.login` code; raises `LoginRefused` or `ProviderError`."""
        ...

    def sign_page(self, app: App, *, url: str, nonce: str, timestamp_s: int) -> str:
        """The JS-SDK signature of a page's address; raises `ProviderError`, of which `PlatformRefused` is a kind."""
        ...
