"""The paths of WeChat Pay v3: gate, operation, signed answer, with mischief before and after."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from wxbackend.simulators.clock import real_now
from wxbackend.simulators.connection import cut
from wxbackend.simulators.wechat_pay import (
    abroad_routes,
    combined_operations,
    contract_routes,
    sharing_routes,
    transfer_routes,
)
from wxbackend.simulators.wechat_pay.bill_operations import fetch_file, offer_bill
from wxbackend.simulators.wechat_pay.bills import FUNDS, TRADE
from wxbackend.simulators.wechat_pay.code_operations import charge_code, reverse_charge
from wxbackend.simulators.wechat_pay.code_payments import pay_though_reversed
from wxbackend.simulators.wechat_pay.contract_operations import settle_debit_at_once
from wxbackend.simulators.wechat_pay.gate import Call, admit, read_call
from wxbackend.simulators.wechat_pay.notices import (
    Disguise,
    make_request_id,
    signature_headers,
)
from wxbackend.simulators.wechat_pay.operations import (
    Result,
    close_order,
    create_order,
    list_certificates,
    pay_at_once,
    pay_though_closed,
    query_by_out_trade_no,
    query_by_transaction_id,
    refuse_method,
    refuse_unknown,
)
from wxbackend.simulators.wechat_pay.order_request import PARTNER_PRODUCTS, PRODUCTS
from wxbackend.simulators.wechat_pay.refund_operations import (
    create_refund,
    query_refund,
    rescue_refund,
    settle_at_once,
)
from wxbackend.simulators.wechat_pay.refusal import CAUSE_NONE, CAUSE_RATE, CAUSE_SYSTEM, Refusal
from wxbackend.simulators.world import RequestEntry, World

Operation = Callable[[World, Call], Result]
PREFIX = "/v3"
REFUNDS = "/refund/domestic/refunds"
GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
TRUNCATED_PART = 2
SLOW_PIECES = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be sent: status, bytes, and the words for the log."""

    status: int
    body: bytes
    cause: int
    verdict: str
    is_file: bool = False
    digest: str | None = None
    """The SHA-1 of a file, where the signature is over it."""


def blueprint(world: World) -> Blueprint:
    """Every /v3 path, those not reproduced included: they answer as an unknown resource would."""
    pages = Blueprint("wechat_pay", __name__, url_prefix=PREFIX)

    _add_orders(pages, world, partner=False)
    _add_orders(pages, world, partner=True)

    @pages.get("/certificates")
    def certificates() -> Response:
        return _converse(world, "certificates", list_certificates(request.args.get("algorithm_type", "RSA")))

    _add_refunds(pages, world)
    abroad_routes.add_to(pages, lambda kind, operation: _converse(world, kind, operation))
    contract_routes.add_to(pages, lambda kind, operation: _converse(world, kind, operation))
    transfer_routes.add_to(pages, world, _converse)
    sharing_routes.add_to(pages, world, _converse)
    combined_operations.add_to(pages, world, _converse)
    _add_bills(pages, world)

    @pages.app_errorhandler(404)
    @pages.app_errorhandler(405)
    def unknown(error: HTTPException) -> Response | HTTPException:
        if not request.path.startswith(f"{PREFIX}/"):
            return error
        refusal = refuse_unknown if error.code == 404 else refuse_method
        return _converse(world, "unknown", refusal)

    return pages


def _add_orders(pages: Blueprint, world: World, *, partner: bool) -> None:
    """The orders of a merchant, or those that a service provider makes for its sub-merchants: one and the same life."""
    prefix = "/pay/partner/transactions" if partner else "/pay/transactions"
    names, products = ("partner_", PARTNER_PRODUCTS) if partner else ("", PRODUCTS)
    numbered = f"{prefix}/out-trade-no/<out_trade_no>"

    @pages.post(f"{prefix}/<any(jsapi, native, h5, app):product>", endpoint=f"{names}order")
    def order(product: str) -> Response:
        origin = request.host_url.rstrip("/")
        return _converse(world, "order", create_order(products[product], origin))

    @pages.get(numbered, endpoint=f"{names}by_out_trade_no")
    def by_out_trade_no(out_trade_no: str) -> Response:
        return _converse(world, "query", query_by_out_trade_no(out_trade_no, request.args, partner=partner))

    @pages.get(f"{prefix}/id/<transaction_id>", endpoint=f"{names}by_transaction_id")
    def by_transaction_id(transaction_id: str) -> Response:
        return _converse(world, "query", query_by_transaction_id(transaction_id, request.args, partner=partner))

    @pages.post(f"{numbered}/close", endpoint=f"{names}close")
    def close(out_trade_no: str) -> Response:
        return _converse(world, "close", close_order(out_trade_no, partner=partner))

    @pages.post(f"{prefix}/codepay", endpoint=f"{names}code_pay")
    def code_pay() -> Response:
        return _converse(world, "code_pay", charge_code(partner=partner))

    @pages.post(f"{numbered}/reverse", endpoint=f"{names}reverse")
    def reverse(out_trade_no: str) -> Response:
        return _converse(world, "reverse", reverse_charge(out_trade_no, partner=partner))


def _add_refunds(pages: Blueprint, world: World) -> None:
    @pages.post(REFUNDS)
    def refund() -> Response:
        return _converse(world, "refund", create_refund)

    @pages.get(f"{REFUNDS}/<out_refund_no>")
    def refund_by_number(out_refund_no: str) -> Response:
        return _converse(world, "refund_query", query_refund(out_refund_no, request.args))

    @pages.post(f"{REFUNDS}/<refund_id>/apply-abnormal-refund")
    def refund_rescue(refund_id: str) -> Response:
        return _converse(world, "refund_rescue", rescue_refund(refund_id))


