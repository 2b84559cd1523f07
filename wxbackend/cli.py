"""The command line: every process of the product, and the tools around it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wxbackend import __version__
from wxbackend.domain import ids
from wxbackend.domain.errors import WxbackendError
from wxbackend.settings import load_settings
from wxbackend.settings_document import CONFIG_VARIABLE

if TYPE_CHECKING:
    from wxbackend.assembly import Assembled

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
    from wxbackend.assembly import METRICS_VARIABLE, assemble, spare_the_collector, worker
    from wxbackend.logs import configure

    configure()
    assembled = assemble(load_settings(), metrics_folder=os.environ.get(METRICS_VARIABLE))
    running = worker(assembled)
    spare_the_collector()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    running.run()
    assembled.close()


@cli.command("celery-worker")
@click.option(
    "--hands", type=click.IntRange(1, 512), help="How much is done at a time (default: all that is handed over)."
)
def celery_worker(*, hands: int | None) -> None:
    """Do what `work` hands over through Celery, with work.engine = "celery" in the settings."""
    from wxbackend.assembly import METRICS_VARIABLE, assemble, work_for_celery
    from wxbackend.logs import configure

    configure()
    assembled = assemble(load_settings(), metrics_folder=os.environ.get(METRICS_VARIABLE))
    try:
        work_for_celery(assembled, hands=hands)
    finally:
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
@click.option("--tls-port", type=int, help="Where it asks for the merchant's certificate: refunds by API v2.")
@click.option("--credentials", type=FOLDER, required=True, help="Where its keys are, or shall be made.")
@click.option("--allow-any-host", is_flag=True, help="Serve where others can reach it. Never near real money.")
@click.option("--shop-keys", type=FOLDER, help="Folder with the keys of the little shop that comes with it.")
@click.option("--shop-api-url", default="http://127.0.0.1:8000", show_default=True)
def simulate(
    *,
    host: str,
    port: int,
    tls_port: int | None,
    credentials: Path,
    allow_any_host: bool,
    shop_keys: Path | None,
    shop_api_url: str,
) -> None:
    """Play WeChat Pay, the WeChat platform and a phone."""
    from wxbackend.simulators.server import serve as serve_simulator
    from wxbackend.simulators.shop.shop import ShopSettings

    shop = None
    if shop_keys is not None:
        names = ("secret_key", "publishable_key", "webhook_secret")
        secret, publishable, webhook = ((shop_keys / f"{name}.txt").read_text().strip() for name in names)
        shop = ShopSettings(shop_api_url, secret, publishable, webhook)
    serve_simulator(host, port, credentials, allow_any_host=allow_any_host, tls_port=tls_port, shop=shop)


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


@cli.group()
def keys() -> None:
    """API keys in the database, beside those in the settings."""


@keys.command("create")
@click.option("--account", required=True, help="As the settings name it: acct_…")
@click.option("--mode", type=click.Choice(["test", "live"]), required=True)
@click.option("--kind", type=click.Choice(["secret", "publishable"]), default="secret", show_default=True)
@click.option("--name", required=True, help="For people: who uses it, and where.")
def create_api_key(account: str, mode: str, kind: str, name: str) -> None:
    """Make a key and show it, this once: only its hash is kept."""
    from wxbackend.flows.create_key import create_key
    from wxbackend.ports.accounts import Actor, KeyKind

    with _assembled() as assembled:
        known = [entry.id for entry in assembled.settings.accounts]
        if account not in known:
            raise WxbackendError(f"The settings know no account {account}; they know {', '.join(known)}.")
        made = create_key(assembled.deps, Actor(account, mode == "live", KeyKind(kind)), name=name)
    click.echo(made.key)
    click.echo(f"Keep it now: it is not shown again. It is {_key_id(made.kept.id)} in the list.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_api_keys(*, as_json: bool) -> None:
    """Show all keys of the database, without the keys."""
    import orjson

    with _assembled() as assembled:
        found = assembled.store.read(lambda unit: unit.api_keys.list())
    for key in found:
        shown = {
            "id": _key_id(key.id),
            "key": f"{key.prefix}…{key.last_four}",
            "account": key.actor.account,
            "name": key.name,
            "created": _day(key.created_ms // 86_400_000),
            "last_used": "never" if key.last_used_day is None else _day(key.last_used_day),
            "revoked": None if key.revoked_ms is None else _day(key.revoked_ms // 86_400_000),
        }
        line = "  ".join(str(value) for name, value in shown.items() if name != "revoked")
        revoked = "" if key.revoked_ms is None else f"  revoked {shown['revoked']}"
        click.echo(orjson.dumps(shown).decode() if as_json else line + revoked)


@keys.command("revoke")
@click.argument("key_id")
def revoke_api_key(key_id: str) -> None:
    """Take a key back (key_… from the list); every process refuses it within five seconds."""
    from wxbackend.flows.revoke_key import revoke_key

    with _assembled() as assembled:
        revoke_key(assembled.deps, key_id)
    click.echo(f"{key_id} is revoked.")


@contextmanager
def _assembled() -> Iterator[Assembled]:
    """What a process holds, on a database that is up to date."""
    from wxbackend.assembly import assemble

    assembled = assemble(load_settings())
    try:
        if assembled.store.pending_revision() is not None:
            raise WxbackendError("The database is not up to date: run `wxbackend migrate`.")
        yield assembled
    finally:
        assembled.close()


def _key_id(number: int) -> str:
    return ids.render(ids.API_KEY, number)


def _day(days: int) -> str:
    """A day since the epoch, as a date."""
    return (date(1970, 1, 1) + timedelta(days=days)).isoformat()


@cli.command()
@click.option("--offline", is_flag=True, help="Ask nobody outside this machine.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(*, offline: bool, as_json: bool) -> None:
    """Check everything that a payment needs; exits with 1 when something fails."""
    import orjson
    import structlog

    from wxbackend.doctor.examination import examine
    from wxbackend.doctor.findings import exit_status

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    findings = examine(offline=offline)
    if as_json:
        told = [
            {"check": found.check, "verdict": found.verdict.value, "message": found.message, "fix": found.fix or None}
            for found in findings
        ]
        click.echo(orjson.dumps({"findings": told}, option=orjson.OPT_INDENT_2).decode())
    else:
        for found in findings:
            click.echo(found.line())
    sys.exit(exit_status(findings))


@cli.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Copy the SQLite database to a new FILE while it is in use (for PostgreSQL use its own tools)."""
    from wxbackend.store.backup import back_up

    size_bytes = back_up(load_settings().server.database_url, file)
    click.echo(f"{file}: {size_bytes} bytes, checked. Copy it to another machine.")


