"""The paths of the global API, which a merchant number of its own signs for (reference: cross-border)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from wxbackend.simulators.wechat_pay import abroad_operations as operations
from wxbackend.simulators.wechat_pay.abroad_request import PRODUCTS_ABROAD
from wxbackend.simulators.wechat_pay.operations import list_certificates

PREFIX = "/global"
Converse = Callable[[str, operations.Operation], Response]


def add_to(pages: Blueprint, converse: Converse) -> None:
    """Add these paths to those of API v3."""

    @pages.post(f"{PREFIX}/transactions/<any(jsapi, native, app, mweb):product>")
    def order_abroad(product: str) -> Response:
        origin = request.host_url.rstrip("/")
        return converse("order", operations.create_order_abroad(PRODUCTS_ABROAD[product], origin))

    @pages.get(f"{PREFIX}/transactions/out-trade-no/<out_trade_no>")
    def by_out_trade_no_abroad(out_trade_no: str) -> Response:
        return converse("query", operations.query_abroad(request.args, out_trade_no=out_trade_no))

    @pages.get(f"{PREFIX}/transactions/id/<transaction_id>")
    def by_transaction_id_abroad(transaction_id: str) -> Response:
        return converse("query", operations.query_abroad(request.args, transaction_id=transaction_id))

    @pages.post(f"{PREFIX}/transactions/out-trade-no/<out_trade_no>/close")
    def close_abroad(out_trade_no: str) -> Response:
        return converse("close", operations.close_abroad(out_trade_no=out_trade_no))

    @pages.post(f"{PREFIX}/transactions/id/<transaction_id>/close")
    def close_by_id_abroad(transaction_id: str) -> Response:
        return converse("close", operations.close_abroad(transaction_id=transaction_id))

    @pages.get(f"{PREFIX}/certificates")
    def certificates_abroad() -> Response:
        return converse("certificates", list_certificates("RSA"))

    @pages.get(f"{PREFIX}/statements")
    def statements_abroad() -> Response:
        return converse("bill", operations.download_statement(request.args))

    _add_refunds(pages, converse)


def _add_refunds(pages: Blueprint, converse: Converse) -> None:
    @pages.post(f"{PREFIX}/refunds")
    def refund_abroad() -> Response:
        return converse("refund", operations.create_refund_abroad)

    @pages.get(f"{PREFIX}/refunds/out-refund-no/<out_refund_no>")
    def refund_by_number_abroad(out_refund_no: str) -> Response:
        found = operations.query_refund_abroad(request.args, out_refund_no=out_refund_no)
        return converse("refund_query", found)

    @pages.get(f"{PREFIX}/refunds/id/<refund_id>")
    def refund_by_id_abroad(refund_id: str) -> Response:
        return converse("refund_query", operations.query_refund_abroad(request.args, refund_id=refund_id))
