"""Desk paths about access tokens and JS-SDK pages: how often they were fetched, and what WeChat would think of them."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response

from wxbackend.simulators.desk.reading import DeskError, read_wish, show, text
from wxbackend.simulators.world import World


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""

    @desk.get("/tokens")
    def fetches() -> Response:
        """How often each app fetched tokens (classic, stable, forced) and tickets."""
        return show({"fetches": world.tokens.fetches()})

    @desk.delete("/tokens/<appid>")
    def revoke(appid: str) -> Response:
        """Make all access tokens of an app invalid at once, as a new AppSecret does."""
        if world.credentials.app(appid) is None:
            raise DeskError(f"no app {appid}", 404)
        world.tokens.revoke(appid)
        return show({"revoked": appid})

    @desk.post("/apps/<appid>/js_sdk")
    def check_page(appid: str) -> Response:
        """What wx.config would say on the page `url` to noncestr, timestamp and signature: `valid`."""
        wish = read_wish(["noncestr", "timestamp", "signature", "url"])
        expected = world.tokens.signed(
            appid, noncestr=text(wish, "noncestr"), timestamp=text(wish, "timestamp"), url=text(wish, "url")
        )
        given = text(wish, "signature")
        return show({"valid": expected is not None and secrets.compare_digest(expected, given)})
