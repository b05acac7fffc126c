"""Queue(): a caller waits, phones ring for him, he is put through or leaves. No I/O.

Written after what a real app_queue says on its wire (tests/replay), not after its manual.
"""

from collections.abc import Iterator

from telephony.simulator import wire
from telephony.simulator.calls import Call, Completed, End, Leg
from telephony.simulator.channels import Bridge
from telephony.simulator.ledger import Stay
from telephony.simulator.pbx import NONE, Pbx
from telephony.simulator.queues import Member, Queue, Waiting
from telephony.simulator.ringing import (
    ELSEWHERE,
    dial_end,
    given_up,
    queue_leg,
    release,
    settle,
)
from telephony.simulator.talking import put_through, talk
from telephony.simulator.timeline import SECOND, Running

RECHECK = SECOND
"""app_queue looks once a second whether it is somebody's turn."""
LATE_SECONDS = 0.004
"""A late AgentComplete comes so long after its time: behind the Hangups."""
GONE = "gone"
"""What `queue` gives when nothing is left to do in the dialplan: he hung up, was ended, or has talked."""
MOVED = "moved"
"""The caller goes on elsewhere: by a key, a redirect or a transfer."""
Status = str | None


def queue(pbx: Pbx, call: Call, name: str, seconds: float, priority: int = 0) -> Running[str]:
    """Run it.

    Returns:
        QUEUESTATUS (`TIMEOUT`, `FULL`, …), or `GONE`, or `MOVED`.
    """
    waited = pbx.queues[name]
    refused = _refused(waited)
    if refused:
        stay = Stay(call.channel.uniqueid, "queue", name, None)
        pbx.stays.append(stay)
        stay.over("refused_full" if refused == "FULL" else "refused_empty", pbx.timeline.now)
        return refused
    return (yield from _Visit(pbx, call, waited, seconds, priority).run())


def _refused(waited: Queue) -> str:
    settings = waited.settings
    if not settings.joinempty and not waited.members:
        return "JOINEMPTY"
    return "FULL" if settings.maxlen and len(waited.waiting) >= settings.maxlen else ""


