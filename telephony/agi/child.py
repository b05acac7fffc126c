"""The process of a script host, seen from the service: started, asked where it hangs, ended, reaped."""

import asyncio
import contextlib
import mmap
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from telephony.agi.hoststderr import HostStderr

ROOT = str(Path(__file__).parents[2])
"""Where the package is: the host must import the same one."""
SECRETS = "THREERINGS_"
"""Variables of this beginning are the service's configuration; scripts do not get them."""
MARK_BYTES = 8
GENTLY = 0.5
"""Seconds between SIGTERM and SIGKILL."""
_FRAME = re.compile(r'\s*File "(.{1,400})", line (\d{1,9}) in (.{1,80})')


class Child:
    """One process, once.

    Args:
        told: gets the first lines of what the process itself writes.
    """

    def __init__(self, told: Callable[[str], None]) -> None:
        self._stderr = HostStderr(told)
        self._process: Process | None = None
        self._shared: mmap.mmap | None = None
        self._reaped = False

    async def start(self, wire: socket.socket) -> None:
        """Start it, with its end of the wire.

        Raises:
            OSError: it cannot be started.
        """
        shared = os.memfd_create("threerings-mark", os.MFD_CLOEXEC)
        try:
            os.ftruncate(shared, MARK_BYTES)
            self._shared = mmap.mmap(shared, MARK_BYTES)
            stderr = self._stderr.open()
            arguments = [str(wire.fileno()), str(shared), str(os.getpid())]
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "telephony.agi.scripthost",
                *arguments,
                stdin=DEVNULL,
                stdout=stderr,
                stderr=stderr,
                pass_fds=(wire.fileno(), shared),
                start_new_session=True,
                env=_environment(os.environ),
            )
        finally:
            os.close(shared)
            self._stderr.given()

    @property
    def runs(self) -> bool:
        """It was started, and its end has not been seen."""
        return self._process is not None and self._process.returncode is None

    @property
    def running_call(self) -> int:
        """The number of the call whose code runs in it now; 0: none."""
        return 0 if self._shared is None else int.from_bytes(self._shared[:MARK_BYTES], sys.byteorder)

    async def ended(self) -> str:
        """Wait for its end; what it died of, in its own words if there are any."""
        if self._process is None:
            return "was not started"
        code = await self._process.wait()
        self._stderr.read()
        return self._stderr.last or f"ended with {code}"

    def ask_where(self) -> None:
        """Have it say where its code is, even if nothing in it gives way; see `where`, a moment later."""
        self._stderr.hush()
        self._signal(signal.SIGUSR1)

    def where(self, folders: Sequence[Path]) -> str:
        """The innermost place in one of the folders, `file:line in function`; empty if it did not say."""
        self._stderr.read()
        frames = [found.groups() for line in self._stderr.lines if (found := _FRAME.fullmatch(line))]
        known = [frame for frame in frames if any(Path(frame[0]).is_relative_to(folder) for folder in folders)]
        file, line, function = (known or frames or [("", "", "")])[0]
        return f"{Path(file).name}:{line} in {function}" if file else ""

    def kill(self) -> None:
        """End it at once, and whatever it has started."""
        if self.runs:
            self._kill_group()

    async def reap(self) -> None:
        """End it, and leave nothing of it, nor of what it has started in its session. Safe to repeat."""
        process = self._process
        if process is not None and self.runs:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), GENTLY)
            except TimeoutError:
                self.kill()
                await process.wait()
        if not self._reaped:
            self._reaped = True
            self._kill_group()
        self._stderr.close()
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def _kill_group(self) -> None:
        process = self._process
        # While one of its group lives its number is nobody else's; if somebody has it, nothing of ours is left.
        if process is None or (not self.runs and Path("/proc", str(process.pid)).exists()):
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.runs:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a host: ours without our configuration, and with the way to this package."""
    kept = {name: value for name, value in variables.items() if not name.startswith(SECRETS)}
    path = kept.get("PYTHONPATH", "")
    return kept | {"PYTHONPATH": f"{ROOT}{os.pathsep}{path}" if path else ROOT, "THREERINGS_HOST_PYTHONPATH": path}