def _add_bills(pages: Blueprint, world: World) -> None:
    @pages.get("/bill/tradebill")
    def trade_bill() -> Response:
        return _converse(world, "bill", offer_bill(TRADE, request.args, request.host_url))

    @pages.get("/bill/fundflowbill")
    def fund_flow_bill() -> Response:
        return _converse(world, "bill", offer_bill(FUNDS, request.args, request.host_url))

    @pages.get("/billdownload/file")
    def bill_file() -> Response:
        return _converse(world, "bill_file", fetch_file(request.args))


def _converse(world: World, kind: str, operation: Operation) -> Response:
    call = read_call(request)
    faults = world.mischief.take_api(kind)
    for fault in faults:
        if fault.fault == "latency":
            time.sleep(fault.latency_s)
    fault_name = next((fault.fault for fault in faults if fault.fault != "latency"), "")
    slow_s = next((fault.latency_s for fault in faults if fault.fault == "slow_body"), 0)
    outcome = _before(fault_name)
    if outcome is None and fault_name != "drop_before":
        outcome = _run(world, call, operation, fault_name)
    if fault_name == "error_500_after":
        outcome = _system_error()
    if fault_name == "limit_429_after":
        outcome = _limited()
    request_id = make_request_id(outcome.cause if outcome else CAUSE_NONE)
    names = tuple(fault.fault for fault in faults)
    _remember(world, call, outcome, request_id, names)
    if outcome is None or fault_name == "drop_after":
        return cut(request)
    if fault_name == "html_502":
        return Response(outcome.body, outcome.status, content_type="text/html")
    answer = _signed(world, call, outcome, request_id, fault_name)
    if slow_s and outcome.body:
        answer.headers["Content-Length"] = str(len(outcome.body))
        answer.response = dribbled(outcome.body, slow_s)
    return answer


def _before(fault: str) -> Outcome | None:
    match fault:
        case "error_500_before":
            return _system_error()
        case "html_502":
            return Outcome(502, GATEWAY_PAGE, CAUSE_NONE, "html_502")
        case "limit_429":
            return _limited()
        case _:
            return None


def _run(world: World, call: Call, operation: Operation, fault: str) -> Outcome:
    try:
        admit(call, world.credentials)
        result = operation(world, call)
    except Refusal as refusal:
        return _refused(refusal)
    if fault == "paid_before_reply":
        pay_at_once(world, result)
    if fault == "paid_after_close":
        pay_though_closed(world, result)
    if fault == "paid_after_reverse":
        pay_though_reversed(world, result.out_trade_no)
    if fault == "settled_before_reply":
        settle_at_once(world, result)
        settle_debit_at_once(world, result)
    if result.file is not None:
        return Outcome(200, result.file, CAUSE_NONE, "ok", is_file=True, digest=result.digest)
    if result.body is None:
        return Outcome(204, b"", CAUSE_NONE, "ok")
    return Outcome(200, _dump(result.body), CAUSE_NONE, "ok")


def _refused(refusal: Refusal) -> Outcome:
    return Outcome(refusal.status, _dump(refusal.body()), refusal.cause, refusal.code)


def _system_error() -> Outcome:
    return _refused(Refusal(500, "SYSTEM_ERROR", "系统异常，请稍后重试", cause=CAUSE_SYSTEM))


def _limited() -> Outcome:
    return _refused(Refusal(429, "FREQUENCY_LIMITED", "频率超限，请降低请求频率", cause=CAUSE_RATE))


def _signed(world: World, call: Call, outcome: Outcome, request_id: str, fault: str) -> Response:
    disguise = Disguise(
        probe=fault == "probe",
        unknown_serial=fault == "unknown_serial",
        unsigned=fault == "unsigned" or (outcome.is_file and outcome.digest is None),
        bad_signature=fault == "bad_signature",
    )
    key = world.keys.for_reply(call.wechatpay_serial)
    body = outcome.body
    if outcome.digest is None:
        headers = signature_headers(key, body, disguise)
    else:
        headers = signature_headers(key, _dump({"sha1": outcome.digest}), disguise)
        headers["Wechatpay-Statement-Sha1"] = outcome.digest
    if fault == "truncate":
        body = body[: len(body) // TRUNCATED_PART]
    answer = Response(body, outcome.status, headers={**headers, "Request-ID": request_id})
    if outcome.is_file:
        answer.content_type = "application/octet-stream"
    elif outcome.status != 204:
        answer.content_type = "application/json; charset=utf-8"
    else:
        del answer.headers["Content-Type"]
    answer.headers["Cache-Control"] = "no-cache, must-revalidate"
    return answer


def dribbled(body: bytes, seconds: float) -> Iterator[bytes]:
    """The body in pieces that take this long in all."""
    size = len(body) // SLOW_PIECES + 1
    for start in range(0, len(body), size):
        time.sleep(seconds / SLOW_PIECES)
        yield body[start : start + size]


def _remember(world: World, call: Call, outcome: Outcome | None, request_id: str, names: tuple[str, ...]) -> None:
    try:
        body: object = json.loads(call.body, parse_constant=str) if call.body else None
    except (ValueError, RecursionError):
        body = call.body.decode("utf-8", "replace")
    world.requests.append(
        RequestEntry(
            at=real_now(),
            method=call.method,
            path=call.url,
            status=outcome.status if outcome else 0,
            verdict=outcome.verdict if outcome else "dropped",
            request_id=request_id,
            mischief=names,
            body=body,
        )
    )


def _dump(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
