"""Give money to a person: record it, commit, send, settle. Sent again it has the same number, for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wxbackend.domain import transfer_lifecycle
from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.merchant_transfer import MerchantTransfer, ReportInfo
from wxbackend.domain.money import Money
from wxbackend.flows import ask_transfer, settle_transfer
from wxbackend.flows.dependencies import Dependencies
from wxbackend.flows.once import Once, claim
from wxbackend.ports.accounts import Actor, App
from wxbackend.ports.money_out import gives_money
from wxbackend.ports.store import Unit

APP_PARAM = "destination[app_id]"


@dataclass(frozen=True, slots=True)
class CreateTransfer:
    """What the merchant's server asks for."""

    money: Money
    openid: str = field(repr=False)
    description: str
    scene: str
    reports: tuple[ReportInfo, ...]
    app: str | None = None
    name: str | None = field(default=None, repr=False)
    perception: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def create_transfer(
    deps: Dependencies, actor: Actor, command: CreateTransfer, *, once: Once = Once()
) -> MerchantTransfer:
    """The transfer; usually it waits for the recipient's confirmation, with what opens it."""
    app = choose(deps, actor, command.app)
    provider = deps.providers.of(app.provider, app.merchant)
    if provider is not None and command.money.currency not in provider.currencies:
        raise InvalidRequest("Transfers are in CNY.", code="transfer_currency_mismatch", param="currency")
    if not gives_money(provider):
        raise InvalidRequest(
            "The app's merchant number cannot give money to people.", code="transfer_not_available", param=APP_PARAM
        )
    asked = _transfer(deps, actor, app, command)
    fault = provider.transfer_fault(asked)
    if fault is not None:
        raise InvalidRequest(f"{fault.param}: {fault.message}", code=fault.code, param=fault.param)

    def work(unit: Unit) -> MerchantTransfer:
        claim(unit, deps, once, object_id=asked.id)
        return settle_transfer.begin(unit, deps, transfer_lifecycle.create(asked))

    recorded = deps.store.write(work)
    said = ask_transfer.send(deps, provider, recorded)
    return deps.store.write(lambda unit: settle_transfer.settle_transfer(unit, deps, recorded.id, said, looks=0))


def choose(deps: Dependencies, actor: Actor, named: str | None, *, param: str = APP_PARAM) -> App:
    """The app whose openid the recipient is named by: the one that is named, or the only one."""
    apps = deps.accounts.apps(actor.account, livemode=actor.livemode)
    fitting = [app for app in apps if named in (None, app.appid)]
    if len(fitting) == 1:
        return fitting[0]
    if not apps:
        why = "This account has no app; add one under [[accounts.apps]] in the settings."
        raise InvalidRequest(why, code="app_misconfigured", param=param)
    if named is not None:
        raise InvalidRequest("app_id is not an app of this account.", code="parameter_invalid", param=param)
    why = "This account has several apps; name the one that the openid belongs to."
    raise InvalidRequest(why, code="parameter_missing", param=param)


def _transfer(deps: Dependencies, actor: Actor, app: App, command: CreateTransfer) -> MerchantTransfer:
    number, now_ms = deps.surroundings.new_id(), deps.surroundings.now_ms()
    return MerchantTransfer(
        id=number,
        account=actor.account,
        livemode=actor.livemode,
        provider=app.provider,
        merchant=app.merchant,
        app=app.appid,
        payee=command.openid,
        out_bill_no=str(number),
        money=command.money,
        description=command.description,
        scene=command.scene,
        created_ms=now_ms,
        sent_ms=now_ms,
        reports=command.reports,
        perception=command.perception,
        payee_name=command.name,
        metadata=command.metadata,
    )
