"""A simulated service provider with two sub-merchants: its keys, and whose apps belong to whom.

The keys lie beside the merchant's in `service_provider/`, under the names that the console gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

SP_MCHID: Final = "1900009231"
SUB_MCHID: Final = "1900000119"
OTHER_SUB_MCHID: Final = "1900000129"
SP_APPID: Final = "wx5e21a9c7f04b3d86"
SUB_MINI_PROGRAM_APPID: Final = "wx6f32bad8015c4e97"
SUB_MOBILE_APP_APPID: Final = "wx7043cbe9126d5fa8"
KINDS_OF_APPS: Final = {
    SP_APPID: "official_account",
    SUB_MINI_PROGRAM_APPID: "mini_program",
    SUB_MOBILE_APP_APPID: "mobile_app",
}
FOLDER: Final = "service_provider"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who may speak to WeChat Pay: a number, the serial and key of its certificate, and its APIv3 key."""

    mchid: str
    serial: str
    public_key: RSAPublicKey
    apiv3_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """Who signs for sub-merchants; `sub_merchants` names each with the apps that are bound to it."""

    signer: Signer
    apps: frozenset[str] = frozenset({SP_APPID})
    sub_merchants: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: {
            SUB_MCHID: frozenset({SUB_MINI_PROGRAM_APPID, SUB_MOBILE_APP_APPID}),
            OTHER_SUB_MCHID: frozenset(),
        }
    )
