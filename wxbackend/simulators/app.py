"""The simulator as one Flask app: Pay API, platform, desk and phone share a port, told apart by path."""

from __future__ import annotations

from flask import Flask

from wxbackend.simulators.desk.routes import blueprint as desk_blueprint
from wxbackend.simulators.phone.browser_routes import blueprint as browser_blueprint
from wxbackend.simulators.phone.routes import blueprint as phone_blueprint
from wxbackend.simulators.shop.routes import blueprint as shop_blueprint
from wxbackend.simulators.shop.shop import Shop
from wxbackend.simulators.wechat_pay.routes import blueprint as pay_blueprint
from wxbackend.simulators.wechat_pay.v2.routes import blueprint as pay_v2_blueprint
from wxbackend.simulators.wechat_platform.routes import blueprint as platform_blueprint
from wxbackend.simulators.wechat_platform.shipping_routes import blueprint as shipping_blueprint
from wxbackend.simulators.world import World

REQUEST_BYTES_MAX = 4 * 1024 * 1024


def create_app(world: World, shop: Shop | None = None) -> Flask:
    """The WSGI app over a world. Notices are carried only after `world.start()`; `shop` is the merchant's side."""
    app = Flask("wxbackend.simulators", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = REQUEST_BYTES_MAX
    app.url_map.merge_slashes = False
    app.register_blueprint(pay_blueprint(world))
    app.register_blueprint(pay_v2_blueprint(world))
    app.register_blueprint(platform_blueprint(world))
    app.register_blueprint(shipping_blueprint(world))
    app.register_blueprint(desk_blueprint(world))
    app.register_blueprint(phone_blueprint(world))
    app.register_blueprint(browser_blueprint(world))
    if shop is not None:
        app.register_blueprint(shop_blueprint(shop))
    return app
