"""Database and journal into a folder, while the service runs, and back. docs/backup.md is the operator's manual.

The database is saved first, the journal after it: what a row reflects is then in the journal, never behind its end.
"""

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import structlog

from handlers.database import database
from handlers.dumping import DumpError, dump, load
from handlers.holding import own
from handlers.manifest import DUMP, JOURNAL, MANIFEST, BackupError, Manifest, new, read, saved, to_disk, write
from telephony.cases.connecting import connect
from telephony.cases.migrate import migrate
from telephony.config import Config
from telephony.journal.reader import extent
from telephony.journal.sheet import is_full
from telephony.unwritable import reason

LIFE = "life"
"""Beside a journal's files: what tells it from another journal."""
PIECE = 1_048_576
CONNECT_SECONDS = 10.0
log = structlog.get_logger(__name__)


async def backup(config: Config, folder: Path, now: datetime) -> Manifest:
    """Save database and journal; the service may run meanwhile.

    Args:
        config: names both.
        folder: new or empty; afterwards only its owner may read it. What is in it is whole when it has a manifest.
        now: our clock.

    Returns:
        What was saved.

    Raises:
        BackupError: the folder is not empty, the database has no schema, or something cannot be read or written.
        EmbeddedError, DatabaseUrlError: as they say.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
    """
    _make(folder)
    async with database(config) as url:
        standing = await _standing(url)
        if standing.schema is None:
            raise BackupError("database.url: the database has no schema yet, so there is nothing to save")
        with _whole_or_nothing(folder):
            by = await dump(url, folder / DUMP, standing.server)
            positions, left_out = await asyncio.to_thread(_save_journals, config.data_dir / JOURNAL, folder / JOURNAL)
            files = await asyncio.to_thread(lambda: [saved(folder, path) for path in _files(folder)])
            manifest = Manifest(
                made_at=now.isoformat(),
                threerings=version("threerings"),
                schema=standing.schema,
                pg_dump=by,
                calls=standing.calls,
                positions=positions,
                files=files,
                left_out=left_out,
            )
            await asyncio.to_thread(write, manifest, folder)
    return manifest


async def restore(config: Config, folder: Path, *, replace: bool = False) -> Manifest:
    """Bring back what `backup` saved; no service may follow the PBXs meanwhile.

    Everything is checked first. The database comes back whole or not at all; a journal that was there is kept beside
    the one that is restored, as `journal.replaced`.

    Args:
        config: names where to.
        folder: a backup.
        replace: also where calls or records are, in their place.

    Returns:
        What was restored.

    Raises:
        BackupError: the backup is damaged, something is there already, or cannot be read or written.
        InstanceBusy: the service runs. ConfigFaults, DiskTrouble: data_dir cannot be written. Else like `backup`.
    """
    manifest = await asyncio.to_thread(read, folder)
    with own(config):
        journals = config.data_dir / JOURNAL
        aside = journals.with_name(f"{JOURNAL}.replaced")
        fresh = journals.with_name(f"{JOURNAL}.restoring")
        with _restoring(config, "nothing was restored"):
            if aside.exists():
                raise BackupError(f"data_dir: {aside} is there from an earlier restore; move it away")
            if not replace and any(extent(each).last for each in _folders(journals)):
                raise BackupError(f"data_dir: {journals} has records; say --replace to put the backup in their place")
        async with database(config) as url:
            standing = await _standing(url)
            _refuse(standing, replace=replace)
            with _restoring(config, "nothing was restored"):
                try:
                    await asyncio.to_thread(_copy_journals, manifest, folder, fresh)
                    await load(url, folder / DUMP, standing.server, manifest.pg_dump)
                except (OSError, DumpError):
                    shutil.rmtree(fresh, ignore_errors=True)
                    raise
            with _restoring(config, "the database was restored, the journal was not: say it again with --replace"):
                if journals.exists():
                    journals.rename(aside)
                fresh.rename(journals)
                to_disk(config.data_dir)
            await migrate(url)
    return manifest


@contextmanager
def _whole_or_nothing(folder: Path) -> Iterator[None]:
    """A backup is made in the block; should it fail, nothing is left of it: what it took may be the room that lacks.

    Who has made the dump's file is alone in the folder.
    """
    try:
        os.close(new(folder / DUMP))
        try:
            yield
        except (OSError, DumpError):
            shutil.rmtree(folder / JOURNAL, ignore_errors=True)
            for name in (DUMP, f"{MANIFEST}.new"):
                (folder / name).unlink(missing_ok=True)
            raise
    except (OSError, DumpError) as error:
        what = _told(error, "run as the service's user, or name another folder")
        raise BackupError(f"nothing was saved to {folder}: {what}") from None


