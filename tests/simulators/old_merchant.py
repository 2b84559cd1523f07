"""A merchant that never moved to API v3, written from the protocol alone but for the signature, which has vectors."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from flask.testing import FlaskClient

from wxbackend.simulators.app import create_app
from wxbackend.simulators.credentials import MCHID, OFFICIAL_ACCOUNT_APPID
from wxbackend.simulators.wechat_pay.v2.signing import MD5, fits, sign
from wxbackend.simulators.wechat_pay.v2.xml import document, parse
from wxbackend.simulators.world import World

ORDER: Final = "/pay/unifiedorder"
NUMBER: Final = {"out_trade_no": "order_0001"}


class Old:
    """A merchant that never moved to API v3."""

    def __init__(self, world: World, sign_type: str = MD5) -> None:
        self.world = world
        self.key = world.credentials.apiv2_key
        self.sign_type = sign_type
        self.client: FlaskClient = create_app(world).test_client()
        self.certificate = (world.credentials.directory / "merchant" / "apiclient_cert.pem").read_text()

    def signed(self, fields: dict[str, str]) -> dict[str, str]:
        """With everything that each request has."""
        whole = {
            "appid": OFFICIAL_ACCOUNT_APPID, "mch_id": MCHID, "nonce_str": secrets.token_hex(8),
            "sign_type": self.sign_type, **fields,
        }  # fmt: skip
        return {**whole, "sign": sign(whole, self.key, self.sign_type)}

    def post(self, path: str, body: bytes, *, certified: bool = False) -> Any:
        """The raw answer; with a certificate, as the encrypted port would tell of it."""
        environ = {"SSL_CLIENT_CERT": self.certificate} if certified else {}
        return self.client.post(path, data=body, environ_overrides=environ)

    def ask(self, path: str, fields: dict[str, str]) -> dict[str, str]:
        """Send, and understand the answer once its signature holds."""
        reply = self.post(path, document(self.signed(fields)), certified=path.startswith("/secapi"))
        assert reply.status_code == 200, reply.data
        said = parse(reply.data)
        if said["return_code"] == "SUCCESS":
            assert fits(said, self.key, self.sign_type)
        return said

    def order(self, **changes: str) -> dict[str, str]:
        """A unified order of 100 fen for the default buyer."""
        openid = self.world.buyers.default().openids[OFFICIAL_ACCOUNT_APPID]
        fields = {
            **NUMBER, "body": "一杯咖啡", "total_fee": "100", "spbill_create_ip": "127.0.0.1", "trade_type": "JSAPI",
            "notify_url": "http://127.0.0.1:9/notices", "openid": openid,
        }  # fmt: skip
        return fields | changes

    def pay(self, **changes: str) -> Any:
        """Place an order and let the buyer pay it in the cashier."""
        prepay_id = self.ask(ORDER, self.order(**changes))["prepay_id"]
        return self.cashier(self.params(prepay_id))

    def params(self, prepay_id: str) -> dict[str, str]:
        """What a page hands to WeixinJSBridge."""
        params = {
            "appId": OFFICIAL_ACCOUNT_APPID, "timeStamp": str(int(time.time())), "nonceStr": "n",
            "package": f"prepay_id={prepay_id}", "signType": self.sign_type,
        }  # fmt: skip
        return {**params, "paySign": sign(params, self.key, self.sign_type)}

    def cashier(self, params: dict[str, str]) -> Any:
        """What the page hears."""
        told = {"channel": "official_account", "appid": OFFICIAL_ACCOUNT_APPID, "params": params, "outcome": "pay"}
        return self.client.post("/_desk/buyers/buyer_1/pay", json=told).get_json()

    def verdict(self) -> str:
        """The word that the log has for the last request."""
        return self.world.requests[-1].verdict
