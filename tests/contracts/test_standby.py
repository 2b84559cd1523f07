"""PostgreSQL's primary dies for good: the store goes on at the synchronous standby, and nothing promised is gone."""

from __future__ import annotations

import pytest

from tests.support.objects import an_intent
from tests.support.postgresql_pair import pair
from wxbackend.domain.errors import DatabaseAway
from wxbackend.store.migrate import migrate
from wxbackend.store.reachable import Reachable
from wxbackend.store.unit import open_store


def test_the_store_goes_on_at_the_standby_and_what_was_acknowledged_is_there() -> None:
    with pair() as databases:
        migrate(databases.url)
        store = Reachable(open_store(databases.url))
        store.write(lambda unit: unit.intents.insert(an_intent(1)))
        databases.wait_synchronous()
        databases.primary.kill()
        with pytest.raises(DatabaseAway):  # at once, and not after a time of hanging
            store.write(lambda unit: unit.intents.insert(an_intent(2)))
        databases.take_over()
        store.write(lambda unit: unit.intents.insert(an_intent(3)))
        found = store.read(lambda unit: [unit.intents.find(number) for number in (1, 2, 3)])
        assert [intent is not None for intent in found] == [True, False, True]
        store.close()
