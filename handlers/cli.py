"""The command `threerings`. Exit 0: done; 1: the thing asked for failed; 2: wrong usage or configuration; 130: Ctrl-C.

After 1, to try again makes sense, as a service manager does; after 2, not before somebody has changed something.

To read the rest takes half a second, in which Ctrl-C ends us as it ends any program: without a traceback.
"""

# ruff: noqa: E402
import signal

_OURS = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if _OURS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import asyncio
import getpass
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import uvloop

from handlers import backup as saving
from handlers import check as checking
from handlers import demo as demonstration
from handlers import export as exporting
from handlers import replay as replaying
from handlers import service, shipping
from handlers.addresses import ListenError
from handlers.commands import CommandError, ConfigFile, start, with_database
from handlers.customers.command import CustomersError, customers_app
from handlers.database import database
from handlers.dumping import DumpError
from handlers.journals import DiskTrouble
from handlers.manifest import BackupError
from handlers.people.command import UserError, user_app
from handlers.reconciling import comparing as reconciling
from handlers.reconciling import table as tables
from handlers.replaying.words import words_of
from handlers.standby import InstanceBusy, LeaseHeld, LeaseLost
from handlers.webhooks.command import webhooks_app
from telephony import logs
from telephony.ami.settings import SystemClock
from telephony.cases.embedded import EmbeddedError
from telephony.cases.migrate import Migrated, MigrationError, migrate
from telephony.config import EMBEDDED, Config, ConfigFaults, load

if _OURS:
    signal.signal(signal.SIGINT, signal.default_int_handler)

T = TypeVar("T")


DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130

CASE_DIGITS = 6
SAYS_ALL = (
    CommandError,
    UserError,
    CustomersError,
    EmbeddedError,
    MigrationError,
    BackupError,
    DiskTrouble,
    DumpError,
    LeaseHeld,
    LeaseLost,
    InstanceBusy,
    replaying.NotFound,
    *reconciling.TROUBLES,
)
"""Errors whose text is lines that say everything."""
EXPECTED = (
    *SAYS_ALL,
    typer.TyperException,
    typer.Abort,
    ConfigFaults,
    exporting.OutputError,
    OSError,
    KeyboardInterrupt,
)

