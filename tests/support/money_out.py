"""Money that goes out, in one process: the real flows, a real database, our adapter, and the simulator over HTTP."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final, cast

from tests.contracts.conftest import Database
from tests.support.objects import ACCOUNT, MERCHANT, an_intent
from tests.support.wechat_side import BUYER, MINI_PROGRAM, OFFICIAL_ACCOUNT, WechatSide
from wxbackend.domain import ids, ledger
from wxbackend.domain.attempt import AttemptState
from wxbackend.domain.intent import IntentStatus, PaymentIntent
from wxbackend.domain.merchant_transfer import MerchantTransfer, ReportInfo
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Paid
from wxbackend.domain.profit_sharing import Part, PartyKind, ProfitSharing, SharingReturn
from wxbackend.domain.terminal import AppKind
from wxbackend.flows.cancel_transfer import cancel_transfer
from wxbackend.flows.change_party import add_party
from wxbackend.flows.create_sharing import CreateReturn, CreateSharing, create_return, create_sharing
from wxbackend.flows.create_transfer import CreateTransfer, create_transfer
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.flows.once import Once
from wxbackend.flows.receive_notice import receive_notice
from wxbackend.flows.reconcile_sharing import reconcile_sharing
from wxbackend.flows.reconcile_transfer import claim_transfer_looks, reconcile_transfer
from wxbackend.ports.accounts import Actor, App, KeyKind
from wxbackend.ports.profit_sharing import Party
from wxbackend.ports.store import Page, Unit

MERCHANTS: Final = Actor(ACCOUNT, livemode=False, kind=KeyKind.SECRET)
NUMBERS: Final = itertools.count(1)
REPORTS: Final = (ReportInfo("岗位类型", "外卖员"), ReportInfo("报酬说明", "六月配送费"))
SUPPLIER: Final = "1900000110"
NAME: Final = "小明"
"""What the default buyer is called."""


class Quiet:
    """Counts nothing."""

    def notice(self, *, verdict: str) -> None:
        """Nothing."""


class Clock:
    """The side's clock, and numbers that no other database of this run has used."""

    def __init__(self, side: WechatSide) -> None:
        self._side = side

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self._side.surroundings.now_ms()

    def new_id(self) -> int:
        """An identifier as real ones are."""
        return ids.compose(self.now_ms(), 1, 0) + next(NUMBERS)

    def nonce(self) -> str:
        """32 letters and digits."""
        return self._side.surroundings.nonce()

    def token(self) -> str:
        """A secret."""
        return self._side.surroundings.token()


