"""The simulator's routes in this process, made once: they take longer to make than a world."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient

from wxbackend.simulators.app import create_app
from wxbackend.simulators.world import World


def client_of(world: World) -> FlaskClient:
    """Speaks to this world, and so does from now on every client that was given before."""
    app, behind = _made_once()
    behind.show(world)
    return app.test_client()


class Whichever:
    """Stands in the routes for the world that was shown last."""

    def __init__(self) -> None:
        self.__dict__["world"] = None

    def show(self, world: World) -> None:
        """From now on it is this one."""
        self.__dict__["world"] = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["world"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["world"], name, value)


@cache
def _made_once() -> tuple[Flask, Whichever]:
    behind = Whichever()
    app = create_app(cast("World", behind))
    app.testing = True
    return app, behind
