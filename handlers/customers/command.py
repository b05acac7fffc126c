"""`threerings customers …`: lists of customers from a terminal."""

import getpass
import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from handlers.commands import ConfigFile, start, with_database
from handlers.customers.importing import REFUSES, Importing
from handlers.customers.reading import List, terms_of
from handlers.database import database
from handlers.http.pages.customer_words import WORDS
from telephony.ami.settings import SystemClock
from telephony.cases.customer_imports import AnotherRuns, Bringer, GoneOn, Imported, Imports
from telephony.cases.pool import Pool
from telephony.cases.trail import TrailStore
from telephony.cases.turns import Turns
from telephony.config import Config, ConfigFaults
from telephony.customers.why import Refused
from telephony.logs import visible
from telephony.people.audit import Entry, Kind, Verb

SHOWN = 20
"""Refused lines that are printed; the page has the others."""
customers_app = typer.Typer(help="Who calls: lists of customers.")


class CustomersError(Exception):
    """The thing asked for failed; the message is one line."""


@customers_app.callback()
def _of_customers() -> None:
    """Who calls: lists of customers."""


@customers_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file: 姓名,电话,… or name,phone,…", metavar="FILE")],
    branch: Annotated[
        str,
        typer.Option("--branch", help="The [[branch]] of lines that name none.", metavar="NAME", show_default=False),
    ] = "",
    config: ConfigFile = None,
) -> int:
    """Bring a list of customers. To bring it twice changes nothing; a line that cannot be taken is told, by its number.

    Exit 1 when lines were refused.
    """
    settings = start(config)
    if branch and branch not in {one.name for one in settings.branch}:
        raise ConfigFaults((f"--branch {branch!r}: is no known branch; add [[branch]], or take it out",))
    try:
        done, refused = with_database(_brought(settings, file, branch))
    except (*REFUSES, AnotherRuns, GoneOn) as error:
        raise CustomersError(f"{file}: {error}") from None
    for one in refused:
        typer.echo(told(one), err=True)
    if done.refused > len(refused):
        typer.echo(f"… and {done.refused - len(refused):,} more: see the page /customers/lists/{done.id}", err=True)
    typer.echo(
        f"{done.rows:,} lines: {done.added:,} added, {done.changed:,} changed, {done.unchanged:,} known already,"
        f" {done.refused:,} refused"
    )
    return 1 if done.refused or done.state != "done" else 0


def told(refused: Refused) -> str:
    """One line of the report."""
    words = WORDS[refused.why]
    return f"line {refused.line}{f', {refused.column}' if refused.column else ''}: {words.what} {words.remedy}"


async def _brought(settings: Config, file: Path, branch: str) -> tuple[Imported, tuple[Refused, ...]]:
    bringer, clock, id_ = Bringer(f"command {getpass.getuser()}", branch), SystemClock(), uuid4()
    try:
        opened = file.open("rb")
    except OSError as error:
        raise CustomersError(f"{file}: {error.strerror}; name a CSV file that you can read") from None
    columns = TextColumn("importing"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[lines]:,} lines")
    shown = sys.stderr.isatty()
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=not shown, transient=True)
    with opened, bar:
        async with database(settings) as url:
            turns, pool, told_ = (
                Turns(url, "customer list", connections=2, seconds=30),
                Pool(url),
                bar.add_task("", lines=0),
            )
            imports = Imports(turns)

            def far(so: Imported) -> None:
                bar.update(told_, total=so.size, completed=so.read, lines=so.rows)

            try:
                entry = Entry(
                    clock.wall(), bringer.by, Verb.CUSTOMERS_IMPORTED, Kind.CUSTOMER, str(id_), branch,
                    detail=visible(file.name)[:200],
                )  # fmt: skip
                await TrailStore(pool).write([entry])
                done = await Importing(imports, clock.wall, far).bring(
                    List(opened, terms_of(settings, branch)), id_, bringer, file.name
                )
                return done, await imports.refusals(id_, SHOWN)
            finally:
                await turns.close()
                await pool.close()
