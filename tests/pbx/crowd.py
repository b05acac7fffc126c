"""Very many callers of one kind from ONE SIPp process: a process for each would be more than the machine has."""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from . import plan, sip_scripts
from .asterisk import Pbx
from .phones import voice
from .sip_scripts import Dialling

COUNTS = ("TotalCallCreated", "SuccessfulCall(C)", "FailedCall(C)")


@dataclass(frozen=True)
class Tally:
    """What SIPp counted."""

    made: int = 0
    went_as_written: int = 0
    failed: int = 0
    answered_after: list[float] = field(default_factory=list)  # seconds from INVITE to 200, one for each answered call
    complaints: str = ""


class Crowd:
    """`async with Crowd(pbx, "02171", calls="support", count=500, per_second=25) as crowd: await crowd.ended()`.

    Caller n has the number `prefix` + n, from 1. He hangs up `hangs_up_after` seconds after the answer (or the INVITE,
    where nobody answers), else he stays to the end. `kill()`: all of them vanish without a word.
    `speaks`: each sends a fifth of a second of audio, so that Answer() does not wait for it.
    """

    def __init__(
        self,
        pbx: Pbx,
        prefix: str,
        *,
        calls: str,
        count: int,
        per_second: float,
        hangs_up_after: float | None = None,
        talks_for: float | None = None,
        presses: tuple[tuple[float, str], ...] = (),
        vanishing: bool = False,
        speaks: bool = False,
        display: str | None = None,
        takes_text: bool = False,
    ) -> None:
        self._pbx, self._prefix = pbx, prefix
        self._count, self._per_second = count, per_second
        self._host = pbx.vanishing_host if vanishing else pbx.callers_host
        self._folder = Path(tempfile.mkdtemp(prefix=f"crowd-{prefix}-", dir=pbx.folder))
        number, to = f"{prefix}[call_number]", plan.dialled(calls)
        call = Dialling(number, to, display, hangs_up_after, talks_for, presses, takes_text)
        scenario = sip_scripts.caller(call, voice(self._folder, 0.2) if speaks else None, timed=True)
        (self._folder / "calls.xml").write_text(scenario, encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "KILL", "sipp", "-sf", "calls.xml", "-i", self._host, "-mi", self._host,
            f"{self._pbx.host}:5060", "-m", str(self._count), "-l", str(self._count), "-r", f"{self._per_second:g}",
            "-trace_stat", "-stf", "stat.csv", "-fd", "3600", "-trace_rtt", "-rtt_freq", "1",
            "-trace_err", "-error_file", "errors", "-nostdin", "-skip_rlimit",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self._folder, env=os.environ | {"TZ": "UTC", "TERM": "dumb"},
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def ended(self) -> Tally:
        """Wait until the last call is over."""
        assert self._process is not None
        await self._process.wait()
        return self.tally()

    async def kill(self) -> None:
        """SIGKILL: they are gone, and nobody says BYE."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def tally(self) -> Tally:
        """What is known so far; the counts only at the end."""
        last = _rows(self._folder / "stat.csv")[-1:]
        counts = [int(row[name]) for row in last for name in COUNTS]
        measured = [row for path in self._folder.glob("*_rtt.csv") for row in _rows(path)]
        times = [float(row["response_time_ms"]) / 1000 for row in measured]
        errors = self._folder / "errors"
        said = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
        return Tally(*(counts or (0, 0, 0)), times, said)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", errors="replace") as file:
        return list(csv.DictReader(file, delimiter=";"))
