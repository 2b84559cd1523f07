"""What stands around us: the database, what processes share, and our address as the outside sees it."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from wxbackend.doctor.findings import Finding, failed, ok, warning
from wxbackend.domain.errors import ProviderError
from wxbackend.flows.check_readiness import AWAY, BEHIND, check_readiness
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.provider import Exchange, Hosts, Provider, Reply
from wxbackend.settings import Settings

UNSIGNED_STATUS: Final = 401
RESOLVED_MAX: Final = 16


def check_database(deps: Dependencies) -> list[Finding]:
    """Reachable, and with the schema that this program needs; and whether coordination answers."""
    found = check_readiness(deps)
    findings = []
    if found.database == AWAY:
        findings.append(failed("database", "does not answer", "check server.database_url and that the server runs"))
    elif found.migrations == BEHIND:
        findings.append(failed("database", "its schema is not the present one", "run: wxbackend migrate"))
    else:
        findings.append(ok("database", "answers, and its schema is the present one"))
    if found.coordination == AWAY:
        findings.append(
            failed("coordination", "does not answer: buyers cannot log in", "check server.coordination_url")
        )
    else:
        findings.append(ok("coordination", "answers"))
    return findings


def check_server(settings: Settings) -> list[Finding]:
    """Settings that are allowed and should not be together."""
    live = is_live(settings)
    server = settings.server
    findings = []
    if live and server.test_bridge_url is not None:
        fix = "remove it from the settings"
        findings.append(failed("settings", "server.test_bridge_url is set beside live merchants", fix))
    findings.extend(
        failed("settings", f"mchid {merchant.mchid} is live and has an authority_file", "remove it: WeChat needs none")
        for account in settings.accounts
        for merchant in account.merchants
        if merchant.mode == "live" and merchant.authority_path is not None
    )
    if server.public_url.startswith("https://") and not server.trusted_proxies:
        findings.append(
            warning(
                "settings",
                "no server.trusted_proxies: every buyer seems to have the address of whatever ends TLS",
                'name it, for example trusted_proxies = ["127.0.0.1"]',
            )
        )
    findings.extend(
        warning("settings", f"the live webhook endpoint {endpoint.id} is not https", "give it an https address")
        for account in settings.accounts
        for endpoint in account.endpoints
        if endpoint.mode == "live" and not endpoint.url.startswith("https://")
    )
    return findings or [ok("settings", "readable, complete and consistent")]


def is_live(settings: Settings) -> bool:
    """Whether real money can move."""
    return any(merchant.mode == "live" for account in settings.accounts for merchant in account.merchants)


def check_notify_address(deps: Dependencies, provider: Provider, *, live: bool) -> list[Finding]:
    """Where WeChat sends this merchant's notices, as far as it can be judged from inside."""
    url = deps.policy.public_url
    check = f"mchid {provider.merchant} notify URL"
    findings = [_address(check, url, live=live), _answer(deps, check, url, provider)]
    return [finding for finding in findings if finding is not None]


def _address(check: str, url: str, *, live: bool) -> Finding | None:
    """Encrypted, and with a public name. In test mode the simulator may be told any address."""
    report = failed if live else warning
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return report(check, f"{url} is not https", "put a proxy with a certificate before it, see docs/going_live.md")
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return report(check, "its host is an address and not a name", "give server.public_url a registered name")
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)[:RESOLVED_MAX]}
    except OSError:
        return report(check, f"{host} is not found in DNS", "register the name, or correct server.public_url")
    inside = [address for address in sorted(found) if not ip_address(address.partition("%")[0]).is_global]
    if inside:
        return report(
            check,
            f"{host} leads to {', '.join(inside)} from here, which the outside cannot reach",
            "point the name to a public address (inside a split DNS this may be right: then ask from outside)",
        )
    return None


def _answer(deps: Dependencies, check: str, url: str, provider: Provider) -> Finding:
    """An unsigned message must reach us and be refused."""
    exchange = Exchange(
        purpose="doctor",
        method="POST",
        hosts=Hosts(url),
        target=f"/notices/{provider.name}/{provider.merchant}",
        headers={"Content-Type": "application/json"},
        body=b"{}",
        read=_itself,
    )
    try:
        status = deps.transport.send(exchange).status
    except ProviderError as error:
        return failed(check, f"it was not reached from here: {error}", "start the web process and its proxy")
    if status != UNSIGNED_STATUS:
        return failed(
            check,
            f"an unsigned message was answered {status} instead of {UNSIGNED_STATUS}",
            "something else answers there: server.public_url must lead to this installation, without redirects",
        )
    return ok(check, f"{url}{exchange.target} answers and refuses what is not signed")


def _itself(reply: Reply) -> Reply:
    return reply
