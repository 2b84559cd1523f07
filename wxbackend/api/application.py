"""The WSGI application: what stands before Flask, blueprints, limits, and nothing that decides about money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Request
from flask_smorest import Api
from werkzeug.routing import MapAdapter

from wxbackend.api import errors, openapi
from wxbackend.api.balance import routes as balance
from wxbackend.api.checkout_page import routes as checkout_page
from wxbackend.api.customers import routes as customers
from wxbackend.api.discrepancies import routes as discrepancies
from wxbackend.api.events import routes as events
from wxbackend.api.forwarding import ForwardedAddresses
from wxbackend.api.mandates import routes as mandates
from wxbackend.api.metrics import routes as metrics
from wxbackend.api.notices.door import NoticeDoor
from wxbackend.api.parameters import BODY_BYTES_MAX
from wxbackend.api.payment_groups import routes as payment_groups
from wxbackend.api.payment_intents import routes as payment_intents
from wxbackend.api.payment_methods import routes as payment_methods
from wxbackend.api.profit_sharings import routes as profit_sharings
from wxbackend.api.pushes import routes as pushes
from wxbackend.api.qr_codes import routes as qr_codes
from wxbackend.api.recording import Recorder
from wxbackend.api.refunds import routes as refunds
from wxbackend.api.service import routes as service
from wxbackend.api.setup_intents import routes as setup_intents
from wxbackend.api.shipping import routes as shipping
from wxbackend.api.transfers import routes as transfers
from wxbackend.api.webhook_endpoints import routes as webhook_endpoints
from wxbackend.api.wechat_login import routes as wechat_login
from wxbackend.flows.dependencies import Dependencies

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Application(Flask):
    """Flask without what we have no use for, since it would be paid for with every request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is: none of ours is a coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Routes by path and method alone: the host is the reverse proxy's business."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", request.root_path, "", request.scheme, request.path, request.method)


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
    app.register_blueprint(pushes.blueprint(deps))
    app.register_blueprint(service.blueprint(deps))
    app.register_blueprint(metrics.blueprint(deps, token=metrics_token))
    app.register_blueprint(checkout_page.blueprint(test_bridge_url))
    app.register_blueprint(qr_codes.blueprint(deps))
    errors.register(app)
    around: WSGIApplication = Recorder(NoticeDoor(app.wsgi_app, deps), deps)
    app.wsgi_app = ForwardedAddresses(around, trusted_proxies)  # type: ignore[method-assign] # Flask's own way
    return app
