"""Queue(): a caller waits, phones ring for him, he is put through or leaves. No I/O.

Written after what a real app_queue says on its wire (tests/replay), not after its manual.
"""

from collections.abc import Iterator

from telephony.simulator.calls import Call, Leg
from telephony.simulator.connecting import connect
from telephony.simulator.ledger import Stay
from telephony.simulator.pbx import Pbx
from telephony.simulator.queues import Member, Queue
from telephony.simulator.ringing import (
    dial_end,
    given_up,
    queue_leg,
    release,
    release_soon,
    settle,
)
from telephony.simulator.timeline import SECOND, Running
from telephony.simulator.visits import QueueVisit

RECHECK = SECOND
"""app_queue looks once a second whether it is somebody's turn."""
Status = str | None


def queue(pbx: Pbx, call: Call, name: str, seconds: float, priority: int = 0) -> Running[str]:
    """Run it.

    Returns:
        QUEUESTATUS (`TIMEOUT`, `FULL`, …), or `GONE`, or `MOVED`.
    """
    waited = pbx.queues[name]
    refused = _refused(waited)
    if refused:
        stay = call.stay = Stay(call.channel.uniqueid, "queue", name, None)
        pbx.stays.append(stay)
        stay.over("refused_full" if refused == "FULL" else "refused_empty", pbx.timeline.now)
        return refused
    return (yield from _Serving(QueueVisit(pbx, call, waited, seconds, priority)).run())


def _refused(waited: Queue) -> str:
    settings = waited.settings
    if not settings.joinempty and not waited.members:
        return "JOINEMPTY"
    return "FULL" if settings.maxlen and len(waited.waiting) >= settings.maxlen else ""


class _Serving:
    """Whose phones ring for one caller, until he is connected or leaves."""

    def __init__(self, visit: QueueVisit) -> None:
        self.visit, self.pbx, self.call, self.queue = visit, visit.pbx, visit.call, visit.queue

    def run(self) -> Running[str]:
        self.visit.join()
        while True:
            while not self.queue.is_turn_of(self.visit.entry):
                status = self.visit.exit()
                if status is not None:
                    return status
                yield self.visit.until(self.pbx.timeline.now + RECHECK)
            status = self.visit.exit()
            if status is None:
                status = yield from self._try()
            if status is not None:
                return status
            again = self.pbx.timeline.now + round(self.queue.settings.retry * SECOND)
            while self.pbx.timeline.now < again and not self.visit.interrupted():
                yield self.visit.until(again)

    def _try(self) -> Running[Status]:
        """Phones ring. None: nobody answered, and he waits on."""
        settings = self.queue.settings
        untried = iter(self.queue.candidates(self.visit.entry))
        self.visit.entry.pending = True
        rung_since = self.pbx.seconds
        deadline = self.visit.until(self.pbx.timeline.now + round(settings.timeout * SECOND))
        legs = [self._ring(member) for member in untried] if settings.strategy == "ringall" else []
        legs = legs or self._ring_next(untried)
        answered = yield from self._await(legs, untried, deadline)
        self.visit.entry.pending = False
        if answered is None:
            return (
                self.visit.exit() if self.call.gone or self.call.moved or self.call.key or self.call.withdrawn else None
            )
        losers = [leg for leg in legs if leg is not answered]
        return (yield from connect(self.visit, answered, losers, rung_since))

    def _ring(self, member: Member) -> Leg:
        at_once = self.queue.settings.strategy == "ringall"
        return queue_leg(self.pbx, self.call, self.visit.stay, member, all_at_once=at_once)

    def _ring_next(self, untried: Iterator[Member]) -> list[Leg]:
        member = next((one for one in untried if one.free and one in self.queue.members), None)
        if member is None:
            return []
        self.queue.tried(self.visit.entry, member)
        return [self._ring(member)]

    def _await(self, legs: list[Leg], untried: Iterator[Member], deadline: int) -> Running[Leg | None]:
        """Until a phone has answered (gives it), or none is left, or the caller is."""
        while True:
            for leg in [one for one in legs if one.refused]:
                self._refused(leg)
                legs.remove(leg)
            answered = min((one for one in legs if one.answered), key=lambda one: one.ring.ended or 0, default=None)
            if self.call.called_away:
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
        self.visit.write(leg.member.name, "RINGNOANSWER", seconds * 1000)

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
            self.visit.write(leg.member.name, "RINGCANCELED", (self.pbx.timeline.now - leg.called) // 1000)
        for leg in legs:
            dial_end(self.pbx, self.call, leg, "CANCEL")
        for leg in legs:
            release_soon(self.pbx, self.call, leg)
