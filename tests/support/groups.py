"""A shop whose buyers pay several intents at once: the real flows, a real database, our adapter, WeChat over HTTP."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final, cast

from tests.contracts.conftest import Database
from tests.support.money_out import MERCHANTS, Till
from tests.support.objects import ACCOUNT
from tests.support.wechat_side import BUYER, MINI_PROGRAM, MOBILE_APP, OFFICIAL_ACCOUNT, WechatSide
from wxbackend.domain.attempt import Attempt
from wxbackend.domain.discrepancy import KeptDiscrepancy
from wxbackend.domain.intent import PaymentIntent, PaymentMethod
from wxbackend.domain.money import Money
from wxbackend.domain.payment_group import PaymentGroup
from wxbackend.domain.terminal import AppKind, Terminal
from wxbackend.flows.cancel_group import cancel_group
from wxbackend.flows.confirm_intent import Confirm, Shown, confirm_intent
from wxbackend.flows.create_group import CreateGroup, create_group
from wxbackend.flows.create_intent import Create, create_intent
from wxbackend.flows.find_group import find_group
from wxbackend.flows.find_intent import find_intent
from wxbackend.flows.once import Once
from wxbackend.flows.reconcile_intent import claim_looks, reconcile_intent
from wxbackend.flows.reconcile_refund import claim_refund_looks, reconcile_refund
from wxbackend.ports.accounts import App
from wxbackend.ports.store import Page, Poll

PRICES: Final = (2000, 1500, 1)
FAR_MS: Final = 10**15
APPS: Final = {
    OFFICIAL_ACCOUNT: AppKind.OFFICIAL_ACCOUNT, MINI_PROGRAM: AppKind.MINI_PROGRAM, MOBILE_APP: AppKind.MOBILE_APP,
}  # fmt: skip


class GroupShop(Till):
    """The shop, its worker and its buyer."""

    def __init__(self, database: Database, side: WechatSide) -> None:
        super().__init__(database, side)
        apps = tuple(
            App(appid, kind, ACCOUNT, livemode=False, provider="wechat_v3", merchant=side.provider.merchant, secret="")
            for appid, kind in APPS.items()
        )
        known = {"apps": lambda *_, **__: apps, "app": lambda _appid: None}
        accounts = SimpleNamespace(**(vars(self.deps.accounts) | known))
        self.deps = replace(self.deps, accounts=cast("Any", accounts))

    # --- the shop ---------------------------------------------------------------------------------

    def intents(self, *prices: int) -> list[PaymentIntent]:
        """New intents at these prices."""
        return [create_intent(self.deps, MERCHANTS, Create(Money(price, "CNY"))).intent for price in prices or PRICES]

    def method(self, terminal: Terminal = Terminal.MINI_PROGRAM, **changes: Any) -> PaymentMethod:
        """How the default buyer pays there."""
        fields: dict[str, Any] = {"terminal": terminal}
        if terminal in (Terminal.MINI_PROGRAM, Terminal.OFFICIAL_ACCOUNT):
            appid = MINI_PROGRAM if terminal is Terminal.MINI_PROGRAM else OFFICIAL_ACCOUNT
            fields["openid"] = self.side.openid(appid)
        if terminal is Terminal.WAP:
            fields |= {"client_ip": "36.110.147.2", "os_type": "IOS"}
        surroundings = self.deps.surroundings
        made = PaymentMethod(surroundings.new_id(), "wechat_pay", surroundings.now_ms(), **fields)
        return replace(made, **changes)

    def command(self, intents: list[PaymentIntent], **changes: Any) -> CreateGroup:  # type: ignore[override]
        """Pay these at once."""
        made = CreateGroup(tuple(intent.id for intent in intents), self.method())
        return replace(made, **changes)

    def group(self, intents: list[PaymentIntent] | None = None, *, once: Once = Once(), **changes: Any) -> PaymentGroup:
        """Ask for a group, of three new intents where none are named."""
        return create_group(self.deps, MERCHANTS, self.command(intents or self.intents(), **changes), once=once)

    def confirm(self, intent: PaymentIntent, terminal: Terminal = Terminal.MINI_PROGRAM) -> Shown:
        """Let an intent be paid by itself."""
        return confirm_intent(self.deps, MERCHANTS, intent.id, Confirm(self.method(terminal)))

    def cancel_group(self, group: PaymentGroup, *, once: Once = Once()) -> PaymentGroup:
        """End the combined order."""
        return cancel_group(self.deps, MERCHANTS, group.id, once=once)

    def see(self, group: PaymentGroup) -> PaymentGroup:
        """The group as it is now."""
        return find_group(self.deps, MERCHANTS, group.id)

    def statuses(self, group: PaymentGroup) -> list[str]:
        """The statuses of its intents."""
        return [each.intent.status.value for each in self.see(group).members]

    def intent(self, intent: PaymentIntent) -> PaymentIntent:
        """An intent as it is now."""
        return find_intent(self.deps, MERCHANTS, intent.id)[0]

    def discrepancies(self) -> list[KeptDiscrepancy]:
        """Money that did not fit, oldest first."""
        page = Page(limit=100)
        found = self.database.store.read(lambda unit: unit.discrepancies.page(ACCOUNT, livemode=False, page=page))
        return sorted(found, key=lambda each: each.id)

    # --- the buyer and WeChat -----------------------------------------------------------------------

    def pay(self, group: PaymentGroup, outcome: str = "pay", buyer: str = BUYER) -> dict[str, Any]:
        """The buyer opens the cashier with what the group was answered with; what the page hears."""
        first = group.first
        params = dict(first.client_params or {})
        channel = {Terminal.MINI_PROGRAM: "mini_program", Terminal.OFFICIAL_ACCOUNT: "official_account"}[first.terminal]
        told = {"channel": channel, "appid": first.app, "params": params, "outcome": outcome}
        found: dict[str, Any] = self.side.desk("POST", f"/buyers/{buyer}/pay", told)
        return found

    def orders(self, group: PaymentGroup) -> list[str]:
        """What WeChat's books say of each order."""
        return [self.order(each.attempt)["trade_state"] for each in group.members]

    def order(self, attempt: Attempt) -> dict[str, Any]:
        """One order in WeChat's books."""
        found: dict[str, Any] = self.side.desk("GET", f"/orders/{attempt.out_trade_no}")
        return found

    def asked(self, ending: str) -> list[dict[str, Any]]:
        """What WeChat was asked about combined orders at paths with that ending, oldest first."""
        found = self.side.desk("GET", "/requests?limit=1000")["requests"]
        fitting = (each for each in reversed(found) if "/combine-transactions/" in each["path"])
        return [each for each in fitting if each["path"].endswith(ending)]

    def forge(self, attempt: Attempt, **changes: Any) -> None:
        """A rightly signed notice of the combined order as if it were paid, with something changed; received."""
        told = {"url": self.side.mailbox.url, "out_trade_no": attempt.out_trade_no, "plaintext_overrides": changes}
        self.side.mailbox.empty()
        self.side.desk("POST", "/notices/forge", told)
        self.hear()
        self.side.mailbox.empty()

    # --- the worker ---------------------------------------------------------------------------------

    def planned(self) -> int:
        """How many attempts are planned to be looked at."""
        return len(self._polls())

    def look_around(self) -> int:
        """The worker looks at everything that is planned, whenever that is; how many that were."""
        polls = self._polls()
        for poll in polls:
            reconcile_intent(self.deps, poll)
        return len(polls)

    def work(self) -> None:
        """The worker does everything that is due, refunds too."""
        for poll in claim_looks(self.deps, at_most=100):
            reconcile_intent(self.deps, poll)
        for poll in claim_refund_looks(self.deps, at_most=100):
            reconcile_refund(self.deps, poll)

    def wait(self, seconds: float) -> None:
        """Let time pass here; signatures hold for five minutes in all."""
        self.side.surroundings.ahead_ms += round(seconds * 1000)

    def _polls(self) -> list[Poll]:
        claim = self.deps.store.write
        return list(claim(lambda unit: unit.attempts.claim(now_ms=FAR_MS, lease_ms=-FAR_MS + 1, limit=1000)))
