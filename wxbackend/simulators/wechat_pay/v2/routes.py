"""The paths of API v2: gate, operation, signed XML, with the same mischief as API v3; the HTTP status is always 200."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request

from wxbackend.simulators.clock import real_now
from wxbackend.simulators.connection import cut
from wxbackend.simulators.wechat_pay.code_payments import pay_though_reversed
from wxbackend.simulators.wechat_pay.operations import Result, pay_at_once, pay_though_closed
from wxbackend.simulators.wechat_pay.refund_operations import settle_at_once
from wxbackend.simulators.wechat_pay.refusal import Refusal
from wxbackend.simulators.wechat_pay.routes import GATEWAY_PAGE, TRUNCATED_PART, dribbled
from wxbackend.simulators.wechat_pay.signing import make_nonce
from wxbackend.simulators.wechat_pay.v2 import fields as shapes
from wxbackend.simulators.wechat_pay.v2 import operations
from wxbackend.simulators.wechat_pay.v2.code_operations import charge_code, recall_after, reverse_charge
from wxbackend.simulators.wechat_pay.v2.fields import Shape, UnheardError
from wxbackend.simulators.wechat_pay.v2.gate import Asked, admit, shows_certificate, sign_type_of
from wxbackend.simulators.wechat_pay.v2.notices import ANOTHER_KEY, NONCE_CHARACTERS
from wxbackend.simulators.wechat_pay.v2.operations import Told, code_of
from wxbackend.simulators.wechat_pay.v2.signing import signed
from wxbackend.simulators.wechat_pay.v2.xml import BadXmlError, document, parse
from wxbackend.simulators.world import RequestEntry, World

Operation = Callable[[World, Asked], Told]
WRONG_SIGNATURES = ("bad_signature", "probe", "unknown_serial")
CERTIFICATE_MISSING = (
    b"<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>\r\n<body>\r\n"
    b"<center><h1>400 Bad Request</h1></center>\r\n<center>No required SSL certificate was sent</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be said, and the word for the log; fields of an answer that nobody signs have no result_code."""

    fields: dict[str, str]
    verdict: str


def blueprint(world: World) -> Blueprint:
    """Every path of API v2 that is reproduced."""
    pages = Blueprint("wechat_pay_v2", __name__)

    def add(path: str, kind: str, shape: Shape, operation: Operation) -> None:
        def answer() -> Response:
            if path.startswith("/secapi/") and not shows_certificate(request, world.credentials):
                return Response(CERTIFICATE_MISSING, 400, content_type="text/html")
            return _converse(world, kind, shape, operation)

        pages.add_url_rule(path, f"v2_{kind}", answer, methods=["POST", "GET"])

    def order(world: World, asked: Asked) -> Told:
        return operations.create_order(world, asked, request.host_url.rstrip("/"))

    add("/pay/unifiedorder", "order", shapes.ORDER, order)
    add("/pay/orderquery", "query", shapes.QUERY, operations.query_order)
    add("/pay/closeorder", "close", shapes.CLOSE, operations.close_order)
    add("/pay/micropay", "code_pay", shapes.CODE_PAY, charge_code)
    add("/secapi/pay/reverse", "reverse", shapes.REVERSE, reverse_charge)
    add("/secapi/pay/refund", "refund", shapes.REFUND, operations.create_refund)
    add("/pay/refundquery", "refund_query", shapes.REFUND_QUERY, operations.query_refund)
    return pages


def _converse(world: World, kind: str, shape: Shape, operation: Operation) -> Response:
    body = request.get_data()
    faults = world.mischief.take_api(kind)
    for fault in faults:
        if fault.fault == "latency":
            time.sleep(fault.latency_s)
    name = next((fault.fault for fault in faults if fault.fault != "latency"), "")
    slow_s = next((fault.latency_s for fault in faults if fault.fault == "slow_body"), 0)
    outcome = _before(name)
    if outcome is None and name not in ("drop_before", "html_502"):
        outcome = _after(name, _run(world, body, shape, operation, name))
    if kind == "reverse" and outcome is not None and "err_code" in outcome.fields:
        outcome.fields["recall"] = recall_after(outcome.verdict)
    _remember(world, body, outcome, tuple(fault.fault for fault in faults))
    if name == "html_502":
        return Response(GATEWAY_PAGE, 502, content_type="text/html")
    if outcome is None or name == "drop_after":
        return cut(request)
    sent = _spoken(world, body, outcome, name)
    if name == "truncate":
        sent = sent[: len(sent) // TRUNCATED_PART]
    answer = Response(sent, 200, content_type="text/plain")
    if slow_s:
        answer.headers["Content-Length"] = str(len(sent))
        answer.response = dribbled(sent, slow_s)
    return answer


def _before(fault: str) -> Outcome | None:
    match fault:
        case "error_500_before":
            return _refused("SYSTEMERROR", "系统错误")
        case "limit_429":
            return _refused("FREQUENCY_LIMITED", "频率限制")
        case _:
            return None


def _after(fault: str, outcome: Outcome) -> Outcome:
    """What is said although the work was done."""
    return {
        "error_500_after": _refused("SYSTEMERROR", "系统错误"),
        "limit_429_after": _refused("FREQUENCY_LIMITED", "频率限制"),
    }.get(fault, outcome)


def _run(world: World, body: bytes, shape: Shape, operation: Operation, fault: str) -> Outcome:
    try:
        told = operation(world, admit(request.method, body, shape, world.credentials))
    except UnheardError as unheard:
        return Outcome({"return_code": "FAIL", "return_msg": unheard.message}, unheard.verdict)
    except Refusal as refusal:
        return _refused(code_of(refusal), refusal.message)
    made = Result(None, told.out_trade_no, told.out_refund_no)
    if fault == "paid_before_reply":
        pay_at_once(world, made)
    if fault == "paid_after_close":
        pay_though_closed(world, made)
    if fault == "paid_after_reverse":
        pay_though_reversed(world, made.out_trade_no)
    if fault == "settled_before_reply":
        settle_at_once(world, made)
    return Outcome({"result_code": "SUCCESS", **told.fields}, "ok")


def _refused(code: str, message: str) -> Outcome:
    return Outcome({"result_code": "FAIL", "err_code": code, "err_code_des": message}, code)


def _spoken(world: World, body: bytes, outcome: Outcome, fault: str) -> bytes:
    if "result_code" not in outcome.fields:
        return document(outcome.fields)
    appid, sign_type = sign_type_of(body)
    whole = {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "appid": appid,
        "mch_id": world.credentials.mchid,
        "nonce_str": make_nonce(NONCE_CHARACTERS),
        **outcome.fields,
    }
    if fault == "unsigned":
        return document(whole)
    key = ANOTHER_KEY if fault in WRONG_SIGNATURES else world.credentials.apiv2_key
    return document(signed(whole, key, sign_type))


def _remember(world: World, body: bytes, outcome: Outcome | None, names: tuple[str, ...]) -> None:
    try:
        kept: object = parse(body)
    except BadXmlError:
        kept = body.decode("utf-8", "replace")
    world.requests.append(
        RequestEntry(
            at=real_now(),
            method=request.method,
            path=request.path,
            status=200 if outcome else 0,
            verdict=outcome.verdict if outcome else names[-1],
            request_id="",
            mischief=names,
            body=kept,
        )
    )
