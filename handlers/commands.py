"""What every command needs: the configuration, the log, the database, and errors that say one line."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import asyncpg
import typer

from handlers.database import AWAY, BAD_URL, trouble
from telephony import logs
from telephony.cases.connecting import DatabaseUrlError
from telephony.config import Config, ConfigFaults, load

T = TypeVar("T")


ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file (THREERINGS_CONFIG, else threerings.toml).", show_default=False),
]


class CommandError(Exception):
    """The thing asked for failed; the message is one line."""


def start(path: Path | None) -> Config:
    """Configuration and log, as every command needs them."""
    logs.configure()
    return load(path, os.environ)


def with_database(work: Coroutine[Any, Any, T]) -> T:
    """Run it; what is wrong with the database in one line."""
    try:
        return asyncio.run(work)
    except asyncpg.UndefinedTableError:
        raise CommandError("database.url: the database has no schema yet; run: threerings migrate") from None
    except DatabaseUrlError:
        raise ConfigFaults((BAD_URL,)) from None
    except AWAY as error:
        what = trouble(error)
        raise CommandError(f"database.url: {what}; is PostgreSQL there, and are name and password right?") from None
