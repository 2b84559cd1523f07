"""A merchant written from the protocol alone: it signs requests, verifies answers and opens notices."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

MCHID = "1900000109"
OFFICIAL_ACCOUNT = "wx2421b1c4370ec43b"
MINI_PROGRAM = "wx7a154c094f74e84f"
UNBOUND = "wxd678efh567hg6787"
JSAPI = "/v3/pay/transactions/jsapi"
ANSWER_AGE_MAX_S = 300


@dataclass(frozen=True)
class Answer:
    """An answer whose signature held."""

    status: int
    body: Any
    serial: str
    cause: int


class Files:
    """What a merchant downloads from the consoles, loaded once since loading a key is slow."""

    def __init__(self, directory: Path) -> None:
        files = directory / "merchant"
        self.key: Any = load_pem_private_key((files / "apiclient_key.pem").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((files / "apiclient_cert.pem").read_bytes())
        self.serial = format(certificate.serial_number, "040X")
        self.apiv3_key = (files / "apiv3_key.txt").read_bytes()
        self.public_key_id = (files / "pub_key_id.txt").read_text()
        self.public_key: Any = load_pem_public_key((files / "pub_key.pem").read_bytes())
        self.secrets = {
            path.name.removesuffix(".secret.txt"): path.read_text() for path in (directory / "apps").iterdir()
        }


class Merchant:
    """A merchant with its files and an HTTP client for the simulator."""

    def __init__(self, files: Files, client: FlaskClient) -> None:
        self.files = files
        self.client = client
        self.mchid = MCHID
        self.key = files.key
        self.serial = files.serial
        self.apiv3_key = files.apiv3_key
        self.public_key_id = files.public_key_id
        self.secrets = files.secrets
        self.trusted: dict[str, Any] = {files.public_key_id: files.public_key}
        world = client.get("/_desk/world").get_json()
        self.openids: dict[str, str] = world["buyer"]["openids"]

    def sign(self, text: str) -> str:
        """RSA-SHA256 in base64."""
        return base64.b64encode(self.key.sign(text.encode(), PKCS1v15(), SHA256())).decode()

    def authorization(self, method: str, url: str, body: str = "", **changes: str) -> str:
        """The Authorization header; `changes` overwrite items after signing, but `timestamp` and `nonce` before."""
        items = {
            "mchid": self.mchid,
            "nonce_str": changes.pop("nonce", secrets.token_hex(16)),
            "timestamp": changes.get("timestamp", str(int(time.time()))),
            "serial_no": self.serial,
        }
        message = f"{method}\n{url}\n{items['timestamp']}\n{items['nonce_str']}\n{body}\n"
        items["signature"] = self.sign(message)
        items |= changes
        listed = ",".join(f'{name}="{value}"' for name, value in items.items())
        return f"WECHATPAY2-SHA256-RSA2048 {listed}"

    def send(
        self,
        method: str,
        url: str,
        body: object = None,
        headers: dict[str, str | None] | None = None,
    ) -> TestResponse:
        """One signed request; a header set to None is left out. Text bodies go as they are."""
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        sent: dict[str, str | None] = {
            "Accept": "application/json",
            "User-Agent": "merchant",
            "Content-Type": "application/json" if text else None,
            "Wechatpay-Serial": self.public_key_id,
            "Authorization": self.authorization(method, url, text),
            **(headers or {}),
        }
        kept = {name: value for name, value in sent.items() if value is not None}
        if "User-Agent" not in kept:
            kept["User-Agent"] = ""
        return self.client.open(url, method=method, data=text.encode(), headers=kept)

    def call(
        self,
        method: str,
        url: str,
        body: object = None,
        headers: dict[str, str | None] | None = None,
    ) -> Answer:
        """Send, verify the answer's signature, and parse it."""
        return self.understood(self.send(method, url, body, headers))

    def understood(self, reply: TestResponse) -> Answer:
        """The answer, once its signature held under a key this merchant trusts."""
        raw = reply.get_data()
        serial = reply.headers["Wechatpay-Serial"]
        self.verify(dict(reply.headers), raw)
        cause = int(reply.headers["Request-ID"].rsplit("-", 1)[1])
        return Answer(reply.status_code, json.loads(raw) if raw else None, serial, cause)

    def verify(self, headers: dict[str, str], raw: bytes) -> None:
        """Raise InvalidSignature, KeyError or ValueError unless these bytes come from WeChat now."""
        timestamp = headers["Wechatpay-Timestamp"]
        if abs(time.time() - int(timestamp)) >= ANSWER_AGE_MAX_S:
            raise ValueError("stale")
        message = f"{timestamp}\n{headers['Wechatpay-Nonce']}\n".encode() + raw + b"\n"
        signature = base64.b64decode(headers["Wechatpay-Signature"], validate=True)
        key = self.trusted[headers["Wechatpay-Serial"]]
        key.verify(signature, message, PKCS1v15(), SHA256())

    def genuine(self, headers: dict[str, str], raw: bytes) -> bool:
        """Whether `verify` would let it pass."""
        try:
            self.verify(headers, raw)
        except (InvalidSignature, KeyError, ValueError):
            return False
        return True

    def open_sealed(self, sealed: dict[str, str]) -> bytes:
        """Decrypt an encrypted resource or certificate with the APIv3 key."""
        return AESGCM(self.apiv3_key).decrypt(
            sealed["nonce"].encode(),
            base64.b64decode(sealed["ciphertext"]),
            sealed["associated_data"].encode(),
        )

    def trust_certificates(self) -> list[str]:
        """Fetch the platform certificates, trust them, and only then verify the answer that brought them."""
        reply = self.send("GET", "/v3/certificates")
        serials = []
        for item in reply.get_json()["data"]:
            certificate = x509.load_pem_x509_certificate(self.open_sealed(item["encrypt_certificate"]))
            assert item["serial_no"] == format(certificate.serial_number, "040X")
            self.trusted[item["serial_no"]] = certificate.public_key()
            serials.append(item["serial_no"])
        self.understood(reply)
        return serials

    def order(self, out_trade_no: str = "order_0001", **changes: Any) -> dict[str, Any]:
        """A JSAPI order of 100 fen for the default buyer."""
        return {
            "appid": OFFICIAL_ACCOUNT,
            "mchid": MCHID,
            "description": "一杯咖啡",
            "out_trade_no": out_trade_no,
            "notify_url": "http://127.0.0.1:9/notices",
            "amount": {"total": 100, "currency": "CNY"},
            "payer": {"openid": self.openids[OFFICIAL_ACCOUNT]},
            **changes,
        }

    def place(self, out_trade_no: str = "order_0001", **changes: Any) -> str:
        """Place such an order and give its prepay id."""
        answer = self.call("POST", JSAPI, self.order(out_trade_no, **changes))
        assert answer.status == 200, answer
        return str(answer.body["prepay_id"])

    def query(self, out_trade_no: str) -> Answer:
        """Query by the merchant's number."""
        return self.call("GET", f"/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={MCHID}")

    def close(self, out_trade_no: str) -> Answer:
        """Close an order."""
        url = f"/v3/pay/transactions/out-trade-no/{out_trade_no}/close"
        return self.call("POST", url, {"mchid": MCHID})

    def params(self, prepay_id: str, appid: str = OFFICIAL_ACCOUNT) -> dict[str, Any]:
        """What a page hands to WeixinJSBridge."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        package = f"prepay_id={prepay_id}"
        return {
            "appId": appid,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self.sign(f"{appid}\n{timestamp}\n{nonce}\n{package}\n"),
        }

    def desk(self, method: str, path: str, body: object = None) -> Any:
        """A desk call that must succeed."""
        reply = self.client.open(f"/_desk{path}", method=method, json=body)
        assert reply.status_code < 300, reply.get_data(as_text=True)
        return reply.get_json()

    def pay(self, params: dict[str, Any], outcome: str = "pay", **changes: Any) -> Any:
        """Let the default buyer open the cashier with these parameters."""
        wish = {
            "channel": "official_account",
            "appid": OFFICIAL_ACCOUNT,
            "params": params,
            "outcome": outcome,
            **changes,
        }
        return self.desk("POST", "/buyers/buyer_1/pay", wish)
