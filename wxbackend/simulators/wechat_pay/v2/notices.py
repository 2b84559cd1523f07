"""What API v2 tells a merchant unasked: a payment signed by the key, a refund sealed by it and signed by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.wechat_pay.notices import Notice
from wxbackend.simulators.wechat_pay.orders import Order
from wxbackend.simulators.wechat_pay.refunds import Refund
from wxbackend.simulators.wechat_pay.signing import make_nonce
from wxbackend.simulators.wechat_pay.v2.signing import seal, signed
from wxbackend.simulators.wechat_pay.v2.views import payment_fields, refund_state, spelled
from wxbackend.simulators.wechat_pay.v2.xml import document

NONCE_CHARACTERS = 32
PAYMENT, REFUND = "v2.PAYMENT", "v2.REFUND"
ANOTHER_KEY = "0" * 32


def payment_notice(order: Order, credentials: Credentials, *, url: str, now: float) -> Notice:
    """A paid order's notice."""
    fields = payment_content(order, credentials)
    sign_type = order.request.sign_type or "MD5"
    return Notice(
        id=str(uuid4()),
        event_type=PAYMENT,
        out_trade_no=order.request.out_trade_no,
        url=url,
        created_at=now,
        body=document(signed(fields, credentials.apiv2_key, sign_type)),
        impostor=document(signed(fields, ANOTHER_KEY, sign_type)),
    )


def refund_notice(refund: Refund, order: Order, credentials: Credentials, *, url: str, now: float) -> Notice:
    """A refund's notice; the console's address gets it where the request named none."""
    content = refund_content(refund)
    return Notice(
        id=str(uuid4()),
        event_type=REFUND,
        out_trade_no=refund.out_trade_no,
        url=url,
        created_at=now,
        body=refund_body(content, order.request.appid, credentials, key=credentials.apiv2_key),
        impostor=refund_body(content, order.request.appid, credentials, key=ANOTHER_KEY),
        out_refund_no=refund.request.out_refund_no,
    )


def payment_content(order: Order, credentials: Credentials) -> dict[str, str]:
    """The fields of a payment's notice before they are signed."""
    return {
        "return_code": "SUCCESS",
        "result_code": "SUCCESS",
        "appid": order.request.appid,
        "mch_id": credentials.mchid,
        "nonce_str": make_nonce(NONCE_CHARACTERS),
        **payment_fields(order),
    }


def refund_content(refund: Refund) -> dict[str, str]:
    """What is sealed in a refund's notice."""
    request = refund.request
    told = {
        "out_refund_no": request.out_refund_no,
        "out_trade_no": refund.out_trade_no,
        "refund_account": "REFUND_SOURCE_RECHARGE_FUNDS",
        "refund_fee": str(request.refund),
        "refund_id": refund.refund_id,
        "refund_recv_accout": refund.received_account,
        "refund_request_source": "API",
        "refund_status": refund_state(refund),
        "settlement_refund_fee": str(request.refund),
        "settlement_total_fee": str(request.total),
        "total_fee": str(request.total),
        "transaction_id": refund.transaction_id,
    }
    if refund.succeeded_at is not None:
        told["success_time"] = spelled(refund.succeeded_at)
    return told


def refund_body(content: Mapping[str, str], appid: str, credentials: Credentials, *, key: str) -> bytes:
    """The whole notice around what is sealed."""
    return document(
        {
            "return_code": "SUCCESS",
            "appid": appid,
            "mch_id": credentials.mchid,
            "nonce_str": make_nonce(NONCE_CHARACTERS),
            "req_info": seal(document(content, root="root"), key),
        }
    )