@cli.command()
@click.option("--date", "day", required=True, metavar="YYYY-MM-DD", help="The day, in Beijing.")
@click.option("--merchant", metavar="NUMBER", help="This merchant number alone.")
@click.option("--csv", "out", type=FILE, help="Write all differences of the day there, for a spreadsheet.")
def reconcile(*, day: str, merchant: str | None, out: Path | None) -> None:
    """Hold WeChat's bills of a day against the books: exits with 0 when they agree, 1 when differences are open.

    3 means that a bill is not there yet or cannot be believed.
    """
    import structlog
    from rich.console import Console

    from wxbackend.reconcile import Reconciliation

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with _assembled() as assembled:
        sys.exit(Reconciliation(assembled.deps, Console()).run(day, merchant=merchant, out=out))


@cli.command("look-again")
def look_again() -> None:
    """Let the workers ask WeChat about every unfinished order and refund now. Do this after a restore."""
    from wxbackend.flows.look_again import look_again as hurry

    with _assembled() as assembled:
        found = hurry(assembled.deps)
    click.echo(f"{found} orders, refunds and shippings are due now.")


@cli.command()
@click.option("--retry", is_flag=True, help="Try all of them again now, from the beginning.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def parked(*, retry: bool, as_json: bool) -> None:
    """Show work that failed here again and again: an order, a refund, a notice or a delivery."""
    import orjson

    from wxbackend.flows.park_failure import list_parked, retry_parked

    with _assembled() as assembled:
        found = list_parked(assembled.deps)
        for failure in found:
            shown = {
                "work": failure.work.value,
                "item": failure.item,
                "failures": failure.failures,
                "reason": failure.reason,
                "since": _day(failure.first_ms // 86_400_000),
            }
            line = "  ".join(str(value) for value in shown.values())
            click.echo(orjson.dumps(shown).decode() if as_json else line)
        if retry:
            click.echo(f"{retry_parked(assembled.deps)} are tried again now.", err=True)
    if not found:
        click.echo("Nothing is parked.", err=True)


@cli.group()
def shipping() -> None:
    """What WeChat waits for before it frees the money of mini program orders."""


@shipping.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def overdue(*, as_json: bool) -> None:
    """List paid orders that WeChat was not told to be shipped and that have a day left at the most."""
    import orjson

    from wxbackend.flows.find_shipping import list_late, urgency

    with _assembled() as assembled:
        found = [urgency(assembled.deps, shipping) for shipping in list_late(assembled.deps)]
    for shown in found:
        click.echo(orjson.dumps(shown).decode() if as_json else "  ".join(str(value) for value in shown.values()))
    if not found:
        click.echo("Nothing is overdue, and nothing will be within a day.", err=True)


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
