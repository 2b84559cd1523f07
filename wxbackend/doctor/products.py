"""What goes beyond a payment: whether shipping and auto-debit are set as WeChat has them.

A transfer's scene is no setting: each request names it, and WeChat refuses one that it did not grant.
"""

from __future__ import annotations

from wxbackend.doctor.findings import Finding, failed, ok, warning
from wxbackend.doctor.wechat import NOBODY, ORDER_LASTS_MS
from wxbackend.domain.errors import ProviderError
from wxbackend.domain.mandate import Mandate
from wxbackend.domain.observation import Absent, Uncertain
from wxbackend.domain.terminal import AppKind, Terminal
from wxbackend.flows.dependencies import Dependencies
from wxbackend.ports.accounts import App
from wxbackend.ports.provider import Provider


def check_shipping(deps: Dependencies, app: App) -> list[Finding]:
    """Whether the app's `order_shipping` fits what WeChat does with its orders."""
    if app.kind is not AppKind.MINI_PROGRAM:
        return []
    check = f"app {app.appid} shipping"
    try:
        managed = deps.identity.orders.is_managed(app)
    except ProviderError as error:
        return [
            warning(check, f"could not be asked: {error}", "compare the app's secret and its IP list, then ask again")
        ]
    if managed and app.order_shipping is None:
        message = "WeChat holds this mini program's money until the goods are shipped, and nothing is told to it"
        fix = "set order_shipping of this app to by_hand, virtual or pick_up (docs/shipping.md)"
        return [failed(check, message, fix)]
    if not managed and app.order_shipping is not None:
        message = "order_shipping is set, and WeChat does not manage this mini program's orders"
        fix = "leave order_shipping of this app out, or switch order management (发货信息管理) on in its console"
        return [warning(check, message, fix)]
    told = "managed by WeChat" if managed else "not managed by WeChat"
    return [ok(check, f"{told}, as order_shipping says")]


def check_mandates(deps: Dependencies, provider: Provider, app: App | None) -> list[Finding]:
    """Whether contracts can be asked about: a contract that does not exist is."""
    check = f"mchid {provider.merchant} auto-debit"
    mandates = deps.providers.mandates_of(provider.name, provider.merchant)
    if mandates is None or app is None:
        return [ok(check, "no auto-debit plan (auto_debit.plan_id of this merchant number): SetupIntents are refused")]
    fix = "auto_debit.plan_id must be a plan of this mchid (merchant console, 委托代扣), and the product be open to it"
    try:
        said = deps.transport.send(mandates.query_mandate(_nobodys_mandate(deps, provider, app)))
    except ProviderError as error:
        return [warning(check, f"could not be asked: {error}", "ask again")]
    if isinstance(said, Absent):
        return [ok(check, "WeChat answers about contracts (no such contract, as it should be)")]
    why = said.reason if isinstance(said, Uncertain) else type(said).__name__
    return [failed(check, f"a query for a contract was not answered as it should be: {why}", fix)]


def _nobodys_mandate(deps: Dependencies, provider: Provider, app: App) -> Mandate:
    """With nobody, under a number that was never used."""
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    return Mandate(
        id=number,
        setup_id=0,
        customer_id=0,
        method_id=0,
        account=app.account,
        livemode=app.livemode,
        provider=provider.name,
        merchant=provider.merchant,
        app=app.appid,
        terminal=Terminal.OFFICIAL_ACCOUNT,
        out_mandate_no=f"doctor{number}",
        payer=NOBODY,
        method_type="wechat_pay",
        display_name="wxbackend doctor",
        created_ms=now_ms,
        sent_ms=now_ms,
        expires_ms=now_ms + ORDER_LASTS_MS,
    )
