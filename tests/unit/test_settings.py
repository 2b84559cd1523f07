"""Settings are right, or every wrong one names itself and the fix; and no secret is ever in a picture of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.support.console import downloads
from tests.support.stack import MCHID, OFFICIAL_ACCOUNT
from wxbackend import assembly
from wxbackend.directory import SettingsDirectory
from wxbackend.domain.errors import WxbackendError
from wxbackend.domain.terminal import AppKind
from wxbackend.ports.accounts import KeyKind
from wxbackend.providers.wechat_global.adapter import WechatGlobal
from wxbackend.providers.wechat_v3.adapter import WechatV3
from wxbackend.providers.wechat_v3.partner import WechatPartner
from wxbackend.settings import Settings, load_settings
from wxbackend.settings_document import CONFIG_VARIABLE, WrongSettings
from wxbackend.simulators.credentials import ensure
from wxbackend.store.engines import UnsupportedDatabase, reading_engine

DEVELOPMENT: Final = Path(__file__).resolve().parents[2] / "config" / "development.toml"
SECRET_KEY: Final = "sk_test_" + "0a" * 24
PUBLISHABLE_KEY: Final = "pk_test_" + "0b" * 24
WEBHOOK_SECRET: Final = "whsec_" + "0c" * 24


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with every file that the development settings name."""
    state = tmp_path_factory.mktemp("state")
    downloads(state / "wechat")
    (state / "keys").mkdir()
    names = {"secret_key": SECRET_KEY, "publishable_key": PUBLISHABLE_KEY, "webhook_secret": WEBHOOK_SECRET}
    for name, value in names.items():
        (state / "keys" / f"{name}.txt").write_text(f"{value}\n")
    return state


