"""`threerings user …`: accounts from a terminal, the first one above all. Passwords are never in a command line."""

import getpass
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from handlers.commands import ConfigFile, start, with_database
from handlers.database import database
from handlers.people.hashing import Hasher
from handlers.people.keyring import hash_of, new_token
from telephony.ami.settings import SystemClock
from telephony.cases.accounts import Account, Accounts, NameTakenError, Terms
from telephony.cases.keys import Keys
from telephony.cases.pool import Pool
from telephony.config import Config, ConfigFaults
from telephony.logs import visible
from telephony.people.audit import Entry, Kind, Verb
from telephony.people.names import BadNameError, login_name
from telephony.people.passwords import weakness
from telephony.people.roles import Role, Scope

T = TypeVar("T")
MOST_DAYS = 3_660
user_app = typer.Typer(help="Accounts of people, and tokens of their programs.")
Name = Annotated[str, typer.Argument(help="With which he signs in.", metavar="NAME")]
Branches = Annotated[
    list[str] | None, typer.Option("--branch", help="Only this [[branch]]; may be repeated. None: all.", metavar="NAME")
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
AsDesk = Annotated[
    str | None,
    typer.Option("--desk", help="The [[agent]] whose calls he is shown.", metavar="NAME", show_default=False),
]
Title = Annotated[str, typer.Option("--title", help="What he is called.", show_default=False)]


class UserError(Exception):
    """The thing asked for failed; the message is one line."""


class Desk:
    """The tables, and who works with them."""

    def __init__(self, pool: Pool) -> None:
        self.accounts, self.keys, self.hasher = Accounts(pool), Keys(pool), Hasher()

    async def found(self, name: str) -> Account:
        """The account of that name."""
        account = await self.accounts.find(name)
        if account is None:
            raise UserError(f"{name!r}: there is no such user; see: threerings user list")
        return account

    @staticmethod
    def entry(verb: Verb, login: str, detail: str = "") -> Entry:
        """What is written down: that the command did it, and as which user of the system."""
        return Entry(SystemClock().wall(), f"command {getpass.getuser()}", verb, Kind.USER, login, detail=detail)


@user_app.command("add")
def add(  # noqa: PLR0913, PLR0917 - options of the command
    name: Name,
    role: Annotated[Role, typer.Option(help="What he is there for.")],
    config: ConfigFile = None,
    branch: Branches = None,
    title: Title = "",
    desk: AsDesk = None,
    password_stdin: FromStdin = False,
) -> None:
    """Add somebody. He has to choose a password of his own when he first signs in."""
    settings = start(config)
    login, terms = _name(name), _terms(settings, Terms(role, frozenset(branch or ()), title, desk))
    password = _password(login, title, stdin=password_stdin)

    async def work(at: Desk) -> None:
        kept = await at.hasher.hash(password)
        await at.accounts.add(login, terms, kept, at.entry(Verb.USER_ADDED, login, told(terms)))

    try:
        _run(settings, work)
    except NameTakenError:
        raise UserError(f"{name!r}: there is such a user already; see: threerings user list") from None
    typer.echo(f"{login} added as {told(terms)}; this password is good for the first time only")


@user_app.command("list")
def show(config: ConfigFile = None) -> None:
    """Print everybody."""
    everybody = _run(start(config), lambda at: at.accounts.all())
    table = Table("name", "title", "role", "branches", "desk", "state", box=None, pad_edge=False)
    for one in everybody:
        terms = one.terms
        state = "disabled" if one.disabled_at else "must change password" if one.must_change else "active"
        words = (one.login, terms.title, terms.role.value, ", ".join(sorted(terms.branches)) or "all", terms.desk or "")
        table.add_row(*(Text(visible(word)) for word in (*words, state)))
    Console(soft_wrap=True).print(table)


@user_app.command("role")
def role_(
    name: Name,
    role: Annotated[Role, typer.Argument(help="What he is there for from now on.")],
    config: ConfigFile = None,
    branch: Branches = None,
    desk: AsDesk = None,
) -> None:
    """Decide anew what somebody may: his role, his branches (none named: all) and his desk (none named: as it was)."""
    settings = start(config)

    async def work(at: Desk) -> Terms:
        before = await at.found(name)
        after = replace(
            before.terms, role=role, branches=frozenset(branch or ()), desk=before.terms.desk if desk is None else desk
        )
        terms = _terms(settings, after)
        detail = f"{told(before.terms)} -> {told(terms)}"
        await at.accounts.change(before.id, terms, at.entry(Verb.USER_CHANGED, before.login, detail))
        return terms

    typer.echo(f"{name} is {told(_run(settings, work))}")


@user_app.command("disable")
def disable(name: Name, config: ConfigFile = None) -> None:
    """Let somebody in no more; his sessions and tokens end within seconds."""

    async def work(at: Desk) -> None:
        account = await at.found(name)
        await at.accounts.disable(account.id, at.entry(Verb.USER_DISABLED, account.login))

    _run(start(config), work)
    typer.echo(f"{name} is disabled")


@user_app.command("enable")
def enable(name: Name, config: ConfigFile = None) -> None:
    """Let somebody in again."""

    async def work(at: Desk) -> None:
        account = await at.found(name)
        await at.accounts.enable(account.id, at.entry(Verb.USER_ENABLED, account.login))

    _run(start(config), work)
    typer.echo(f"{name} is enabled")


@user_app.command("password")
def password_(name: Name, config: ConfigFile = None, password_stdin: FromStdin = False) -> None:
    """Give somebody a new password, good for the first time only; his sessions end."""
    settings = start(config)
    password = _password(name, "", stdin=password_stdin)

    async def work(at: Desk) -> None:
        account = await at.found(name)
        kept, entry = await at.hasher.hash(password), at.entry(Verb.PASSWORD_SET, account.login)
        await at.accounts.set_password(account.id, kept, entry, must_change=True)

    _run(settings, work)
    typer.echo(f"{name} has a new password; it is good for the first time only")


token_app = typer.Typer(help="Tokens of programs: each may what its owner may, and of that what its scopes name.")
user_app.add_typer(token_app, name="token")


@token_app.command("make")
def make(
    name: Name,
    title: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may; may be repeated.")],
    days: Annotated[int, typer.Option(help="How long it is good.", min=1, max=MOST_DAYS)] = 365,
    config: ConfigFile = None,
) -> None:
    """Make one, and print it this once."""
    secret = new_token()

    async def work(at: Desk) -> None:
        account = await at.found(name)
        entry = at.entry(Verb.TOKEN_MADE, account.login, f"{title}: {', '.join(scope)}, {days} days")
        await at.keys.make_token(hash_of(secret), account.id, title[:64], scope, timedelta(days=days), entry)

    _run(start(config), work)
    typer.echo(secret)


@token_app.command("list")
def tokens(name: Name, config: ConfigFile = None) -> None:
    """Print somebody's tokens; what each is, is known to nobody but who has it."""

    async def work(at: Desk) -> list[tuple[str, ...]]:
        found = await at.keys.tokens((await at.found(name)).id)
        return [
            (str(one.id), one.title, ", ".join(sorted(one.scopes)), f"{one.until:%Y-%m-%d}", _day(one.seen_at))
            for one in found
        ]

    table = Table("id", "title", "scopes", "until", "last used", box=None, pad_edge=False)
    for row in _run(start(config), work):
        table.add_row(*(Text(visible(word)) for word in row))
    Console(soft_wrap=True).print(table)


@token_app.command("end")
def end(name: Name, token: Annotated[UUID, typer.Argument(help="Its id.")], config: ConfigFile = None) -> None:
    """End one; it is good for nothing within seconds."""

    async def work(at: Desk) -> None:
        account = await at.found(name)
        if token not in {one.id for one in await at.keys.tokens(account.id)}:
            raise UserError(f"{token}: {name} has no such token; see: threerings user token list {name}")
        await at.keys.end_token(account.id, token, at.entry(Verb.TOKEN_ENDED, account.login, str(token)))

    _run(start(config), work)
    typer.echo("ended")


def told(terms: Terms) -> str:
    """What somebody may, in a line."""
    where = ", ".join(sorted(terms.branches)) or "all branches"
    return f"{terms.role.value} of {where}" + (f" at desk {terms.desk}" if terms.desk else "")


def _run(settings: Config, work: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
    settings.database_url()

    async def all_of_it() -> T:
        async with _desk(settings) as desk:
            return await work(desk)

    return with_database(all_of_it())


@asynccontextmanager
async def _desk(settings: Config) -> AsyncIterator[Desk]:
    async with database(settings) as url:
        pool = Pool(url, answer_seconds=20)
        desk = Desk(pool)
        try:
            yield desk
        finally:
            desk.hasher.close()
            await pool.close()


def _name(name: str) -> str:
    try:
        return login_name(name)
    except BadNameError as error:
        raise ConfigFaults((f"NAME = {name!r}: {error}",)) from None


def _terms(settings: Config, terms: Terms) -> Terms:
    """As far as the configuration knows what they name."""
    known, desks = {one.name for one in settings.branch}, {one.name for one in settings.agent}
    faults = [f"--branch = {name!r}: is no known branch; add [[branch]]" for name in sorted(terms.branches - known)]
    if terms.desk and terms.desk not in desks:
        faults.append(f"--desk = {terms.desk!r}: is no known agent; add [[agent]]")
    if faults:
        raise ConfigFaults(tuple(faults))
    return replace(terms, desk=terms.desk or None, title=terms.title[:64])


def _password(login: str, title: str, *, stdin: bool) -> str:
    """From the terminal, twice, or from standard input; from a terminal that is none, one is made and printed."""
    if stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = secrets.token_urlsafe(15)
        typer.echo(f"password: {password}")
    if (weak := weakness(password, login, title)) is not None:
        raise UserError(f"the password {weak.value}")
    return str(password)


def _day(at: object) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d}"