class Till:
    """A merchant with one database, who gives money out."""

    def __init__(self, database: Database, side: WechatSide) -> None:
        self.database = database
        self.side = side
        apps = tuple(
            App(appid=appid, kind=kind, account=ACCOUNT, livemode=False, provider="wechat_v3", merchant=MERCHANT,
                secret="")
            for appid, kind in ((OFFICIAL_ACCOUNT, AppKind.OFFICIAL_ACCOUNT), (MINI_PROGRAM, AppKind.MINI_PROGRAM))
        )  # fmt: skip
        accounts = SimpleNamespace(
            endpoints=lambda *_, **__: (),
            apps=lambda *_, **__: apps,
            owner_of=lambda *_: MERCHANTS,
            default_description=lambda *_: "Tea",
        )
        nothing: Any = None
        self.deps = Dependencies(
            store=database.store,
            transport=side.transport,
            providers=cast("Any", SimpleNamespace(of=lambda *_: side.provider)),
            accounts=cast("Any", accounts),
            identity=nothing,
            coordination=nothing,
            courier=nothing,
            surroundings=cast("Any", Clock(side)),
            counting=cast("Any", Quiet()),
            policy=Policy(),
        )

    # --- transfers ----------------------------------------------------------------------------------

    def command(self, **changes: Any) -> CreateTransfer:
        """Five yuan for the default buyer."""
        asked = CreateTransfer(
            money=Money(500, "CNY"),
            openid=self.side.openid(MINI_PROGRAM),
            app=MINI_PROGRAM,
            description="June commission",
            scene="1005",
            reports=REPORTS,
        )
        return replace(asked, **changes)

    def transfer(self, *, once: Once = Once(), **changes: Any) -> MerchantTransfer:
        """Send it."""
        return create_transfer(self.deps, MERCHANTS, self.command(**changes), once=once)

    def cancel(self, transfer: MerchantTransfer) -> MerchantTransfer:
        """Take it back."""
        return cancel_transfer(self.deps, MERCHANTS, transfer.id)

    def look(self) -> None:
        """The worker looks at everything that is planned, whenever that is."""
        store, far = self.deps.store, 10**15
        polls = store.write(lambda unit: unit.merchant_transfers.claim(now_ms=far, lease_ms=-far + 1, limit=100))
        for poll in polls:
            reconcile_transfer(self.deps, poll)

    def due(self) -> int:
        """How many looks are due now, taken."""
        return len(claim_transfer_looks(self.deps, at_most=100))

    def again(self, transfer: MerchantTransfer) -> MerchantTransfer:
        """As it is in the database."""
        found = self.database.store.read(lambda unit: unit.merchant_transfers.find(transfer.id))
        assert found is not None
        return found

    def all_transfers(self) -> list[MerchantTransfer]:
        """Every one, newest first."""
        page = Page(limit=1000)
        return list(
            self.database.store.read(lambda unit: unit.merchant_transfers.page(ACCOUNT, livemode=False, page=page))
        )

    # --- sharing ------------------------------------------------------------------------------------------

    def sold(self, total: int = 2000, *, shared: bool = True) -> PaymentIntent:
        """A paid order whose money is held back to be shared."""
        number, intent_id = self.deps.surroundings.new_id(), self.deps.surroundings.new_id()
        attempt = self.side.attempt(
            number=number, intent_id=intent_id, money=Money(total, "CNY"), profit_sharing=shared
        )
        self.side.open(attempt)
        self.side.pay(attempt)
        truth = self.side.transport.send(self.side.provider.query(attempt))
        assert isinstance(truth, Paid)
        paid = replace(attempt, state=AttemptState.PAID, transaction=truth.transaction, paid_ms=truth.paid_ms)
        intent = an_intent(
            intent_id, money=Money(total, "CNY"), status=IntentStatus.SUCCEEDED, attempt_id=number,
            amount_received=total,
        )  # fmt: skip

        def keep(unit: Unit) -> None:
            unit.intents.insert(intent)
            unit.attempts.insert(paid)

        self.database.store.write(keep)
        self.side.mailbox.empty()
        return intent

    def share(
        self, intent: PaymentIntent, *amounts: int, once: Once = Once(), finish: bool = False, to: str = SUPPLIER
    ) -> ProfitSharing:
        """Share with merchants whose numbers count up from the supplier's."""
        parts = tuple(
            Part(PartyKind.MERCHANT, str(int(to) + place), amount, "Supplier") for place, amount in enumerate(amounts)
        )
        command = CreateSharing(intent.id, parts, finish, "Sharing")
        return create_sharing(self.deps, MERCHANTS, command, once=once)

    def bring_back(self, sharing: ProfitSharing, amount: int, party: str = SUPPLIER) -> SharingReturn:
        """Return some of a part."""
        return create_return(self.deps, MERCHANTS, CreateReturn(sharing.id, party, amount, "Refund"))

    def look_at_sharings(self) -> None:
        """The worker looks at everything that is planned, whenever that is."""
        far = 10**15
        polls = self.deps.store.write(lambda unit: unit.sharing_looks.claim(now_ms=far, lease_ms=-far + 1, limit=100))
        for poll in polls:
            reconcile_sharing(self.deps, poll)

    def shared_again(self, sharing: ProfitSharing) -> ProfitSharing:
        """As it is in the database."""
        found = self.database.store.read(lambda unit: unit.profit_sharings.find(sharing.id))
        assert found is not None
        return found

    def returned_again(self, returned: SharingReturn) -> SharingReturn:
        """As it is in the database."""
        found = self.database.store.read(lambda unit: unit.sharing_returns.find(returned.id))
        assert found is not None
        return found

    def their_sharings(self, transaction: str) -> list[dict[str, Any]]:
        """What WeChat's books have of a payment."""
        found = self.side.desk("GET", "/sharings")["sharings"]
        return [each for each in found if each["transaction_id"] == transaction]

    def allow(self, *parties: str) -> None:
        """Let WeChat share with these merchants."""
        for party in parties:
            wanted = Party(OFFICIAL_ACCOUNT, PartyKind.MERCHANT, party, "supplier", name="示例商贸有限公司")
            assert add_party(self.deps, MERCHANTS, wanted) == wanted

    # --- the other side --------------------------------------------------------------------------------

    def recipient(self, transfer: MerchantTransfer, outcome: str = "confirm", **more: Any) -> dict[str, Any]:
        """The recipient opens the confirmation with what the answer held."""
        assert transfer.client_params is not None
        told = {"params": dict(transfer.client_params), "outcome": outcome, **more}
        found: dict[str, Any] = self.side.desk("POST", f"/buyers/{BUYER}/confirm_transfer", told)
        return found

    def theirs(self, transfer: MerchantTransfer) -> dict[str, Any]:
        """What WeChat's books say about it."""
        found: dict[str, Any] = self.side.desk("GET", f"/transfers/{transfer.out_bill_no}")
        return found

    def wallet(self) -> int:
        """Fen that the default buyer has."""
        return int(self.side.desk("GET", f"/buyers/{BUYER}")["balance"])

    def hear(self, number: int = 1) -> None:
        """Receive the notices that came, once there are so many."""
        for letter in self.side.mailbox.wait(number):
            answer = receive_notice(self.deps, self.side.provider, letter.headers, letter.body).answer
            assert answer.status == 204

    # --- what is known ------------------------------------------------------------------------------------

    def events(self) -> Counter[str]:
        """How many events of each type there are."""
        rows = self.database.store.read(lambda unit: unit.events.page(ACCOUNT, livemode=False, page=Page(limit=1000)))
        return Counter(event.type.value for event in rows)

    def balances(self) -> dict[str, int]:
        """Debits less credits of each account of the journal."""
        found = self.database.store.read(lambda unit: unit.ledger.balances(ACCOUNT, livemode=False))
        assert sum(found.values()) == 0
        return {name: amount for (name, _), amount in found.items() if amount}

    @property
    def provider_account(self) -> str:
        """The journal's account of the money at WeChat."""
        return ledger.at_provider("wechat_v3", MERCHANT)
