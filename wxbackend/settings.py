"""TOML and environment become one frozen, checked `Settings`; a wrong value names itself and the fix.

Every secret is read from a file (`…_file`), never written in the TOML itself. How the environment comes in is
`settings_document`'s business. Paths are relative to the folder of the TOML file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError

from wxbackend.domain.shipping import OrderShipping
from wxbackend.domain.terminal import AppKind
from wxbackend.settings_auto_debit import AutoDebitSettings
from wxbackend.settings_cross_border import CrossBorderSettings, cross_border
from wxbackend.settings_document import WrongSettings, named_files, read_document
from wxbackend.settings_merchant_keys import shared_keys
from wxbackend.settings_pushes import push_secrets
from wxbackend.settings_service_provider import ServiceProviderSettings, service_provider_of, shared_apps
from wxbackend.settings_shape import Top

SECRET_BYTES_MAX: Final = 64 * 1024
CALLS_OF_ONE_ACT_MAX: Final = 2
"""To close an order and ask whether it was paid; so long may an act last, and its lease must last longer."""

BROKERS: Final = ("redis://", "rediss://", "amqp://", "amqps://")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where we listen, and where our data is."""

    public_url: str
    database_url: str = field(repr=False)  # may hold a password
    coordination_url: str = field(repr=False)
    test_bridge_url: str | None = None
    default_host: str = "127.0.0.1"
    default_port: int = 8000
    login_lasts_s: int = 86_400
    allow_private_webhooks: bool = False
    allow_private_client_ips: bool = False
    trusted_proxies: tuple[str, ...] = ()
    metrics_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WorkSettings:
    """How the worker paces itself; times in seconds."""

    look_after_s: tuple[float, ...] = (10, 30, 120, 600)
    order_expires_after_s: int = 7_200
    refund_look_after_s: tuple[float, ...] = (10, 60, 300, 1_200, 3_600, 21_600)
    refund_short_after_s: float = 300
    shipping_again_after_s: tuple[float, ...] = (10, 15, 30, 60, 300, 600, 1_800)
    refund_spacing_s: float = 61
    lease_s: float = 30
    idle_wait_s: float = 0.5
    certificates_every_s: int = 3_600
    webhook_delays_s: tuple[float, ...] | None = None
    webhook_timeout_s: float = 10
    fetch_bills: bool = True
    engine: str = "built_in"
    broker_url: str | None = field(default=None, repr=False)  # may hold a password


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Limits of a call to WeChat, in seconds."""

    connect_timeout_s: float = 3.0
    read_timeout_s: float = 8.0
    total_timeout_s: float = 12.0


@dataclass(frozen=True, slots=True)
class KeySettings:
    """One API key of an account."""

    mode: str
    kind: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MerchantSettings:
    """One mchid. New orders go by `api_version`; those made by the other one are still looked after, by its key."""

    mode: str
    mchid: str
    serial_certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)
    apiv3_keys: tuple[bytes, ...] = field(repr=False)
    public_key_id: str | None = None
    public_key: bytes | None = field(default=None, repr=False)
    platform_certificates: tuple[bytes, ...] = ()
    fetch_certificates: bool = True
    v3_codepay: bool = False
    api_url: str = "https://api.mch.weixin.qq.com"
    backup_url: str | None = "https://api2.mch.weixin.qq.com"
    api_version: str = "v3"
    apiv2_key: str | None = field(default=None, repr=False)
    apiv2_key_previous: str | None = field(default=None, repr=False)
    sign_type: str = "MD5"
    certificate_path: str = ""
    private_key_path: str = ""
    certificate_api_url: str | None = None
    authority_path: str | None = None
    auto_debit: AutoDebitSettings | None = None
    service_provider: ServiceProviderSettings | None = None
    cross_border: CrossBorderSettings | None = None

    @property
    def provider(self) -> str:
        """The adapter of new orders."""
        return f"wechat_{self.api_version}" if self.cross_border is None else "wechat_global"

    @property
    def providers(self) -> tuple[str, ...]:
        """Every adapter that this number has keys for."""
        v3 = "wechat_v3" if self.cross_border is None else self.provider
        keys = {v3: bool(self.apiv3_keys), "wechat_v2": self.apiv2_key is not None}
        return tuple(name for name, present in keys.items() if present)


@dataclass(frozen=True, slots=True)
class AppSettings:
    """One WeChat appid."""

    mode: str
    appid: str
    kind: AppKind
    mchid: str
    secret: str = field(repr=False)
    platform_url: str = "https://api.weixin.qq.com"
    authorize_url: str = "https://open.weixin.qq.com"
    return_urls: tuple[str, ...] = ()
    push_token: str | None = field(default=None, repr=False)
    push_aes_keys: tuple[str, ...] = field(default=(), repr=False)
    order_shipping: OrderShipping | None = None


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """One webhook endpoint."""

    mode: str
    id: str
    url: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account."""

    id: str
    default_description: str
    api_keys: tuple[KeySettings, ...]
    merchants: tuple[MerchantSettings, ...]
    apps: tuple[AppSettings, ...]
    endpoints: tuple[EndpointSettings, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    server: ServerSettings
    work: WorkSettings
    upstream: UpstreamSettings
    accounts: tuple[AccountSettings, ...]


def load_settings(path: str | Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the file that `path` or WXBACKEND_CONFIG names; raises `WrongSettings`."""
    file, document = read_document(path, os.environ if environment is None else environment)
    try:
        checked: dict[str, Any] = Top().load(document)
    except ValidationError as error:
        lines = "\n".join(_lines(error.messages_dict))
        raise WrongSettings(f"The settings file {file} has mistakes:\n{lines}") from error
    settings = _Reader(file.parent).settings(checked)
    _check_references(settings)
    _check_lease(settings)
    _check_engine(settings.work)
    return settings


def secret_files(path: str | Path | None = None, environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Every file with a secret that the settings name, for checks of who can read them; raises `WrongSettings`."""
    file, document = read_document(path, os.environ if environment is None else environment)
    return tuple(file.parent / name for name in sorted(named_files(document)))


def _lines(messages: Any, place: str = "") -> list[str]:
    if isinstance(messages, list):
        return [f"  {place}: {' '.join(str(message) for message in messages)}"]
    return [
        line for name, inner in messages.items() for line in _lines(inner, f"{place}.{name}" if place else str(name))
    ]


class _Reader:
    """Turns checked values into settings and reads the files that they name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def settings(self, top: dict[str, Any]) -> Settings:
        work: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in top["work"].items()
        }
        if "broker_url_file" in work:
            work["broker_url"] = self._text(work.pop("broker_url_file"), "work.broker_url_file")
        server = dict(top["server"])
        for name in ("database_url", "coordination_url"):
            server[name] = self._database_url(server[name])
        server["trusted_proxies"] = tuple(server.get("trusted_proxies", ()))
        if "metrics_token_file" in server:
            server["metrics_token"] = self._text(server.pop("metrics_token_file"), "server.metrics_token_file")
        return Settings(
            server=ServerSettings(**server),
            work=WorkSettings(**work),
            upstream=UpstreamSettings(**top["upstream"]),
            accounts=tuple(self._account(account) for account in top["accounts"]),
        )

    def _account(self, account: dict[str, Any]) -> AccountSettings:
        place = account["id"]
        return AccountSettings(
            id=place,
            default_description=account["default_description"],
            api_keys=tuple(key for entry in account["api_keys"] for key in self._keys(entry, place)),
            merchants=tuple(self._merchant(entry) for entry in account["merchants"]),
            apps=tuple(self._app(entry) for entry in account["apps"]),
            endpoints=tuple(self._endpoint(entry) for entry in account["webhook_endpoints"]),
        )

    def _keys(self, entry: dict[str, Any], place: str) -> list[KeySettings]:
        found = []
        for kind, prefix in (("secret", "sk"), ("publishable", "pk")):
            name = f"{kind}_key_file"
            if name not in entry:
                continue
            key = self._text(entry[name], f"{place} {name}")
            start = f"{prefix}_{entry['mode']}_"
            if not key.startswith(start):
                raise WrongSettings(f"{place} {name}: a {kind} key in {entry['mode']} mode begins with {start}.")
            found.append(KeySettings(entry["mode"], kind, key))
        if not found:
            raise WrongSettings(f"{place} api_keys: name a secret_key_file, a publishable_key_file or both.")
        return found

    def _merchant(self, entry: dict[str, Any]) -> MerchantSettings:
        place, partner = f"mchid {entry['mchid']}", service_provider_of(entry)
        version = entry.get("api_version", "v3")
        if f"api{version}_key_file" not in entry:
            raise WrongSettings(f'{place}: api_version "{version}" needs api{version}_key_file.')
        if ("public_key_id" in entry) != ("public_key_file" in entry):
            raise WrongSettings(f"{place}: public_key_id and public_key_file belong together; set both or none.")
        names = "fetch_certificates v3_codepay api_url backup_url api_version sign_type certificate_api_url"
        optional: dict[str, Any] = {name: entry[name] for name in names.split() if name in entry}
        if "authority_file" in entry:
            self._bytes(entry["authority_file"], f"{place} authority_file")
            optional["authority_path"] = str(self._folder / entry["authority_file"])
        if "api_url" in entry and "backup_url" not in entry:
            optional["backup_url"] = None
        if "auto_debit" in entry:
            optional["auto_debit"] = AutoDebitSettings(**entry["auto_debit"])
        if "cross_border" in entry:
            optional |= cross_border(entry, place)
        public_file = entry.get("public_key_file")
        return MerchantSettings(
            mode=entry["mode"],
            mchid=entry["mchid"],
            serial_certificate=self._bytes(entry["certificate_file"], f"{place} certificate_file"),
            private_key=self._bytes(entry["private_key_file"], f"{place} private_key_file"),
            public_key_id=entry.get("public_key_id"),
            public_key=self._bytes(public_file, f"{place} public_key_file") if public_file else None,
            platform_certificates=tuple(
                self._bytes(name, f"{place} platform_certificate_files")
                for name in entry.get("platform_certificate_files", [])
            ),
            certificate_path=str(self._folder / entry["certificate_file"]),
            private_key_path=str(self._folder / entry["private_key_file"]),
            **shared_keys(entry, self._text, place=place),
            service_provider=partner,
            **optional,
        )

    def _app(self, entry: dict[str, Any]) -> AppSettings:
        optional = {name: entry[name] for name in ("platform_url", "authorize_url") if name in entry}
        kind, place = AppKind(entry["kind"]), f"app {entry['appid']}"
        if "secret_file" not in entry and kind is not AppKind.MOBILE_APP:
            raise WrongSettings(f"{place}: secret_file is missing; only a {AppKind.MOBILE_APP.value} pays without one.")
        return AppSettings(
            mode=entry["mode"],
            appid=entry["appid"],
            kind=kind,
            mchid=entry["mchid"],
            secret=self._text(entry["secret_file"], f"{place} secret_file") if "secret_file" in entry else "",
            return_urls=tuple(entry.get("return_urls", [])),
            order_shipping=OrderShipping(entry["order_shipping"]) if "order_shipping" in entry else None,
            **push_secrets(entry, self._text),
            **optional,
        )

    def _endpoint(self, entry: dict[str, Any]) -> EndpointSettings:
        place = f"webhook endpoint {entry['id']}"
        secrets = [self._text(entry["secret_file"], f"{place} secret_file")]
        if "previous_secret_file" in entry:
            secrets.append(self._text(entry["previous_secret_file"], f"{place} previous_secret_file"))
        return EndpointSettings(entry["mode"], entry["id"], entry["url"], tuple(secrets))

    def _database_url(self, url: str) -> str:
        """A relative SQLite path is relative to the settings file, like every other path."""
        prefix = "sqlite:///"
        if not url.startswith(prefix) or url.startswith(prefix + "/"):
            return url
        return f"{prefix}{(self._folder / url.removeprefix(prefix)).resolve()}"

    def _bytes(self, name: str, place: str) -> bytes:
        file = self._folder / name
        try:
            content = file.read_bytes()
        except OSError as error:
            raise WrongSettings(f"{place}: the file {file} can't be read: {error.strerror}.") from error
        if not content or len(content) > SECRET_BYTES_MAX:
            raise WrongSettings(f"{place}: the file {file} is empty or larger than {SECRET_BYTES_MAX} bytes.")
        return content

    def _text(self, name: str, place: str) -> str:
        try:
            text = self._bytes(name, place).decode("ascii").strip()
        except UnicodeDecodeError as error:
            raise WrongSettings(f"{place}: the file {name} must hold ASCII text.") from error
        if not text:
            raise WrongSettings(f"{place}: the file {name} is blank.")
        return text


def _check_references(settings: Settings) -> None:
    seen: set[str] = set()
    shared = shared_apps(settings.accounts)
    for account in settings.accounts:
        for mode in ("test", "live"):
            known = {merchant.mchid for merchant in account.merchants if merchant.mode == mode}
            for app in account.apps:
                if app.order_shipping is not None and app.kind is not AppKind.MINI_PROGRAM:
                    raise WrongSettings(f"app {app.appid}: order_shipping is for mini programs alone.")
                if app.mode == mode and app.mchid not in known:
                    raise WrongSettings(
                        f"app {app.appid}: mchid {app.mchid} is not among the {mode} merchants of {account.id}."
                    )
        names = [
            account.id,
            *(merchant.mchid for merchant in account.merchants),
            *(app.appid for app in account.apps if app.appid not in shared),
            *(endpoint.id for endpoint in account.endpoints),
            *(key.key for key in account.api_keys),
        ]
        for name in names:
            if name in seen:
                shown = "an API key" if name.startswith(("sk_", "pk_")) else name
                raise WrongSettings(f"{shown} stands twice in the settings; each may stand once.")
            seen.add(name)
    parts = urlsplit(settings.server.public_url)
    if parts.path:
        raise WrongSettings("server.public_url must be the root of a host (no path): official SDKs expect /v1 there.")


def _check_lease(settings: Settings) -> None:
    """Who acts on something must be finished, one way or the other, before another takes it up."""
    work, call_s = settings.work, settings.upstream.total_timeout_s
    longest = (
        (f"{CALLS_OF_ONE_ACT_MAX} x upstream.total_timeout_s = {call_s:g}", CALLS_OF_ONE_ACT_MAX * call_s),
        (f"work.webhook_timeout_s = {work.webhook_timeout_s:g}", work.webhook_timeout_s),
    )
    for what, seconds in longest:
        if work.lease_s <= seconds:
            raise WrongSettings(
                f"work.lease_s = {work.lease_s:g} must be longer than {what}: set it above {seconds:g}, or lower that."
            )


def _check_engine(work: WorkSettings) -> None:
    if work.engine == "celery" and not (work.broker_url or "").startswith(BROKERS):
        raise WrongSettings(
            'work.engine = "celery" needs work.broker_url or work.broker_url_file: redis://host:6379/1 or '
            "amqp://user:password@host:5672/vhost."
        )
