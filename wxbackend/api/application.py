"""The WSGI application: blueprints, limits, identifiers of requests, and nothing that decides about money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Response
from flask.globals import app_ctx, request_ctx
from flask_smorest import Api

from wxbackend.api import errors, openapi
from wxbackend.api.balance import routes as balance
from wxbackend.api.checkout_page import routes as checkout_page
from wxbackend.api.customers import routes as customers
from wxbackend.api.discrepancies import routes as discrepancies
from wxbackend.api.events import routes as events
from wxbackend.api.forwarding import ForwardedAddresses
from wxbackend.api.mandates import routes as mandates
from wxbackend.api.metrics import routes as metrics
from wxbackend.api.notices import routes as notices
from wxbackend.api.parameters import BODY_BYTES_MAX
from wxbackend.api.payment_groups import routes as payment_groups
from wxbackend.api.payment_intents import routes as payment_intents
from wxbackend.api.payment_methods import routes as payment_methods
from wxbackend.api.profit_sharings import routes as profit_sharings
from wxbackend.api.pushes import routes as pushes
from wxbackend.api.qr_codes import routes as qr_codes
from wxbackend.api.refunds import routes as refunds
from wxbackend.api.service import routes as service
from wxbackend.api.setup_intents import routes as setup_intents
from wxbackend.api.shipping import routes as shipping
from wxbackend.api.transfers import routes as transfers
from wxbackend.api.webhook_endpoints import routes as webhook_endpoints
from wxbackend.api.wechat_login import routes as wechat_login
from wxbackend.domain import ids
from wxbackend.flows.dependencies import Dependencies


class Application(Flask):
    """Flask without coroutines: none of our functions is one, so none is looked at for being one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func


class OurApi(Api):  # type: ignore[misc] # flask-smorest ships no types
    """flask-smorest without its error handlers, which would lose `Allow` and our envelope."""

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = openapi.ErrorEnvelope

    def _register_error_handlers(self) -> None:
        """Ours are registered by `errors.register`."""


def create_application(
    deps: Dependencies,
    *,
    test_bridge_url: str | None,
    trusted_proxies: Sequence[str] = (),
    metrics_token: str | None = None,
) -> Flask:
    """Build it for one process."""
    app = Application("wxbackend", static_folder=None)
    app.config.update(openapi.CONFIG)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX + 1  # a chunked body is cut here without a word, see `parameters`
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # nobody may call from another site's page, so nobody asks
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # else an id of "%2F" is answered with a redirect in HTML
    api = OurApi(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=openapi.schema_name)})
    openapi.teach(api.ma_plugin)
    api.register_blueprint(payment_intents.blueprint(deps))
    api.register_blueprint(payment_groups.blueprint(deps))
    api.register_blueprint(refunds.blueprint(deps))
    api.register_blueprint(customers.blueprint(deps))
    api.register_blueprint(setup_intents.blueprint(deps))
    api.register_blueprint(mandates.blueprint(deps))
    api.register_blueprint(payment_methods.blueprint(deps))
    api.register_blueprint(transfers.blueprint(deps))
    api.register_blueprint(profit_sharings.blueprint(deps))
    api.register_blueprint(shipping.blueprint(deps))
    api.register_blueprint(balance.blueprint(deps))
    api.register_blueprint(discrepancies.blueprint(deps))
    api.register_blueprint(events.blueprint(deps))
    api.register_blueprint(webhook_endpoints.blueprint(deps))
    api.register_blueprint(wechat_login.blueprint(deps))
    openapi.complete(api.spec)
    app.register_blueprint(notices.blueprint(deps))
    app.register_blueprint(pushes.blueprint(deps))
    app.register_blueprint(service.blueprint(deps))
    app.register_blueprint(metrics.blueprint(deps, token=metrics_token))
    app.register_blueprint(checkout_page.blueprint(test_bridge_url))
    app.register_blueprint(qr_codes.blueprint(deps))
    errors.register(app)
    _identify(app, deps)
    app.wsgi_app = ForwardedAddresses(app.wsgi_app, trusted_proxies)  # type: ignore[method-assign] # Flask's own way
    return app


def _identify(app: Flask, deps: Dependencies) -> None:
    log = structlog.get_logger("api")

    @app.before_request
    def begin() -> None:
        known = app_ctx.g
        known.begun_ms = deps.surroundings.now_ms()
        known.request_id = ids.render(ids.REQUEST, deps.surroundings.new_id())

    @app.after_request
    def end(answer: Response) -> Response:
        if answer.status_code >= 400:
            errors.read_the_rest()
        known = app_ctx.g
        request_id = known.get("request_id")
        headers = answer.headers
        if request_id is not None:
            headers["Request-Id"] = request_id
        if "X-Content-Type-Options" not in headers:
            headers["X-Content-Type-Options"] = "nosniff"
        now_ms = deps.surroundings.now_ms()
        _log(log, answer, deps, request_id, duration_ms=now_ms - known.get("begun_ms", now_ms))
        return answer


def _log(log: Any, answer: Response, deps: Dependencies, request_id: str | None, *, duration_ms: int) -> None:
    """The rule that matched is logged and counted, never the address: addresses may carry codes."""
    asked, status = request_ctx.request, answer.status_code
    method, rule = asked.method, asked.url_rule
    route = rule.rule if rule else None
    log.info("request", method=method, route=route, status=status, request_id=request_id, duration_ms=duration_ms)
    deps.counting.request(method=method, route=route or "none", status=status, duration_ms=duration_ms)
