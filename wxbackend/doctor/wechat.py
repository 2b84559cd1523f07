"""What only WeChat can tell: whether our clock, our signature and our appids are accepted.

Nothing is bought: an order that does not exist is queried, and an order is placed for a payer that
cannot exist, which WeChat refuses after it has compared appid and mchid. A mobile app's order names
no payer: it is closed again at once, and nobody ever had what opens it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from wxbackend.doctor.findings import Finding, failed, ok, warning
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import ProviderError
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Absent, Declined, Observation, Opened, Uncertain
from wxbackend.domain.terminal import TERMINAL_OF_LOGIN, AppKind, Terminal
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.fetch_certificates import fetch_certificates
from wxbackend.ports.accounts import App
from wxbackend.ports.provider import Exchange, Provider, Reply

CLOCK_WARNING_S: Final = 60
CLOCK_FAILURE_S: Final = 300
ORDER_LASTS_MS: Final = 300_000
NOBODY: Final = "wxbackend-doctor-nobody"
REACH_FIX: Final = "allow outgoing HTTPS to api.mch.weixin.qq.com and api2.mch.weixin.qq.com, and check DNS"
TERMINAL_OF: Final = {**TERMINAL_OF_LOGIN, AppKind.MOBILE_APP: Terminal.APP}
"""How each kind of app orders for itself."""


def check_certificates(deps: Dependencies) -> list[Finding]:
    """Whether the platform certificates can be fetched; they are kept for all processes."""
    findings = []
    for name, mchid, source in deps.providers.certificate_sources():
        check = f"mchid {mchid} platform certificates"
        if fetch_certificates(deps, name, mchid, source):
            findings.append(ok(check, "fetched, decrypted and kept, or this merchant has the public key only"))
        else:
            findings.append(
                warning(
                    check,
                    "could not be fetched or decrypted",
                    "compare the APIv3 key with the console's, or set fetch_certificates = false when the public "
                    "key is used alone",
                )
            )
    return findings


def check_clock_and_signature(
    deps: Dependencies, provider: Provider, app: App | None, *, of: str = ""
) -> list[Finding]:
    """A signed query for an order that does not exist, and what the answer tells; `of` says what for."""
    place = f"mchid {provider.merchant}{of}"
    exchange = provider.query(_nobodys_order(deps, provider, app))
    raw = Exchange(
        exchange.purpose, exchange.method, exchange.hosts, exchange.target, exchange.headers, exchange.body, _itself
    )
    try:
        reply = deps.transport.send(raw)
    except ProviderError as error:
        return [failed(f"{place} reach", str(error), REACH_FIX)]
    clock = judge_clock(f"{place} clock", reply.headers.get("date", ""), now_s=deps.surroundings.now_ms() // 1000)
    check = f"{place} signature"
    try:
        said = _read_or_ask_again(deps, provider, app, read=lambda: exchange.read(reply))
    except ProviderError as error:
        return [clock, failed(check, str(error), _proof_fix(provider, reply.status))]
    if isinstance(said, Absent):
        return [clock, ok(check, "WeChat accepted ours and we verified theirs (no such order, as it should be)")]
    why = said.reason if isinstance(said, Uncertain) else type(said).__name__
    fix = _proof_fix(provider, reply.status)
    return [clock, failed(check, f"the query was not answered as it should be: {why}", fix)]


def _read_or_ask_again(
    deps: Dependencies, provider: Provider, app: App | None, *, read: Callable[[], Observation]
) -> Observation:
    """The answer, or that of a second try: while a key is changed the first may find the wrong one of two."""
    try:
        return read()
    except ProviderError:
        return deps.transport.send(provider.query(_nobodys_order(deps, provider, app)))


def _itself(reply: Reply) -> Reply:
    """The whole answer, to see its Date."""
    return reply


def _proof_fix(provider: Provider, status: int) -> str:
    if provider.name == "wechat_v2":
        return "apiv2_key_file and sign_type must be those of this mchid in the merchant console (not the APIv3 key)"
    if status == 401:
        return (
            "the certificate's serial, the private key and the mchid must be this merchant's (a sub-merchant's are its "
            "service provider's); then check the clock"
        )
    if status == 403:
        return "the merchant's number may not use this product: see Product Centre in the merchant console"
    return "set public_key_id and public_key_file (or let platform certificates be fetched), then ask again"


def judge_clock(check: str, date: str, *, now_s: int) -> Finding:
    """Our clock against the Date of an answer; WeChat refuses what is five minutes away."""
    try:
        there: datetime = parsedate_to_datetime(date)
    except ValueError:
        return warning(check, "the answer has no Date to compare with", "compare the clock by hand")
    difference_s = now_s - round(there.timestamp())
    told = f"{abs(difference_s)} s {'ahead of' if difference_s > 0 else 'behind'} WeChat's"
    fix = "run a time service (chrony or systemd-timesyncd) on this machine"
    if abs(difference_s) >= CLOCK_FAILURE_S:
        return failed(check, told, fix)
    if abs(difference_s) >= CLOCK_WARNING_S:
        return warning(check, told, fix)
    return ok(check, "agrees with WeChat's" if difference_s == 0 else told)


def check_app(deps: Dependencies, provider: Provider, app: App) -> Finding:
    """Whether WeChat binds this appid to this mchid."""
    check = f"app {app.appid} with mchid {provider.merchant}"
    order = _nobodys_order(deps, provider, app)
    try:
        said = deps.transport.send(provider.order(order))
        if isinstance(said, Opened):
            deps.transport.send(provider.close(order))
    except ProviderError as error:
        return warning(check, f"could not be asked: {error}", "ask again")
    if isinstance(said, Declined):
        if said.decline_code == "configuration_error":
            return failed(
                check,
                f"WeChat refused: {said.operator_hint}",
                "bind them: merchant console, Product Centre > AppID accounts (产品中心 > AppID账号管理), then "
                "confirm in the app's own console; for a sub-merchant the service provider does it in its own console",
            )
        if "openid" in said.message:
            return ok(check, "bound (a payer that cannot exist was refused, as it should be)")
        return warning(check, f"WeChat refused: {said.operator_hint}", "read WeChat's words; no order was made")
    if isinstance(said, Opened):
        return ok(check, "bound (the order was closed again)")
    why = said.reason if isinstance(said, Uncertain) else type(said).__name__
    return warning(check, f"no clear answer: {why}", "ask again")


def _nobodys_order(deps: Dependencies, provider: Provider, app: App | None) -> Attempt:
    """One fen from nobody, under a number that was never used."""
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    kind = app.kind if app is not None else AppKind.OFFICIAL_ACCOUNT
    return Attempt(
        id=number,
        intent_id=0,
        account=app.account if app else "",
        livemode=app.livemode if app else False,
        provider=provider.name,
        merchant=provider.merchant,
        app=app.appid if app else "",
        terminal=TERMINAL_OF[kind],
        out_trade_no=f"doctor{number}",
        payer=NOBODY,
        money=Money(1, "CNY" if "CNY" in provider.currencies else min(provider.currencies)),
        description="wxbackend doctor",
        created_ms=now_ms,
        sent_ms=now_ms,
        expires_ms=now_ms + ORDER_LASTS_MS,
    )
