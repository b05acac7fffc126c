"""Calls without end: crowds of callers who do different things, agents and office phones; until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.pbx import phones, plan, queue_log, trace
from tests.pbx.ami import AmiError
from tests.pbx.asterisk import Pbx
from tests.pbx.phones import Sipp
from tests.pbx.sip_scripts import Dialling, Offered
from tests.pbx.story import Witnessed
from tests.pbx.trace import Leg


@dataclass(frozen=True)
class Crowd:
    """Callers who do the same: whom they call, when they hang up (seconds from answer or INVITE), their keys."""

    calls: str
    hangs_up_after: float
    presses: tuple[tuple[float, str], ...] = ()

    @property
    def direct(self) -> bool:
        """They call a phone, not a queue."""
        return "phone:" in self.calls


MIX = (
    Crowd("support", 8.0),
    Crowd("support/asked", 6.0),
    Crowd("support", 2.0),
    Crowd("phone:1030", 6.0),
    Crowd("sales", 6.0),
    Crowd("sales/asked", 1.0),
    Crowd("sales/brief", 9.0),
    Crowd("keyed", 12.0, ((3.0, "1"),)),
    Crowd("market", 5.0),
    Crowd("market/overflow", 9.0),
    Crowd("phone:1031", 4.0),
    Crowd("market/twice", 10.0),
    Crowd("impatient", 7.0),
    Crowd("brief-phone:1031", 8.0),
    Crowd("support/unanswered", 4.0),
    Crowd("join-empty", 10.0),
    Crowd("one-place", 6.0),
    Crowd("wrapped", 5.0),
    Crowd("phone:1032", 3.0),
)
"""Every fate: answered after n rings, gone, too late, a key, overflow, twice, full, nobody there, and direct lines."""
QUEUES = ("support", "sales", "market", "impatient", "keyed", "overflow", "wrapped")
LINES = {"1030": Offered("answers", 1.5, 4.0), "1031": Offered("rings"), "1032": Offered("busy")}
RESOLUTION = ("-timer_resol", "10", "-watchdog_interval", "0")  # a starved SIPp would end itself
PATIENCE = ("-max_retrans", "3")  # a PBX that has died answers no more
NO_END = "1000000"
AT_ONCE = "500"
MEMBERS_AT_ONCE = 30.0


def behaviour(n: int) -> Offered:
    """Of twelve agents nine answer after 0.5 to 3 s, one lets it ring, one is busy, one rejects after a second."""
    match n % 12:
        case 9:
            return Offered("rings")
        case 10:
            return Offered("busy")
        case 11:
            return Offered("rejects", 1.0)
        case _:
            return Offered("answers", 0.5 + (n % 6) / 2, 8.0 if n % 3 == 0 else 1.0 + n % 4)


class Traffic:
    """`start()`, then `stop()`; then `witnessed()`. The calls of a PBX that dies fail, and the next ones go on."""

    def __init__(self, pbx: Pbx, *, per_second: float = 20.0, agents: int = 24, mix: tuple[Crowd, ...] = MIX) -> None:
        self.pbx, self.mix, self.per_second = pbx, mix, per_second
        self._folder = Path(tempfile.mkdtemp(prefix="soak-", dir=pbx.folder))
        offers = {str(1001 + n): behaviour(n) for n in range(agents)}
        self._agents = tuple(offers)
        self._phones = {name: self._phone(name, offered) for name, offered in (offers | LINES).items()}
        self._crowds = [self._crowd(n, crowd) for n, crowd in enumerate(mix)]

    def _phone(self, name: str, offered: Offered) -> Sipp:
        return phones.phone(self._folder, f"phone-{name}", [offered], self.pbx.phone_host(name))

    def _crowd(self, n: int, crowd: Crowd) -> Sipp:
        number = f"0218{n:02d}[call_number]"
        call = Dialling(number, plan.dialled(crowd.calls), None, crowd.hangs_up_after, None, crowd.presses)
        return phones.caller(self._folder, f"crowd-{n:02d}", call, self.pbx.callers_host)

    @property
    def prefixes_of_direct(self) -> tuple[str, ...]:
        """What the numbers of callers of office phones begin with."""
        return tuple(f"0218{n:02d}" for n, crowd in enumerate(self.mix) if crowd.direct)

    async def start(self) -> None:
        """Plug in the phones, let the agents join their queues, let the callers call."""
        await asyncio.gather(*(phone.start(*RESOLUTION) for phone in self._phones.values()))
        await self.man()
        pause = round(1000 * len(self.mix) / self.per_second)
        for crowd in self._crowds:
            flow = ("-m", NO_END, "-r", "1", "-rp", str(pause), "-l", AT_ONCE)
            await crowd.start(f"{self.pbx.host}:5060", *flow, *RESOLUTION, *PATIENCE)
            await asyncio.sleep(1 / self.per_second)

    async def man(self) -> None:
        """Let every agent serve every queue; members outlive a restart, but the last ones before a kill may not."""
        async with asyncio.timeout(MEMBERS_AT_ONCE):
            for queue in QUEUES:
                for agent in self._agents:
                    with suppress(AmiError):  # he is there already
                        await self.pbx.add_member(queue, agent)

    async def stop(self, limit: float = 40.0) -> None:
        """No new calls; those of now come to their end, or are ended at `limit`; then the phones are unplugged."""
        for crowd in self._crowds:
            crowd.tell(signal.SIGUSR1)
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                for crowd in self._crowds:
                    await crowd.ended()
        await self.end()

    async def end(self) -> None:
        """All at once, now."""
        await asyncio.gather(*(one.stop() for one in [*self._crowds, *self._phones.values()]))

    def ended_early(self) -> list[str]:
        """Processes that should run and do not: then what they would have seen is missing."""
        return [one.name for one in [*self._crowds, *self._phones.values()] if not one.runs]

    def traces(self) -> list[Path]:
        """SIPp's message traces, as far as there are any."""
        found = [one.trace for one in [*self._crowds, *self._phones.values()]]
        return [trace for trace in found if trace.exists()]

    def witnessed(self) -> Witnessed:
        """What SIPp and queue_log saw; slow."""
        seen = Witnessed(queue_log=log_lines(self.pbx.queue_log))
        for crowd in self._crowds:
            seen.callers += trace.legs(crowd.trace, None)
        for name, phone in self._phones.items():
            seen.phones += trace.legs(phone.trace, name)
        seen.phones.sort(key=_begun)
        return seen


def _begun(leg: Leg) -> float:
    return leg.invited_at.timestamp()


def generations(path: Path) -> list[Path]:
    """A log and what rotation made of it, the oldest first."""
    found = [file for file in path.parent.glob(f"{path.name}*") if file.stat().st_size]
    return sorted(found, key=_first_epoch)


def _first_epoch(file: Path) -> tuple[int, float]:
    with file.open("rb") as log:
        return int(log.readline().split(b"|")[0]), file.stat().st_mtime


def log_lines(path: Path) -> list[queue_log.QueueLogLine]:
    """All lines of all generations."""
    return [line for file in generations(path) for line in queue_log.read(file)]
