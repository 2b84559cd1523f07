"""Settings of sub-merchants: right ones make an adapter that signs for them, wrong ones name themselves and the fix."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.support.partner_shop import MERCHANT, OTHER_ACCOUNT, partner_settings
from tests.support.partner_side import OTHER_SUB_MCHID, SP_APPID, SP_MCHID, SUB_MCHID, SUB_MINI_PROGRAM_APPID
from wxbackend import assembly
from wxbackend.directory import SettingsDirectory
from wxbackend.doctor.findings import Verdict
from wxbackend.doctor.keys import check_merchant
from wxbackend.ports.money_out import gives_money
from wxbackend.ports.profit_sharing import shares_profit
from wxbackend.providers.wechat_v3.partner import WechatPartner
from wxbackend.settings import Settings, load_settings
from wxbackend.settings_document import WrongSettings
from wxbackend.simulators.credentials import ensure

Load = Callable[..., Settings]
NOTHING: Final = cast("Any", SimpleNamespace())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with every file that the settings name."""
    state = tmp_path_factory.mktemp("state")
    ensure(state / "wechat")
    (state / "keys").mkdir()
    for name, start in {"secret_key": "sk_test_", "publishable_key": "pk_test_", "webhook_secret": "whsec_"}.items():
        (state / "keys" / f"{name}.txt").write_text(f"{start}{'0a' * 24}\n")
        (state / "keys" / f"other_{name}.txt").write_text(f"{start}{'0b' * 24}\n")
    return state


@pytest.fixture
def load(made: Path, tmp_path: Path) -> Load:
    """Load the settings with a text in them replaced and another added at the end."""
    state = tmp_path / "state"
    shutil.copytree(made, state)

    def read(old: str = "", new: str = "", more: str = "") -> Settings:
        text = partner_settings()
        assert old in text
        (tmp_path / "settings.toml").write_text((text.replace(old, new, 1) if old else text) + more)
        return load_settings(tmp_path / "settings.toml", {"WXBACKEND_STATE_DIR": str(state)})

    return read


def test_a_sub_merchant_has_an_adapter_that_signs_as_its_service_provider(load: Load) -> None:
    settings = load()
    provider = assembly._wechat_v3(settings, settings.accounts[0].merchants[0], NOTHING, NOTHING, NOTHING)
    assert isinstance(provider, WechatPartner)
    assert (provider.name, provider.merchant) == ("wechat_v3", SUB_MCHID)
    assert provider.notify_url.endswith(f"/notices/wechat_v3/{SUB_MCHID}")
    assert not gives_money(provider)
    assert not shares_profit(provider)


def test_what_the_doctor_compares_is_the_service_providers(load: Load) -> None:
    merchant = load().accounts[0].merchants[0]
    told = {finding.check.rpartition(" ")[2]: finding for finding in check_merchant(merchant, now_s=1_795_000_000)}
    assert told["pair"].verdict is Verdict.OK
    assert "sp_mchid" in told["verification"].message


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (f'sp_mchid = "{SP_MCHID}"', f'sp_mchid = "{SUB_MCHID}"', "sp_mchid is this very mchid"),
        (f'sp_mchid = "{SP_MCHID}"', "", "service_provider.sp_mchid: Missing"),
        (f'sp_mchid = "{SP_MCHID}"', 'sp_mchid = "12"', "must be 8 to 12 digits"),
        (f'sp_appid = "{SP_APPID}"', 'sp_appid = "wx1"', "must be wx and 16"),
        (f'sp_appid = "{SP_APPID}"', "", "service_provider.sp_appid: Missing"),
        (f'sp_appid = "{SP_APPID}"', f'sp_appid = "{SP_APPID}"\nsub_mchid = "1"', "sub_mchid: Unknown"),
        (MERCHANT, MERCHANT + 'api_version = "v2"\napiv2_key_file = "x"\n', "Remove api_version"),
        (MERCHANT, MERCHANT + 'apiv2_key_file = "x"\n', "Remove apiv2_key_file"),
        (MERCHANT, MERCHANT + "auto_debit = { plan_id = 1 }\n", "Remove auto_debit"),
    ],
)
def test_wrong_settings_name_themselves_and_the_fix(load: Load, old: str, new: str, told: str) -> None:
    with pytest.raises(WrongSettings, match=told):
        load(old, new)


def test_the_service_providers_app_may_stand_in_several_accounts(load: Load) -> None:
    settings = load(more=OTHER_ACCOUNT)
    assert [account.merchants[0].mchid for account in settings.accounts] == [SUB_MCHID, OTHER_SUB_MCHID]
    directory = SettingsDirectory(settings, kept_keys=lambda _: None)
    for account, mchid in (("acct_sub", SUB_MCHID), ("acct_other", OTHER_SUB_MCHID)):
        (app,) = [app for app in directory.apps(account, livemode=False) if app.appid == SP_APPID]
        assert app.merchant == mchid


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (f'sp_appid = "{SP_APPID}"', f'sp_appid = "{SUB_MINI_PROGRAM_APPID}"', "stands twice|has no service_provider"),
        ("return_urls = []", 'push_token_file = "${WXBACKEND_STATE_DIR}/keys/push.txt"', "stands in several"),
        ('kind = "official_account"', 'kind = "mini_program"', "must be the same in each"),
    ],
)
def test_an_app_of_several_accounts_is_the_same_in_each(
    load: Load, tmp_path: Path, old: str, new: str, told: str
) -> None:
    (tmp_path / "state" / "keys" / "push.txt").write_text("pushtoken")
    assert old in OTHER_ACCOUNT
    with pytest.raises(WrongSettings, match=told):
        load(more=OTHER_ACCOUNT.replace(old, new, 1))


def test_an_app_that_is_nobodys_service_provider_still_stands_once(load: Load) -> None:
    more = OTHER_ACCOUNT.replace(f'appid = "{SP_APPID}"\nkind', f'appid = "{SUB_MINI_PROGRAM_APPID}"\nkind', 1)
    assert more != OTHER_ACCOUNT
    with pytest.raises(WrongSettings, match=f"{SUB_MINI_PROGRAM_APPID} stands twice"):
        load(more=more)


def test_an_account_names_the_app_once(load: Load) -> None:
    twice = OTHER_ACCOUNT + OTHER_ACCOUNT[OTHER_ACCOUNT.index("[[accounts.apps]]") :].split("\n[[accounts.web")[0]
    with pytest.raises(WrongSettings, match="twice in acct_other"):
        load(more=twice)