app = typer.Typer(
    name="threerings",
    help="Three Rings (三响): exact service-level measurement and case keeping for Asterisk call centres.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
export_app = typer.Typer(help="Print what was recorded.")
app.add_typer(export_app, name="export")
app.add_typer(user_app, name="user")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(customers_app, name="customers")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"threerings {version('threerings')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Three Rings (三响): exact service-level measurement and case keeping for Asterisk call centres."""


@app.command()
def serve(
    config: ConfigFile = None,
    standby: Annotated[
        bool, typer.Option("--standby", help="Wait while another follows the PBXs, then follow them.")
    ] = False,
) -> None:
    """Follow the PBXs and serve until told to stop (Ctrl-C or SIGTERM)."""
    settings = start(config)
    if not settings.pbx:
        raise ConfigFaults(("pbx: is missing; add a [[pbx]] with name, host, username and secret_file",))
    if standby and settings.database_url() == EMBEDDED:
        raise ConfigFaults((f'database.url = "{EMBEDDED}": its server ends with who started it; --standby needs one',))
    settings.database_url()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        unsaved = runner.run(
            service.serve(settings, service.settle, again=lambda: load(config, os.environ), standby=standby)
        )
    if unsaved:
        raise CommandError(f"{unsaved} calls could not be saved; the log says why")


@app.command()
def demo(
    http: Annotated[
        str | None, typer.Option(help="Where the pages are; 127.0.0.1:8080.", metavar="HOST:PORT", show_default=False)
    ] = None,
) -> int:
    """Show a whole branch, simulated, on this machine; Ctrl-C ends it and leaves nothing behind."""
    return demonstration.run(http)


@app.command("migrate")
def migrate_command(config: ConfigFile = None) -> None:
    """Bring the database to the schema of this version; safe to repeat."""
    settings = start(config)

    async def work() -> Migrated:
        async with database(settings) as url:
            return await migrate(url)

    done = with_database(work())
    if done.before == done.after:
        typer.echo(f"database schema is {done.after} already")
    else:
        typer.echo(f"database schema was {done.before or 'empty'}, is {done.after}")


@app.command("ship-queue-log")
def ship_queue_log(
    to: Annotated[str, typer.Option(help="Where the service is: https://HOST[:PORT].", metavar="URL")],
    pbx: Annotated[str, typer.Option(help="The name that the PBX has in the configuration there.", metavar="NAME")],
    token_file: Annotated[Path, typer.Option(help="A file that holds its queue_log_token.", metavar="FILE")],
    file: Annotated[Path, typer.Option(help="What Asterisk writes.", metavar="FILE")] = shipping.QUEUE_LOG,
    ca: Annotated[
        Path | None,
        typer.Option(help="PEM file of the authority that signed the certificate.", metavar="FILE", show_default=False),
    ] = None,
) -> int:
    """On the PBX's host: send its queue_log to the service, until told to stop. Needs no configuration file."""
    logs.configure()
    return asyncio.run(shipping.ship(shipping.Options(file, to, pbx, token_file, ca)))


@app.command("check")
def check_command(
    config: ConfigFile = None,
    asterisk_etc: Annotated[
        list[str] | None,
        typer.Option(help="A PBX's configuration folder or a copy; NAME=DIR of several PBXs.", metavar="DIR"),
    ] = None,
    wait: Annotated[
        float, typer.Option(help="Listen so many seconds for an event of each PBX.", min=0, max=checking.LONGEST_WAIT)
    ] = 10,
    form: Annotated[
        checking.Format, typer.Option("--format", help="A line each, or one JSON document.")
    ] = checking.Format.TEXT,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also what is as it should be.")] = False,
) -> int:
    """Name every fault of configuration, database and PBXs, each with its remedy; change nothing."""
    settings = start(config)
    folders = checking.folders_of(settings, asterisk_etc or [])
    scope = checking.Scope(settings, checking.file_of(config, os.environ), folders, timedelta(seconds=wait))
    well = checking.run(scope, sys.stdout, form, verbose=verbose, progress=sys.stderr.isatty())
    return DONE if well else FAILED


@app.command("backup")
def backup_command(
    folder: Annotated[Path, typer.Argument(help="Where to; made if need be, and empty.")], config: ConfigFile = None
) -> None:
    """Save database and journal into a folder; the service may run."""
    settings = start(config)
    made = with_database(saving.backup(settings, folder, SystemClock().wall()))
    typer.echo(f"{made.calls} calls and {len(made.positions)} journals saved to {folder}")
    for left in made.left_out:
        typer.echo(f"not saved: {left}", err=True)


@app.command("restore")
def restore_command(
    folder: Annotated[Path, typer.Argument(help="What backup made.")],
    config: ConfigFile = None,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of what is there.")] = False,
) -> None:
    """Bring database and journal back from such a folder; the service must not run."""
    settings = start(config)
    made = with_database(saving.restore(settings, folder, replace=replace))
    typer.echo(f"{made.calls} calls and {len(made.positions)} journals restored, as of {made.made_at}")


@export_app.command("calls")
def export_calls(
    config: ConfigFile = None,
    since: Annotated[
        str | None, typer.Option(help="First instant of arrival, RFC 3339; a date or a time without zone is local.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The instant after the last.")] = None,
    form: Annotated[
        exporting.Format, typer.Option("--format", help="One JSON object or one CSV row a call.")
    ] = exporting.Format.JSONL,
    output: Annotated[Path | None, typer.Option(help="A file instead of standard output.", show_default=False)] = None,
) -> None:
    """Print calls with their visits, offers and cases, sorted by arrived_at."""
    settings = start(config)
    settings.database_url()
    first, after = _instant("--since", since, settings), _instant("--until", until, settings)
    span = exporting.Span(first, after)
    entry = exporting.exported(SystemClock().wall(), getpass.getuser(), span, form)
    shown = sys.stderr.isatty() and (output is not None or not sys.stdout.isatty())
    with exporting.output(output) as out, exporting.progress(shown=shown) as told:
        write = exporting.writer(form, out, exporting.targets_of(settings))
        count = with_database(exporting.export_calls(settings, span, write, told, entry))
    if output is not None:
        typer.echo(f"{count} calls written to {output}", err=True)


@app.command("reconcile")
def reconcile_command(  # noqa: PLR0913, PLR0917 - options of the command
    since: Annotated[str, typer.Option(help="First instant of joining, RFC 3339; without zone it is local.")],
    config: ConfigFile = None,
    until: Annotated[str | None, typer.Option(help="The instant after the last; half a minute ago.")] = None,
    pbx: Annotated[list[str] | None, typer.Option(help="Only this PBX; may be repeated.", metavar="NAME")] = None,
    heal: Annotated[
        bool, typer.Option("--heal", help="Put right what queue_log knows better; only while no service runs.")
    ] = False,
    form: Annotated[tables.Form, typer.Option("--format", help="A table to read, or JSON.")] = tables.Form.TABLE,
) -> int:
    """Hold the calls in the database against queue_log; exit 1 when something differs."""
    settings = start(config)
    settings.database_url()
    first, after = _instant("--since", since, settings), _instant("--until", until, settings)
    now = SystemClock().wall()
    if first is not None and first >= now:
        raise ConfigFaults((f"--since = {since!r}: is in the future; name a time that has been",))
    settled = now - reconciling.SETTLED
    first, after = first or settled, after or settled
    if first >= after:
        raise ConfigFaults((f"--since = {since!r}: is not before --until, which is half a minute ago unless told",))
    reports = with_database(reconciling.run(settings, pbx, (first, after), heal=heal))
    tables.write(reports, sys.stdout, form, tables.words_of(os.environ), settings.zone, healed=heal)
    left = [one for report in reports for one in report.differences if not (heal and one.healed)]
    return FAILED if left else DONE


@app.command("replay")
def replay_command(  # noqa: PLR0913, PLR0917 - options of the command
    call: Annotated[
        str, typer.Option("--call", help="Its id, the number of its case, or the uniqueid of a channel.", metavar="ID")
    ],
    config: ConfigFile = None,
    pbx: Annotated[str | None, typer.Option(help="Only this PBX.", metavar="NAME", show_default=False)] = None,
    form: Annotated[
        replaying.Form, typer.Option("--format", help="Lines to read, or one JSON document.")
    ] = replaying.Form.TEXT,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also whole messages, listings and what was saved.")
    ] = False,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Numbers of people in full.")] = False,
) -> None:
    """Explain a call from the journal: what was read, what it meant, what was done; changes nothing."""
    settings = start(config)
    if not call.strip():
        raise ConfigFaults(("--call: is empty; name a call's id, the number of a case, or a channel's uniqueid",))
    if call.isdecimal() and len(call) < CASE_DIGITS:
        call = call.zfill(CASE_DIGITS)
    logs.configure(level=logging.CRITICAL)  # what the service said then, it says again while it is read
    asked = replaying.Asked(call, pbx, verbose, unmasked)
    with exporting.progress(shown=sys.stderr.isatty(), doing="reading the journal") as told:
        story = replaying.run(settings, asked, words_of(os.environ), told)
    with exporting.output(None) as out:
        replaying.write(story, form, out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process if None).

    Returns:
        The exit code; every failure has said one line on standard error for each thing that is wrong.
    """
    command = typer.main.get_command(app)
    try:
        code = command.main(list(sys.argv[1:] if arguments is None else arguments), "threerings", standalone_mode=False)
    except BrokenPipeError:  # whoever read has enough
        exporting.let_go(sys.stdout)
        return FAILED
    except EXPECTED as error:
        lines, code = _explained(error)
        for line in lines:
            sys.stderr.write(logs.visible(line) + "\n")
        return code
    return code if isinstance(code, int) else DONE


def _explained(error: BaseException) -> tuple[tuple[str, ...], int]:
    """What to say, and the exit code."""
    match error:
        case ConfigFaults():
            return error.faults, WRONG
        case typer.TyperException():
            message = getattr(error, "format_message", error.__str__)()
            return (f"{message} See: threerings --help",), WRONG
        case exporting.OutputError() | ListenError():
            return (str(error),), FAILED
        case OSError():
            return (f"{error.filename or 'output'}: {error.strerror or error}",), FAILED
        case _ if isinstance(error, SAYS_ALL):
            return tuple(str(error).split("\n")), FAILED
        case _:
            return ("interrupted",), INTERRUPTED


def _instant(option: str, text: str | None, config: Config) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigFaults((f"{option} = {text!r}: is no time; for example 2026-03-01T00:00:00Z",)) from None
    instant = instant if instant.tzinfo is not None else instant.replace(tzinfo=config.zone)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ConfigFaults((f"{option} = {text!r}: is out of range; name a time from year 2 to year 9998",)) from None


if __name__ == "__main__":
    sys.exit(main())
