"""Who signs, and whose money it is: a merchant for itself, or a service provider for one of its sub-merchants.

The two modes differ in how the parties are spelled, in the path of orders and in whose keys sign; everything else of
an order's life is the same (doc/v3/partner/4012523579, reference: WeChat Pay v3 orders, partner columns).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from wxbackend.providers.wechat_v3 import wire


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose order it is, as a message tells it; None where the message does not say."""

    merchant: str | None
    app: str | None
    payer: str | None


class Role(Protocol):
    """How the parties are spelled. `merchant` is always the number whose money it is."""

    @property
    def orders(self) -> str:
        """Where orders are made, queried, closed and reversed."""
        ...

    def signer(self, merchant: str) -> str:
        """The number whose key signs, which the Authorization header and a mobile app name."""
        ...

    def merchants(self, merchant: str) -> dict[str, str]:
        """The numbers alone, as queries and closes name them."""
        ...

    def order(self, merchant: str, app: str) -> dict[str, str]:
        """The numbers and apps, as an order names them."""
        ...

    def payer(self, app: str, openid: str) -> dict[str, str]:
        """The payer, whose openid belongs to that app."""
        ...

    def beside(self, merchant: str) -> dict[str, str]:
        """What refunds and bills name besides their own members."""
        ...

    def parties(self, message: dict[str, Any]) -> Parties:
        """Who is named in an order, as a query or a notice shows it."""
        ...

    def merchant(self, message: dict[str, Any]) -> str | None:
        """Whose money a message is about. Another service provider's sub-merchant is another merchant."""
        ...


@dataclass(frozen=True, slots=True)
class Direct:
    """A merchant that signs for itself: `appid`, `mchid` and `openid`."""

    orders = "/v3/pay/transactions"

    def signer(self, merchant: str) -> str:
        """Itself."""
        return merchant

    def merchants(self, merchant: str) -> dict[str, str]:
        """`mchid`."""
        return {"mchid": merchant}

    def order(self, merchant: str, app: str) -> dict[str, str]:
        """`appid` and `mchid`."""
        return {"appid": app, "mchid": merchant}

    def payer(self, app: str, openid: str) -> dict[str, str]:
        """`openid`."""
        return {"openid": openid}

    def beside(self, merchant: str) -> dict[str, str]:
        """Nothing."""
        return {}

    def parties(self, message: dict[str, Any]) -> Parties:
        """The one merchant, the one app, the one openid."""
        payer = wire.text(message, "payer", "openid")
        return Parties(wire.text(message, "mchid"), wire.text(message, "appid"), payer)

    def merchant(self, message: dict[str, Any]) -> str | None:
        """The one merchant; messages of other products name a service provider only."""
        return wire.text(message, "mchid") or wire.text(message, "sp_mchid")


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """One that signs for its sub-merchants: `sp_…` is its own, `sub_…` the sub-merchant's.

    The buyer logs in with an app of either: `sp_appid` itself, or else an app of the sub-merchant's, which the order
    then names as `sub_appid`. The openid goes into the member of that app.
    """

    sp_mchid: str
    sp_appid: str
    orders = "/v3/pay/partner/transactions"

    def signer(self, merchant: str) -> str:
        """The service provider."""
        return self.sp_mchid

    def merchants(self, merchant: str) -> dict[str, str]:
        """`sp_mchid` and `sub_mchid`."""
        return {"sp_mchid": self.sp_mchid, "sub_mchid": merchant}

    def order(self, merchant: str, app: str) -> dict[str, str]:
        """`sp_appid`, both numbers, and `sub_appid` where the app is the sub-merchant's."""
        own = {} if app == self.sp_appid else {"sub_appid": app}
        return {"sp_appid": self.sp_appid, **self.merchants(merchant), **own}

    def payer(self, app: str, openid: str) -> dict[str, str]:
        """`sp_openid` or `sub_openid`, never both."""
        return {"sp_openid" if app == self.sp_appid else "sub_openid": openid}

    def beside(self, merchant: str) -> dict[str, str]:
        """`sub_mchid`."""
        return {"sub_mchid": merchant}

    def parties(self, message: dict[str, Any]) -> Parties:
        """The sub-merchant, and app and openid of the sub-merchant's where there are any, else the provider's own.

        Raises `UnreadableMessage` where a number is missing, since without them nobody knows whose money it is.
        """
        sub_app = wire.text(message, "sub_appid") or None
        sub_payer = wire.text(message, "payer", "sub_openid") or None
        sp_app = wire.text(message, "sp_appid") or None
        merchant = self._told(wire.required_text(message, "sub_mchid"), wire.required_text(message, "sp_mchid"))
        if sp_app not in (None, self.sp_appid):
            merchant = f"{merchant} through {sp_app}"
        if sub_app is not None or sub_payer is not None:
            return Parties(merchant, sub_app, sub_payer)
        return Parties(merchant, sp_app, wire.text(message, "payer", "sp_openid") or None)

    def merchant(self, message: dict[str, Any]) -> str | None:
        """The sub-merchant."""
        sub_mchid, sp_mchid = wire.text(message, "sub_mchid"), wire.text(message, "sp_mchid")
        return self._told(sub_mchid, sp_mchid) if sub_mchid and sp_mchid else None

    def _told(self, sub_mchid: str, sp_mchid: str) -> str:
        """The sub-merchant's number, told apart from ours where another service provider signed for it."""
        return sub_mchid if sp_mchid == self.sp_mchid else f"{sub_mchid} through {sp_mchid}"


DIRECT: Final[Role] = Direct()
