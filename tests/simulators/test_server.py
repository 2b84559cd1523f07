"""The simulator as a real process: real HTTP, real cut connections, an SDK of somebody else's, and a clean end."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from wechatpayv3 import WeChatPay, WeChatPayType

from wxbackend.simulators.credentials import Credentials
from wxbackend.simulators.server import is_loopback, serve

from .merchant import MCHID, OFFICIAL_ACCOUNT, Files
from .receiver import Receiver
from .test_products import MOBILE_APP, SCENE

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 30
STOP_WITHIN_S = 20


@dataclass(frozen=True)
class Running:
    """A simulator in its own process."""

    process: subprocess.Popen[bytes]
    url: str

    def desk(self, path: str, body: object = None) -> Any:
        """A desk call: POST with a body, else GET."""
        data = None if body is None else json.dumps(body).encode()
        method = "GET" if data is None else "POST"
        reply = urllib3.request(method, f"{self.url}/_desk{path}", body=data, retries=False)
        assert reply.status < 300, reply.data
        return reply.json()


@pytest.fixture(scope="module")
def running(credentials: Credentials) -> Iterator[Running]:
    """One process for this module; it must end by itself when asked to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "wxbackend.simulators.server", "--port", str(port)]
    process = subprocess.Popen([*command, "--credentials", str(credentials.directory)], cwd=ROOT)
    simulator = Running(process, f"http://127.0.0.1:{port}")
    _wait_until_up(simulator)
    yield simulator
    process.terminate()
    assert process.wait(STOP_WITHIN_S) == 0


def _wait_until_up(simulator: Running) -> None:
    ends = time.monotonic() + START_WITHIN_S
    while time.monotonic() < ends:
        try:
            simulator.desk("/world")
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the simulator did not come up")


@pytest.fixture
def sdk(running: Running, credentials: Credentials, files: Files) -> WeChatPay:
    """The SDK from PyPI, pointed at the simulator."""
    merchant = credentials.directory / "merchant"
    made = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=MCHID,
        private_key=(merchant / "apiclient_key.pem").read_text(),
        cert_serial_no=files.serial,
        appid=OFFICIAL_ACCOUNT,
        apiv3_key=files.apiv3_key.decode(),
        public_key=(merchant / "pub_key.pem").read_text(),
        public_key_id=files.public_key_id,
        timeout=(5, 10),
    )
    made._core._gate_way = running.url
    running.desk("/reset", {})
    return made


def order(sdk: WeChatPay, running: Running, number: str, notify_url: str) -> dict[str, Any]:
    """Place an order through the SDK."""
    openid = running.desk("/world")["buyer"]["openids"][OFFICIAL_ACCOUNT]
    status, text = sdk.pay(
        description="一杯咖啡",
        out_trade_no=number,
        amount={"total": 100, "currency": "CNY"},
        payer={"openid": openid},
        notify_url=notify_url,
    )
    assert status == 200, text
    answer: dict[str, Any] = json.loads(text)
    return answer


def test_a_foreign_sdk_orders_pays_queries_and_reads_the_notice(sdk: WeChatPay, running: Running) -> None:
    receiver = Receiver()
    try:
        running.desk("/mode", {"mode": "pubkey"})
        prepay = order(sdk, running, "sdk_order_1", receiver.url)["prepay_id"]
        stamp, nonce = str(int(time.time())), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
        package = f"prepay_id={prepay}"
        signature = sdk.sign([OFFICIAL_ACCOUNT, stamp, nonce, package])
        params = {"appId": OFFICIAL_ACCOUNT, "timeStamp": stamp, "nonceStr": nonce}
        params |= {"package": package, "signType": "RSA", "paySign": signature}
        wish = {"channel": "official_account", "params": params, "outcome": "pay"}
        said = running.desk("/buyers/buyer_1/pay", wish)
        assert said["err_msg"] == "get_brand_wcpay_request:ok"
        assert running.desk("/notices?wait_s=10")["notices"][0]["state"] == "delivered"
        status, text = sdk.query(out_trade_no="sdk_order_1")
        assert (status, json.loads(text)["trade_state"]) == (200, "SUCCESS")
        (got,) = receiver.received
        told = sdk.callback(got.headers, got.body)
        assert told["resource"] == json.loads(text)
    finally:
        receiver.close()


