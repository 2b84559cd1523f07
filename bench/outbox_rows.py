"""Events that wait to be delivered, written straight into the database, so that the worker is measured alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson
from sqlalchemy import Engine, NullPool, create_engine, insert

from bench.product import Place
from wxbackend.domain import ids
from wxbackend.store import tables

ACCOUNT: Final = "acct_demo"
SHOP: Final = "we_demo_shop"
NODE: Final = 1023
_NUMBERS: Final = itertools.count()
BODY: Final = orjson.dumps(
    {
        "id": "evt_1666625039547498496",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": "pi_1666625039547498496", "object": "payment_intent", "more": "x" * 800}},
    }
)


def _new_id() -> int:
    """A number that no process of the product makes."""
    number = next(_NUMBERS)
    return ids.compose(int(time.time() * 1000) - 3_600_000 + (number >> 12), NODE, number & 4095)


def wait_for_delivery(place: Place, events: int, endpoints: Sequence[str] = (SHOP,)) -> None:
    """So many events, each due now at each of the endpoints."""
    now_ms = int(time.time() * 1000)
    made = [_new_id() for _ in range(events)]
    event_rows = [
        {
            "id": event,
            "account": ACCOUNT,
            "livemode": False,
            "type": "payment_intent.succeeded",
            "created_ms": now_ms,
            "subject_id": event,
            "body": BODY,
        }
        for event in made
    ]
    delivery_rows = [
        {
            "id": _new_id(),
            "event_id": event,
            "endpoint_id": endpoint,
            "state": "pending",
            "due_ms": now_ms,
            "tries": 0,
        }
        for event in made
        for endpoint in endpoints
    ]
    _insert(place, (tables.events, event_rows), (tables.deliveries, delivery_rows))


def open_endpoints(place: Place, urls: Sequence[str]) -> list[str]:
    """Endpoints as a merchant makes them through the API; their identifiers."""
    made = [_new_id() for _ in urls]
    rows = [
        {
            "id": number,
            "account": ACCOUNT,
            "livemode": False,
            "url": url,
            "secret": "whsec_" + "0" * 48,
            "enabled_events": '["*"]',
            "disabled": False,
            "created_ms": 0,
            "version": 1,
        }
        for number, url in zip(made, urls, strict=True)
    ]
    _insert(place, (tables.webhook_endpoints, rows))
    return [ids.render(ids.ENDPOINT, number) for number in made]


def _insert(place: Place, *filled: tuple[Any, list[dict[str, Any]]]) -> None:
    with _engine(place) as engine, engine.begin() as connection:
        for table, rows in filled:
            connection.execute(insert(table), rows)


@contextmanager
def _engine(place: Place) -> Iterator[Engine]:
    arguments = {"timeout": 30} if place.is_sqlite else {}
    engine = create_engine(place.database_url, poolclass=NullPool, connect_args=arguments)
    try:
        yield engine
    finally:
        engine.dispose()
