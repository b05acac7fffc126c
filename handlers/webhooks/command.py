"""`threerings webhooks …`: how it stands with the receivers, and what is parked told again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from handlers.commands import CommandError, ConfigFile, start, with_database
from handlers.database import database
from telephony.ami.settings import SystemClock
from telephony.cases.outbox import LISTED, Delivery, Outbox, Standing
from telephony.cases.turns import Turns
from telephony.config import Config
from telephony.logs import visible

T = TypeVar("T")
webhooks_app = typer.Typer(help="Receivers of webhooks, and what they would not take.")


@webhooks_app.command("list")
def show(config: ConfigFile = None) -> None:
    """Print how it stands with each receiver, and what waits for a person."""
    settings = start(config)
    standing = _run(settings, lambda outbox: outbox.standing())
    parked = _run(settings, lambda outbox: outbox.parked())
    table = Table("webhook", "waiting", "oldest", "parked", box=None, pad_edge=False)
    for name in dict.fromkeys([*(one.name for one in settings.webhook), *sorted(standing)]):
        found = standing.get(name, Standing(0, 0, None))
        oldest = "" if found.oldest is None else f"{found.oldest:%Y-%m-%dT%H:%M:%SZ}"
        table.add_row(Text(visible(name)), str(found.waiting), oldest, str(found.parked))
    Console(soft_wrap=True).print(table)
    if parked:
        Console(soft_wrap=True).print(_parked(parked))


@webhooks_app.command("retry")
def retry(
    name: Annotated[str, typer.Argument(help="Of the receiver.", metavar="NAME")], config: ConfigFile = None
) -> None:
    """Tell again what is parked of a receiver."""
    settings = start(config)
    if name not in {one.name for one in settings.webhook}:
        raise CommandError(f"{name!r}: there is no such [[webhook]]; see: threerings webhooks list")
    count = _run(settings, lambda outbox: outbox.retry(name, SystemClock().wall()))
    typer.echo(f"{count} events are told again")


def _parked(parked: Sequence[Delivery]) -> Table:
    table = Table("webhook", "event", "about", "happened", "attempts", "why", box=None, pad_edge=False)
    for one in parked:
        happened = f"{one.at:%Y-%m-%dT%H:%M:%SZ}"
        words = (one.webhook, one.topic, str(one.subject), happened, str(one.attempts), one.why)
        table.add_row(*(Text(visible(word)) for word in words))
    if len(parked) == LISTED:
        table.caption = f"the first {LISTED}"
    return table


def _run(settings: Config, work: Callable[[Outbox], Awaitable[T]]) -> T:
    settings.database_url()

    async def all_of_it() -> T:
        async with database(settings) as url:
            turns = Turns(url, "webhooks command", connections=1)
            try:
                return await work(Outbox(turns))
            finally:
                await turns.close()

    return with_database(all_of_it())
