"""Which key WeChat signs with: platform certificates, the WeChat Pay public key, and the grey months between them."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wxbackend.simulators.clock import rfc3339
from wxbackend.simulators.credentials import (
    Credentials,
    PlatformCertificate,
    add_platform_certificate,
)
from wxbackend.simulators.wechat_pay.refusal import CAUSE_PARAMETER, Refusal
from wxbackend.simulators.wechat_pay.signing import seal

MODES = ("cert", "gray", "pubkey")
STEPS = ("rotate", "publish", "use", "retire")
DEFAULT_MODE = "gray"
DEFAULT_PUBKEY_PERCENT = 50
LISTED_MAX = 3
STEP_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of WeChat's and the serial by which a merchant finds its public half."""

    serial: str
    private_key: RSAPrivateKey = field(repr=False)


class PlatformKeys:
    """Chooses the signing key by mode, lists certificates, and rotates them with an overlap."""

    def __init__(self, credentials: Credentials, lock: threading.RLock) -> None:
        self._credentials = credentials
        self._lock = lock
        self._listed = list(credentials.platform_certificates[-1:])
        self._signing = self._listed[-1]
        self._mode = DEFAULT_MODE
        self._pubkey_permille = DEFAULT_PUBKEY_PERCENT * 10
        self._dice = _dice(None)

    def set_mode(self, mode: str, pubkey_percent: float | None = None, *, seed: int | None = None) -> None:
        """Switch between the modes; the percentage, in steps of 0.1, is of notices signed by public key in grey mode.

        With a seed the same notices in the same order are signed by the same keys again.
        """
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}")
        if pubkey_percent is not None and not 0 <= pubkey_percent <= 100:
            raise ValueError("pubkey_percent must lie between 0 and 100")
        permille = None if pubkey_percent is None else round(pubkey_percent * 10)
        if permille is not None and pubkey_percent is not None and abs(permille - pubkey_percent * 10) > STEP_SLACK:
            raise ValueError("pubkey_percent goes in steps of 0.1")
        with self._lock:
            self._mode = mode
            if permille is not None:
                self._pubkey_permille = permille
            if seed is not None:
                self._dice = _dice(seed)

    def reset(self) -> None:
        """Back to the default mode; certificates stay as they are."""
        self.set_mode(DEFAULT_MODE, DEFAULT_PUBKEY_PERCENT)
        self._dice = _dice(None)

    def for_reply(self, request_serial: str | None) -> SigningKey:
        """The key for an answer: in grey mode the public key exactly for requests that named it."""
        with self._lock:
            named = request_serial == self._credentials.public_key_id
            if self._mode == "pubkey" or (self._mode == "gray" and named):
                return self.public_key()
            return self.certificate_key()

    def for_notice(self) -> SigningKey:
        """The key for a notice: in grey mode the public key in the set percentage of cases."""
        with self._lock:
            if self._mode == "pubkey":
                return self.public_key()
            if self._mode == "gray" and self._dice.randrange(1000) < self._pubkey_permille:
                return self.public_key()
            return self.certificate_key()

    def public_key(self) -> SigningKey:
        """The WeChat Pay key pair."""
        return SigningKey(self._credentials.public_key_id, self._credentials.wechatpay_private_key)

    def private_key(self, serial: str) -> RSAPrivateKey | None:
        """The private half of a key that merchants may encrypt to; None for a serial that is not published."""
        with self._lock:
            if serial == self._credentials.public_key_id:
                return self._credentials.wechatpay_private_key
            found = [item.private_key for item in self._listed if item.serial == serial]
            return found[0] if found else None

    def certificate_key(self) -> SigningKey:
        """The platform certificate in use."""
        with self._lock:
            return SigningKey(self._signing.serial, self._signing.private_key)

    def rotate(self, step: str = "rotate") -> dict[str, object]:
        """Publish a new certificate, use the newest, retire the older ones; `rotate` publishes and uses at once."""
        if step not in STEPS:
            raise ValueError(f"step must be one of {', '.join(STEPS)}")
        with self._lock:
            if step in ("rotate", "publish"):
                self._listed.append(add_platform_certificate(self._credentials.directory))
                self._listed = self._listed[-LISTED_MAX:]
            if step in ("rotate", "use", "retire"):
                self._signing = self._listed[-1]
            if step == "retire":
                self._listed = [self._signing]
            return self.view()

    def listing(self, algorithm: str, *, apiv3_key: bytes) -> dict[str, object]:
        """The body of /v3/certificates for who has this key. Raises Refusal where there is no platform certificate."""
        if algorithm not in ("RSA", "SM2", "ALL"):
            raise Refusal(400, "PARAM_ERROR", "algorithm_type无效", cause=CAUSE_PARAMETER)
        with self._lock:
            if self._mode == "pubkey" or algorithm == "SM2":
                raise Refusal(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书", cause=CAUSE_PARAMETER)
            return {"data": [_listed_entry(item, apiv3_key) for item in self._listed]}

    def view(self) -> dict[str, object]:
        """Mode and serials, for the desk."""
        with self._lock:
            return {
                "mode": self._mode,
                "pubkey_percent": self._pubkey_permille / 10,
                "signing_serial": self._signing.serial,
                "listed_serials": [item.serial for item in self._listed],
                "public_key_id": self._credentials.public_key_id,
            }


def _dice(seed: int | None) -> random.Random:
    return random.Random(seed)  # noqa: S311 - it picks a key for a notice; nothing secret hangs on it


def _listed_entry(certificate: PlatformCertificate, apiv3_key: bytes) -> dict[str, object]:
    return {
        "serial_no": certificate.serial,
        "effective_time": rfc3339(certificate.effective.timestamp()),
        "expire_time": rfc3339(certificate.expires.timestamp()),
        "encrypt_certificate": seal(apiv3_key, certificate.pem.encode("ascii"), "certificate"),
    }
