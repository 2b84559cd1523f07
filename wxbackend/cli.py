"""The command line: every process of the product, and the tools around it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from wxbackend import __version__
from wxbackend.domain.errors import WxbackendError
from wxbackend.settings import CONFIG_VARIABLE, load_settings

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
CONFIG_HELP = f"Settings file (or {CONFIG_VARIABLE})."


def main() -> None:
    """Entry point; our own errors are a line, not a traceback."""
    try:
        cli.main(prog_name="wxbackend")
    except WxbackendError as error:
        click.echo(f"wxbackend: {error}", err=True)
        sys.exit(2)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--config", type=click.Path(dir_okay=False), help=CONFIG_HELP)
def cli(config: str | None) -> None:
    """A payment backend for WeChat Pay, and a simulator of WeChat."""
    if config is not None:
        os.environ[CONFIG_VARIABLE] = config


@cli.command()
def serve() -> None:
    """Serve the API (gunicorn, settings in config/gunicorn.conf.py)."""
    load_settings()
    root = Path(__file__).resolve().parent.parent
    arguments = [sys.executable, "-m", "gunicorn", "-c", str(root / "config/gunicorn.conf.py"), "app:app"]
    os.chdir(root)
    os.execv(sys.executable, arguments)  # noqa: S606 - gunicorn takes this process's place


@cli.command()
def work() -> None:
    """Run a worker: reconciliation, webhooks, certificates."""
    from wxbackend.assembly import assemble, worker
    from wxbackend.logs import configure

    configure()
    assembled = assemble(load_settings())
    running = worker(assembled)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    running.run()
    assembled.close()


@cli.command()
def migrate() -> None:
    """Bring the database to the present schema."""
    from wxbackend.store.migrate import migrate as bring

    revision = bring(load_settings().server.database_url)
    click.echo(f"The database is at revision {revision}.")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9000, show_default=True)
@click.option("--credentials", type=FOLDER, required=True, help="Where its keys are, or shall be made.")
@click.option("--allow-any-host", is_flag=True, help="Serve where others can reach it. Never near real money.")
@click.option("--shop-keys", type=FOLDER, help="Folder with the keys of the little shop that comes with it.")
@click.option("--shop-api-url", default="http://127.0.0.1:8000", show_default=True)
def simulate(
    *, host: str, port: int, credentials: Path, allow_any_host: bool, shop_keys: Path | None, shop_api_url: str
) -> None:
    """Play WeChat Pay, the WeChat platform and a phone."""
    from wxbackend.simulators.server import serve as serve_simulator
    from wxbackend.simulators.shop.shop import ShopSettings

    shop = None
    if shop_keys is not None:
        names = ("secret_key", "publishable_key", "webhook_secret")
        secret, publishable, webhook = ((shop_keys / f"{name}.txt").read_text().strip() for name in names)
        shop = ShopSettings(shop_api_url, secret, publishable, webhook)
    serve_simulator(host, port, credentials, allow_any_host=allow_any_host, shop=shop)


@cli.command()
def run() -> None:
    """Web, worker and simulator together, on this machine (what `make run` starts)."""
    from wxbackend.development import Stack
    from wxbackend.simulators.credentials import ensure

    stack = Stack.from_environment()
    ensure(stack.credentials)
    sys.exit(stack.run())


@cli.command()
@click.option("--amount", default=2000, show_default=True, help="Fen.")
def demo(amount: int) -> None:
    """Take one payment against the running stack (`make run`) and print its timeline."""
    from wxbackend.demo import Demo
    from wxbackend.development import Stack

    stack = Stack.from_environment()
    sys.exit(Demo(stack.web_url, stack.simulator_url, stack.key("secret_key")).run(amount))


@cli.command()
@click.option("--forward-to", "address", required=True, metavar="URL", help="Where to post events, on this machine.")
@click.option("--api-url", help="The API, when it is not the running stack's.")
@click.option("--secret-key-file", type=FILE, help="Its secret key, when it is not the running stack's.")
def listen(*, address: str, api_url: str | None, secret_key_file: Path | None) -> None:
    """Forward events to a server on this machine as they happen, signed with a secret that is printed."""
    from wxbackend.assembly import local_courier
    from wxbackend.development import Stack
    from wxbackend.listen import Listener

    stack = Stack.from_environment()
    key = secret_key_file.read_text(encoding="ascii").strip() if secret_key_file else stack.key("secret_key")
    listener = Listener(
        api_url=api_url or stack.web_url, secret_key=key, courier=local_courier(), address=address, say=click.echo
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: listener.stop())
    listener.run()


@cli.command()
@click.argument("event")
def trigger(event: str) -> None:
    """Make an event happen for real on the running stack (`make run`), for example payment_intent.succeeded."""
    from wxbackend.demo import Demo
    from wxbackend.development import Stack
    from wxbackend.trigger import trigger as make_happen

    stack = Stack.from_environment()
    demo = Demo(stack.web_url, stack.simulator_url, stack.key("secret_key"))
    happened = make_happen(demo, event)
    click.echo(f"{happened['id']} {happened['type']} {happened['data']['object']['id']}")


@cli.command()
@click.option("--output", type=FILE, default=Path("docs/openapi.json"), show_default=True)
def openapi(output: Path) -> None:
    """Write the OpenAPI document that the server serves at /openapi.json."""
    import orjson

    from wxbackend.assembly import assemble, openapi_document

    output.write_bytes(orjson.dumps(openapi_document(assemble(load_settings())), option=orjson.OPT_INDENT_2) + b"\n")
    click.echo(f"Wrote {output}.")


if __name__ == "__main__":
    main()
