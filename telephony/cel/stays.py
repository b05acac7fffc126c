"""Channel events put together to direct stays: for whom the dialplan rang phones, and how that ended. Pure.

Told is only what the events prove. Ringing is none of them, so nobody knows whether a phone rang; a stay that began in
another way than by the dialplan of the caller's own channel (a consultation that is handed over) is not told at all.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telephony.calls.record import Outcome, Party
from telephony.cel.grammar import Entry, Event

LIMIT = 50_000
"""Calls kept: so many open ones; and so many stays that ended and nobody takes out."""
LEGS = 200
"""Phones of one call; more are not looked at."""
DIALS_AGAIN = timedelta(seconds=2)
"""Dials that follow each other within this are one stay, as in docs/definitions.md."""
DIES_WITH_IT = timedelta(seconds=1)
"""A channel that ends this soon after its Dial() did not outlive it."""
DIAL, ORIGINATED, QUEUED = "Dial", "AppDial2", "AppQueue"
PLAIN = {
    "NOANSWER": (Outcome.TIMEOUT, "Dial() was not answered"),
    "BUSY": (Outcome.BUSY, "phone was busy"),
    "CHANUNAVAIL": (Outcome.UNREACHABLE, "phone could not be reached"),
    "CONGESTION": (Outcome.UNREACHABLE, "phone could not be reached"),
    "ANSWER": (Outcome.EXITED, "phone answered, nobody was bridged"),
}
UNSAID = (Outcome.EXITED, "CEL does not say why")


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of a caller for whom the dialplan rang phones.

    Attributes:
        uniqueid: of his channel, which is the root of his call. interface, context: where that came in.
        caller: his number, hostile text; empty where no line with it fitted. dialled: what he asked for.
        arrived_at: his channel appeared. ended_at: it ended. hung_up_by: whose wish that was; None: not told.
        began_at: the first phone was called. phones: interfaces called, in their order.
        left_at: bridged; else his hang-up, or Dial() was over.
        outcome, reason: how it ended.
        agent: interface of who answered; empty when nobody did.
        talk, talk_ended_by: None: not known.
    """

    uniqueid: str
    interface: str
    context: str
    caller: str
    dialled: str
    arrived_at: datetime
    ended_at: datetime
    hung_up_by: Party | None
    began_at: datetime
    phones: tuple[str, ...]
    left_at: datetime
    outcome: Outcome
    reason: str
    agent: str = ""
    talk: timedelta | None = None
    talk_ended_by: Party | None = None


@dataclass(slots=True)
class _Leg:
    uniqueid: str
    interface: str
    at: datetime
    ended: datetime | None = None
    queued: bool = False
    answered: bool = False


@dataclass(slots=True)
class _Dial:
    """What the root's Dial(), or several soon after each other, came to."""

    at: datetime
    ended: datetime | None = None
    bridged: datetime | None = None
    partner: str = ""
    bridge: str = ""
    alone: datetime | None = None
    talked_until: datetime | None = None
    back: bool = False


@dataclass(slots=True)
class _Call:
    first: Entry
    caller: str = ""
    dialled: str = ""
    originated: bool = False
    legs: dict[str, _Leg] = field(default_factory=dict)
    dials: list[_Dial] = field(default_factory=list)
    newest: datetime | None = None
    ended: Entry | None = None


