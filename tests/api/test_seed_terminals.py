"""The seed document's examples of a QR code and of a page for browsers: our answers have their shape, name by name.

Normalisations, beside those of `test_seed_documents`:
* The QR text keeps what every code begins with, the page's address its path and the names in its query; the host is
  the simulator's.
* Beside the printed `image_data_url` we show more (`BESIDE_THE_TEXT`); what is printed must be there and mean the same.
* The page's example was printed from two different calls: its answer shows an `os_type` that the request does not
  have, and another client_ip and return_url. The request is sent with that os_type and with the answer's return_url.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api.calling import INTENTS, nothing_changes, refused
from tests.api.test_seed_documents import MASK, golden, normalised
from tests.support.stack import RunningStack

BESIDE_THE_TEXT: Final = {"data", "image_url_png", "image_url_svg", "expires_at"}
CODE_BEGINS: Final = "weixin://wxpay/bizpayurl?pr="
PAGE: Final = "/cgi-bin/mmpayweb-bin/checkmweb"
CLIENT_IP: Final = "payment_method_options[wechat_pay][client_ip]"


def seen(answer: dict[str, Any]) -> Any:
    """The answer with what differs each time masked."""
    shown = json.loads(json.dumps(answer))
    action = shown["next_action"]
    inner = action[action["type"]]
    if "image_data_url" in inner:
        assert inner["image_data_url"].startswith(CODE_BEGINS)
        assert len(inner["image_data_url"]) > len(CODE_BEGINS)
        inner["image_data_url"] = CODE_BEGINS
    if "url" in inner:
        parts = urlsplit(inner["url"])
        query = parse_qs(parts.query, strict_parsing=True)
        inner["url"] = (parts.path, list(query), query["redirect_url"])
    return normalised(shown)


def test_a_qr_code_is_answered_as_printed(stack: RunningStack) -> None:
    example = golden("web_qr_code")
    answer = stack.call("POST", INTENTS, example["request"])
    assert answer.status == 200
    ours = answer.json()
    shown = ours["next_action"]["wechat_pay_display_qr_code"]
    assert shown["data"] == shown["image_data_url"]
    assert {shown.pop(name) is not None for name in BESIDE_THE_TEXT} == {True}
    assert seen(ours) == seen(example["answer"])


def test_a_page_for_browsers_is_answered_as_printed(stack: RunningStack) -> None:
    example = golden("wap_redirect")
    request = json.loads(json.dumps(example["request"])) | {"return_url": example["answer"]["return_url"]}
    request["payment_method_options"]["wechat_pay"]["os_type"] = "IOS"
    answer = stack.call("POST", INTENTS, request)
    assert answer.status == 200
    assert seen(answer.json()) == seen(example["answer"])
    assert urlsplit(answer.json()["next_action"]["wechat_pay_redirect_to_web"]["url"]).path == PAGE


def test_the_page_comes_back_to_an_address_that_is_written_as_in_the_request(stack: RunningStack) -> None:
    answer = stack.api("POST", INTENTS, golden("wap_redirect")["request"])
    assert answer["return_url"] == "yourwebsite"
    query = parse_qs(urlsplit(answer["next_action"]["wechat_pay_redirect_to_web"]["url"]).query)
    assert query["redirect_url"] == ["https://yourwebsite"]


def test_the_examples_themselves_are_masked_and_not_emptied() -> None:
    assert seen(golden("web_qr_code")["answer"])["client_secret"] == MASK
    assert seen(golden("wap_redirect")["answer"])["next_action"]["wechat_pay_redirect_to_web"]["url"][0] == PAGE


@pytest.mark.parametrize("spelling", ["web", "Web", "WEB", "wap", "WAP", "app", "App"])
def test_terminal_types_are_read_in_any_case_and_echoed_as_printed(stack: RunningStack, spelling: str) -> None:
    options = {"wechat_pay": {"terminal_type": spelling, "client_ip": "192.168.124.133"}}
    answer = stack.create_intent(confirm=True, payment_method_options=options)
    assert answer["payment_method_options"]["wechat_pay"]["terminal_type"] == spelling.upper()
    assert answer["status"] == "requires_action"


@pytest.mark.parametrize("client_ip", ["127.0.0.1", "::1"])
def test_the_pages_example_is_refused_from_this_machine_itself(stack: RunningStack, client_ip: str) -> None:
    request = json.loads(json.dumps(golden("wap_redirect")["request"]))
    request["payment_method_options"]["wechat_pay"]["client_ip"] = client_ip
    with nothing_changes(stack):
        refused(stack.call("POST", INTENTS, request), 400, "parameter_invalid", CLIENT_IP)
