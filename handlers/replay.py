"""`threerings replay --call ID`: explains a call from the journal: what was read, what it meant, what was done."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TextIO
from uuid import UUID

from handlers.build import ami_settings_of, rules_of
from handlers.database import AWAY, BAD_URL, database, trouble
from handlers.journaling import Loader
from handlers.journals import journal_folder
from handlers.replaying import telling
from handlers.replaying.account import Account, Listener
from handlers.replaying.finding import Place, Wanted, beginning, find
from handlers.replaying.telling import Row, Story
from telephony.ami.client import codec_of
from telephony.calls.tracker import Tracker
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.embedded import EmbeddedError
from telephony.cases.lookup import Found, call_of
from telephony.config import EMBEDDED, Config, ConfigFaults, Pbx
from telephony.journal.reader import extent, records
from telephony.journal.record import Extent

SOCKET = ".s.PGSQL.5432"
Progress = Callable[[int], None]


class Form(StrEnum):
    """How it is written: lines to read, or one JSON document."""

    TEXT = "text"
    JSON = "json"


class NotFound(Exception):  # noqa: N818 - what it is
    """No journal names the call, a line a PBX with what its journal covers; or nobody can say which call it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, and how it is to be told."""

    id: str
    pbx: str | None = None
    verbose: bool = False
    unmasked: bool = False


def run(config: Config, asked: Asked, words: Mapping[str, str], told: Progress) -> Story:
    """The story of a call. Reads only; the service may run.

    Args:
        config: names data folder, PBXs and database.
        asked: which call.
        words: of the language in which it is told.
        told: called now and then with the position that is being read.

    Raises:
        ConfigFaults: there is no such PBX.
        NotFound: the journal does not name the call.
        OSError: the journal cannot be read, or not by this user.
    """
    pbxs = [pbx for pbx in config.pbx if asked.pbx in {None, pbx.name}]
    if not pbxs:
        names = ", ".join(pbx.name for pbx in config.pbx) or "(none)"
        raise ConfigFaults((f"--pbx = {asked.pbx!r}: there is no such PBX; name one of {names}",))
    found, why = asyncio.run(_row(config, asked.id))
    if why and asked.id.isdecimal():  # no journal names a case
        nobody = f"{asked.id}: of which case nobody can say now ({why}); name the call's id or a channel's uniqueid"
        raise NotFound(nobody)
    if found is not None:
        pbxs = [pbx for pbx in pbxs if pbx.name == found.stored.call.pbx]
    missing = []
    for pbx in pbxs:
        folder = journal_folder(config, pbx.name)
        _may_read(folder)
        known = extent(folder)
        wanted = _wanted(asked.id, pbx, found)
        place = find(folder, known, wanted, told) if known.last else None
        if place is None:
            missing.append(_not_found(asked.id, pbx, known, words, config))
            continue
        account = _listen(config, pbx, known, wanted, place, told)
        if found is None and not why and account.call is not None:
            found, why = asyncio.run(_row(config, str(account.call.id)))
        row = Row(found.stored if found is not None else None, why)
        return Story(account, row, config.zone, words, asked.verbose, asked.unmasked)
    raise NotFound("\n".join(missing or [f"{asked.id}: its PBX is not {asked.pbx}"]))


def write(story: Story, form: Form, out: TextIO) -> None:
    """All of it."""
    if form is Form.JSON:
        out.write(json.dumps(telling.document(story), ensure_ascii=False, indent=2) + "\n")
        return
    out.writelines(line.rstrip() + "\n" for line in telling.lines(story))


def _wanted(text: str, pbx: Pbx, found: Found | None) -> Wanted:
    if found is not None:
        call = found.stored.call
        return Wanted(pbx.name, call.id, call.uniqueid, call.arrived_at)
    id_ = _uuid(text)
    return Wanted(pbx.name, id_, "" if id_ is not None else text)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _row(config: Config, text: str) -> tuple[Found | None, str]:
    """What the database says of a call, and why it says nothing."""
    try:
        url = config.database_url()
        if url == EMBEDDED and not (config.data_dir / "postgres" / SOCKET).exists():
            return None, "our own does not run"
        async with database(config) as address:
            return await call_of(address, _uuid(text), text), ""
    except DatabaseUrlError:
        return None, BAD_URL
    except (ConfigFaults, EmbeddedError) as error:
        return None, str(error)
    except AWAY as error:
        return None, trouble(error)


def _may_read(folder: Path) -> None:
    """Raises OSError naming the folder where this user may not look into it."""
    if folder.parent.exists():
        next(folder.iterdir(), None)


def _not_found(text: str, pbx: Pbx, known: Extent, words: Mapping[str, str], config: Config) -> str:
    if known.first_at is None or known.last_at is None:
        return words["empty"].format(pbx=pbx.name)
    first, last = (f"{at.astimezone(config.zone):%Y-%m-%d %H:%M:%S}" for at in (known.first_at, known.last_at))
    return words["not_found"].format(id=text, pbx=pbx.name, first=first, last=last)


def _listen(  # noqa: PLR0913, PLR0917 - what it is put together from
    config: Config, pbx: Pbx, known: Extent, wanted: Wanted, place: Place, told: Progress
) -> Account:
    codec = partial(codec_of, ami_settings_of(pbx), banner=False)
    folder = journal_folder(config, pbx.name)
    start, listed = beginning(folder, known, place.position, Loader(codec))
    if wanted.id is None:
        wanted = Wanted(pbx.name, None, place.root)
    listener = Listener(Tracker(rules_of(config, pbx)), Loader(codec), wanted, place)
    for position in listener.listen(records(folder, start), listed=listed):
        told(position)
    return listener.account


__all__ = ["Asked", "Form", "NotFound", "run", "write"]
