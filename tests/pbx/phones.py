"""SIPp processes: one for every caller and every phone of a story, each with a trace of what it sent and saw."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import sip_scripts
from .sip_scripts import Dialling, Offered

GRACE = 5.0


class Sipp:
    """One SIPp process. Its message trace is the truth that the bench believes."""

    def __init__(self, folder: Path, name: str, scenario: str, host: str, port: int | None = None) -> None:
        self.name, self.host, self.port = name, host, port
        self.trace = folder / f"{name}.trace"
        self.complaints = folder / f"{name}.errors"
        self._folder = folder
        self._scenario = folder / f"{name}.xml"
        self._scenario.write_text(scenario, encoding="utf-8", errors="surrogateescape")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *arguments: str) -> None:
        """Start it; a phone (with a port of its own) is waited for until it listens."""
        port = [] if self.port is None else ["-p", str(self.port)]
        self._process = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "KILL", "sipp", "-sf", str(self._scenario), "-i", self.host, "-mi", self.host,
            *port, "-trace_msg", "-message_file", str(self.trace), "-trace_err", "-error_file", str(self.complaints),
            "-nostdin", "-skip_rlimit", "-timer_resol", "1", *arguments,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self._folder, env=os.environ | {"TZ": "UTC", "TERM": "dumb"},
        )  # fmt: skip
        if self.port is not None:
            async with asyncio.timeout(GRACE):
                while not _listens(self.host, self.port) and self._process.returncode is None:
                    await asyncio.sleep(0.01)
            if self._process.returncode is not None:
                raise RuntimeError(f"SIPp {self.name} ended at once: {self.errors()}")

    async def ended(self) -> int:
        """Wait until it ends by itself; its exit code (0: the call went as written)."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._process.wait()

    async def stop(self) -> None:
        """End it now."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.returncode is None

    def tell(self, number: signal.Signals) -> None:
        """SIGUSR1: no new calls, and an end when the last one is over."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    @property
    def failed(self) -> bool:
        """Whether the call did not go as its scenario says."""
        return self._process is None or self._process.returncode != 0

    def errors(self) -> str:
        """What SIPp complained about."""
        return self.complaints.read_text(errors="replace") if self.complaints.exists() else ""


def caller(folder: Path, name: str, call: Dialling, host: str) -> Sipp:
    """Somebody who makes one call; start with `calls(pbx)`."""
    return Sipp(folder, name, sip_scripts.caller(call, voice(folder, 0.2)), host)


def phone(folder: Path, name: str, offers: Sequence[Offered], host: str) -> Sipp:
    """A telephone that waits for calls on port 5060 of its address."""
    speech = voice(folder, max((offer.speaks for offer in offers), default=1.0))
    return Sipp(folder, name, sip_scripts.phone(offers, speech), host, 5060)


def voice(folder: Path, seconds: float) -> str:
    """A little silence in µ-law, as SIPp's rtp_stream wants it named.

    `Answer()` waits half a second for the caller's first audio; Local channels take themselves out when agents speak.
    """
    voice = folder / f"voice-{seconds}.ulaw"
    if not voice.exists():
        voice.write_bytes(b"\xff" * round(8000 * seconds))
    return f"{voice.name},1,0,PCMU/8000"


def _listens(host: str, port: int) -> bool:
    address = "".join(f"{int(part):02X}" for part in reversed(host.split(".")))
    return f" {address}:{port:04X} " in Path("/proc/net/udp").read_text()
