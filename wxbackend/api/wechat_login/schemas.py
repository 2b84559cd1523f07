"""Parameters and pictures of log-in."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from wxbackend.api.field_types import Picture, Strict, Words
from wxbackend.flows.start_oauth import RETURN_URL_CHARACTERS_MAX, SCOPES

CODE_CHARACTERS_MAX: Final = 512


class MiniProgramLogin(Strict):
    """`POST /v1/wechat/mini_program/login`."""

    code = Words(CODE_CHARACTERS_MAX, required=True, metadata={"description": "What wx.login gave."})
    app_id = Words(32, metadata={"description": "Which mini program, when the account has several."})


class StartOAuthQuery(Strict):
    """`GET /v1/wechat/oauth/start`."""

    key = Words(256, required=True, metadata={"description": "The publishable key."})
    return_url = Words(RETURN_URL_CHARACTERS_MAX, required=True, metadata={"description": "Where to come back to."})
    app_id = Words(32, metadata={"description": "Which official account, when the account has several."})
    scope = Words(
        32,
        load_default=SCOPES[0],
        metadata={"enum": list(SCOPES), "description": "How much to ask; snsapi_userinfo asks the buyer first."},
    )


class OAuthCallbackQuery(Strict):
    """`GET /v1/wechat/oauth/callback`, called by WeChat's redirect."""

    code = Words(
        CODE_CHARACTERS_MAX,
        blank="kept",
        load_default="",
        metadata={"description": "Exchanged once; empty when the buyer declined."},
    )
    state = Words(128, required=True, metadata={"description": "What start gave; good in that browser only."})


class LoginSessionPicture(Picture):
    """A login session; the token is shown once."""

    object = fields.String(required=True, metadata={"enum": ["login_session"]})
    token = fields.String(required=True, metadata={"description": "Send it as Wx-Session; keep it like a password."})
    app_id = fields.String(required=True)
    expires_at = fields.Integer(required=True, metadata={"description": "Unix milliseconds."})
    livemode = fields.Boolean(required=True)


class JssdkQuery(Strict):
    """`GET /v1/wechat/jssdk_config`."""

    url = Words(
        RETURN_URL_CHARACTERS_MAX,
        required=True,
        metadata={"description": "The page's address as the browser shows it: location.href up to #."},
    )
    app_id = Words(32, metadata={"description": "Which official account, when the account has several."})


class JssdkConfigPicture(Picture):
    """What `wx.config` wants."""

    object = fields.String(required=True, metadata={"enum": ["jssdk_config"]})
    app_id = fields.String(required=True)
    timestamp = fields.Integer(required=True, metadata={"description": "Unix seconds, as wx.config wants them."})
    nonce = fields.String(required=True, metadata={"description": "nonceStr of wx.config."})
    signature = fields.String(required=True)
    url = fields.String(required=True, metadata={"description": "What was signed."})
    livemode = fields.Boolean(required=True)


LOGIN: Final = MiniProgramLogin()
START: Final = StartOAuthQuery()
CALLBACK: Final = OAuthCallbackQuery()
SESSION: Final = LoginSessionPicture()
JSSDK: Final = JssdkQuery()
JSSDK_CONFIG: Final = JssdkConfigPicture()
