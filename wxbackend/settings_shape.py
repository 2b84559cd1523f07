"""The shape of the settings file: which names exist, and what each may be."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from wxbackend.domain.money import MINOR_DIGITS
from wxbackend.domain.shipping import OrderShipping
from wxbackend.domain.terminal import AppKind

_MODE: Final = validate.OneOf(["test", "live"], error='must be "test" or "live".')


def _pattern(pattern: str, error: str) -> validate.Regexp:
    return validate.Regexp(rf"\A{pattern}\Z", error=error)


_HTTP: Final = _pattern(r"https?://[^\s?#]+[^\s?#/]", "must be an http(s) URL without a slash at its end.")


_COORDINATION: Final = _pattern(
    r"(sqlite:///|rediss?://|unix://)\S+", "must be sqlite:///path on one machine, or redis://host:6379/0 for several."
)


_MCHID: Final = _pattern(r"\d{8,12}", "must be 8 to 12 digits.")
_APPID: Final = _pattern(r"wx[0-9a-zA-Z]{16}", "must be wx and 16 letters or digits.")


def _network(value: str) -> None:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValidationError("must be an address or a network such as 10.0.0.0/8, without host bits.") from error


class Strict(Schema):
    """A table without unknown names."""

    class Meta:
        """marshmallow's place for it."""

        unknown = RAISE


class Server(Strict):
    """The table [server] of the file."""

    public_url = fields.String(required=True, validate=_HTTP)
    database_url = fields.String(required=True)
    coordination_url = fields.String(required=True, validate=_COORDINATION)
    test_bridge_url = fields.String(validate=_HTTP)
    default_host = fields.String()
    default_port = fields.Integer(validate=validate.Range(1, 65535))
    login_lasts_s = fields.Integer(validate=validate.Range(60, 30 * 86_400))
    allow_private_webhooks = fields.Boolean()
    allow_private_client_ips = fields.Boolean()
    trusted_proxies = fields.List(fields.String(validate=_network))
    metrics_token_file = fields.String()


class Work(Strict):
    """The table [work] of the file."""

    look_after_s = fields.List(fields.Float(validate=validate.Range(min=0.05)))
    order_expires_after_s = fields.Integer(validate=validate.Range(60, 90 * 86_400))
    refund_look_after_s = fields.List(fields.Float(validate=validate.Range(min=0.05)), validate=validate.Length(1))
    refund_short_after_s = fields.Float(validate=validate.Range(min=0.05))
    shipping_again_after_s = fields.List(fields.Float(validate=validate.Range(min=0.05)), validate=validate.Length(1))
    refund_spacing_s = fields.Float(validate=validate.Range(0, 86_400))
    engine = fields.String(validate=validate.OneOf(["built_in", "celery"], error='must be "built_in" or "celery".'))
    broker_url = fields.String()
    broker_url_file = fields.String()
    lease_s = fields.Float(validate=validate.Range(6, 600))
    idle_wait_s = fields.Float(validate=validate.Range(0.01, 60))
    certificates_every_s = fields.Integer(validate=validate.Range(min=60))
    webhook_delays_s = fields.List(fields.Float(validate=validate.Range(min=0.05)))
    webhook_timeout_s = fields.Float(validate=validate.Range(0.1, 60))
    fetch_bills = fields.Boolean()


class Upstream(Strict):
    """The table [upstream] of the file."""

    connect_timeout_s = fields.Float(validate=validate.Range(0.1, 30))
    read_timeout_s = fields.Float(validate=validate.Range(0.1, 60))
    total_timeout_s = fields.Float(validate=validate.Range(0.1, 60))


class Key(Strict):
    """The table [[accounts.api_keys]] of the file."""

    mode = fields.String(required=True, validate=_MODE)
    secret_key_file = fields.String()
    publishable_key_file = fields.String()


class AutoDebit(Strict):
    """The table [accounts.merchants.auto_debit] of the file."""

    plan_id = fields.Integer(required=True, validate=validate.Range(min=1))
    orders_path = fields.String(validate=_pattern(r"/v3/[a-z/-]+[a-z]", "must be a path such as /v3/pay/transactions."))
    announce_by = fields.String(
        validate=validate.OneOf(["schedule", "notify"], error='must be "schedule" or "notify".')
    )
    page_lasts_s = fields.Integer(validate=validate.Range(60, 86_400))


class ServiceProvider(Strict):
    """The table [accounts.merchants.service_provider] of the file."""

    sp_mchid = fields.String(required=True, validate=_MCHID)
    sp_appid = fields.String(required=True, validate=_APPID)


