"""Auto-debit contracts in the JSON of API v3: how ours are spelled, how theirs are read. Words stay theirs here.

The descriptions know the calls; what the notices hold and in which words a debit fails is known from hearsay only
(reference: auto-debit), so those are read tolerantly: by several names, and by the sense of the text.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import orjson

from wxbackend.domain.attempt import Attempt
from wxbackend.domain.errors import UnreadableMessage
from wxbackend.domain.mandate import MANDATE_INACTIVE, Ended, Mandate, PageOpened, Signed
from wxbackend.domain.mandate_lifecycle import MandateObservation
from wxbackend.domain.money import Money
from wxbackend.domain.observation import Accepted, Declined, Failed, Observation, Pending, Uncertain
from wxbackend.domain.terminal import Terminal
from wxbackend.providers.wechat_v3 import mapping, wire
from wxbackend.providers.wechat_v3.config import AutoDebit

SIGN_PATH: Final = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign"
CONTRACTS_PATH: Final = "/v3/papay/sign/contracts/plan-id"
CHARGE_PATH: Final = "/v3/papay/pay/transactions/apply"
SCENES: Final = {Terminal.OFFICIAL_ACCOUNT: "jsapi", Terminal.MINI_PROGRAM: "mini-program"}
DISPLAY_NAME_CHARACTERS_MAX: Final = 32
REMARK: Final = "商户解约"

SIGNED: Final = frozenset({"SIGNED", "ADD"})
TERMINATED: Final = frozenset({"TERMINATED", "DELETE", "EXPIRED"})
SIGN_KINDS: Final = frozenset({"PAPAY.SIGN", "ENTRUST.SIGNING"})
TERMINATE_KINDS: Final = frozenset({"PAPAY.TERMINATE", "ENTRUST.RELEASE"})
KINDS: Final = SIGN_KINDS | TERMINATE_KINDS
DEBIT_TRADE_TYPE: Final = "PAP"
ACCEPTED_STATE: Final = "ACCEPT"
FAILED_STATE: Final = "PAYERROR"
CONFIGURATION: Final = mapping.CONFIGURATION - {"RULE_LIMIT", "ACCOUNT_ERROR"}
"""Errors of ours; what WeChat's rules or the buyer's account forbid is the buyer's and the contract's matter here."""
NOT_KNOWN: Final = frozenset({"RESOURCE_NOT_EXISTS", "CONTRACT_NOT_EXIST", "CONTRACT_NOT_EXISTED"})

# Why a debit failed, by code or by what the text says; the first that fits.
_REASONS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("insufficient_funds", "The buyer's balance was too low.", ("NOTENOUGH", "NOT_ENOUGH", "余额不足")),
    (
        "debit_notice_missing",
        "WeChat Pay wants the buyer to be told of this debit first.",
        ("通知", "预约", "SCHEDULE"),
    ),
    (MANDATE_INACTIVE, "The contract is over at WeChat Pay.", ("CONTRACT", "协议", "解约")),
    ("limit_exceeded", "A limit of WeChat Pay was reached.", ("RULE_LIMIT", "RULELIMIT", "LIMIT", "限额", "限制")),
    ("invalid_account", "The buyer's account can't be charged.", ("USER_NOT_EXIST", "ACCOUNT", "账户", "帐户")),
)


def sign_target(mandate: Mandate) -> str:
    """Path that asks for a page to sign on, by where the buyer stands."""
    return f"{SIGN_PATH}/{SCENES[mandate.terminal]}"


def sign_body(mandate: Mandate, plan: AutoDebit, *, notify_url: str) -> bytes:
    """The body of that; the same mandate always gives the same bytes."""
    plain = "".join(character for character in mandate.display_name if ord(character) <= 0xFFFF).strip()
    return orjson.dumps(
        {
            "appid": mandate.app,
            "openid": mandate.payer,
            "plan_id": plan.plan_id,
            "out_contract_code": mandate.out_mandate_no,
            "contract_display_account": plain[:DISPLAY_NAME_CHARACTERS_MAX] or str(mandate.customer_id),
            "contract_notify_url": notify_url,
            "out_user_code": str(mandate.customer_id),
        }
    )


def contract_target(mandate: Mandate, plan: AutoDebit) -> str:
    """Path of a contract by our number."""
    return f"{CONTRACTS_PATH}/{plan.plan_id}/out-contract-code/{_part(mandate.out_mandate_no)}"


def terminate_body() -> bytes:
    """The body that ends a contract."""
    return orjson.dumps({"contract_termination_remark": REMARK})


def charge_body(attempt: Attempt, *, notify_url: str) -> bytes:
    """The body of a debit; the same attempt always gives the same bytes."""
    return orjson.dumps(
        {
            "appid": attempt.app,
            "out_trade_no": attempt.out_trade_no,
            "description": attempt.description,
            "transaction_notify_url": notify_url,
            "contract_id": attempt.mandate_handle,
            "amount": {"total": attempt.money.amount, "currency": attempt.money.currency},
        }
    )


def charge_target(attempt: Attempt, plan: AutoDebit) -> str:
    """Path and query that ask for a debit by our number."""
    number, merchant = _part(attempt.out_trade_no), _part(attempt.merchant)
    return f"{plan.orders_path}/out-trade-no/{number}?mchid={merchant}"


def tell_request(mandate: Mandate, plan: AutoDebit, money: Money) -> tuple[str, bytes]:
    """Path and body that let WeChat tell the buyer: by a schedule, or by the older notice."""
    handle = _part(mandate.handle or "")
    if plan.announce_by == "notify":
        told = {"amount": money.amount, "currency": money.currency}
        body = {"mchid": mandate.merchant, "appid": mandate.app, "estimated_amount": told}
        return f"/v3/papay/contracts/{handle}/notify", orjson.dumps(body)
    scheduled = {"appid": mandate.app, "schedule_amount": {"total": money.amount, "currency": money.currency}}
    return f"/v3/papay/pay/schedules/contract-id/{handle}/schedule", orjson.dumps(scheduled)


def of_page(body: dict[str, Any], mandate: Mandate, *, until_ms: int) -> PageOpened:
    """Where the buyer signs; `UnreadableMessage` when the answer does not say."""
    if mandate.terminal is Terminal.OFFICIAL_ACCOUNT:
        return PageOpened({"url": wire.required_text(body, "redirect_url")}, until_ms)
    params = {
        "appId": wire.required_text(body, "redirect_appid"),
        "path": wire.required_text(body, "redirect_path"),
        "extraData": {"pre_entrustweb_id": wire.required_text(body, "pre_entrustweb_id")},
    }
    return PageOpened(params, until_ms)


def of_contract(body: dict[str, Any], *, now_ms: int, kind: str = "") -> MandateObservation:
    """What a contract, as a query or a notice shows it, means; a notice may say it by its kind alone."""
    state = wire.text(body, "contract_state") or wire.text(body, "change_type") or ""
    if not state and kind in KINDS:
        state = "SIGNED" if kind in SIGN_KINDS else "TERMINATED"
    if state in TERMINATED:
        told = wire.text(body, "contract_terminate_info", "contract_terminated_time")
        return Ended(wire.text(body, "contract_id"), wire.read_time_ms(told) or now_ms)
    if state in SIGNED:
        signed_ms = wire.read_time_ms(wire.text(body, "contract_signed_time")) or now_ms
        handle = wire.required_text(body, "contract_id")
        return Signed(handle, wire.text(body, "openid"), wire.text(body, "appid"), signed_ms)
    return Pending(state)


def contract_number(body: dict[str, Any]) -> str | None:
    """Our number of the contract that a notice speaks of."""
    return wire.text(body, "out_contract_code") or wire.text(body, "contract_code")


def is_debit(kind: str, body: dict[str, Any]) -> bool:
    """Whether a notice about an order is about a debit."""
    return kind == "TRANSACTION.FAIL" or wire.text(body, "trade_type") == DEBIT_TRADE_TYPE


def of_debit(order: dict[str, Any]) -> Observation:
    """What a debit, as a query or a notice shows it, means."""
    state = wire.required_text(order, "trade_state")
    if state == ACCEPTED_STATE:
        return Accepted(state)
    if state == FAILED_STATE:
        names = ("err_code", "error_code", "fail_code", "err_code_des", "fail_reason", "trade_state_desc")
        said = " ".join(wire.text(order, name) or "" for name in names)
        decline_code, message = _reason(said)
        return Failed("payment_method_provider_decline", decline_code, message)
    return mapping.of_transaction(order)


def of_charge_error(status: int, code: str, message: str, request_id: str) -> Observation:
    """What an error answer to a debit means; what an order's error leaves open stays open here."""
    said = mapping.of_order_error(status, code, message, request_id)
    if not isinstance(said, Declined) or code in CONFIGURATION or status == 401:
        return said
    decline_code, told = _reason(f"{code} {message}")
    return Declined("payment_method_provider_decline", decline_code, told, operator_hint=said.operator_hint)


def of_refusal(status: int, code: str, message: str, request_id: str) -> Declined | Uncertain:
    """What an error answer about a contract means."""
    if status == 429 or status >= 500:
        return Uncertain(f"the provider answered {status} {code}")
    hint = f"{status} {code} {message} (Request-ID {request_id})"
    if code in CONFIGURATION or status == 401:
        told = "WeChat Pay's contracts are not available at this shop right now."
        return Declined("payment_method_not_available", "configuration_error", told, operator_hint=hint)
    decline_code, told = _reason(f"{code} {message}")
    if decline_code == "generic_decline":
        told = f"WeChat Pay refused ({code})."
    return Declined("setup_attempt_failed", decline_code, told, operator_hint=hint)


def _reason(said: str) -> tuple[str, str]:
    for decline_code, message, words in _REASONS:
        if any(word in said for word in words):
            return decline_code, message
    return "generic_decline", "WeChat Pay could not take the money."


def require_handle(attempt: Attempt) -> None:
    """A debit names its contract, or it is none."""
    if not attempt.mandate_handle:
        raise UnreadableMessage("the debit names no contract")


def _part(value: str) -> str:
    return quote(value, safe="")
