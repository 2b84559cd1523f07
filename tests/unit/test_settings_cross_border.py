"""A merchant's table with [cross_border] makes an adapter of the global API, with an address for notices of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.support.console import downloads
from wxbackend import assembly
from wxbackend.domain.errors import Untrusted
from wxbackend.ports.combined import combines
from wxbackend.ports.money_out import gives_money
from wxbackend.ports.profit_sharing import shares_profit
from wxbackend.ports.provider import CardRefunds, OrderLimits
from wxbackend.providers.wechat_global.adapter import WechatGlobal
from wxbackend.settings import MerchantSettings
from wxbackend.settings_cross_border import CrossBorderSettings
from wxbackend.simulators.credentials import ABROAD_FOLDER, MCHID_ABROAD

TABLE: Final = CrossBorderSettings("5812", "Tea", "Road 1", frozenset({"GBP"}), {"GBP": 1_300_000})
NOW_MS: Final = 1_795_000_000_000
UNKNOWN: Final = {
    "wechatpay-timestamp": str(NOW_MS // 1000), "wechatpay-nonce": "n", "wechatpay-signature": "c2ln",
    "wechatpay-serial": "A" * 40,
}  # fmt: skip


class Wishes:
    """A coordination that remembers what was put there."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def put(self, name: str, _value: str, *, ttl_s: int) -> None:
        """Remember it."""
        assert ttl_s > 0
        self.found.append(name)


@pytest.fixture
def merchant(tmp_path: Path) -> MerchantSettings:
    """The number abroad with the files that the simulated console gave it."""
    files = downloads(tmp_path / "wechat").directory / ABROAD_FOLDER
    return MerchantSettings(
        mode="test",
        mchid=MCHID_ABROAD,
        serial_certificate=(files / "apiclient_cert.pem").read_bytes(),
        private_key=(files / "apiclient_key.pem").read_bytes(),
        apiv3_keys=((files / "apiv3_key.txt").read_bytes().strip(),),
        cross_border=TABLE,
    )


def adapter_of(merchant: MerchantSettings, wishes: Wishes) -> WechatGlobal:
    """Its adapter, without a database behind it."""
    made = assembly._wechat_v3(
        cast("Any", SimpleNamespace(server=SimpleNamespace(public_url="https://pay.example.com"))),
        merchant,
        cast("Any", SimpleNamespace(read=lambda _: ())),
        cast("Any", SimpleNamespace(now_ms=lambda: NOW_MS)),
        cast("Any", wishes),
    )
    assert isinstance(made, WechatGlobal)
    return made


def test_it_makes_an_adapter_of_the_global_api_and_of_nothing_else(merchant: MerchantSettings) -> None:
    provider = adapter_of(merchant, Wishes())
    assert (provider.name, provider.merchant, merchant.providers) == ("wechat_global", MCHID_ABROAD, ("wechat_global",))
    assert provider._config.notify_url == f"https://pay.example.com/notices/wechat_global/{MCHID_ABROAD}"
    assert (provider.covers, set(provider.currencies)) == (("wechat_global",), {"GBP"})
    assert isinstance(provider, OrderLimits)
    assert not isinstance(provider, CardRefunds)
    assert not any((gives_money(provider), shares_profit(provider), combines(provider)))


@pytest.mark.parametrize("fetch", [True, False])
def test_an_unknown_certificate_is_wished_for_under_its_own_name(merchant: MerchantSettings, fetch: bool) -> None:
    wishes = Wishes()
    provider = adapter_of(replace(merchant, fetch_certificates=fetch), wishes)
    with pytest.raises(Untrusted):
        provider.read_notice(UNKNOWN, b"{}")
    assert wishes.found == ([f"certificates:wechat_global:{MCHID_ABROAD}:wished"] if fetch else [])