class Stays:
    """Fed with all lines in the order of the file.

    Args:
        trunks: interfaces that lead outside: dialling them rings no phone.
        limit: of open calls, beyond which the oldest is given up; and of ended ones that nobody takes out.

    Attributes:
        dropped: so many were given up.
    """

    def __init__(self, trunks: Collection[str] = (), limit: int = LIMIT) -> None:
        self.dropped = 0
        self._trunks, self._limit = frozenset(trunks), limit
        self._open: dict[str, _Call] = {}
        self._over: deque[_Call] = deque()
        self._bridges: dict[str, dict[str, str]] = {}

    @property
    def open_since(self) -> datetime | None:
        """When the oldest call began that is not over or not taken out; None: there is none."""
        return min((call.first.at for call in (*self._over, *self._open.values())), default=None)

    def feed(self, entry: Entry) -> None:
        """The next line."""
        begins = entry.event is Event.CHAN_START and entry.uniqueid == entry.linkedid
        call = None if begins else self._open.get(entry.linkedid)
        call = call or self._begin(entry)
        if call is not None and entry.uniqueid == entry.linkedid:
            self._of_root(call, entry)
        elif call is not None:
            _of_leg(call, entry)
        if entry.bridge:
            self._of_bridge(entry)

    def ended(self, before: datetime) -> list[Stay]:
        """Take out those whose calls ended before then; later lines about these calls find them no more."""
        found: list[Stay] = []
        while self._over and (last := self._over[0].ended) is not None and last.at < before:
            call = self._over.popleft()
            if self._open.get(last.linkedid) is call:
                del self._open[last.linkedid]
            found += _stays_of(call, last, self._trunks)
        return found

    def _begin(self, entry: Entry) -> _Call | None:
        """A call that begins, or whose first line was not seen, or did not fit."""
        if entry.uniqueid != entry.linkedid or entry.event in {Event.HANGUP, Event.LINKEDID_END}:
            return None
        call = _Call(entry, entry.caller, entry.exten)
        self._open[entry.linkedid] = call
        if len(self._open) > self._limit:
            del self._open[next(iter(self._open))]
            self.dropped += 1
        return call

    def _of_root(self, call: _Call, entry: Entry) -> None:
        call.originated |= entry.app == ORIGINATED
        call.caller = call.caller or entry.caller
        match entry.event:
            case Event.APP_START if entry.app == DIAL:
                last = call.dials[-1] if call.dials else None
                if last and not last.bridged and last.ended and entry.at - last.ended < DIALS_AGAIN:
                    last.ended = None
                else:
                    call.dials.append(_Dial(entry.at))
            case Event.APP_END if entry.app == DIAL and call.dials:
                call.dials[-1].ended = call.dials[-1].ended or entry.at
            case Event.HANGUP if call.ended is None:
                call.ended = entry
                self._over.append(call)
                if len(self._over) > self._limit:
                    self._over.popleft()
                    self.dropped += 1
            case _:
                pass

    def _of_bridge(self, entry: Entry) -> None:
        """Who is in which bridge; also he who picks a call up, whose channel is of another call."""
        seats = self._bridges.setdefault(entry.bridge, {})
        if entry.event is Event.BRIDGE_ENTER:
            seats[entry.uniqueid] = entry.channel
        else:
            seats.pop(entry.uniqueid, None)
        for root in {entry.uniqueid, *seats}:
            call = self._open.get(root)
            if call is not None and call.dials:
                _seated(call.dials[-1], root, seats, entry)
        if not seats:
            del self._bridges[entry.bridge]
        elif len(self._bridges) > self._limit:
            del self._bridges[next(iter(self._bridges))]


def _of_leg(call: _Call, entry: Entry) -> None:
    leg = call.legs.get(entry.uniqueid)
    if leg is None and entry.event is Event.CHAN_START and len(call.legs) < LEGS:
        call.legs[entry.uniqueid] = _Leg(entry.uniqueid, interface_of(entry.channel), entry.at)
        call.newest = entry.at
    if leg is not None:
        leg.queued |= entry.app == QUEUED
        leg.answered |= entry.event is Event.ANSWER
        if entry.event is Event.HANGUP:
            leg.ended = entry.at


def _seated(dial: _Dial, root: str, seats: Mapping[str, str], entry: Entry) -> None:
    """What a seat taken or left means for the last Dial() of this root; his first bridge during it is the answer."""
    if dial.bridged is None:
        others = [name for uniqueid, name in seats.items() if uniqueid != root]
        if dial.ended is None and root in seats and others:
            dial.bridged, dial.partner, dial.bridge = entry.at, others[0], entry.bridge
    elif entry.uniqueid == root and entry.event is Event.BRIDGE_EXIT and entry.bridge == dial.bridge:
        dial.talked_until = dial.talked_until or dial.alone or entry.at
    elif entry.uniqueid == root:
        dial.back = True  # parked and retrieved, or moved: how long he talked in all, is not told here
    elif entry.bridge == dial.bridge:
        dial.alone = entry.at if len(seats) < 2 else None  # noqa: PLR2004 - himself and somebody


