"""Which call is shown on which desk: fed with records, read by whoever shows them. Pure, and everything has a bound.

One pop for each desk and call. All is derived from the newest record of a call (`standing`), so that a state lost or
told twice does no harm; only the beginning, `ringing` or `talking`, makes a pop, so that what was forgotten stays so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from telephony.calls.clocks import STEP
from telephony.calls.record import CallRecord
from telephony.screenpop.pop import History, Knowledge, Phase, Pop, Shown, Who
from telephony.screenpop.standing import newest, pop_of, standings

CALLS_PER_DESK = 20
ENDED_KEPT = timedelta(minutes=10)
WITHDRAWN_KEPT = timedelta(seconds=10)
UNHEARD_KEPT = timedelta(hours=12)
"""Nothing was told of the call for so long: its end was missed."""
DESKLESS = 256
"""Phones that are told to stand on no desk; dialplans may make up any number."""
WRONG_BY = timedelta(seconds=0.5)
"""Ages on a screen that are wrong by more are told anew."""
LOCAL = "Local/"
ANONYMOUS = frozenset({"", "anonymous", "unknown", "<unknown>", "unavailable", "restricted", "private"})
"""What a PBX or a carrier writes where there is no number; in lower case."""


@dataclass(frozen=True, slots=True)
class Desk:
    """An agent's place.

    Attributes:
        name: of the agent; unique. title: as he is shown.
        interfaces: his phones, `PJSIP/1001`; of a Local one the options (`/n`) do not matter. Phones may be shared:
            then each desk is shown what rings there.
        pbx: where these phones are; None: on any PBX.
    """

    name: str
    title: str | None
    interfaces: frozenset[str]
    pbx: str | None = None


@dataclass(frozen=True, slots=True)
class Popped:
    """This is what the desk shows of the call from now on. `began`: a phone of his has just begun to ring."""

    desk: str
    shown: Shown
    began: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """The desk shows nothing of the call any more."""

    desk: str
    call: UUID


Change = Popped | Gone


@dataclass(frozen=True, slots=True)
class _PbxTime:
    """What the PBX's clock showed at a moment of ours; `stamped`: it said so, else that is estimated."""

    mono: timedelta
    wall: datetime
    stamped: bool

    def until(self, later: "_PbxTime", told: datetime) -> "_PbxTime":
        """The same clock later; `told`: the least that it can show then.

        An estimate counts for nothing against a stamp, nor does one stamp against another unless the clock was set:
        queue_log's are whole seconds, and are read when they are read.
        """
        running = self.wall + (later.mono - self.mono)
        keep = self.stamped and (not later.stamped or abs(later.wall - running) < STEP)
        return replace(later, wall=max(told, running if keep else later.wall), stamped=keep or later.stamped)


@dataclass(slots=True)
class _Call:
    revision: int
    clock: "_PbxTime"
    desks: dict[str, None] = field(default_factory=dict)
    history: History = field(default_factory=History)


