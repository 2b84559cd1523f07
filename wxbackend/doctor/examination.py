"""The whole examination, in the order in which one thing needs another."""

from __future__ import annotations

import time

from wxbackend.assembly import Assembled, assemble, provider_of
from wxbackend.doctor.findings import Finding, Verdict, failed, ok
from wxbackend.doctor.keys import check_merchant, check_secret_files
from wxbackend.doctor.products import check_mandates, check_shipping
from wxbackend.doctor.surroundings import check_database, check_notify_address, check_server
from wxbackend.doctor.wechat import check_app, check_certificates, check_clock_and_signature
from wxbackend.settings import AccountSettings, MerchantSettings, load_settings, secret_files
from wxbackend.settings_document import WrongSettings


def examine(*, offline: bool) -> list[Finding]:
    """All findings; `offline` asks nobody outside this machine."""
    try:
        settings = load_settings()
        findings = [*check_server(settings), *check_secret_files(secret_files())]
    except WrongSettings as error:
        return [failed("settings", str(error), "correct the file; config/production.example.toml explains each name")]
    now_s = int(time.time())
    for account in settings.accounts:
        for merchant in account.merchants:
            findings += check_merchant(merchant, now_s=now_s)
    if any(finding.verdict is Verdict.FAILED and finding.check.startswith("mchid") for finding in findings):
        return findings
    try:
        assembled = assemble(settings)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the rest cannot be asked
        why = type(error).__name__
        return [*findings, failed("start", f"the parts cannot be put together ({why})", "check the database URLs")]
    try:
        return findings + _online(assembled, offline=offline)
    finally:
        assembled.close()


def _online(assembled: Assembled, *, offline: bool) -> list[Finding]:
    deps, settings = assembled.deps, assembled.settings
    findings = check_database(deps)
    if any(finding.verdict is Verdict.FAILED and finding.check == "database" for finding in findings):
        return findings
    if offline:
        return [*findings, ok("WeChat", "not asked")]
    findings += check_certificates(deps)
    for account in settings.accounts:
        for merchant in account.merchants:
            findings += _merchant(assembled, account, merchant)
    return findings


def _merchant(assembled: Assembled, account: AccountSettings, merchant: MerchantSettings) -> list[Finding]:
    deps, livemode = assembled.deps, merchant.mode == "live"
    provider = provider_of(assembled, merchant)
    apps = [app for app in deps.accounts.apps(account.id, livemode=livemode) if app.merchant == merchant.mchid]
    any_app = apps[0] if apps else None
    findings = check_clock_and_signature(deps, provider, any_app)
    if all(finding.verdict is not Verdict.FAILED for finding in findings):
        findings += [check_app(deps, provider, app) for app in apps]
        findings += [finding for app in apps for finding in check_shipping(deps, app)]
        findings += check_mandates(deps, provider, any_app)
    charging = deps.providers.charging_codes(merchant.mchid)
    if charging is not None and charging.name != provider.name:
        findings += check_clock_and_signature(deps, charging, any_app, of=" payment codes")
    return findings + check_notify_address(deps, provider, live=livemode)