class _Visit:
    """One caller in one queue."""

    def __init__(self, pbx: Pbx, call: Call, waited: Queue, seconds: float, priority: int) -> None:
        self.pbx, self.call, self.queue = pbx, call, waited
        self.stay = call.stay = Stay(call.channel.uniqueid, "queue", waited.name, pbx.timeline.now)
        pbx.stays.append(self.stay)
        expires = pbx.timeline.now + round(seconds * SECOND) if seconds else None
        self.entry = call.waiting = Waiting(call, self.stay, pbx.timeline.now, expires, priority)
        self.began = pbx.seconds

    def run(self) -> Running[str]:
        self._join()
        while True:
            while not self.queue.is_turn_of(self.entry):
                status = self._exit()
                if status is not None:
                    return status
                yield self._until(self.pbx.timeline.now + RECHECK)
            status = self._exit()
            if status is None:
                status = yield from self._try()
            if status is not None:
                return status
            again = self.pbx.timeline.now + round(self.queue.settings.retry * SECOND)
            while self.pbx.timeline.now < again and not self._interrupted():
                yield self._until(again)

    # --- joining and leaving ---

    def _join(self) -> None:
        caller, name = self.call.channel, self.queue.name
        self.queue.join(self.entry)
        place = [("Queue", name), ("Position", self.entry.first_position), ("Count", len(self.queue.waiting))]
        self.stay.joined = self.entry.joined = self.pbx.tell("QueueCallerJoin", "agent", caller.headers(), place)
        self._write(NONE, "ENTERQUEUE", "", caller.number, self.entry.first_position)

    def _write(self, agent: str, event: str, *data: object) -> None:
        self.pbx.write(self.call.channel.uniqueid, self.queue.name, agent, event, *data)

    def _leave(self) -> int:
        position = self.queue.position(self.entry)
        self.queue.waiting.remove(self.entry)
        self.call.waiting = None
        place = [("Queue", self.queue.name), ("Position", position), ("Count", len(self.queue.waiting))]
        return self.pbx.tell("QueueCallerLeave", "agent", self.call.channel.headers(), place)

    @property
    def _held(self) -> int:
        """Whole seconds waited, as Asterisk counts them: by the second hand."""
        return self.pbx.seconds - self.began

    def _abandon(self, agent: str, event: str, *more: object) -> None:
        """What Asterisk calls abandoned: every way out but the answer and the key."""
        first, position = self.entry.first_position, self.queue.position(self.entry)
        told = [("Queue", self.queue.name), ("Position", position)]
        told += [("OriginalPosition", first), ("HoldTime", self._held)]
        self.queue.abandoned += 1
        self.pbx.tell("QueueCallerAbandon", "agent", self.call.channel.headers(), told)
        self._write(agent, event, position, first, self._held, *more)

    def _until(self, when: int) -> int:
        expires = self.entry.expires
        return when if expires is None else min(when, expires)

    def _interrupted(self) -> bool:
        call, expires = self.call, self.entry.expires
        return (
            bool(call.gone or call.moved or call.withdrawn or call.key)
            or (expires is not None and self.pbx.timeline.now >= expires)
            or (self.queue.settings.leavewhenempty and not self.queue.members and not call.legs)
        )

    def _exit(self) -> Status:
        """Why he leaves now, after all that is said about it; None: he stays."""
        call = self.call
        if not self._interrupted():
            return None
        if call.gone or call.moved:
            return self._taken_away()
        if call.key:
            self._write(NONE, "EXITWITHKEY", call.key, self.queue.position(self.entry), *self._waited())
            self.stay.over("key_exit", self._leave())
            return MOVED
        if call.withdrawn:
            call.withdrawn = False
            return self._sent_away("WITHDRAW", "WITHDRAW", "withdrawn", "")
        if self.queue.settings.leavewhenempty and not self.queue.members:
            return self._sent_away("LEAVEEMPTY", "EXITEMPTY", "empty")
        return self._sent_away("TIMEOUT", "EXITWITHTIMEOUT", "timeout")

    def _waited(self) -> tuple[int, int]:
        return self.entry.first_position, self._held

    def _sent_away(self, status: str, event: str, outcome: str, *more: object) -> str:
        self._abandon(NONE, event, *more)
        self.stay.over(outcome, self._leave())
        return status

    def _taken_away(self, agent: str = NONE) -> str:
        call = self.call
        self._abandon(agent, "ABANDON")
        outcome = "abandoned" if call.hung_up else "ended_by_pbx" if call.ended else "redirected"
        left = self._leave()
        self.stay.over(outcome, call.hung_up or left)
        return GONE if call.gone else MOVED

    # --- one attempt ---

    def _try(self) -> Running[Status]:
        """Phones ring. None: nobody answered, and he waits on."""
        settings = self.queue.settings
        untried = iter(self.queue.candidates(self.entry))
        self.entry.pending = True
        self.rung_since = self.pbx.seconds
        deadline = self._until(self.pbx.timeline.now + round(settings.timeout * SECOND))
        legs = [self._ring(member) for member in untried] if settings.strategy == "ringall" else []
        legs = legs or self._ring_next(untried)
        answered = yield from self._await(legs, untried, deadline)
        self.entry.pending = False
        if answered is None:
            return self._exit() if self.call.gone or self.call.moved or self.call.key or self.call.withdrawn else None
        return (yield from self._answered(answered, [leg for leg in legs if leg is not answered]))

    def _ring(self, member: Member) -> Leg:
        at_once = self.queue.settings.strategy == "ringall"
        return queue_leg(self.pbx, self.call, self.stay, member, all_at_once=at_once)

    def _ring_next(self, untried: Iterator[Member]) -> list[Leg]:
        member = next((one for one in untried if one.free), None)
        if member is None:
            return []
        self.queue.tried(self.entry, member)
        return [self._ring(member)]

    def _await(self, legs: list[Leg], untried: Iterator[Member], deadline: int) -> Running[Leg | None]:
        """Until a phone has answered (gives it), or none is left, or the caller is."""
        while True:
            for leg in [one for one in legs if one.refused]:
                self._refused(leg)
                legs.remove(leg)
            answered = min((one for one in legs if one.answered), key=lambda one: one.ring.ended or 0, default=None)
            if self.call.gone or self.call.moved or self.call.key or self.call.withdrawn:
                self._cancel(legs)
                return None
            if answered is not None:
                return answered
            if not legs and self.queue.settings.strategy != "ringall":
                legs += self._ring_next(untried)
            if not legs:
                return None
            if self.pbx.timeline.now >= deadline:
                self._give_up(legs)
                return None
            yield deadline

    def _rang_out(self, leg: Leg, seconds: int) -> None:
        """AgentRingNoAnswer and its line: whole seconds, written as milliseconds."""
        assert leg.member is not None  # noqa: S101 - a queue calls members
        named = [("Queue", self.queue.name), ("Interface", leg.interface), ("MemberName", leg.member.name)]
        both = [self.call.channel.headers(), leg.channel.headers("Dest")]
        self.pbx.tell("AgentRingNoAnswer", "agent", *both, named, [("RingTime", seconds * 1000)])
        self._write(leg.member.name, "RINGNOANSWER", seconds * 1000)

    def _refused(self, leg: Leg) -> None:
        settle(leg, given_up(leg), dial_end(self.pbx, self.call, leg, "NOANSWER"))
        self._rang_out(leg, self.pbx.seconds - leg.called // SECOND)
        release(self.pbx, self.call, leg)

    def _give_up(self, legs: list[Leg]) -> None:
        rung = round((self.pbx.timeline.now - legs[0].called) / SECOND)
        for leg in legs:
            self._rang_out(leg, rung)
        for leg in legs:
            settle(leg, given_up(leg), dial_end(self.pbx, self.call, leg, "NOANSWER"))
        for leg in legs:
            dial_end(self.pbx, self.call, leg, "CANCEL")
        for leg in legs:
            release(self.pbx, self.call, leg)
        legs.clear()

    def _cancel(self, legs: list[Leg]) -> None:
        """The caller left while they rang. Their channels go when he has."""
        for leg in legs:
            assert leg.member is not None  # noqa: S101 - a queue calls members
            settle(leg, "caller_left", dial_end(self.pbx, self.call, leg, "CANCEL"))
            self._write(leg.member.name, "RINGCANCELED", (self.pbx.timeline.now - leg.called) // 1000)
        for leg in legs:
            dial_end(self.pbx, self.call, leg, "CANCEL")
        for leg in legs:
            self.pbx.timeline.at(self.pbx.timeline.now, lambda leg=leg: release(self.pbx, self.call, leg))  # type: ignore[misc]

    # --- answered ---

    def _answered(self, leg: Leg, losers: list[Leg]) -> Running[str]:
        member = leg.member
        assert member is not None  # noqa: S101 - a queue calls members
        pbx, call = self.pbx, self.call
        settle(leg, "answered", dial_end(pbx, call, leg, "ANSWER"))
        for loser in losers:
            settle(loser, "cancelled_elsewhere", dial_end(pbx, call, loser, "CANCEL"))
        pbx.connect_line(call.channel, leg.channel.number, member.name)
        for loser in losers:
            dial_end(pbx, call, loser, "CANCEL")
        rung = pbx.seconds - self.rung_since
        yield from self._announce()
        if call.gone:
            status = self._left_during_announcement(leg, member)
            return status
        if pbx.rng.random() < pbx.slips:
            call.hung_up = pbx.device_hangs_up(call.channel)
        self._leave()
        both = [call.channel.headers(), leg.channel.headers("Dest")]
        named = [("Queue", self.queue.name), ("Interface", leg.interface), ("MemberName", member.name)]
        times = [("HoldTime", self._held), ("RingTime", rung)]
        connected = pbx.tell("AgentConnect", "agent", *both, named, times)
        self._write(member.name, "CONNECT", self._held, leg.channel.uniqueid, rung)
        member.in_call = True
        bridge = pbx.new_bridge()
        for loser in losers:
            release(pbx, call, loser, ELSEWHERE)
        complete = _Complete(self, leg, member, self._held, pbx.seconds)
        if call.gone:
            return self._slipped_away(leg, bridge, complete)
        put_through(pbx, call, leg, bridge)
        self.stay.over("answered", connected)
        end = yield from talk(pbx, call, leg, complete)
        return MOVED if end is End.TRANSFERRED else GONE

    def _slipped_away(self, leg: Leg, bridge: Bridge, complete: Completed) -> str:
        """He had hung up when the queue connected him: there is an AgentConnect, and nobody was talked to."""
        self.stay.over("abandoned", self.call.hung_up)
        complete("caller")
        self.pbx.destroy(bridge)
        release(self.pbx, self.call, leg, 16)
        return GONE

    def _announce(self) -> Running[None]:
        """The agent is spoken to; nobody notices what the caller does meanwhile."""
        until = self.pbx.timeline.now + round(self.queue.settings.announce * SECOND)
        while self.pbx.timeline.now < until:
            yield until

    def _left_during_announcement(self, leg: Leg, member: Member) -> str:
        position, first = self.queue.position(self.entry), self.entry.first_position
        told = [("Queue", self.queue.name), ("Position", position)]
        told += [("OriginalPosition", first), ("HoldTime", self._held)]
        self.pbx.tell("QueueCallerAbandon", "agent", self.call.channel.headers(), told)
        self._write(member.name, "ABANDON", position, first, self._held)
        dial_end(self.pbx, self.call, leg, "NOANSWER")
        release(self.pbx, self.call, leg)
        left = self._leave()
        self.stay.over("abandoned" if self.call.hung_up else "ended_by_pbx", self.call.hung_up or left)
        return GONE


class _Complete:
    """Says AgentComplete, and writes the line that goes with it."""

    def __init__(self, visit: _Visit, leg: Leg, member: Member, held: int, since: int) -> None:
        self.visit, self.leg, self.member, self.held, self.since = visit, leg, member, held, since

    def __call__(self, reason: str, *, agent: bool = True, transfer: str = "", bridge: str = "") -> None:
        visit, leg, member = self.visit, self.leg, self.member
        pbx, talked = visit.pbx, visit.pbx.seconds - self.since
        dest = leg.channel.headers("Dest") if agent else []
        named = [("Queue", visit.queue.name), ("Interface", leg.interface), ("MemberName", member.name)]
        times = [("HoldTime", self.held), ("TalkTime", talked), ("Reason", reason)]
        if pbx.rng.random() < pbx.late_completes:
            pbx.timeline.after(LATE_SECONDS, lambda: self._tell(named, times))
        else:
            self._tell(dest, named, times)
        figures = (self.held, talked, visit.entry.first_position)
        match reason:
            case "transfer" if transfer:
                visit._write(member.name, "BLINDTRANSFER", transfer, "from-phones", *figures)  # noqa: SLF001
            case "transfer":
                visit._write(member.name, "ATTENDEDTRANSFER", "BRIDGE", bridge, *figures)  # noqa: SLF001
            case "agent":
                visit._write(member.name, "COMPLETEAGENT", *figures)  # noqa: SLF001
            case _:
                visit._write(member.name, "COMPLETECALLER", *figures)  # noqa: SLF001
        visit.queue.completed += 1
        for one in pbx.members(member.interface):
            one.calls_taken += 1
            one.last_call = pbx.seconds
            one.in_call = False

    def _tell(self, *parts: wire.Pairs) -> None:
        self.visit.pbx.tell("AgentComplete", "agent", self.visit.call.channel.headers(), *parts)
