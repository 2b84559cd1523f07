"""The /v3/papay paths."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from wxbackend.simulators.wechat_pay.contract_operations import (
    apply_debit,
    notify_debit,
    open_page,
    query_contract,
    query_debit,
    schedule_debit,
    terminate_contract,
)
from wxbackend.simulators.wechat_pay.gate import Call
from wxbackend.simulators.wechat_pay.operations import Result
from wxbackend.simulators.world import World

Converse = Callable[[str, Callable[[World, Call], Result]], Response]
CONTRACT = "/papay/sign/contracts/plan-id/<plan_id>/out-contract-code/<code>"
SIGN = "/papay/scheduled-deduct-sign/contracts/pre-entrust-sign"


def add_to(pages: Blueprint, converse: Converse) -> None:
    """Add them."""

    @pages.post(f"{SIGN}/jsapi")
    def sign_jsapi() -> Response:
        return converse("sign", open_page("jsapi", f"{request.host_url}phone/sign"))

    @pages.post(f"{SIGN}/mini-program")
    def sign_mini_program() -> Response:
        return converse("sign", open_page("mini-program", f"{request.host_url}phone/sign"))

    @pages.get(CONTRACT)
    def contract(plan_id: str, code: str) -> Response:
        return converse("contract_query", query_contract(plan_id, code))

    @pages.post(f"{CONTRACT}/terminate")
    def terminate(plan_id: str, code: str) -> Response:
        return converse("contract_terminate", terminate_contract(plan_id, code))

    @pages.post("/papay/pay/transactions/apply")
    def debit() -> Response:
        return converse("debit", apply_debit)

    @pages.get("/papay/pay/transactions/out-trade-no/<out_trade_no>")
    def debit_by_number(out_trade_no: str) -> Response:
        return converse("debit_query", query_debit(out_trade_no, request.args))

    @pages.post("/papay/pay/schedules/contract-id/<contract_id>/schedule")
    def schedule(contract_id: str) -> Response:
        return converse("debit_notice", schedule_debit(contract_id))

    @pages.post("/papay/contracts/<contract_id>/notify")
    def notify(contract_id: str) -> Response:
        return converse("debit_notice", notify_debit(contract_id))
