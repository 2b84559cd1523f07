"""The README's code, taken from the README and run as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import RunningStack
from wxbackend.delivery.signature import header
from wxbackend.development import ROOT

BLOCK = re.compile(r"<!-- run: (?P<name>[a-z_]+) -->\n```python\n(?P<code>.*?)```", re.DOTALL)


def blocks(readme: str) -> dict[str, str]:
    """The blocks of a README that say that they are run."""
    return {found["name"]: found["code"] for found in BLOCK.finditer((ROOT / readme).read_text(encoding="utf-8"))}


def environment(stack: RunningStack) -> dict[str, str]:
    """What the README's code reads."""
    return {
        "WXBACKEND_URL": stack.web_url,
        "WXBACKEND_SECRET_KEY": stack.secret_key,
        "WXBACKEND_WEBHOOK_SECRET": stack.stack.key("webhook_secret"),
    }


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_server_code_creates_an_intent(stack: RunningStack, readme: str, tmp_path: Path) -> None:
    """As a program of its own, with nothing but the environment."""
    program = tmp_path / "server.py"
    code = blocks(readme)["server"].replace('idempotency_key="order-1234"', f'idempotency_key="{readme}"')
    program.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | environment(stack),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    intent_id, status = done.stdout.split()
    assert status == "requires_payment_method"
    assert stack.intent(intent_id)["merchant_order_id"] == "order-1234"


def test_the_webhook_code_believes_a_real_delivery_and_no_other(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The body and signature are those of a real event of the running stack."""
    for name, value in environment(stack).items():
        monkeypatch.setenv(name, value)
    room: dict[str, Any] = {"__name__": "readme"}
    exec(compile(blocks("README.md")["webhook"], "README.md", "exec"), room)
    client = room["app"].test_client()
    intent = stack.confirmed_intent(merchant_order_id="order-77")
    stack.pay(intent)
    stack.wait_for(lambda: stack.webhooks(intent, "payment_intent.succeeded"), "the webhook")
    number = int(intent["id"].removeprefix("pi_"))
    row = stack.rows("SELECT body FROM events WHERE subject_id = ? AND type = 'payment_intent.succeeded'", number)[0]
    headers = {"Wx-Signature": signed(row["body"], stack.stack.key("webhook_secret"))}
    assert client.post("/webhooks", data=row["body"], headers=headers).status_code == 204
    assert "ship order-77 2000" in capsys.readouterr().out
    assert client.post("/webhooks", data=row["body"] + b" ", headers=headers).status_code == 400
    assert client.post("/webhooks", data=row["body"]).status_code == 400


def signed(body: bytes, secret: str) -> str:
    """The header as a delivery carries it."""
    return header([secret], body, now_s=int(time.time()))


def test_the_pay_link_keeps_the_secret_behind_the_fragment(stack: RunningStack) -> None:
    """What stands behind the # never reaches a server."""
    room: dict[str, Any] = {}
    exec(compile(blocks("README.md")["official_account"], "README.md", "exec"), room)
    intent = stack.create_intent()
    link = room["pay_link"](stack.web_url, stack.publishable_key, intent["client_secret"])
    address, _, fragment = link.partition("#")
    assert intent["client_secret"] not in address
    assert intent["client_secret"] in fragment
    assert stack.call("GET", address.removeprefix(stack.web_url), key="").status == 200


def test_make_targets_in_the_readmes_exist() -> None:
    """A command that a reader is told to type is there."""
    targets = set(re.findall(r"^([a-z-]+):.*?## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for readme in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md"):
        told = set(re.findall(r"`?make ([a-z-]+)`?", (ROOT / readme).read_text(encoding="utf-8")))
        assert told <= targets, (readme, told - targets)
