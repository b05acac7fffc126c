"""`threerings demo`: a whole branch on this machine, simulated, with nothing left of it afterwards.

Its own PostgreSQL, a simulated PBX in a process of its own that speaks real AMI and asks our FastAGI, and the service
itself with a real threerings.toml, all in one temporary folder. docs/demo.md tells what is to be seen.
"""

import asyncio
import io
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from handlers.addresses import ListenError
from handlers.build import Service
from handlers.demomorning import Seeds, earlier_today
from handlers.demosettings import USERNAME, addresses, toml
from handlers.demotrouble import DemoError, check, parsed, remedy, why_no_database
from handlers.service import serve, settle
from telephony import logs
from telephony.ami.settings import SystemClock
from telephony.cases.embedded import EmbeddedError, EmbeddedPostgres
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore
from telephony.config import Address, Config, ConfigFaults, load
from telephony.unreachable import reason

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""All of them end it: with the terminal it is gone."""
SEED, MORNING_SEED, REGULARS_SEED = 10, 14, 10
"""A day that begins well: the first minutes show what it looks like when the standard is kept. The morning before it is
another day, but the same people call again and again."""
DRAIN_SECONDS = 1.0
"""Nothing of the demo is kept: a stop waits for no database that is gone."""
PBX_SECONDS = 20.0
"""Within which the simulated PBX says its port, and, told to end, ends."""
LOOK_EVERY, LOOKS_MISSED = 1.0, 2
"""Seconds between looks whether PostgreSQL still answers, and after how many without an answer it has ended."""
SAVED_AT_ONCE = 500
SHOWN = 200
"""Characters of somebody else's last words that go into our one line."""
Tell = Callable[[str], None]


def run(http: str | None = None) -> int:
    """The whole command.

    Args:
        http: `HOST:PORT` of the pages; None: 127.0.0.1:8080.

    Returns:
        The exit code. What is wrong has been said in one line on standard error.
    """

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no Chinese shows question marks
    for number in SIGNALS:  # nothing cuts the cleaning short, however often it is said: `demo` hears them while it runs
        signal.signal(number, signal.SIG_IGN)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(demo(http=parsed(http), tell=tell))
    except (DemoError, ListenError) as error:
        sys.stderr.write(logs.visible(str(error)) + "\n")
    except BrokenPipeError:  # whoever read has enough, which is nothing to be told about
        raise
    except OSError as error:
        sys.stderr.write(logs.visible(f"{error.filename or 'the demo'}: {reason(error)}; {remedy(str(error))}") + "\n")
    except ConfigFaults as error:
        sys.stderr.writelines(logs.visible(fault) + "\n" for fault in error.faults)
    return 1


async def demo(*, http: Address, tell: Tell) -> int:
    """Run it until SIGINT, SIGTERM or SIGHUP.

    Args:
        http: where the pages are.
        tell: is given every line for whoever looks on.

    Returns:
        0.

    Raises:
        DemoError: it cannot run, PostgreSQL does not start, or its PBX or its database has ended by itself.
        OSError: the folder cannot be made or written.
        ConfigFaults: the pages' address is none that the product accepts.
        ListenError: it was taken at the last moment.
    """
    check(http)
    began = time.monotonic()
    tell("Three Rings 三响: a branch on a busy day. Its PBX, its clerks and its callers are simulated.")
    with _interrupts(tell) as stop, _folder() as folder, _log(folder / "threerings.log"):
        try:
            async with _pbx(folder) as pbx:
                tell("  PostgreSQL …")
                async with EmbeddedPostgres(folder / "postgres") as database:
                    tell("  PBX …")
                    config = _configuration(folder, http, await _port(pbx, folder))

                    def shown() -> None:
                        for line in addresses(config, folder, time.monotonic() - began):
                            tell(line)

                    if not stop.is_set():
                        tell("  what was earlier today …")
                        await _remember(config, database)  # nobody calls yet, and nobody follows queue_log
                    if not stop.is_set():
                        tell("  service …")
                        await _serve(config, database, pbx, folder, shown)
        except (EmbeddedError, DemoError) as error:  # Ctrl-C reaches what is just being started, too
            if not stop.is_set():
                raise DemoError(why_no_database(error) if isinstance(error, EmbeddedError) else str(error)) from None
    tell("ended, and cleaned up")
    return 0


# --- what it stands on ---