class Board:
    """What every desk shows.

    Args:
        desks: all agents' places.

    Attributes:
        dropped: pops given up because a desk had too many.
    """

    def __init__(self, desks: Iterable[Desk]) -> None:
        self.dropped = 0
        self._on: dict[str, dict[UUID, Shown]] = {}
        self._calls: dict[UUID, _Call] = {}
        self._phones: dict[tuple[str | None, str], list[str]] = {}
        self._deskless: dict[tuple[str, str], bool] = {}
        for desk in desks:
            self._on[desk.name] = {}
            for interface in {_plain(interface) for interface in desk.interfaces}:
                self._phones.setdefault((desk.pbx, interface), []).append(desk.name)

    def follow(
        self, call: CallRecord, now: timedelta, wall: datetime | None = None, *, stamped: bool = True
    ) -> list[Change]:
        """The newest state of a call.

        Args:
            call: the record; one older than the last is nothing.
            now: our monotonic clock.
            wall: what the PBX's clock shows now, where that is known; else the newest time of the record stands for it.
            stamped: the PBX said so; else `wall` is an estimate, which counts until a stamp of this call comes.

        Returns:
            What changed, desk by desk.
        """
        known = self._calls.get(call.id)
        if known is None and not call.visits:
            return []
        if known is not None and call.revision < known.revision:
            return []
        told = newest(call)
        clock = _PbxTime(now, told if wall is None else max(told, wall), stamped)
        if known is not None:
            clock = known.clock.until(clock, told)
            known.revision, known.clock = call.revision, clock
        found = standings(call, lambda interface: self._desks(call.pbx, interface))
        if known is None and not any(_begins(standing.phase) for standing in found.values()):
            return []
        # Made once for all desks that see the same: two hundred phones may ring.
        views = {
            standing: Shown(pop_of(call, standing), now, clock.wall, stamped=clock.stamped)
            for standing in set(found.values())
        }
        changes: list[Change] = []
        for desk, standing in found.items():
            changes += self._see(desk, views[standing], call, clock)
        missing = [desk for desk in self._calls[call.id].desks if desk not in found]
        return changes + [self._remove(desk, call.id) for desk in missing]

    def of(self, desk: str) -> tuple[Shown, ...]:
        """Everything the desk shows, the oldest first; nothing for a desk that is not there."""
        return tuple(self._on.get(desk, {}).values())

    def desks_of(self, call: UUID) -> tuple[str, ...]:
        """The desks that show the call."""
        known = self._calls.get(call)
        return () if known is None else tuple(known.desks)

    def history(self, call: UUID, history: History) -> list[Popped]:
        """What has been found out about the caller; the desks that show him."""
        known = self._calls.get(call)
        if known is None:
            return []
        known.history = history
        changed = []
        for desk in known.desks:
            shown = self._on[desk][call] = replace(self._on[desk][call], history=history)
            changed.append(Popped(desk, shown, began=False))
        return changed

    def deskless(self) -> list[tuple[str, str]]:
        """PBX and interface of each Local phone that rang and stands on no desk, told once.

        A Local member hides the phone behind it, so its agent is shown nothing unless his desk names the member.
        """
        new = [phone for phone, told in self._deskless.items() if not told]
        self._deskless |= dict.fromkeys(new, True)
        return new

    def forget(self, now: timedelta) -> list[Gone]:
        """Take away what has been shown for long enough: withdrawn ones soon, ended ones later."""
        late = [
            (desk, call)
            for desk, pops in self._on.items()
            for call, shown in pops.items()
            if now - shown.since >= _kept(shown.pop.phase)
        ]
        return [self._remove(desk, call) for desk, call in late]

    def _desks(self, pbx: str, interface: str) -> list[str]:
        plain = _plain(interface)
        here, anywhere = self._phones.get((pbx, plain)), self._phones.get((None, plain))
        found = here + anywhere if here and anywhere else here or anywhere or []
        if not found and self._phones and plain.startswith(LOCAL) and len(self._deskless) < DESKLESS:
            self._deskless.setdefault((pbx, plain), False)
        return found

    def _see(self, desk: str, view: Shown, call: CallRecord, clock: _PbxTime) -> list[Change]:
        """One desk's view of the new state."""
        pops, pop = self._on[desk], view.pop
        old = pops.get(call.id)
        if old is None and not _begins(pop.phase):
            return []
        if old is not None and (old.pop == pop or _still_withdrawn(old.pop, pop)):
            return self._correct(desk, old, view)
        known = self._calls.setdefault(call.id, _Call(call.revision, clock))
        if old is None and not known.desks:
            knowledge = Knowledge.ANONYMOUS if _anonymous(call.caller) else Knowledge.ASKING
            known.history = History(knowledge, who=Who(knowledge))
        changes = self._make_room(desk) if old is None else []
        known.desks[desk] = None
        shown = pops[call.id] = replace(view, history=known.history)
        began = pop.phase is Phase.RINGING and (old is None or old.pop.phase is not Phase.RINGING)
        return [*changes, Popped(desk, shown, began)]

    def _correct(self, desk: str, old: Shown, view: Shown) -> list[Change]:
        """Nothing happened to what the desk shows; but its ages may have rested on an estimate."""
        if old.stamped or not _begins(old.pop.phase):
            return []
        shown = self._on[desk][old.pop.call] = replace(view, history=old.history)
        wrong_by = view.wall - old.wall - (view.since - old.since)
        return [Popped(desk, shown, began=False)] if abs(wrong_by) > WRONG_BY else []

    def _make_room(self, desk: str) -> list[Change]:
        """A new call comes: the one that ended before has been looked at long enough."""
        pops = self._on[desk]
        over = [call for call, shown in pops.items() if shown.pop.phase is Phase.ENDED]
        changes: list[Change] = [self._remove(desk, call) for call in over]
        if len(pops) >= CALLS_PER_DESK:
            self.dropped += 1
            live = {Phase.RINGING, Phase.TALKING}
            changes.append(self._remove(desk, min(pops, key=lambda call: pops[call].pop.phase in live)))
        return changes

    def _remove(self, desk: str, call: UUID) -> Gone:
        del self._on[desk][call]
        known = self._calls[call]
        del known.desks[desk]
        if not known.desks:
            del self._calls[call]
        return Gone(desk, call)


def _begins(phase: Phase) -> bool:
    return phase in {Phase.RINGING, Phase.TALKING}


def _still_withdrawn(old: Pop, new: Pop) -> bool:
    """What became of the caller after he was withdrawn here is no news to this desk."""
    return old.phase is new.phase is Phase.WITHDRAWN and (old.ordinal, old.reason) == (new.ordinal, new.reason)


def _kept(phase: Phase) -> timedelta:
    return {Phase.WITHDRAWN: WITHDRAWN_KEPT, Phase.ENDED: ENDED_KEPT}.get(phase, UNHEARD_KEPT)


def _anonymous(caller: str) -> bool:
    return caller.strip().lower() in ANONYMOUS


def _plain(interface: str) -> str:
    """Without the options of a Local channel: `Local/1001@agents/n` is `Local/1001@agents`."""
    if not interface.startswith(LOCAL):
        return interface
    return "/".join(interface.split("/")[:2])