@contextmanager
def _restoring(config: Config, so_far: str) -> Iterator[None]:
    """Files and the database are brought back in the block; should it fail, it is told what has become of them."""
    try:
        yield
    except OSError as error:
        what = _told(error, "run as the service's user")
        raise BackupError(f"data_dir: {config.data_dir}: {what}; {so_far}") from None
    except DumpError as error:
        raise BackupError(f"database.url: {error}; {so_far}") from None


def _told(error: OSError | DumpError, otherwise: str) -> str:
    if isinstance(error, DumpError):
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{reason(error, otherwise)}"


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a database is: major version of its server; schema, None without; calls; who follows PBXs now."""

    server: int
    schema: str | None
    calls: int
    followed: list[str]


async def _standing(url: str) -> _Standing:
    connection = await connect(url, CONNECT_SECONDS, {"application_name": "threerings backup", "timezone": "UTC"})

    async def there(table: str) -> bool:
        return await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table) is True

    try:
        server = int(await connection.fetchval("SHOW server_version_num")) // 10_000
        schema = (
            await connection.fetchval("SELECT version_num FROM alembic_version")
            if await there("alembic_version")
            else None
        )
        calls = await connection.fetchval("SELECT count(*) FROM calls") if await there("calls") else 0
        living = "SELECT pbx || ' by ' || told FROM leases WHERE until > clock_timestamp() ORDER BY 1"
        followed = [row[0] for row in await connection.fetch(living)] if await there("leases") else []
        return _Standing(server, schema, calls, followed)
    finally:
        connection.terminate()


def _refuse(standing: _Standing, *, replace: bool) -> None:
    if standing.followed:
        raise BackupError(f"database.url: {', '.join(standing.followed)} is being followed; stop that service first")
    if standing.calls and not replace:
        there = f"{standing.calls:,} calls are there"
        raise BackupError(
            f"database.url: {there}; name an empty database, or say --replace to put the backup in their place"
        )


def _save_journals(journals: Path, into: Path) -> tuple[dict[str, tuple[int, int]], list[str]]:
    positions, left_out = {}, []
    for source in _folders(journals):
        target = into / source.name
        into.mkdir(mode=0o700, exist_ok=True)
        target.mkdir(mode=0o700)
        for file in sorted(source.glob("*.sqlite3")):
            try:
                _save_file(file, target / file.name)
            except sqlite3.Error as error:
                (target / file.name).unlink(missing_ok=True)
                if is_full(error):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
                if file.exists():  # else its time was over
                    left_out.append(f"{JOURNAL}/{source.name}/{file.name}: {error}")
                    log.warning("journal_file_not_saved", file=f"{source.name}/{file.name}", error=str(error))
        for file in sorted(source.glob("*.sqlite3.damaged")):
            left_out.append(f"{JOURNAL}/{source.name}/{file.name}: it was set aside as damaged; copy it by hand")
            log.warning("journal_file_not_saved", file=f"{source.name}/{file.name}", error="set aside as damaged")
        if (source / LIFE).exists():
            with os.fdopen(new(target / LIFE), "wb") as out:
                out.write((source / LIFE).read_bytes())  # last: it tells how far positions may have been given out
        told = extent(target)
        positions[source.name] = (told.first, told.last)
    return positions, left_out


def _save_file(source: Path, target: Path) -> None:
    """As SQLite's own backup does: a picture of one instant, in the way of no writer."""
    os.close(new(target))
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as old, closing(sqlite3.connect(target)) as copy:
        old.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # to read it leaves nothing beside it


def _copy_journals(manifest: Manifest, folder: Path, into: Path) -> None:
    shutil.rmtree(into, ignore_errors=True)  # of a restore that was broken off
    into.mkdir(mode=0o700)
    for each in manifest.files:
        if each.path == DUMP:
            continue
        target = into / Path(each.path).relative_to(JOURNAL)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with (folder / each.path).open("rb") as source, os.fdopen(new(target), "wb") as out:
            shutil.copyfileobj(source, out, PIECE)
        to_disk(target)
        to_disk(target.parent)
    to_disk(into)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _folders(journals: Path) -> list[Path]:
    return sorted(path for path in journals.iterdir() if path.is_dir()) if journals.is_dir() else []


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
        folder.chmod(0o700)
    except OSError as error:
        raise BackupError(f"{folder}: {reason(error, 'name a folder that we may make, or write')}") from None
    if not empty:
        raise BackupError(f"{folder}: is not empty; name a new folder for each backup")
