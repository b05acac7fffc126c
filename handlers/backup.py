"""Database and journal into a folder, while the service runs, and back. docs/backup.md is the operator's manual.

The database is saved first, the journal after it: what a row reflects is then in the journal, never behind its end.
What the journal says to be in the database is kept as it was before both: see `journalcopies`.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from handlers import journalcopies
from handlers.database import database
from handlers.dumping import DumpError, dump, load
from handlers.holding import own
from handlers.manifest import DUMP, JOURNAL, MANIFEST, BackupError, Manifest, new, read, saved, to_disk, write
from telephony.cases.attempts import Attempts
from telephony.cases.connecting import connect
from telephony.cases.lease import Take
from telephony.cases.migrate import migrate
from telephony.config import Config
from telephony.journal.reader import extent
from telephony.unwritable import reason

CONNECT_SECONDS = 10.0


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
            journals = config.data_dir / JOURNAL
            before = await asyncio.to_thread(journalcopies.marked, journals)
            by = await dump(url, folder / DUMP, standing.server)
            takes = _ours((await _standing(url)).takes, config.data_dir)
            copied = await asyncio.to_thread(journalcopies.save, journals, folder / JOURNAL, before, takes)
            files = await asyncio.to_thread(lambda: [saved(folder, path) for path in _files(folder)])
            manifest = Manifest(
                made_at=now.isoformat(),
                threerings=version("threerings"),
                schema=standing.schema,
                pg_dump=by,
                calls=standing.calls,
                positions=copied.positions,
                files=files,
                left_out=copied.left_out,
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
            if not replace and any(extent(each).last for each in journalcopies.folders(journals)):
                raise BackupError(f"data_dir: {journals} has records; say --replace to put the backup in their place")
        async with database(config) as url:
            standing = await _standing(url)
            _refuse(standing, replace=replace)
            with _restoring(config, "nothing was restored"):
                try:
                    await asyncio.to_thread(journalcopies.bring_back, manifest, folder, fresh)
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
        except BaseException:
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
    """What a database is.

    Attributes:
        server: its major version.
        schema: None: it has none.
        calls: so many.
        followed: who follows PBXs now.
        takes: how whoever follows each PBX, or did last, has the lease.
    """

    server: int
    schema: str | None
    calls: int
    followed: list[str]
    takes: dict[str, Take]


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
        last = await connection.fetch("SELECT pbx, term, taken_at FROM leases") if await there("leases") else []
        takes = {row["pbx"]: Take(row["term"], row["taken_at"], row["taken_at"]) for row in last}
        return _Standing(server, schema, calls, followed, takes)
    finally:
        connection.terminate()


def _ours(takes: Mapping[str, Take], data_dir: Path) -> dict[str, Take]:
    """With what was behind those that were this instance's: it may have been started again meanwhile."""
    attempts = Attempts(data_dir)
    return {pbx: replace(take, behind=attempts.behind(pbx, take.before)) for pbx, take in takes.items()}


def _refuse(standing: _Standing, *, replace: bool) -> None:
    if standing.followed:
        raise BackupError(f"database.url: {', '.join(standing.followed)} is being followed; stop that service first")
    if standing.calls and not replace:
        there = f"{standing.calls:,} calls are there"
        raise BackupError(
            f"database.url: {there}; name an empty database, or say --replace to put the backup in their place"
        )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
        folder.chmod(0o700)
    except OSError as error:
        raise BackupError(f"{folder}: {reason(error, 'name a folder that we may make, or write')}") from None
    if not empty:
        raise BackupError(f"{folder}: is not empty; name a new folder for each backup")
