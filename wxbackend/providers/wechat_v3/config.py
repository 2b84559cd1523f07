"""What one merchant number at WeChat Pay needs: keys, parsed once, and addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from wxbackend.ports.provider import Hosts
from wxbackend.providers.wechat_v3.roles import DIRECT, Role

APIV3_KEY_BYTES: Final = 32
MAIN_HOST: Final = "https://api.mch.weixin.qq.com"
BACKUP_HOST: Final = "https://api2.mch.weixin.qq.com"
PUBLIC_KEY_ID_PREFIX: Final = "PUB_KEY_ID_"


class BadKey(ValueError):
    """A key or certificate cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class AutoDebit:
    """What contracts with buyers need: WeChat's template, and what the descriptions leave open."""

    plan_id: int
    orders_path: str = "/v3/papay/pay/transactions"
    announce_by: str = "schedule"
    page_lasts_s: int = 1_800


@dataclass(frozen=True, slots=True)
class MerchantConfig:
    """One merchant number. `public_key_id` is sent with every request when it is known.

    Where `role` is a service provider, `mchid` is the sub-merchant's number and everything else the provider's.
    """

    mchid: str
    serial: str
    private_key: RSAPrivateKey = field(repr=False)
    apiv3_keys: tuple[bytes, ...] = field(repr=False)
    notify_url: str
    hosts: Hosts
    public_key_id: str | None = None
    v3_codepay: bool = False
    role: Role = DIRECT


def load_private_key(pem: bytes) -> RSAPrivateKey:
    """The merchant's API private key (apiclient_key.pem)."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadKey("this is not an unencrypted PEM private key (expected apiclient_key.pem)") from error
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("the merchant private key must be an RSA key")
    return key


def load_public_key(pem: bytes) -> RSAPublicKey:
    """The WeChat Pay public key (pub_key.pem)."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise BadKey("this is not a PEM public key (expected pub_key.pem)") from error
    if not isinstance(key, RSAPublicKey):
        raise BadKey("the WeChat Pay public key must be an RSA key")
    return key


def load_certificate(pem: bytes) -> tuple[str, RSAPublicKey]:
    """The serial, upper-case hexadecimal with its leading zeros, and the key of a certificate."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise BadKey("this is not a PEM certificate") from error
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise BadKey("the certificate must hold an RSA key")
    return serial_text(certificate.serial_number), key


def serial_text(number: int) -> str:
    """A certificate's serial as WeChat writes it: whole bytes, upper case, leading zeros kept."""
    digits = f"{number:X}"
    return digits.rjust(40, "0") if len(digits) < 40 else digits


def check_apiv3_key(key: bytes) -> bytes:
    """The APIv3 key, exactly 32 bytes."""
    if len(key) != APIV3_KEY_BYTES:
        raise BadKey(f"the APIv3 key must be exactly {APIV3_KEY_BYTES} characters; it has {len(key)}")
    return key
