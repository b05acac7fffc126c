"""A pool of real script hosts and callers for it, each with a real connection."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from telephony.agi.codec import Decoder, Environment
from telephony.agi.hosts import Ended, HostPool, HostSettings
from telephony.agi.scripts import Script, parse_run
from tests.support.agi_peer import AgiPeer, Answer, environment

SCRIPTS = Path(__file__).parent / "scripts"


def scripts(folder: Path = SCRIPTS, **runs: str) -> list[Script]:
    return [parse_run(name, run, folder) for name, run in runs.items()]


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Ours and the PBX's end of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    for end in (ours, theirs):
        end.setblocking(False)
    return ours, theirs


def heard(script: str, *arguments: str, **changes: str | None) -> Environment:
    """The environment as the listener reads it."""
    (found,) = Decoder().feed(environment(script, *arguments, **changes))
    assert isinstance(found, Environment)
    return found


async def until(true: Callable[[], object], limit: float = 10.0) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(limit):
        while not true():
            await asyncio.sleep(0.005)


class Pool:
    """A running `HostPool`.

    Attributes:
        ended: what it told.
    """

    def __init__(self, pool: HostPool, ended: list[Ended]) -> None:
        self.pool, self.ended = pool, ended
        self.peers: list[AgiPeer] = []

    def results(self, script: str) -> list[str]:
        return [ended.result for ended in self.ended if ended.script == script]

    async def call(self, script: str, *arguments: str, **changes: str | None) -> AgiPeer:
        """A caller whose request has been handed to a host."""
        ours, theirs = tcp_pair()
        peer = await AgiPeer.on(theirs)
        try:
            self.pool.give(script, heard(script, *arguments, **changes), ours)
        except BaseException:
            ours.close()
            await peer.close()
            raise
        self.peers.append(peer)
        return peer

    async def talk(self, script: str, *arguments: str, answers: Mapping[str, Answer] | None = None) -> list[str]:
        """A whole call: the commands that came."""
        before = len(self.ended)
        async with await self.call(script, *arguments) as peer:
            commands = await peer.answer(answers)
        await until(lambda: len(self.ended) > before)
        return commands

    def pids(self) -> set[int]:
        return children()


@asynccontextmanager
async def running(found: list[Script], settings: HostSettings | None = None) -> AsyncIterator[Pool]:
    """A pool whose hosts are ready. Afterwards nothing of it is left, or it is a failure."""
    before = files(), children()
    ended: list[Ended] = []
    settings = settings or HostSettings(hosts=1, first_command=5.0, silence=5.0)
    pool = HostPool(found, settings, ended.append)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(pool.run())
        callers = Pool(pool, ended)
        try:
            await until(lambda: pool.state().hosts["ready"] == settings.hosts)
            yield callers
        finally:
            task.cancel()
            for peer in callers.peers:
                await peer.close()
    await until(lambda: (files(), children()) == before, 2.0)


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[int]:
    """Processes of ours that live, or that nobody has reaped."""
    found = set()
    for process in Path("/proc").iterdir():
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(process.name))
    return found


def gone(pid: int) -> bool:
    """It has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
