"""The simulated WeChat Pay's global API, and our adapter as the merchant number that sells across the border."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tests.support.wechat_side import OFFICIAL_ACCOUNT, WechatSide
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.money import Money
from wxbackend.ports.provider import Hosts, PlatformCertificate, Provider
from wxbackend.providers.wechat_global.adapter import WechatGlobal
from wxbackend.providers.wechat_global.config import Terms
from wxbackend.providers.wechat_v3.config import (
    MerchantConfig,
    load_certificate,
    load_private_key,
    load_public_key,
)
from wxbackend.providers.wechat_v3.keys import KeyRing
from wxbackend.simulators.credentials import ABROAD_FOLDER, MCHID_ABROAD

__all__ = ["MCHID_ABROAD", "GlobalSide"]
TERMS: Final = Terms(
    merchant_category_code="5812",
    store_name="Tea & Co",
    store_address="1 Harbour Road, Hong Kong",
    currencies=frozenset({"CNY", "GBP", "USD", "EUR", "HKD"}),
    usd_rates={"CNY": 140_000, "GBP": 1_300_000, "EUR": 1_100_000, "HKD": 128_000},
)


class GlobalSide(WechatSide):
    """What a suite over the provider port needs; every order is of 20.00 GBP."""

    name = "wechat_global"
    currency = "GBP"
    orders = "/v3/global/transactions"
    mchid = MCHID_ABROAD
    signer = MCHID_ABROAD

    @property
    def keys(self) -> Path:
        """Where the keys of the number abroad lie."""
        return self.directory / ABROAD_FOLDER

    def introduce(self) -> Provider:
        """Our adapter, ready to believe what this side says."""
        provider = self.abroad()
        provider.trust(self.transport.send(provider.certificates()))
        return provider

    def abroad(self, *, with_public_key: bool = True, **changes: Any) -> WechatGlobal:
        """Our adapter with the files that the simulated console gave the merchant."""
        files, shared = self.keys, self.directory / "merchant"
        public_key_id = (shared / "pub_key_id.txt").read_text().strip()
        serial, _ = load_certificate((files / "apiclient_cert.pem").read_bytes())
        config = MerchantConfig(
            mchid=MCHID_ABROAD,
            serial=serial,
            private_key=load_private_key((files / "apiclient_key.pem").read_bytes()),
            apiv3_keys=((files / "apiv3_key.txt").read_bytes().strip(),),
            notify_url=self.mailbox.url,
            hosts=Hosts(self.url),
            public_key_id=public_key_id if with_public_key else None,
        )
        known = {public_key_id: load_public_key((shared / "pub_key.pem").read_bytes())} if with_public_key else {}
        nothing: tuple[PlatformCertificate, ...] = ()
        ring = KeyRing(known, load=lambda: nothing, clock_s=lambda: self.surroundings.now_ms() // 1000)
        return WechatGlobal(replace(config, **changes), ring, self.surroundings, TERMS)

    @property
    def wechat_global(self) -> WechatGlobal:
        """Our adapter with what it alone has."""
        assert isinstance(self.provider, WechatGlobal)
        return self.provider

    def attempt(self, appid: str = OFFICIAL_ACCOUNT, **changes: Any) -> Attempt:
        """An order of 20.00 GBP for the default buyer that was just recorded."""
        fields: dict[str, Any] = {
            "provider": self.name,
            "money": Money(2000, self.currency),
        }
        return super().attempt(appid, **(fields | changes))

    def desk(self, method: str, path: str, body: object = None) -> Any:
        """A desk call that must succeed; the merchant's money is that in its currency."""
        return super().desk(method, f"/merchant/abroad/{self.currency}" if path == "/merchant" else path, body)
