"""The OpenAPI document in docs/ is the one that is served; `make openapi` writes it."""

from __future__ import annotations

import orjson

from tests.support.stack import RunningStack
from wxbackend.development import ROOT


def test_the_document_in_the_repository_is_the_one_that_is_served(stack: RunningStack) -> None:
    served = stack.api("GET", "/openapi.json", key="")
    assert orjson.loads((ROOT / "docs" / "openapi.json").read_bytes()) == served
