"""The stack on one laptop: makes keys at the first start, starts everything, and says what to do next."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3
from honcho.manager import Manager

from wxbackend.domain.errors import WxbackendError
from wxbackend.settings import load_settings
from wxbackend.settings_document import CONFIG_VARIABLE
from wxbackend.store.migrate import migrate

ROOT: Final = Path(__file__).resolve().parent.parent
CONFIG: Final = ROOT / "config" / "development.toml"
READY_AFTER_S_MAX: Final = 60
TLS_PORT_AFTER: Final = 443
"""The simulator's encrypted port, counted from its plain one: 9443."""
_KEYS: Final = {"secret_key": "sk_test_", "publishable_key": "pk_test_", "webhook_secret": "whsec_"}


class StackMissing(WxbackendError):
    """The stack was never started on this machine."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the stack's parts are."""

    state: Path
    web_port: int
    simulator_port: int
    simulator_tls_port: int | None = None
    """Where the simulator asks for the merchant's certificate, which refunds by API v2 need; None for nowhere."""

    @classmethod
    def from_environment(cls) -> Stack:
        """As the environment says, or the documented defaults."""
        env = os.environ
        simulator_port = int(env.get("WXBACKEND_SIMULATOR_PORT") or 9000)
        return cls(
            state=Path(env.get("WXBACKEND_STATE_DIR") or ROOT / "var" / "development").resolve(),
            web_port=int(env.get("WXBACKEND_WEB_PORT") or 8000),
            simulator_port=simulator_port,
            simulator_tls_port=int(env.get("WXBACKEND_SIMULATOR_TLS_PORT") or simulator_port + TLS_PORT_AFTER),
        )

    @property
    def web_url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def simulator_url(self) -> str:
        """Where the simulator is."""
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def credentials(self) -> Path:
        """What the simulated WeChat gave the merchant."""
        return self.state / "wechat"

    def key(self, name: str) -> str:
        """One of the test keys; raises `StackMissing` before the first start."""
        try:
            return (self.state / "keys" / f"{name}.txt").read_text(encoding="ascii").strip()
        except OSError as error:
            raise StackMissing("No test keys here yet: start the stack with `make run` first.") from error

    def environment(self) -> dict[str, str]:
        """What every process of the stack is started with."""
        return dict(os.environ) | {
            CONFIG_VARIABLE: os.environ.get(CONFIG_VARIABLE) or str(CONFIG),
            "WXBACKEND_STATE_DIR": str(self.state),
            "WXBACKEND_WEB_PORT": str(self.web_port),
            "WXBACKEND_SIMULATOR_PORT": str(self.simulator_port),
            "WXBACKEND_SIMULATOR_TLS_PORT": str(self.simulator_tls_port or ""),
            "WXBACKEND_BIND": f"127.0.0.1:{self.web_port}",
            "WXBACKEND_LOG_LEVEL": os.environ.get("WXBACKEND_LOG_LEVEL", "WARNING"),
            "PYTHONUNBUFFERED": "1",
        }

    def commands(self) -> dict[str, list[str]]:
        """The processes of the stack."""
        program = [sys.executable, "-m", "wxbackend.cli"]
        encrypted = ["--tls-port", str(self.simulator_tls_port)] if self.simulator_tls_port else []
        return {
            "simulator": [
                *program, "simulate", "--port", str(self.simulator_port), "--credentials", str(self.credentials),
                "--shop-keys", str(self.state / "keys"), "--shop-api-url", self.web_url, *encrypted,
            ],
            "web": [*program, "serve"],
            "worker": [*program, "work"],
        }  # fmt: skip

    def prepare(self) -> None:
        """Make the keys that are missing and bring the database up to date."""
        folder = self.state / "keys"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, prefix in _KEYS.items():
            file = folder / f"{name}.txt"
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text(f"{prefix}{secrets.token_hex(24)}\n", encoding="ascii")
        migrate(load_settings(environment=self.environment()).server.database_url)

    def run(self) -> int:
        """Start all and wait; Ctrl-C stops all. The exit status."""
        self.prepare()
        manager = Manager()
        for name, command in self.commands().items():
            manager.add_process(name, f"exec {shlex.join(command)}", env=self.environment(), cwd=str(ROOT))
        threading.Thread(target=self._greet, daemon=True).start()
        manager.loop()
        stopped_by_hand = manager.returncode in (130, 143)
        return 0 if stopped_by_hand else int(manager.returncode or 0)

    def wait_until_ready(self) -> None:
        """Wait until web and simulator answer; raises `StackMissing` when they do not."""
        pool = urllib3.PoolManager(retries=False, timeout=2.0)
        deadline = time.monotonic() + READY_AFTER_S_MAX
        for url in (f"{self.simulator_url}/_desk/world", f"{self.web_url}/health/ready"):
            while True:
                try:
                    if pool.request("GET", url).status == 200:
                        break
                except urllib3.exceptions.HTTPError:
                    pass
                if time.monotonic() > deadline:
                    raise StackMissing(f"{url} did not answer within {READY_AFTER_S_MAX} s.")
                time.sleep(0.1)

    def default_openid(self) -> str:
        """The default buyer's openid in the official account."""
        world = urllib3.request("GET", f"{self.simulator_url}/_desk/buyers/buyer_1", timeout=5.0).json()
        openid: str = world["openids"]["wx2421b1c4370ec43b"]
        return openid

    def _greet(self) -> None:
        try:
            self.wait_until_ready()
            text = self.greeting()
        except (WxbackendError, urllib3.exceptions.HTTPError) as error:
            text = f"The stack did not come up: {error}"
        sys.stdout.write(text)
        sys.stdout.flush()

    def greeting(self) -> str:
        """What to do next, with everything filled in."""
        return f"""
wxbackend is running. Ctrl-C stops it.

  API             {self.web_url}      (OpenAPI: {self.web_url}/openapi.json)
  Simulator       {self.simulator_url}      (desk: {self.simulator_url}/_desk)
  Phone page      {self.simulator_url}/phone
  Secret key      {self.key("secret_key")}
  Publishable key {self.key("publishable_key")}

1. Create a payment of 20.00 CNY for the simulated buyer:

curl {self.web_url}/v1/payment_intents -u {self.key("secret_key")}: \\
  -d amount=2000 -d currency=CNY -d confirm=true -d description=Tea \\
  -d "payment_method_data[type]=wechat_pay" \\
  -d "payment_method_options[wechat_pay][terminal_type]=official_account" \\
  -d "payment_method_options[wechat_pay][openid]={self.default_openid()}"

2. Pay it like a person: open {self.simulator_url}/phone , tap the waiting order, password 123456.
   Or let a script do all of it and print the timeline: make demo

"""
