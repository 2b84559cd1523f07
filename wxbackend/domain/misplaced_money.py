"""Money that does not fit what was ordered: which discrepancy it is."""

from __future__ import annotations

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.discrepancy import Discrepancy, DiscrepancyKind
from wxbackend.domain.intent import PaymentIntent
from wxbackend.domain.observation import Paid


def disagreement(attempt: Attempt, paid: Paid) -> Discrepancy | None:
    """Compare what was paid with what was ordered. The payer's openid is compared, never recorded."""
    pairs: list[tuple[str, str | int, str | int | None]] = [
        ("amount", attempt.money.amount, paid.amount),
        ("currency", attempt.money.currency, paid.currency),
        ("app", attempt.app, paid.app),
        ("merchant", attempt.merchant, paid.merchant),
    ]
    expected: dict[str, str | int] = {}
    observed: dict[str, str | int] = {}
    for name, ours, theirs in pairs:
        if theirs is not None and theirs != ours:
            expected[name], observed[name] = ours, theirs
    if paid.payer is not None and attempt.payer and paid.payer != attempt.payer:
        expected["payer"] = "the openid that was ordered for"
        observed["payer"] = "another openid"
    if not expected:
        return None
    return Discrepancy(DiscrepancyKind.WRONG, expected, observed, paid.transaction, paid.amount, paid.currency)


def misplaced(kind: DiscrepancyKind, intent: PaymentIntent, paid: Paid) -> Discrepancy:
    """Money for an intent that no longer waits for it."""
    return Discrepancy(
        kind,
        expected={"status": intent.status.value},
        observed={"status": "paid"},
        transaction=paid.transaction,
        amount=paid.amount,
        currency=paid.currency,
    )
