"""`threerings check`: looks at configuration, database and every PBX at once, and says what is wrong, a line each."""

import asyncio
import io
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from handlers.checks import database, etc, hours, local, names, pbx
from handlers.checks.findings import Finding, Result, Subject, settled, summary
from handlers.threads import within
from telephony import logs
from telephony.ami.inspection import Inspection
from telephony.ami.settings import SystemClock
from telephony.config import DEFAULT_FILE, Config, ConfigFaults, Pbx

LOCAL_SECONDS = 10.0
"""Of files, which may lie on a share that hangs."""
CONFIGURATION_SECONDS = 40.0
DATABASE_SECONDS = 60.0
PBX_SECONDS = 60.0
"""Limits of each part, besides the time of listening; every step within has a shorter one of its own."""
FILES_AFTER = LOCAL_SECONDS + 5
LONGEST_WAIT = 3_600.0
COLOURS = {Result.FAULT: "bold red", Result.WARNING: "yellow", Result.NOT_CHECKED: "cyan", Result.OK: "green"}


class Format(StrEnum):
    """How findings are written: a line each, or one JSON document."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Scope:
    """What to look at.

    Attributes:
        config: checked.
        file: where it came from; None for the environment alone.
        folders: Asterisk's configuration folder by the PBX's name.
        wait: how long to listen for a PBX's first event.
    """

    config: Config
    file: Path | None
    folders: Mapping[str, Path]
    wait: timedelta


def folders_of(config: Config, given: Sequence[str]) -> dict[str, Path]:
    """`--asterisk-etc` by the name of the PBX: `NAME=DIR`, or `DIR` where there is but one PBX.

    Raises:
        ConfigFaults: it names no PBX or no folder, or the same PBX twice.
    """
    known = [each.name for each in config.pbx]
    folders: dict[str, Path] = {}
    faults = []
    for text in given:
        option = f"--asterisk-etc = {text!r}"
        name, equals, path = text.partition("=")
        if not equals or name not in known:
            name, path = known[0] if len(known) == 1 else "", text
        if not name:
            faults.append(
                f"{option}: does not say of which PBX; write NAME=DIR with one of {', '.join(known) or '(none)'}"
            )
        elif name in folders:
            faults.append(f"{option}: is the second folder of {name}; give one a PBX")
        elif not path:
            faults.append(f"{option}: names no folder; name /etc/asterisk or a copy of it")
        elif not _open_to_us(path):
            faults.append(f"{option}: is no folder that this user can read; name /etc/asterisk or a copy of it")
        else:
            folders[name] = Path(path)
    if faults:
        raise ConfigFaults(tuple(faults))
    return folders


def _open_to_us(path: str) -> bool:
    """Whether it is a folder in which this user can look; pathlib's way raises where a folder above is closed."""
    return os.path.isdir(path) and os.access(path, os.R_OK | os.X_OK, effective_ids=True)  # noqa: PTH112


