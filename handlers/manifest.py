"""What a backup says of itself, and whether it still is what it says."""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from telephony.unwritable import reason

FORMAT = 1
MANIFEST, DUMP, JOURNAL = "manifest.json", "database.dump", "journal"
_OURS = re.compile(
    r"database\.dump|journal/(?!\.{1,2}/)[^/\x00-\x1f]{1,255}/(life|[0-9]{8}T[0-9]{2}Z(\.[0-9]{1,9})?\.sqlite3)"
)


class BackupError(Exception):
    """It cannot be saved or restored; the message is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One file of a backup: its place in the folder, its bytes, and their SHA-256 in hexadecimal."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup is.

    Attributes:
        made_at: when it was begun, RFC 3339.
        threerings: version that made it. schema: of the database. pg_dump: major version of the program.
        calls: in the database.
        positions: the first and the last position in the journal of each PBX.
        files: all but the manifest itself.
        left_out: files of a journal that SQLite could not read, and why.
    """

    format: int = FORMAT
    made_at: str
    threerings: str
    schema: str
    pg_dump: int
    calls: int
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)
    files: list[Saved] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(each.bytes for each in self.files)


def write(manifest: Manifest, folder: Path) -> None:
    """Put it into the folder, as the last thing: with it, the backup is whole."""
    fresh = folder / f"{MANIFEST}.new"
    with os.fdopen(new(fresh), "w", encoding="utf-8") as out:
        json.dump(asdict(manifest), out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(folder / MANIFEST)
    to_disk(folder)


def read(folder: Path) -> Manifest:
    """The manifest of a backup, each of whose files is as it was saved.

    Raises:
        BackupError: one is missing, cannot be read, or was changed; or it is no backup that this version knows.
    """
    try:
        return _read(folder)
    except OSError as error:
        what = reason(error, "run as who made the backup, or name another")
        raise BackupError(f"{error.filename or folder}: {what}") from None


def _read(folder: Path) -> Manifest:
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
        if told["format"] != FORMAT:
            raise BackupError(f"{folder}: format {told['format']!r} is not known to this version; use a newer one")
        files = [Saved(**each) for each in told.pop("files")]
        positions = {pbx: (first, last) for pbx, (first, last) in told.pop("positions").items()}
        manifest = Manifest(**told, files=files, positions=positions)
    except (FileNotFoundError, NotADirectoryError):
        raise BackupError(f"{folder}: has no {MANIFEST}, so it is no whole backup; name another") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackupError(f"{folder}: its {MANIFEST} is damaged; name another backup") from None
    for each in manifest.files:
        if _OURS.fullmatch(each.path) is None:
            raise BackupError(f"{folder}: its {MANIFEST} names a file that is none of ours; name another backup")
        if not (folder / each.path).is_file() or saved(folder, folder / each.path) != each:
            raise BackupError(f"{folder}: {each.path} is missing, or is not as it was saved; name another backup")
    if DUMP not in {each.path for each in manifest.files}:
        raise BackupError(f"{folder}: {DUMP} is missing; name another backup")
    return manifest


def saved(folder: Path, path: Path) -> Saved:
    """What a file of the folder is now; it is on disk when this returns."""
    to_disk(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Saved(path.relative_to(folder).as_posix(), path.stat().st_size, digest.hexdigest())


def new(path: Path) -> int:
    """A file that only its owner reads, and that was not there."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def to_disk(path: Path) -> None:
    """Wait until a file that nobody has open, or a folder, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
