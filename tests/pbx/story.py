"""A scenario in a few lines: who serves, who calls, what happens meanwhile; then play it and look at the witnesses."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from . import phones, plan, queue_log, trace
from .ami import AmiError
from .asterisk import Pbx
from .phones import Sipp
from .queue_log import QueueLogLine
from .sip_scripts import Dialling, Offered, Then
from .trace import Leg

LIMIT = 90.0


@dataclass
class Witnessed:
    """What was seen by others than the product: SIPp and queue_log."""

    callers: list[Leg] = field(default_factory=list)  # in the order of the story
    phones: list[Leg] = field(default_factory=list)  # every ring of every phone, in the order of time
    queue_log: list[QueueLogLine] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)  # callers whose call did not go as written

    def caller(self, number: str) -> Leg:
        """The call of one caller."""
        return next(leg for leg in self.callers if leg.party == number)

    def rings_of(self, phone: str) -> list[Leg]:
        """Every time that this phone was called."""
        return [leg for leg in self.phones if leg.party == phone]

    def events(self, *names: str) -> list[QueueLogLine]:
        """The lines of queue_log with these event names, all when none is given."""
        return [line for line in self.queue_log if not names or line.event in names]


@dataclass(frozen=True)
class _Member:
    phone: str
    queue: str
    interface: str
    paused: bool


@dataclass
class _Caller:
    dialling: Dialling
    at: float
    host: str
    count: int = 1
    every: float = 1.0
    prefix: str = ""


class Story:
    """Write it down with `agent`, `caller`, `later`; then `await play()`. One story at a time on one PBX."""

    def __init__(self, pbx: Pbx) -> None:
        self.pbx = pbx
        self._offers: dict[str, list[Offered]] = {}
        self._serves: dict[str, tuple[str, ...] | None] = {}
        self._members: list[_Member] = []
        self._how: dict[str, tuple[str, bool]] = {}
        self._callers: list[_Caller] = []
        self._events: list[tuple[float, Callable[[], Awaitable[object]]]] = []
        self._queues_called: dict[str, None] = {}
        self._dies = self._ready = False

    # --- who takes part -----------------------------------------------------------------------------------------------
    def agent(
        self,
        phone: str,
        *,
        rings: float = 0.0,
        then: Then = "answers",
        hangs_up_after: float | None = None,
        holds: tuple[float, float] | None = None,
        transfers: tuple[float, str] | None = None,
        hands_over: float | None = None,
        speaks: float = 1.0,
        serves: str | Sequence[str] | None = None,
        local: str | None = None,
        paused: bool = False,
        to: str | None = None,
    ) -> Self:
        """What the phone `1001` does when it is called; a second line of the same phone is for its second call.

        `then`: answers, rings (for ever), busy, rejects, silent (100 only), dead (no reply at all), forwards (302,
        `to` a number). It serves the queues named, or all that are called in the story; `serves=()` makes it no member.
        `local="/n"` reaches it by `Local/1001@agents/n`, `local=""` by the same without `/n`.
        `transfers`: blind, by REFER. `hands_over`: so long after its answer it connects its party with whom it has
        called itself (`consults`), by REFER with Replaces.
        """
        target = transfers and (transfers[0], plan.dialled(transfers[1]))
        replaces = None if hands_over is None else (hands_over, self._note(phone))
        offered = Offered(then, rings, hangs_up_after, holds, target or None, speaks, replaces, to)
        self._offers.setdefault(phone, []).append(offered)
        if phone not in self._serves:
            self._serves[phone] = (serves,) if isinstance(serves, str) else None if serves is None else tuple(serves)
            self._how[phone] = (f"PJSIP/{phone}" if local is None else f"Local/{phone}@agents{local}", paused)
        return self

    def outside(self, *, rings: float = 0.0, then: Then = "answers", hangs_up_after: float | None = None) -> Self:
        """What the world outside does with a call that the PBX sends out (`9` and a number)."""
        return self.agent("outside", rings=rings, then=then, hangs_up_after=hangs_up_after, serves=())

    def caller(
        self,
        number: str,
        *,
        calls: str,
        hangs_up_after: float | None = None,
        talks_for: float | None = None,
        presses: Sequence[tuple[float, str]] = (),
        at: float = 0.0,
        display: str | None = None,
    ) -> Self:
        """Somebody outside calls `support`, `support/brief`, `phone:1001`, … (plan.py) or a plain number.

        He hangs up `hangs_up_after` seconds after the answer or, if nobody answers, after the INVITE; else he stays to
        the end. `display` is the raw display name, quotes included: `'"Li Lei"'`.
        """
        call = Dialling(number, plan.dialled(calls), display, hangs_up_after, talks_for, tuple(presses))
        self._callers.append(_Caller(call, at, self.pbx.callers_host))
        if (queue := plan.queue_of(calls)) is not None:
            self._queues_called.setdefault(queue)
        return self

    def crowd(
        self,
        prefix: str,
        *,
        count: int,
        every: float,
        calls: str,
        hangs_up_after: float | None = None,
        presses: Sequence[tuple[float, str]] = (),
        at: float = 0.0,
    ) -> Self:
        """`count` callers who do the same, one every `every` seconds, with the numbers `prefix` + 00001 and so on."""
        self.caller(prefix, calls=calls, hangs_up_after=hangs_up_after, presses=presses, at=at)
        one = self._callers.pop()
        dialling = replace(one.dialling, number="[field0]")
        self._callers.append(_Caller(dialling, at, one.host, count, every, prefix))
        return self

    def consults(self, phone: str, *, dials: str, hangs_up_after: float | None = None, at: float) -> Self:
        """A phone that talks calls somebody else on its second line, perhaps to hand its party over to him."""
        call = Dialling(phone, plan.dialled(dials), None, hangs_up_after, noted_in=self._note(phone))
        self._callers.append(_Caller(call, at, self.pbx.phone_host(phone)))
        return self

    def _note(self, phone: str) -> str:
        """Where it writes down the dialogue of its second line (in the story's folder)."""
        return f"second-line-of-{phone}"

    def phone_calls(self, phone: str, *, dials: str, hangs_up_after: float | None = None, at: float = 0.0) -> Self:
        """A phone of the house dials: a colleague (`1002`), outside (`9` and a number), or a named number."""
        call = Dialling(phone, plan.dialled(dials), None, hangs_up_after)
        self._callers.append(_Caller(call, at, self.pbx.phone_host(phone)))
        return self

    def later(self, at: float, do: Callable[[], Awaitable[object]]) -> Self:
        """Something else happens `at` seconds into the story: `story.later(2, lambda: pbx.redirect("0216…"))`."""
        self._events.append((at, do))
        return self

    def lasts(self, seconds: float) -> Self:
        """Go on at least this long, although no caller is there any more."""
        return self.later(seconds, self._nothing)

    def pbx_dies(self, at: float) -> Self:
        """The PBX is killed (-9) in the middle; start it again yourself."""
        self._dies = True
        return self.later(at, self.pbx.kill)

    def pbx_stops(self, at: float) -> Self:
        """The PBX is shut down in order (`core stop now`) in the middle."""
        self._dies = True
        return self.later(at, self._stop_now)

    # --- play ---------------------------------------------------------------------------------------------------------
    async def prepare(self) -> Self:
        """Plug in the phones and let the agents join their queues; `play` does it when it has not been done."""
        self._folder = Path(tempfile.mkdtemp(prefix="story-", dir=self.pbx.folder))
        self._offset = self.pbx.queue_log.stat().st_size if self.pbx.queue_log.exists() else 0
        self._phones = {
            phone: phones.phone(self._folder, f"phone-{phone}", offers, self._address(phone))
            for phone, offers in self._offers.items()
        }
        await asyncio.gather(*(phone.start() for phone in self._phones.values()))
        for phone, queues in self._serves.items():
            interface, paused = self._how[phone]
            for queue in self._queues_called if queues is None else queues:
                with suppress(AmiError):  # a member may have outlived a restart: members are persistent
                    await self.pbx.remove_member(queue, phone, interface=interface)
                await self.pbx.add_member(queue, phone, interface=interface, paused=paused)
                self._members.append(_Member(phone, queue, interface, paused))
        self._ready = True
        return self

    async def play(self, limit: float = LIMIT) -> Witnessed:
        """Play it to the end: all callers are gone and, if the PBX still lives, no channel is left."""
        if not self._ready:
            await self.prepare()
        try:
            async with asyncio.timeout(limit):
                lines = [self._call(n, caller) for n, caller in zip(itertools.count(1), self._callers)]
                done = await asyncio.gather(*lines, *(self._happens(at, do) for at, do in self._events))
                if not self._dies:
                    await self.pbx.quiet()
            return self._look(done)
        finally:
            await self._clear_away()

    async def _call(self, n: int, caller: _Caller) -> tuple[_Caller, Sipp]:
        await asyncio.sleep(caller.at)
        sipp = phones.caller(self._folder, f"caller-{n}", caller.dialling, caller.host)
        try:
            crowd = self._crowd(n, caller) if caller.count > 1 else ()
            patience = ("-max_retrans", "2") if self._dies else ()
            patience += ("-cid_str", "%u-%p-second") if caller.dialling.noted_in else ()  # as Replaces can say it
            await sipp.start(f"{self.pbx.host}:5060", "-m", str(caller.count), *crowd, *patience)
            await sipp.ended()
        finally:
            await sipp.stop()
        return caller, sipp

    def _crowd(self, n: int, caller: _Caller) -> tuple[str, ...]:
        numbers = self._folder / f"numbers-{n}.csv"
        numbers.write_text("SEQUENTIAL\n" + "".join(f"{caller.prefix}{i:05d}\n" for i in range(1, caller.count + 1)))
        return ("-inf", str(numbers), "-r", "1", "-rp", str(round(caller.every * 1000)), "-l", str(caller.count))

    async def _happens(self, at: float, do: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(at)
        await do()

    async def _nothing(self) -> None:
        """The time alone was wanted."""

    async def _stop_now(self) -> None:
        with suppress(AmiError):  # the line may close before the answer
            await self.pbx.cli("core stop now")
        await self.pbx.wait_until_gone()

    def _look(self, done: list[tuple[_Caller, Sipp] | None]) -> Witnessed:
        seen = Witnessed()
        for caller, sipp in filter(None, done):
            seen.callers += trace.legs(sipp.trace, None if caller.count > 1 else caller.dialling.number)
            if sipp.failed:
                seen.complaints.append(f"{caller.dialling.number}: {sipp.errors()}")
        for phone, sipp in self._phones.items():
            seen.phones += trace.legs(sipp.trace, phone)
        seen.phones.sort(key=lambda leg: leg.invited_at)
        seen.queue_log = queue_log.read(self.pbx.queue_log, self._offset)
        return seen

    async def _clear_away(self) -> None:
        await asyncio.gather(*(phone.stop() for phone in self._phones.values()))
        if not self._dies:
            for member in self._members:
                with suppress(AmiError):
                    await self.pbx.remove_member(member.queue, member.phone, interface=member.interface)
        self._members.clear()

    def _address(self, phone: str) -> str:
        return self.pbx.outside_host if phone == "outside" else self.pbx.phone_host(phone)