def file_of(named: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file that was read, if one was."""
    path = named or Path(environ.get("THREERINGS_CONFIG") or DEFAULT_FILE)
    return path if os.path.exists(path) else None  # noqa: PTH110 - pathlib's raises where a folder above is closed


async def examine(scope: Scope, doing: Callable[[Sequence[str]], None] = lambda _: None) -> list[Finding]:
    """Look at everything at once.

    Args:
        scope: what.
        doing: told what is still being looked at, whenever that changes.
    """
    config, clock = scope.config, SystemClock()
    pending: list[str] = []

    async def part(name: str, seconds: float, work: Awaitable[list[Finding]]) -> list[Finding]:
        pending.append(name)
        doing(pending)
        try:
            return await limited(Subject(name), seconds, work)
        finally:
            pending.remove(name)
            doing(pending)

    seen: dict[str, Inspection | None] = {}
    listening = scope.wait.total_seconds()
    async with asyncio.TaskGroup() as tasks:
        parts = [
            tasks.create_task(part("configuration", CONFIGURATION_SECONDS, _configuration(scope, clock))),
            tasks.create_task(part("database", DATABASE_SECONDS, database.look(config, clock.wall))),
            *(
                tasks.create_task(
                    part(each.name, PBX_SECONDS + listening + FILES_AFTER, _pbx(scope, each, clock, seen))
                )
                for each in config.pbx
            ),
        ]
    found = [finding for each in parts for finding in each.result()]
    return settled([*found, *names.look(config, seen)])


async def limited(about: Subject, seconds: float, work: Awaitable[list[Finding]]) -> list[Finding]:
    """What the work finds, or that it took too long."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError:
        took = f"within {seconds:g} s" if limit.expired() else "in time"
        return [about.fault("time", f"did not finish {took}", "what it waits for hangs")]


async def _configuration(scope: Scope, clock: SystemClock) -> list[Finding]:
    about = Subject("configuration")
    named = f"{str(scope.file)!r} is complete" if scope.file is not None else "the environment is complete"
    found = [about.fine("configuration", named)]
    if not scope.config.pbx:
        what, remedy = (
            "pbx: is missing, so nothing is measured",
            "add a [[pbx]] with name, host, username and secret_file",
        )
        found.append(about.fault("configuration", what, remedy))
    found += hours.look(scope.config, clock.wall().astimezone(scope.config.zone).date())
    try:
        found += await within(LOCAL_SECONDS, partial(local.files, scope.config, scope.file))
    except TimeoutError:
        what = f"the files that are named could not be looked at within {LOCAL_SECONDS:g} s"
        found.append(about.fault("time", what, "does one lie on a share that hangs?"))
    return found + await local.listening(scope.config)


async def _pbx(scope: Scope, each: Pbx, clock: SystemClock, seen: dict[str, Inspection | None]) -> list[Finding]:
    seen[each.name] = None

    async def ask() -> list[Finding]:
        found, seen[each.name] = await pbx.look(scope.config, each, clock, scope.wait)
        return found

    found = await limited(Subject(each.name), PBX_SECONDS + scope.wait.total_seconds(), ask())
    folder = scope.folders.get(each.name)
    if folder is None:
        return found + etc.without(each)
    try:
        return found + await within(LOCAL_SECONDS, partial(etc.look, each, folder, seen[each.name]))
    except TimeoutError:
        why = f"its files were not read within {LOCAL_SECONDS:g} s; give --asterisk-etc with a copy on a local disk"
        return found + etc.without(each, why)


def write(findings: Sequence[Finding], out: TextIO, form: Format, *, verbose: bool) -> None:
    """All of it: text with a summary, in colours on a terminal; or one JSON document. Nothing in it moves a cursor."""
    shown = [each for each in findings if verbose or each.result is not Result.OK]
    if form is Format.JSON:
        out.write(json.dumps(_document(findings, shown), ensure_ascii=False, indent=2) + "\n")
        return
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # a terminal may not know every letter of a queue's name
    console = Console(file=out, highlight=False, markup=False, emoji=False, soft_wrap=True)
    for finding in shown:
        line = Text(logs.visible(finding.line()))
        line.stylize(COLOURS[finding.result], 0, len(finding.result))
        console.print(line)
    console.print(Text(summary(findings), style="bold"))


def _document(findings: Sequence[Finding], shown: Sequence[Finding]) -> dict[str, object]:
    counts = {result.name.lower(): sum(each.result is result for each in findings) for result in Result}
    fields = ("result", "point", "where", "what", "remedy")
    lines = [{field: logs.visible(str(getattr(each, field))) for field in fields} for each in shown]
    return {"summary": summary(findings), "counts": counts, "findings": lines}


def run(scope: Scope, out: TextIO, form: Format, *, verbose: bool, progress: bool) -> bool:
    """Look at everything and write what was found; whether no fault was.

    Args:
        scope: what to look at.
        out: where to write.
        form: how.
        verbose: also what is as it should be.
        progress: show on standard error what is being looked at.
    """
    if progress:
        with Console(stderr=True).status("checking") as status:
            found = asyncio.run(examine(scope, lambda parts: status.update(f"checking {', '.join(parts)}")))
    else:
        found = asyncio.run(examine(scope))
    write(found, out, form, verbose=verbose)
    return all(each.result is not Result.FAULT for each in found)