# --- what it means ---


def interface_of(channel: str) -> str:
    """`PJSIP/1001-0000002a` to `PJSIP/1001`; both halves of `Local/7@ctx-00000001;1` to `Local/7@ctx`."""
    stem, dash, suffix = channel.rpartition("-")
    return stem if dash and stem and len(suffix) >= 8 else channel  # noqa: PLR2004 - 8 hex digits


def _stays_of(call: _Call, end: Entry, trunks: Collection[str]) -> list[Stay]:
    if call.originated:
        return []
    found = []
    for index, dial in enumerate(call.dials):
        until = dial.bridged or dial.ended or end.at
        legs = [leg for leg in call.legs.values() if dial.at <= leg.at <= until and _is_phone(leg, trunks)]
        if legs:
            found.append(_stay(call, end, dial, legs, last=index + 1 == len(call.dials)))
    return found


def _is_phone(leg: _Leg, trunks: Collection[str]) -> bool:
    return not leg.queued and not leg.interface.startswith("Local/") and leg.interface not in trunks


def _stay(call: _Call, end: Entry, dial: _Dial, legs: list[_Leg], *, last: bool) -> Stay:
    root = call.first
    his = end.source == end.channel
    hung_up_by = Party.CALLER if his else None
    if dial.bridged is not None and last and end.source and end.source == dial.partner:
        hung_up_by = Party.AGENT
    left_at = dial.bridged or dial.ended or end.at
    outcome, reason, agent, talk = Outcome.ANSWERED, "bridged with who answered", "", None
    if dial.bridged is not None:
        agent = _who(dial.partner, legs)
        talk = None if dial.back or dial.talked_until is None else dial.talked_until - dial.bridged
    else:
        outcome, reason = _unanswered(call, end, left_at, legs, last=last)
    died_talking = dial.ended is None or end.at - dial.ended <= DIES_WITH_IT
    return Stay(
        uniqueid=root.uniqueid,
        interface=interface_of(root.channel),
        context=root.context,
        caller=call.caller,
        dialled=call.dialled,
        arrived_at=root.at,
        ended_at=end.at,
        hung_up_by=hung_up_by,
        began_at=min(leg.at for leg in legs),
        phones=tuple(dict.fromkeys(leg.interface for leg in legs)),
        left_at=left_at,
        outcome=outcome,
        reason=reason,
        agent=agent,
        talk=talk,
        talk_ended_by=hung_up_by if talk is not None and last and died_talking else None,
    )


def _who(partner: str, legs: list[_Leg]) -> str:
    """The phone of who answered; behind a Local channel, the one that was answered, where only one was."""
    name = interface_of(partner)
    if not name.startswith("Local/"):
        return name
    answered = {leg.interface for leg in legs if leg.answered}
    return answered.pop() if len(answered) == 1 else ""


def _unanswered(call: _Call, end: Entry, left_at: datetime, legs: list[_Leg], *, last: bool) -> tuple[Outcome, str]:
    """Why nobody was bridged with him: Dial()'s own word, as long as nothing was dialled after it."""
    if not last or (call.newest is not None and call.newest > left_at):
        return UNSAID
    if end.dialled == "CANCEL":
        if end.at - left_at > DIES_WITH_IT:
            return Outcome.REDIRECTED, "ringing was cancelled, caller lived on"
        if end.source == end.channel:
            return Outcome.ABANDONED, "caller hung up while phones were called"
        return Outcome.ENDED_BY_PBX, "PBX hung up while phones were called"
    outcome, reason = PLAIN.get(end.dialled, UNSAID)
    in_turn = any(leg.ended is not None and leg.ended <= other.at for leg in legs for other in legs)
    if in_turn and outcome in {Outcome.BUSY, Outcome.UNREACHABLE}:
        return UNSAID  # the word is of the last phone alone
    return outcome, reason
