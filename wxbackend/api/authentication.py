"""Who is calling: a key of ours as Bearer or as the Basic user name."""

from __future__ import annotations

import base64

from flask import Request, g

from wxbackend.domain.errors import Forbidden, Unauthenticated
from wxbackend.ports.accounts import Accounts, Actor, KeyKind

KEY_CHARACTERS_MAX = 256


def authenticate(request: Request, accounts: Accounts) -> None:
    """Find out who is calling and keep it for this request; raises `Unauthenticated`."""
    key = key_of(request.headers.get("Authorization", ""))
    if not key:
        raise Unauthenticated(
            "Send your API key: Authorization: Bearer sk_test_…, or Basic with the key as user name.",
            code="api_key_missing",
        )
    actor = accounts.actor(key)
    if actor is None:
        raise Unauthenticated("This API key is not known here.", code="api_key_invalid")
    g.actor = actor


def key_of(header: str) -> str:
    """The key inside an Authorization header, or an empty text."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if len(value) > KEY_CHARACTERS_MAX * 2:
        return ""
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() == "basic":
        try:
            user, _, _ = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except ValueError:  # neither base64 nor UTF-8, or not even ASCII
            return ""
        return user
    return ""


def actor() -> Actor:
    """Who is calling; any key of the account."""
    found: Actor = g.actor
    return found


def merchant() -> Actor:
    """Who is calling, by a secret key; raises `Forbidden` for a publishable one."""
    found = actor()
    if found.kind is not KeyKind.SECRET:
        raise Forbidden(
            "A publishable key may only retrieve and confirm one PaymentIntent with its client_secret. "
            "Use a secret key, on your server.",
            code="secret_key_required",
        )
    return found