@contextmanager
def _folder() -> Iterator[Path]:
    """One for everything; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="threerings-demo-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)  # PostgreSQL, which is not run as root, must pass; what is secret is a file of its own
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _log(file: Path) -> Iterator[None]:
    """The log goes there, and not over the terminal."""
    with file.open("w", encoding="utf-8", buffering=1) as stream:
        handler = logging.StreamHandler(stream)
        logging.getLogger().addHandler(handler)
        logs.configure(stream, as_json=True)
        try:
            yield
        finally:
            logs.configure()
            logging.getLogger().removeHandler(handler)


@contextmanager
def _interrupts(tell: Tell) -> Iterator[asyncio.Event]:
    """Is set by Ctrl-C and SIGTERM before and after the service hears them itself; nothing is left half begun.

    Outermost: until the folder is gone nobody is impatient enough. Then they are what they were.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    before = [(number, signal.getsignal(number)) for number in SIGNALS]

    def interrupt() -> None:
        if not stop.is_set():
            tell("ending …")
        stop.set()

    for number in SIGNALS:  # not by the loop: between its handler and the one before there would be the default
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(interrupt))
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@asynccontextmanager
async def _pbx(folder: Path) -> AsyncIterator[Process]:
    """The simulated PBX, told who may log in. It ends when its standard input does, and with us, however we end."""
    secret = secrets.token_hex(16)
    settings = {"username": USERNAME, "secret": secret, "queue_log": str(folder / "queue_log")}
    seeds = {"seed": SEED, "regulars": REGULARS_SEED}
    for name in ("queue_log", "secret"):
        (folder / name).touch(mode=0o600)
    (folder / "secret").write_text(secret)
    with (folder / "pbx.log").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "telephony.simulator", stdin=PIPE, stdout=PIPE, stderr=said
        )
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(json.dumps(settings | seeds).encode() + b"\n")
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(PBX_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _port(pbx: Process, folder: Path) -> int:
    assert pbx.stdout is not None  # noqa: S101 - it is a pipe
    with suppress(TimeoutError, ValueError, KeyError):
        async with asyncio.timeout(PBX_SECONDS):
            return int(json.loads(await pbx.stdout.readline())["ami"])
    raise DemoError(f"the simulated PBX did not start{_last_words(folder)}")


def _configuration(folder: Path, http: Address, ami_port: int) -> Config:
    """A real file, read as every other."""
    file = folder / "threerings.toml"
    file.touch(mode=0o600)
    file.write_text(toml(folder, http, ami_port), encoding="utf-8")
    return load(file, {})


async def _remember(config: Config, database: EmbeddedPostgres) -> None:
    """The page shows a day: what happened before we came is in the database, as after a restart."""
    seeds = Seeds(day=MORNING_SEED, regulars=REGULARS_SEED)
    file = config.pbx[0].queue_log
    assert file is not None  # noqa: S101 - the demo's PBX has one
    morning = await asyncio.to_thread(earlier_today, config, _begun(file, SystemClock().wall()), seeds)
    calls = morning.calls
    # The PBX appends, and has written no more yet than who is logged in; whoever follows the file begins at its end.
    lines = "".join(f"{line}\n" for line in morning.log)
    file.write_bytes(lines.encode("utf-8", "surrogateescape") + file.read_bytes())
    await migrate(database.url)
    store = CallStore(database.url)
    for first in range(0, len(calls), SAVED_AT_ONCE):
        await store.save(calls[first : first + SAVED_AT_ONCE])
    await store.close()


def _begun(log: Path, now: datetime) -> datetime:
    """When the PBX wrote its first line: on a busy machine that is a while ago."""
    epoch = log.read_bytes().partition(b"|")[0]
    return min(now, datetime.fromtimestamp(int(epoch), UTC)) if epoch.isdigit() else now


# --- while it runs ---


async def _serve(
    config: Config, database: EmbeddedPostgres, pbx: Process, folder: Path, shown: Callable[[], None]
) -> None:
    """The service, until it is told to stop or something it stands on has gone."""

    def ready(service: Service) -> None:
        assert pbx.stdin is not None  # noqa: S101 - it is a pipe
        if not pbx.stdin.is_closing():  # if it has ended, that is told by whoever watches it
            pbx.stdin.write(json.dumps({"agi": service.agi.server.address}).encode() + b"\n")
        settle(service)
        shown()

    def hung_up() -> Config:
        """`serve` would read its configuration again; but the terminal is closed, and nobody looks on."""
        os.kill(os.getpid(), signal.SIGTERM)
        return config

    faults: list[str] = []
    failed: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        watched = (_pbx_ended(pbx, folder), _database_ended(database))
        watching = [tasks.create_task(_watch(one, faults)) for one in watched]
        try:
            await serve(config, ready, DRAIN_SECONDS, hung_up, demo=True)
        except Exception as error:  # noqa: BLE001 - raised again below, by itself and not in a group
            failed = error
        for number in SIGNALS:  # whoever is impatient must not cut the cleaning short
            signal.signal(number, lambda *_: None)
        for task in watching:
            task.cancel()
    if failed is not None:
        raise failed
    if faults:
        raise DemoError(faults[0])


async def _watch(ended: Coroutine[None, None, str], faults: list[str]) -> None:
    """When something has gone, stop in order."""
    faults.append(await ended)
    os.kill(os.getpid(), signal.SIGTERM)


async def _pbx_ended(pbx: Process, folder: Path) -> str:
    code = await pbx.wait()
    return f"the simulated PBX has ended by itself ({code}){_last_words(folder)}"


def _last_words(folder: Path) -> str:
    said = (folder / "pbx.log").read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(said) if line.strip()), "")
    return f": {last[:SHOWN]}" if last else ""


async def _database_ended(database: EmbeddedPostgres) -> str:
    missed = 0
    while missed < LOOKS_MISSED:
        await asyncio.sleep(LOOK_EVERY)
        try:
            _, writer = await asyncio.open_unix_connection(str(database.socket))
        except OSError:
            missed += 1
        else:
            missed = 0
            writer.close()
    return "PostgreSQL has ended by itself; is there enough memory and disk space? Start the demo again"
