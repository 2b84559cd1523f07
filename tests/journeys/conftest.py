"""A till for the journeys that need no processes of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.till import FUNDS, Till, till


@pytest.fixture(scope="session", params=["v2", "v3"])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    """The product in this process, made once for each version of the API by which codes are charged."""
    with till(tmp_path_factory.mktemp("till"), request.param) as made:
        yield made


@pytest.fixture
def shop(product: Till) -> Iterator[Till]:
    """The same with a buyer of the test's own; at the end every book agrees and nothing is left undone."""
    product.begin(FUNDS)
    yield product
    product.desk("DELETE", "/mischief")
    assert product.rows("SELECT id FROM attempts WHERE state NOT IN ('paid', 'closed', 'declined')") == []
    assert product.rows("SELECT attempt_id FROM poll_queue") == []
    assert product.rows("SELECT id FROM attempts WHERE code_mark IS NOT NULL") == []
    product.books_agree()
