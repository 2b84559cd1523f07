"""Settings of a service provider's installation before the simulator: one sub-merchant, and a second to add."""

from __future__ import annotations

from typing import Final

from tests.support.partner_side import (
    FOLDER,
    OTHER_SUB_MCHID,
    SP_APPID,
    SP_MCHID,
    SUB_MCHID,
    SUB_MINI_PROGRAM_APPID,
    SUB_MOBILE_APP_APPID,
)

_SIMULATOR: Final = "http://127.0.0.1:${WXBACKEND_SIMULATOR_PORT:-9000}"
_WECHAT: Final = "${WXBACKEND_STATE_DIR}/wechat"
MERCHANT: Final = f'mode = "test"\nmchid = "{SUB_MCHID}"\n'
_KEYS: Final = f"""api_url = "{_SIMULATOR}"
certificate_file = "{_WECHAT}/{FOLDER}/apiclient_cert.pem"
private_key_file = "{_WECHAT}/{FOLDER}/apiclient_key.pem"
apiv3_key_file = "{_WECHAT}/{FOLDER}/apiv3_key.txt"
public_key_id = "PUB_KEY_ID_0119000001092026112200000000000001"
public_key_file = "{_WECHAT}/merchant/pub_key.pem"
v3_codepay = true

[accounts.merchants.service_provider]
sp_mchid = "{SP_MCHID}"
sp_appid = "{SP_APPID}"
"""
_SERVER: Final = """
[server]
public_url = "http://127.0.0.1:${WXBACKEND_WEB_PORT:-8000}"
database_url = "sqlite:///${WXBACKEND_STATE_DIR}/wxbackend.db"
coordination_url = "sqlite:///${WXBACKEND_STATE_DIR}/coordination.db"
allow_private_webhooks = true
allow_private_client_ips = true
"""


def _account(name: str, prefix: str) -> str:
    return f"""
[[accounts]]
id = "{name}"
default_description = "Sub-merchant"

[[accounts.api_keys]]
mode = "test"
secret_key_file = "${{WXBACKEND_STATE_DIR}}/keys/{prefix}secret_key.txt"
publishable_key_file = "${{WXBACKEND_STATE_DIR}}/keys/{prefix}publishable_key.txt"

[[accounts.merchants]]
"""


def _app(appid: str, kind: str, mchid: str, more: str = "") -> str:
    secret = "" if kind == "mobile_app" else f'secret_file = "{_WECHAT}/apps/{appid}.secret.txt"\n'
    addresses = f'platform_url = "{_SIMULATOR}"\nauthorize_url = "{_SIMULATOR}"\n'
    return f"""
[[accounts.apps]]
mode = "test"
appid = "{appid}"
kind = "{kind}"
mchid = "{mchid}"
{secret}{addresses}{more}"""


def partner_settings() -> str:
    """One account whose sub-merchant has apps of its own beside the service provider's official account."""
    return (
        _SERVER
        + _account("acct_sub", "")
        + MERCHANT
        + _KEYS
        + _app(SP_APPID, "official_account", SUB_MCHID)
        + _app(SUB_MINI_PROGRAM_APPID, "mini_program", SUB_MCHID)
        + _app(SUB_MOBILE_APP_APPID, "mobile_app", SUB_MCHID)
    )


OTHER_ACCOUNT: Final = (
    _account("acct_other", "other_")
    + f'mode = "test"\nmchid = "{OTHER_SUB_MCHID}"\n'
    + _KEYS
    + _app(SP_APPID, "official_account", OTHER_SUB_MCHID, "return_urls = []\n")
)
"""The second sub-merchant, whose buyers log in with the same official account."""
