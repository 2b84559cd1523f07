"""The examples for production: they can be loaded, and name every setting that there is."""

from __future__ import annotations

import configparser
import re
import secrets
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from marshmallow import Schema, fields

from wxbackend import settings_shape
from wxbackend.development import ROOT
from wxbackend.settings import Settings, load_settings, secret_files
from wxbackend.settings_document import WrongSettings

EXAMPLE: Final = ROOT / "config" / "production.example.toml"
DATABASE: Final = "postgresql+psycopg://wxbackend@127.0.0.1/wxbackend"
CONTENT: Final = {"secret_key": "sk_live_", "publishable_key": "pk_live_", "webhook_secret": "whsec_"}
UNITS: Final = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def installed(folder: Path) -> Path:
    """The example with all the files that it names."""
    file = folder / "settings.toml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "secrets").mkdir()
    for name in set(re.findall(r'"(secrets/[^"]+)"', file.read_text(encoding="utf-8"))):
        start = CONTENT.get(Path(name).stem, "")
        random = secrets.token_hex(22)[:43] if "push_aes_key" in name else secrets.token_hex(16)
        (folder / name).write_text(start + random, encoding="ascii")
    return file


def load(file: Path, **environment: str) -> Settings:
    return load_settings(file, {"WXBACKEND_DATABASE_URL": DATABASE} | environment)


def test_the_example_loads_and_is_live_on_postgresql(tmp_path: Path) -> None:
    settings = load(installed(tmp_path))
    assert settings.server.database_url == DATABASE
    assert settings.server.trusted_proxies == ("127.0.0.1", "::1")
    assert settings.server.metrics_token is not None
    (account,) = settings.accounts
    assert {key.mode for key in account.api_keys} == {merchant.mode for merchant in account.merchants} == {"live"}
    assert [app.kind.value for app in account.apps] == ["official_account", "mini_program"]


def test_what_is_commented_out_can_be_commented_in(tmp_path: Path) -> None:
    file = installed(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"^# (\w+ = .+|\[.+\])$", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    assert load(file).work.look_after_s == (10, 30, 120, 600)
    plain = {name: value for name, value in tomllib.loads(text).items() if name == "work"}
    assert plain == {"work": {}}, "the defaults are shown and not set"


def names_of(schema: type[Schema]) -> set[str]:
    """Every name of a table and of those inside it."""
    found: set[str] = set()
    for name, kind in schema().fields.items():
        inner: Any = kind.inner if isinstance(kind, fields.List) else kind
        found.add(name)
        if isinstance(inner, fields.Nested):
            found |= names_of(type(inner.schema))
    return found


@pytest.mark.parametrize("name", sorted(names_of(settings_shape.Top)))
def test_every_setting_stands_in_the_example(name: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert re.search(rf"^(# )?{name} = |^(# )?\[+(accounts\.(merchants\.)?)?{name}\]", text, re.MULTILINE), name


def test_secrets_are_all_files_but_the_public_ones(tmp_path: Path) -> None:
    found = {file.name for file in secret_files(installed(tmp_path), {"WXBACKEND_DATABASE_URL": DATABASE})}
    assert {"apiclient_key.pem", "apiv3_key.txt", "secret_key.txt", "webhook_secret.txt", "metrics_token.txt"} < found
    assert not found & {"apiclient_cert.pem", "pub_key.pem", "publishable_key.txt"}


@pytest.mark.parametrize("network", ["10.0.0.1/8", "everybody", "127.0.0.1:80", ""])
def test_a_proxy_that_is_no_network_is_refused(tmp_path: Path, network: str) -> None:
    with pytest.raises(WrongSettings, match=r"trusted_proxies.*network"):
        load(installed(tmp_path), WXBACKEND__SERVER__TRUSTED_PROXIES=f'["{network}"]')


def test_the_database_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="WXBACKEND_DATABASE_URL is not set"):
        load_settings(installed(tmp_path), {})


@pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])
def test_units_run_a_command_that_there_is_without_rights(unit: Path) -> None:
    found = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    found.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    found.read(unit, encoding="utf-8")
    service = found["Service"]
    assert service["User"] == "wxbackend"
    assert service["NoNewPrivileges"] == "yes"
    program, command = service["ExecStart"].split()
    assert program == "/opt/wxbackend/.venv/bin/wxbackend"
    from wxbackend.cli import cli

    assert command in cli.commands


def test_compose_runs_each_program_after_the_schema_is_there() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    assert set(services) == {"database", "redis", "migrate", "web", "worker"}
    for name, command in (("web", "serve"), ("worker", "work")):
        assert services[name]["command"] == [command]
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert all(port.startswith("127.0.0.1:") for port in services["web"]["ports"])
