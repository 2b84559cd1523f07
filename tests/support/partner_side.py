"""The simulated WeChat Pay, and our adapter as a service provider that signs for a sub-merchant.

The official account is the service provider's own and the other apps are the sub-merchant's, so that a suite meets
openids of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.support.wechat_side import MINI_PROGRAM, MOBILE_APP, OFFICIAL_ACCOUNT, WechatSide
from wxbackend.ports.provider import Hosts, PlatformCertificate
from wxbackend.providers.wechat_v3.config import MerchantConfig, load_certificate, load_private_key, load_public_key
from wxbackend.providers.wechat_v3.keys import KeyRing
from wxbackend.providers.wechat_v3.partner import WechatPartner
from wxbackend.providers.wechat_v3.roles import ServiceProvider
from wxbackend.simulators.service_provider import (
    FOLDER,
    OTHER_SUB_MCHID,
    SP_APPID,
    SP_MCHID,
    SUB_MCHID,
    SUB_MINI_PROGRAM_APPID,
    SUB_MOBILE_APP_APPID,
)

__all__ = [
    "FOLDER", "OTHER_SUB_MCHID", "SP_APPID", "SP_MCHID", "SUB_MCHID", "SUB_MINI_PROGRAM_APPID",
    "SUB_MOBILE_APP_APPID", "PartnerSide",
]  # fmt: skip
ROLE: Final = ServiceProvider(SP_MCHID, SP_APPID)


class PartnerSide(WechatSide):
    """The same simulator, asked by a service provider."""

    orders = "/v3/pay/partner/transactions"
    mchid = SUB_MCHID
    signer = SP_MCHID
    apps: ClassVar[Mapping[str, str]] = {
        OFFICIAL_ACCOUNT: SP_APPID,
        MINI_PROGRAM: SUB_MINI_PROGRAM_APPID,
        MOBILE_APP: SUB_MOBILE_APP_APPID,
    }

    @property
    def keys(self) -> Path:
        """Where the service provider's keys lie."""
        return self.directory / FOLDER

    def adapter(self, *, with_public_key: bool = True, **changes: Any) -> WechatPartner:
        """Our adapter with the files that the simulated console gave the service provider."""
        files, keys = self.directory / "merchant", self.keys
        public_key_id = (files / "pub_key_id.txt").read_text().strip()
        serial, _ = load_certificate((keys / "apiclient_cert.pem").read_bytes())
        config = MerchantConfig(
            mchid=self.mchid,
            serial=serial,
            private_key=load_private_key((keys / "apiclient_key.pem").read_bytes()),
            apiv3_keys=((keys / "apiv3_key.txt").read_bytes().strip(),),
            notify_url=self.mailbox.url,
            hosts=Hosts(self.url),
            public_key_id=public_key_id if with_public_key else None,
            role=ROLE,
        )
        known = {public_key_id: load_public_key((files / "pub_key.pem").read_bytes())} if with_public_key else {}
        nothing: tuple[PlatformCertificate, ...] = ()
        ring = KeyRing(known, load=lambda: nothing, clock_s=lambda: self.surroundings.now_ms() // 1000)
        return WechatPartner(replace(config, **changes), ring, self.surroundings)