class CrossBorder(Strict):
    """The table [accounts.merchants.cross_border] of the file."""

    merchant_category_code = fields.String(
        required=True, validate=_pattern(r"\d{4}", "must be the four digits of the category that WeChat knows.")
    )
    store_name = fields.String(required=True, validate=validate.Length(1, 256))
    store_address = fields.String(required=True, validate=validate.Length(1, 512))
    currencies = fields.List(
        fields.String(validate=validate.OneOf(MINOR_DIGITS, error=f"must be one of {', '.join(MINOR_DIGITS)}.")),
        required=True,
        validate=validate.Length(min=1),
    )
    usd_rates = fields.Dict(fields.String(), fields.String(), load_default=dict)


class Merchant(Strict):
    """The table [[accounts.merchants]] of the file."""

    mode = fields.String(required=True, validate=_MODE)
    mchid = fields.String(required=True, validate=_MCHID)
    certificate_file = fields.String(required=True)
    private_key_file = fields.String(required=True)
    api_version = fields.String(validate=validate.OneOf(["v3", "v2"], error='must be "v3" or "v2".'))
    apiv3_key_file = fields.String()
    apiv3_key_previous_file = fields.String()
    public_key_id = fields.String(
        validate=_pattern(r"PUB_KEY_ID_\d+", "must look like PUB_KEY_ID_0114…, as the console shows it.")
    )
    public_key_file = fields.String()
    platform_certificate_files = fields.List(fields.String())
    fetch_certificates = fields.Boolean()
    v3_codepay = fields.Boolean()
    apiv2_key_file = fields.String()
    apiv2_key_previous_file = fields.String()
    sign_type = fields.String(validate=validate.OneOf(["MD5", "HMAC-SHA256"], error='must be "MD5" or "HMAC-SHA256".'))
    api_url = fields.String(validate=_HTTP)
    backup_url = fields.String(validate=_HTTP)
    certificate_api_url = fields.String(validate=_HTTP)
    authority_file = fields.String()
    auto_debit = fields.Nested(AutoDebit)
    cross_border = fields.Nested(CrossBorder)
    service_provider = fields.Nested(ServiceProvider)

    @validates_schema
    def _codes_have_their_key(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("v3_codepay") and "apiv3_key_file" not in data:
            told = "charges payment codes by API v3, which needs apiv3_key_file; leave it out to charge them by API v2."
            raise ValidationError(told, "v3_codepay")


class App(Strict):
    """The table [[accounts.apps]] of the file."""

    mode = fields.String(required=True, validate=_MODE)
    appid = fields.String(required=True, validate=_APPID)
    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in AppKind]))
    mchid = fields.String(required=True)
    secret_file = fields.String()
    platform_url = fields.String(validate=_HTTP)
    authorize_url = fields.String(validate=_HTTP)
    return_urls = fields.List(fields.String())
    push_token_file = fields.String()
    push_aes_key_file = fields.String()
    push_aes_key_previous_file = fields.String()
    order_shipping = fields.String(
        validate=validate.OneOf(
            [how.value for how in OrderShipping], error='must be "by_hand", "virtual" or "pick_up".'
        )
    )


class Endpoint(Strict):
    """The table [[accounts.webhook_endpoints]] of the file."""

    mode = fields.String(required=True, validate=_MODE)
    id = fields.String(
        required=True, validate=_pattern(r"we_[0-9a-z_]{1,40}", "must be we_ and up to 40 of 0-9 a-z _.")
    )
    url = fields.String(required=True, validate=validate.URL(require_tld=False, schemes={"http", "https"}))
    secret_file = fields.String(required=True)
    previous_secret_file = fields.String()


class Account(Strict):
    """The table [[accounts]] of the file."""

    id = fields.String(
        required=True, validate=_pattern(r"acct_[0-9a-z_]{1,40}", "must be acct_ and up to 40 of 0-9 a-z _.")
    )
    default_description = fields.String(required=True, validate=validate.Length(1, 127))
    api_keys = fields.List(fields.Nested(Key), required=True)
    merchants = fields.List(fields.Nested(Merchant), load_default=list)
    apps = fields.List(fields.Nested(App), load_default=list)
    webhook_endpoints = fields.List(fields.Nested(Endpoint), load_default=list)


class Top(Strict):
    """The whole file."""

    server = fields.Nested(Server, required=True)
    work = fields.Nested(Work, load_default=dict)
    upstream = fields.Nested(Upstream, load_default=dict)
    accounts = fields.List(fields.Nested(Account), required=True, validate=validate.Length(min=1))
