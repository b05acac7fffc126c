"""`threerings webhooks …`: how it stands with the receivers, and what is parked told again."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from handlers.commands import CommandError, ConfigFile, start, with_database
from handlers.database import database
from telephony.ami.settings import SystemClock
from telephony.cases.outbox import LISTED, Outbox, Standing
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
    typer.echo("webhook\twaiting\toldest\tparked")
    for name in dict.fromkeys([*(one.name for one in settings.webhook), *sorted(standing)]):
        found = standing.get(name, Standing(0, 0, None))
        _line(name, str(found.waiting), "-" if found.oldest is None else _when(found.oldest), str(found.parked))
    if parked:
        typer.echo(f"parked{f', the first {LISTED}' if len(parked) == LISTED else ''}:")
    for one in parked:
        _line(one.webhook, one.topic, str(one.subject), _when(one.at), f"{one.attempts} attempts", one.why)


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


def _line(*words: str) -> None:
    typer.echo("\t".join(map(visible, words)))


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


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
