"""What the load sends: requests of a merchant's server, and notices that WeChat has signed. Ready-made bytes."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from wxbackend.simulators.credentials import MCHID, OFFICIAL_ACCOUNT_APPID, Credentials

OPENID: Final = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
AMOUNT_FEN: Final = 2000
CREATE: Final = {
    "amount": AMOUNT_FEN,
    "currency": "CNY",
    "description": "Two cups of tea",
    "metadata": {"table": "7"},
}
CONFIRMED: Final = CREATE | {
    "confirm": True,
    "payment_method_data": {"type": "wechat_pay"},
    "payment_method_options": {"wechat_pay": {"terminal_type": "official_account", "openid": OPENID}},
}


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """One HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def creates(secret_key: str, number: int, *, confirm: bool = True, same_key: bool = False) -> list[bytes]:
    """So many creates, each with an idempotency key of its own, or all with the same."""
    shared = secrets.token_hex(16)
    made = []
    for place in range(number):
        told = (CONFIRMED if confirm else CREATE) | {"merchant_order_id": shared if same_key else f"{shared}-{place}"}
        key = shared if same_key else f"{shared}-{place}"
        headers = {"Authorization": f"Bearer {secret_key}", "Idempotency-Key": key}
        made.append(request("POST", "/v1/payment_intents", headers, orjson.dumps(told)))
    return made


def reads(secret_key: str, paths: Sequence[str]) -> list[bytes]:
    """A GET of each path."""
    headers = {"Authorization": f"Bearer {secret_key}"}
    return [request("GET", path, headers) for path in paths]


def bare_posts(number: int) -> list[bytes]:
    """What a create sends, for the bare application."""
    body = orjson.dumps(CONFIRMED | {"merchant_order_id": secrets.token_hex(16)})
    return [request("POST", "/", {"Authorization": "Bearer sk_test_0", "Idempotency-Key": "key"}, body)] * number


def bare_gets(number: int) -> list[bytes]:
    """What a read sends, for the bare application."""
    return [request("GET", "/pi_1666625039547498496", {"Authorization": "Bearer sk_test_0"})] * number


def notices(credentials: Credentials, out_trade_nos: Sequence[str]) -> list[bytes]:
    """For each order the notice that it was paid, signed now."""
    return [_notice(credentials, number) for number in out_trade_nos]


def _notice(credentials: Credentials, out_trade_no: str) -> bytes:
    paid = {
        "appid": OFFICIAL_ACCOUNT_APPID,
        "mchid": MCHID,
        "out_trade_no": out_trade_no,
        "transaction_id": f"42000{secrets.randbelow(10**23):023d}",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",  # the words are WeChat's
        "bank_type": "OTHERS",
        "attach": "",
        "success_time": time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600)),
        "payer": {"openid": OPENID},
        "amount": {"total": AMOUNT_FEN, "payer_total": AMOUNT_FEN, "currency": "CNY", "payer_currency": "CNY"},
    }
    nonce = secrets.token_hex(6)
    sealed = AESGCM(credentials.apiv3_key).encrypt(nonce.encode(), orjson.dumps(paid), b"transaction")
    envelope = {
        "id": secrets.token_hex(16),
        "create_time": paid["success_time"],
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode("ascii"),
            "associated_data": "transaction",
            "nonce": nonce,
        },
    }
    body = orjson.dumps(envelope)
    return request("POST", f"/notices/wechat_v3/{MCHID}", _signature(credentials, body), body)


def _signature(credentials: Credentials, body: bytes) -> dict[str, str]:
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = credentials.wechatpay_private_key.sign(message, PKCS1v15(), SHA256())
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": credentials.public_key_id,
        "Wechatpay-Signature": base64.b64encode(signature).decode("ascii"),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }
