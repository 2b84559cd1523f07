"""The description, wherever it is, and a wire to the simulator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.wechat_side import WechatSide, wechat_side
from tests.witness.description import Description
from tests.witness.listening import Wire

VARIABLE: Final = "WXBACKEND_WITNESS"
BESIDE: Final = Path(__file__).resolve().parents[3] / "shared"
FOLDER: Final = "wechatpay-openapi"


@pytest.fixture(scope="module")
def described() -> Description:
    """The description, wherever it is."""
    place = Path(os.environ.get(VARIABLE) or BESIDE)
    candidates = [folder for folder in (place / FOLDER / "docs", place / "docs", place) if (folder / "v3").is_dir()]
    if not candidates:
        pytest.fail(
            f"{place} holds no {FOLDER}/docs. Put the description beside the checkout as ../shared/{FOLDER}, "
            f"or name its folder in {VARIABLE}.",
            pytrace=False,
        )
    return Description(candidates[0])


@pytest.fixture(scope="module")
def side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WechatSide]:
    """The simulator, and our adapter: a merchant's, unless the test names another (see `listening.IN_BOTH_MODES`)."""
    with wechat_side(tmp_path_factory.mktemp("witness"), getattr(request, "param", WechatSide)) as made:
        yield made


@pytest.fixture
def wire(side: WechatSide) -> Wire:
    """A wire to listen to."""
    side.behave()
    return Wire(side)
