"""Desk paths about profit sharing: look, and set how long it takes, how much may be shared, and who is refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response

from wxbackend.simulators.desk.reading import DeskError, mapping, number, read_wish, show, text, whole
from wxbackend.simulators.wechat_pay.sharing_records import SharingRules, return_view, sharing_view
from wxbackend.simulators.world import World

SECONDS_MAX = 400 * 86400.0


def add_to(desk: Blueprint, world: World) -> None:
    """Add these paths to the desk."""

    @desk.get("/sharings")
    def sharings() -> Response:
        """All sharings and returns, newest first, and everybody with whom money may be shared."""
        made, returned = world.sharings.everything()
        return show(
            {
                "sharings": [sharing_view(each) for each in made],
                "returns": [return_view(each) for each in returned],
                "receivers": world.sharings.receivers(),
            }
        )

    @desk.get("/sharings/rules")
    def see_sharing_rules() -> Response:
        """How sharings end."""
        return show(asdict(world.sharings.rules))

    @desk.post("/sharings/rules")
    def set_sharing_rules() -> Response:
        """Set settle_after_s, percent_max, closed ({account: reason}), return_fails (null), notify_url (null)."""
        wish = read_wish(["settle_after_s", "percent_max", "closed", "return_fails", "notify_url"])
        changes: dict[str, Any] = {name: None if wish[name] is None else text(wish, name)
                                   for name in ("return_fails", "notify_url") if name in wish}  # fmt: skip
        if "settle_after_s" in wish:
            changes["settle_after_s"] = number(wish, "settle_after_s", 0)
            if not 0 <= changes["settle_after_s"] <= SECONDS_MAX:
                raise DeskError(f"settle_after_s must lie between 0 and {SECONDS_MAX}")
        if "percent_max" in wish:
            changes["percent_max"] = whole(wish, "percent_max", 0)
        if "closed" in wish:
            changes["closed"] = tuple((account, str(reason)) for account, reason in mapping(wish, "closed").items())
        with world.lock:
            rules: SharingRules = replace(world.sharings.rules, **changes)
            world.sharings.rules = rules
        return show(asdict(rules))