@pytest.fixture
def state(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil, with the settings file beside."""
    copy = tmp_path / "state"
    shutil.copytree(made, copy)
    (tmp_path / "settings.toml").write_text(DEVELOPMENT.read_text())
    return copy


Load = Callable[..., Settings]


@pytest.fixture
def load(state: Path, tmp_path: Path) -> Load:
    """Load the settings with a text in them replaced, and more environment."""

    def read(old: str = "", new: str = "", **environment: str) -> Settings:
        text = DEVELOPMENT.read_text()
        assert old in text
        (tmp_path / "settings.toml").write_text(text.replace(old, new, 1) if old else text)
        return load_settings(tmp_path / "settings.toml", {"WXBACKEND_STATE_DIR": str(state), **environment})

    return read


def test_the_development_settings_are_right_and_say_what_they_say(load: Load, state: Path) -> None:
    settings = load()
    assert settings.server.public_url == "http://127.0.0.1:8000"
    assert settings.server.database_url == f"sqlite:///{state / 'wxbackend.db'}"
    assert list(settings.work.look_after_s) == [10, 30, 120, 600]
    (account,) = settings.accounts
    assert [(key.kind, key.key) for key in account.api_keys] == [
        (KeyKind.SECRET.value, SECRET_KEY),
        (KeyKind.PUBLISHABLE.value, PUBLISHABLE_KEY),
    ]
    assert account.endpoints[0].secrets == (WEBHOOK_SECRET,)
    assert account.merchants[0].backup_url is None


def test_no_secret_is_in_a_picture_of_the_settings(load: Load, state: Path) -> None:
    password = "p4ssw0rd"
    settings = load(WXBACKEND__SERVER__DATABASE_URL=f"postgresql://u:{password}@db/wx")
    assert password in settings.server.database_url
    shown = f"{settings!r} {settings}"
    hidden = [SECRET_KEY, PUBLISHABLE_KEY, WEBHOOK_SECRET, password, "PRIVATE KEY"]
    hidden.append((state / "wechat/merchant/apiv3_key.txt").read_text().strip())
    hidden += [file.read_text().strip() for file in (state / "wechat/apps").glob("*.secret.txt")]
    hidden += [(state / f"wechat/push/wx7a154c094f74e84f.{name}.txt").read_text() for name in ("token", "aes_key")]
    assert [text for text in hidden if text in shown] == []


def test_the_brokers_address_comes_from_a_file_and_is_in_no_picture(load: Load, tmp_path: Path) -> None:
    (tmp_path / "broker_url.txt").write_text("amqp://u:p4ssw0rd@queue/wx\n")
    named = {"WXBACKEND__WORK__ENGINE": "celery", "WXBACKEND__WORK__BROKER_URL_FILE": "broker_url.txt"}
    settings = load(**named, WXBACKEND__WORK__BROKER_URL="redis://elsewhere")
    assert settings.work.broker_url == "amqp://u:p4ssw0rd@queue/wx"
    assert "p4ssw0rd" not in f"{settings!r} {settings}"
    with pytest.raises(WrongSettings, match=r"work\.broker_url") as wrong:
        load(WXBACKEND__WORK__ENGINE="celery", WXBACKEND__WORK__BROKER_URL="http://u:p4ssw0rd@queue")
    assert "p4ssw0rd" not in str(wrong.value)


def test_the_environment_fills_placeholders_and_overrides(load: Load) -> None:
    settings = load(
        WXBACKEND_WEB_PORT="8123",
        WXBACKEND__WORK__LOOK_AFTER_S="[0.5, 1]",
        WXBACKEND__UPSTREAM__TOTAL_TIMEOUT_S="2.5",
        WXBACKEND__SERVER__PUBLIC_URL="https://pay.example.com",
    )
    assert settings.server.public_url == "https://pay.example.com"
    assert list(settings.work.look_after_s) == [0.5, 1]
    assert settings.upstream.total_timeout_s == 2.5
    assert load(WXBACKEND_WEB_PORT="8123").server.public_url == "http://127.0.0.1:8123"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WXBACKEND__WORK__LOOK_AFTER_S", "[1,", ["WXBACKEND__WORK__LOOK_AFTER_S", "TOML list"]),
        ("WXBACKEND__WORK__LOOK_AFTER_S", "soon", ["work.look_after_s"]),
        ("WXBACKEND__WORK__IDLE_WAIT_S", "0", ["work.idle_wait_s"]),
        ("WXBACKEND__WORK__LEASE_S", "5", ["work.lease_s"]),
        ("WXBACKEND__WORK__LEASE_S", "24", ["work.lease_s = 24", "2 x upstream.total_timeout_s = 12", "above 24"]),
        ("WXBACKEND__UPSTREAM__TOTAL_TIMEOUT_S", "15", ["work.lease_s = 30", "upstream.total_timeout_s", "above 30"]),
        ("WXBACKEND__WORK__WEBHOOK_TIMEOUT_S", "31", ["work.lease_s = 30", "work.webhook_timeout_s = 31", "lower"]),
        ("WXBACKEND__WORK__ENGINE", "rq", ["work.engine", '"built_in" or "celery"']),
        ("WXBACKEND__WORK__ENGINE", "celery", ["work.broker_url", "work.broker_url_file", "redis://"]),
        ("WXBACKEND__WORK__BROKER_URL_FILE", "none.txt", ["work.broker_url_file", "can't be read"]),
        ("WXBACKEND__WORK__COLOR", "red", ["work.color", "Unknown field"]),
        ("WXBACKEND__ACCOUNTS__ID", "x", ["WXBACKEND__ACCOUNTS__ID", "only server, work and upstream"]),
        ("WXBACKEND__SERVER", "x", ["WXBACKEND__SERVER"]),
        ("WXBACKEND__SERVER__PUBLIC_URL", "https://pay.example.com/", ["server.public_url", "slash"]),
        ("WXBACKEND__SERVER__PUBLIC_URL", "https://pay.example.com/wx", ["server.public_url", "root of a host"]),
        ("WXBACKEND__SERVER__PUBLIC_URL", "ftp://pay.example.com", ["server.public_url", "http"]),
        ("WXBACKEND__UPSTREAM__READ_TIMEOUT_S", "-1", ["upstream.read_timeout_s"]),
    ],
)
def test_a_wrong_override_names_itself(load: Load, name: str, value: str, told: list[str]) -> None:
    with pytest.raises(WrongSettings) as wrong:
        load(**{name: value})
    assert [text for text in told if text not in str(wrong.value)] == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[server]", "[server", ["not TOML"]),
        ("[server]", "server = 3\n[other]", ["server"]),
        ('public_url = "http', '#public_url = "http', ["server.public_url", "required"]),
        ('mchid = "1900000109"\napi', 'mchid = "19"\napi', ["accounts.0.merchants.0.mchid", "8 to 12 digits"]),
        ('mode = "test"', 'mode = "Test"', ["accounts.0.api_keys.0.mode", '"test" or "live"']),
        ('mode = "test"', 'mode = "live"', ["secret_key_file", "sk_live_"]),
        ('kind = "mini_program"', 'kind = "game"', ["accounts.0.apps.1.kind"]),
        ('id = "acct_demo"', 'id = "demo"', ["accounts.0.id", "acct_"]),
        ('id = "we_demo_shop"', 'id = "shop"', ["webhook_endpoints.0.id", "we_"]),
        ("public_key_id = ", "#", ["mchid 1900000109", "public_key_id", "belong together"]),
        (
            'kind = "official_account"',
            'kind = "official_account"\norder_shipping = "virtual"',
            ["order_shipping is for mini"],
        ),
        ('order_shipping = "by_hand"', 'order_shipping = "by_air"', ["apps.1.order_shipping", '"by_hand", "virtual"']),
        (
            'push_token_file = "${WXBACKEND_STATE_DIR:-../var/development}/wechat/push/wx7a',
            "#",
            ["needs push_token_file"],
        ),
        ("push_aes_key_file", "push_aes_key_previous_file", ["needs push_aes_key_file beside it"]),
        ("PUB_KEY_ID_", "PUBKEY", ["public_key_id", "PUB_KEY_ID_"]),
        (f'appid = "{OFFICIAL_ACCOUNT}"', 'appid = "gh_1"', ["accounts.0.apps.0.appid", "wx"]),
        (
            'appid = "wx7a154c094f74e84f"\nkind = "mini_program"\nmchid = "1900000109"',
            'appid = "wx7a154c094f74e84f"\nkind = "mini_program"\nmchid = "1900000110"',
            ["app wx7a154c094f74e84f", "1900000110", "not among the test merchants"],
        ),
        ("wx7a154c094f74e84f", OFFICIAL_ACCOUNT, [OFFICIAL_ACCOUNT, "stands twice"]),
        ("[[accounts.api_keys]]", '[[accounts.api_keys]]\nmode = "test"\n[[accounts.api_keys]]', ["secret_key_file"]),
        ("${WXBACKEND_WEB_PORT:-8000}", "${NOT_SET_HERE}", ["NOT_SET_HERE", "not set"]),
        ("keys/secret_key.txt", "keys/missing.txt", ["acct_demo secret_key_file", "missing.txt", "can't be read"]),
    ],
)
def test_a_mistake_in_the_file_names_the_setting_and_the_fix(load: Load, old: str, new: str, told: list[str]) -> None:
    with pytest.raises(WrongSettings) as wrong:
        load(old, new)
    assert [text for text in told if text not in str(wrong.value)] == []


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("keys/secret_key.txt", b"", ["secret_key_file", "empty"]),
        ("keys/secret_key.txt", b"  \n", ["secret_key_file", "blank"]),
        ("keys/secret_key.txt", "sk_test_ключ".encode(), ["secret_key_file", "ASCII"]),
        ("keys/secret_key.txt", b"pk_test_1", ["secret_key_file", "sk_test_"]),
        ("keys/publishable_key.txt", b"sk_test_1", ["publishable_key_file", "pk_test_"]),
        ("wechat/push/wx7a154c094f74e84f.token.txt", b"a token", ["push_token_file", "3 to 32 letters and digits"]),
        ("wechat/push/wx7a154c094f74e84f.aes_key.txt", b"sk_test_1", ["push_aes_key_file", "43 letters and digits"]),
        ("keys/webhook_secret.txt", b"x" * 70_000, ["we_demo_shop", "larger"]),
    ],
)
def test_a_secret_file_that_cannot_be_right_is_named_and_not_quoted(
    load: Load, state: Path, name: str, content: bytes, told: list[str]
) -> None:
    (state / name).write_bytes(content)
    with pytest.raises(WrongSettings) as wrong:
        load()
    assert [text for text in told if text not in str(wrong.value)] == []
    assert "sk_test_1" not in str(wrong.value)


def test_the_same_key_for_two_accounts_is_told_without_the_key(load: Load, tmp_path: Path) -> None:
    more = '[[accounts]]\nid = "acct_b"\ndefault_description = "B"\n[[accounts.api_keys]]\nmode = "test"\n'
    more += 'secret_key_file = "state/keys/secret_key.txt"\n\n[[accounts]]\nid = "acct_demo"'
    with pytest.raises(WrongSettings, match="an API key stands twice") as wrong:
        load('[[accounts]]\nid = "acct_demo"', more)
    assert SECRET_KEY not in str(wrong.value)


def test_without_a_file_or_with_an_unreadable_one_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match=CONFIG_VARIABLE):
        load_settings(None, {})
    with pytest.raises(WrongSettings, match="can't be read"):
        load_settings(tmp_path / "none.toml", {})
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe9"')
    with pytest.raises(WrongSettings, match="not TOML"):
        load_settings(None, {CONFIG_VARIABLE: str(tmp_path / "latin.toml")})


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("apiclient_key.pem", b"nonsense", "apiclient_key.pem"),
        ("apiclient_cert.pem", b"nonsense", "not a PEM certificate"),
        ("apiv3_key.txt", b"short", "exactly 32"),
        ("pub_key.pem", b"nonsense", "pub_key.pem"),
        ("apiclient_key.pem", None, "do not belong together"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_with_its_merchant(
    load: Load, state: Path, name: str, content: bytes | None, told: str
) -> None:
    if content is None:
        ensure(state / "other")
        content = (state / "other" / "merchant" / name).read_bytes()
    (state / "wechat" / "merchant" / name).write_bytes(content)
    with pytest.raises(WrongSettings, match=told) as wrong:
        provider_of(load())
    assert f"mchid {MCHID}" in str(wrong.value)
    assert "PRIVATE" not in str(wrong.value)


def test_right_keys_make_a_provider(load: Load) -> None:
    provider = provider_of(load())
    assert (provider.name, provider.merchant) == ("wechat_v3", MCHID)


def provider_of(settings: Settings) -> WechatV3 | WechatPartner | WechatGlobal:
    """The first merchant's adapter, without a database behind it."""
    nothing = cast("Any", SimpleNamespace())
    return assembly._wechat_v3(settings, settings.accounts[0].merchants[0], nothing, nothing, nothing)


@pytest.mark.parametrize("url", ["no url", "mysql://u:p4ssw0rd@h/d", "sqlite:/x", "postgresql://u:p4ssw0rd@h:port/d"])
def test_a_database_that_is_not_supported_is_told_what_is_without_the_password(url: str) -> None:
    with pytest.raises(UnsupportedDatabase, match="postgresql") as wrong:
        reading_engine(url)
    assert isinstance(wrong.value, WxbackendError)
    assert "p4ssw0rd" not in str(wrong.value)


def test_a_mobile_app_pays_without_a_secret_and_others_name_theirs(load: Load) -> None:
    (app,) = [app for app in load().accounts[0].apps if app.kind is AppKind.MOBILE_APP]
    assert app.secret == ""
    line = f'secret_file = "${{WXBACKEND_STATE_DIR:-../var/development}}/wechat/apps/{OFFICIAL_ACCOUNT}.secret.txt"\n'
    with pytest.raises(WrongSettings, match=f"app {OFFICIAL_ACCOUNT}: secret_file is missing"):
        load(line, "")


def test_a_private_client_ip_is_let_pass_only_where_the_settings_say_so(load: Load) -> None:
    assert load().server.allow_private_client_ips
    assert not load("allow_private_client_ips = true\n", "").server.allow_private_client_ips


CODEPAY: Final = 'v3_codepay = "${WXBACKEND_V3_CODEPAY:-false}"'
V3: Final = 'api_version = "${WXBACKEND_API_VERSION:-v3}"'


def test_the_version_is_the_merchants_choice_and_its_apps_follow(load: Load, state: Path) -> None:
    hidden = (state / "wechat/merchant/apiv2_key.txt").read_text().strip()
    for version, name in (("v3", "wechat_v3"), ("v2", "wechat_v2")):
        settings = load(WXBACKEND_API_VERSION=version)
        assert hidden not in f"{settings!r} {settings}"
        (merchant,) = settings.accounts[0].merchants
        assert (merchant.provider, merchant.providers) == (name, ("wechat_v3", "wechat_v2"))
        directory = SettingsDirectory(settings, kept_keys=lambda _: None)
        assert {app.provider for app in directory.apps("acct_demo", livemode=False)} == {name}
        assert all(directory.owner_of(each, MCHID) for each in merchant.providers)


def test_a_merchant_on_v2_needs_no_apiv3_key_and_one_on_v3_no_apiv2_key(load: Load, state: Path) -> None:
    merchant = "${WXBACKEND_STATE_DIR:-../var/development}/wechat/merchant"
    without_v3 = load(f'apiv3_key_file = "{merchant}/apiv3_key.txt"\n', WXBACKEND_API_VERSION="v2")
    assert without_v3.accounts[0].merchants[0].providers == ("wechat_v2",)
    without_v2 = load(f'apiv2_key_file = "{merchant}/apiv2_key.txt"\n')
    assert without_v2.accounts[0].merchants[0].providers == ("wechat_v3",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (V3, 'api_version = "v4"', "api_version"),
        ('sign_type = "${WXBACKEND_SIGN_TYPE:-MD5}"', 'sign_type = "SHA1"', "sign_type"),
        ("apiv2_key_file", "# apiv2_key_file", 'api_version "v2" needs apiv2_key_file'),
        ("tls_authority.pem", "none.pem", "authority_file"),
        (CODEPAY, "v3_codepay = 7", "v3_codepay"),
    ],
)
def test_a_wrong_choice_of_version_names_itself(load: Load, old: str, new: str, told: str) -> None:
    with pytest.raises(WrongSettings, match=told):
        load(old, new, WXBACKEND_API_VERSION="v2")