def test_a_foreign_sdk_refunds_reads_the_notices_and_rescues_an_abnormal_refund(
    sdk: WeChatPay, running: Running
) -> None:
    receiver = Receiver()
    try:
        running.desk("/mode", {"mode": "pubkey"})
        running.desk("/refunds/rules", {"outcome": "ABNORMAL", "settle_after_s": 0.1})
        order(sdk, running, "sdk_order_4", "http://127.0.0.1:9/")
        running.desk("/buyers/buyer_1/pay_order", {"out_trade_no": "sdk_order_4"})
        status, text = sdk.refund(
            out_trade_no="sdk_order_4",
            out_refund_no="sdk_refund_1",
            amount={"refund": 40, "total": 100, "currency": "CNY"},
            notify_url=receiver.url,
        )
        assert (status, json.loads(text)["status"]) == (200, "PROCESSING")
        assert running.desk("/refunds?wait_s=20")["refunds"][0]["status"] == "ABNORMAL"
        status, rescued = sdk.abnormal_refund(
            refund_id=json.loads(text)["refund_id"],
            out_refund_no="sdk_refund_1",
            type="USER_BANK_CARD",
            bank_type="ICBC_DEBIT",
            bank_account="6222000000000000000",
            real_name="小明",
        )
        assert (status, json.loads(rescued)["status"]) == (200, "PROCESSING")
        assert running.desk("/refunds?wait_s=20")["refunds"][0]["status"] == "SUCCESS"
        status, text = sdk.query_refund("sdk_refund_1")
        assert running.desk("/notices?out_refund_no=sdk_refund_1&wait_s=20")["settled"] is True
        told = [sdk.callback(got.headers, got.body) for got in receiver.received]
        ends = {item["resource"]["refund_status"]: item["resource"] for item in told}
        assert sorted(ends) == ["ABNORMAL", "SUCCESS"]
        assert ends["SUCCESS"]["success_time"] == json.loads(text)["success_time"]
        assert running.desk("/books")["balanced"] is True
    finally:
        receiver.close()


@pytest.mark.parametrize(
    ("kind", "member", "appid", "scene"),
    [
        (WeChatPayType.NATIVE, "code_url", OFFICIAL_ACCOUNT, None),
        (WeChatPayType.APP, "prepay_id", MOBILE_APP, None),
        (WeChatPayType.H5, "h5_url", OFFICIAL_ACCOUNT, SCENE),
    ],
    ids=["native", "app", "h5"],
)
def test_a_foreign_sdk_orders_codes_pages_and_apps(
    sdk: WeChatPay, kind: WeChatPayType, member: str, appid: str, scene: dict[str, Any] | None
) -> None:
    status, text = sdk.pay(
        description="一杯咖啡",
        out_trade_no="sdk_order_4",
        amount={"total": 100, "currency": "CNY"},
        appid=appid,
        scene_info=scene,
        notify_url="http://127.0.0.1:9/notices",
        pay_type=kind,
    )
    assert status == 200, text
    assert list(json.loads(text)) == [member]


def test_a_foreign_sdk_closes_an_order(sdk: WeChatPay, running: Running) -> None:
    order(sdk, running, "sdk_order_2", "http://127.0.0.1:9/")
    assert sdk.close(out_trade_no="sdk_order_2")[0] == 204
    status, text = sdk.query(out_trade_no="sdk_order_2")
    assert (status, json.loads(text)["trade_state"]) == (200, "CLOSED")


def test_a_foreign_sdk_learns_the_certificates(sdk: WeChatPay, running: Running) -> None:
    sdk._core._public_key_id = sdk._core._public_key = None
    running.desk("/mode", {"mode": "cert"})
    order(sdk, running, "sdk_order_3", "http://127.0.0.1:9/")
    serial = running.desk("/world")["keys"]["signing_serial"]
    known = {item.serial_number for item in sdk._core._certificates}
    assert int(serial, 16) in known


def test_a_dropped_connection_ends_without_an_http_answer(running: Running) -> None:
    fault = {"fault": "drop_before", "path": "certificates"}
    running.desk("/mischief", {"api": [fault]})
    with pytest.raises(urllib3.exceptions.ProtocolError) as caught:
        urllib3.request("GET", f"{running.url}/v3/certificates", retries=False)
    causes = (http.client.RemoteDisconnected, ConnectionResetError)
    assert isinstance(caught.value.args[1], causes)
    assert running.desk("/requests?limit=1")["requests"][0]["verdict"] == "dropped"


@pytest.mark.parametrize(
    ("host", "near"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_loopback_counts_as_near(host: str, *, near: bool) -> None:
    assert is_loopback(host) is near


def test_it_refuses_to_serve_other_machines_unless_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can be reached from outside"):
        serve("0.0.0.0", 1, tmp_path)
    assert list(tmp_path.iterdir()) == []