@pytest.mark.parametrize(("name", "used"), [("apiv3_key", "v2"), ("apiv2_key", "v3")])
def test_a_previous_key_stands_beside_the_present_one_and_never_instead_of_it(
    load: Load, state: Path, tmp_path: Path, name: str, used: str
) -> None:
    line = f'{name}_file = "${{WXBACKEND_STATE_DIR:-../var/development}}/wechat/merchant/{name}.txt"\n'
    before = line.replace("_file", "_previous_file")
    with pytest.raises(WrongSettings, match=f"{name}_previous_file needs {name}_file beside it"):
        load(line, before, WXBACKEND_API_VERSION=used)
    with pytest.raises(WrongSettings, match=f"{name}_previous_file holds the same key"):
        load(line, line + before)
    (tmp_path / "old.txt").write_text("O" * 32)
    settings = load(line, f'{line}{name}_previous_file = "{tmp_path}/old.txt"\n')
    (merchant,) = settings.accounts[0].merchants
    present = (state / f"wechat/merchant/{name}.txt").read_text().strip()
    if name == "apiv3_key":
        assert merchant.apiv3_keys == (present.encode(), b"O" * 32)
    else:
        assert (merchant.apiv2_key, merchant.apiv2_key_previous) == (present, "O" * 32)
    assert "OOOO" not in f"{settings!r} {settings}"


def test_a_previous_apiv2_key_of_the_wrong_length_names_itself(load: Load, tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("short")
    settings = load("apiv2_key_file", f'apiv2_key_previous_file = "{tmp_path}/old.txt"\napiv2_key_file')
    merchant = settings.accounts[0].merchants[0]
    with pytest.raises(WrongSettings, match="exactly 32 letters and digits"):
        assembly._wechat_v2(settings, merchant, frozenset(), cast("Any", SimpleNamespace()))


def test_payment_codes_by_api_v3_need_its_key(load: Load) -> None:
    merchant = "${WXBACKEND_STATE_DIR:-../var/development}/wechat/merchant"
    key = f'apiv3_key_file = "{merchant}/apiv3_key.txt"\n'
    assert not load(key, WXBACKEND_API_VERSION="v2").accounts[0].merchants[0].v3_codepay
    with pytest.raises(WrongSettings, match=r"v3_codepay.* needs apiv3_key_file; leave it out"):
        load(key, WXBACKEND_API_VERSION="v2", WXBACKEND_V3_CODEPAY="true")
