"""What the agents see: the calls that ring their phones, as the tracker tells them, on the screens that are open."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

import structlog

from telephony.calls.record import CallRecord
from telephony.cases.earlier import Contacts, EarlierContact
from telephony.customers.lookup import Found
from telephony.logs import Seldom
from telephony.screenpop.board import Board, Change, Desk, Gone, Popped
from telephony.screenpop.hub import SCREENS, Hub
from telephony.screenpop.messages import BEAT, Limits, Told, Writer
from telephony.screenpop.pop import EarlierCall, EarlierCase, History, Knowledge, Pop, Shown, Who
from telephony.screenpop.questions import UNAVAILABLE, Question, Questions
from telephony.screenpop.screen import Measured, Screen

TICK = 1.0
ASK_AGAIN = 5.0
"""Seconds after which somebody's history is asked for again while his call is on a screen."""
ASK_AGAIN_SOON = 1.0
"""The same when something happened to his call meanwhile."""
FAILURES_TOLD_EVERY = 60.0
SETTLED = frozenset({Knowledge.KNOWN, Knowledge.ANONYMOUS})


Audit = Callable[[str, str, UUID, str, Found | None], None]
"""Person, address, call, queue, and which customers he was shown; None: what the caller called about before."""
WhoCalls = Callable[[str], Awaitable[Who]]
"""Whose number that is, as the PBX holds it; never raises."""


class Asks(Protocol):
    """Who knows the callers: `telephony.cases.earlier.Earlier`."""

    async def of(self, caller: str, before: datetime, exclude: UUID, /) -> Contacts:
        """His earlier calls; raises when that cannot be told."""
        ...


@dataclass(slots=True)
class _Inquiry:
    question: Question
    asked_at: float | None = None


class Screens:
    """Board, screens and histories put together. Everything but `run` returns at once.

    Args:
        desks: all agents' places.
        queues: title and greeting by the name of the queue or line.
        limits: what the standard asks.
        asks: who knows the callers; None: nobody, and histories are unavailable.
        measured: who counts.
        clock: monotonic seconds.
        up: whether what happens on that PBX is known (None: on all of them).
        audit: is told who was shown what his caller called about before, and which customer he is, and from where,
            once for each call.
        who: knows the customers; None: nobody does, and nobody is asked.
        branches: titles by the name of the branch.
        most: so many screens at once.
        crm: the address of another program, for the pop.
    """

    def __init__(  # noqa: PLR0913 - what it is put together from
        self,
        desks: Iterable[Desk],
        queues: Mapping[str, Told],
        limits: Limits,
        *,
        asks: Asks | None,
        measured: Measured,
        clock: Callable[[], float],
        up: Callable[[str | None], bool] = lambda _: True,
        audit: Audit = lambda _person, _remote, _call, _queue, _found: None,
        who: WhoCalls | None = None,
        branches: Mapping[str, str] = MappingProxyType({}),
        most: int = SCREENS,
        crm: str | None = None,
    ) -> None:
        self._audit, self._who = audit, who
        self._lookers: dict[str, dict[Screen, tuple[str, str]]] = {}
        self._audited: dict[UUID, set[tuple[str, bool]]] = {}
        self.desks = {desk.name: desk for desk in desks}
        self._clock, self._up, self._asks = clock, up, asks
        self._board = Board(self.desks.values())
        self._hub = Hub(self.desks.values(), Writer(queues, limits, branches, crm), measured, clock, most=most)
        self._questions = Questions(self._ask, self._answered)
        self._inquiries: dict[UUID, _Inquiry] = {}
        self._beat_at = clock()
        self._was_up = {desk.pbx: True for desk in self.desks.values()}
        self._seldom = Seldom(FAILURES_TOLD_EVERY, clock)
        self._log = structlog.get_logger(__name__)

    def __len__(self) -> int:
        """How many screens are open."""
        return len(self._hub)

    @property
    def dropped(self) -> int:
        """Pops given up because a desk had too many at once, in total."""
        return self._board.dropped

    def follow(self, call: CallRecord, at: float, wall: datetime | None = None, *, stamped: bool = True) -> None:
        """The newest state of a call: of each `SaveCall`. Never waits, never raises.

        Args:
            call: the record.
            at: when what brought it about happened, on our clock; `screenpop_seconds` begin here.
            wall: what the PBX's clock showed then, where that is known. Without it the ages of what was going on
                before we started begin with the newest time that is known of the call.
            stamped: the PBX said so; else `wall` is estimated.
        """
        try:
            changes = self._board.follow(call, timedelta(seconds=at), wall, stamped=stamped)
            if changes:
                if stamped or self._up(call.pbx):
                    self._hub.show(changes, at)
                else:
                    self._greet_again({change.desk for change in changes})
                self._note(changes)
                for change in changes:
                    if isinstance(change, Popped):
                        self._seen(change.desk, change.shown)
                self._inquire(call)
            for pbx, interface in self._board.deskless():
                remedy = "its agent sees no pop: name it in `interfaces` of his [[agent]]"
                self._log.warning("phone_of_no_desk", pbx=pbx, interface=interface, remedy=remedy)
        except Exception:  # noqa: BLE001 - whatever it is, the call is measured and saved
            if (untold := self._seldom.may("follow")) is not None:
                self._log.exception("screens_failed", call=str(call.id), untold=untold)

    def open(self, agent: str, person: str = "", remote: str = "") -> Screen:
        """A screen of this agent signed in.

        Args:
            agent: whose desk it shows.
            person: who looks at it, for the trail.
            remote: from where.

        Raises:
            Full: there are too many screens.
        """
        desk = self.desks[agent]
        screen = self._hub.open(agent, partial(self._board.of, agent), partial(self._up, desk.pbx))
        self._lookers.setdefault(agent, {})[screen] = (person or f"agent {agent}", remote)
        for shown in self._board.of(agent):
            self._ask_again(shown, ASK_AGAIN_SOON)
            self._seen(agent, shown)
        return screen

    def _greet_again(self, desks: Iterable[str]) -> None:
        """What the PBX has not said itself, and is not heard to say, is no news: told as all is after a sign-in."""
        for name in desks:
            self._hub.greet(name, partial(self._board.of, name), partial(self._up, self.desks[name].pbx))

    def shown_on(self, agent: str, call: str) -> Pop | None:
        """What he is shown of this call; None: nothing."""
        return next((one.pop for one in self._board.of(agent) if str(one.pop.call) == call), None)

    def desk_changed(self, agent: str) -> None:
        """What he does has changed."""
        self._hub.tell_desk(agent)

    def close(self, screen: Screen, reason: str) -> None:
        """Its connection is gone: `slow` or `closed`."""
        self._hub.close(screen, reason)
        self._lookers.get(screen.desk, {}).pop(screen, None)

    async def run(self) -> None:
        """Ask for histories, and let time pass, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._questions.run(), name="histories")
            tasks.create_task(self._ticks(), name="screens tick")

    def tick(self) -> None:
        """What a second brings: pops that have been shown for long enough, histories to ask for again, PBXs lost."""
        now = self._clock()
        self._hub.tick()
        gone = self._board.forget(timedelta(seconds=now))
        self._hub.show(gone, now)
        self._note(gone)
        for call in list(self._inquiries):
            shown = next(iter(self._shown(call)), None)
            if shown is not None:
                self._ask_again(shown, ASK_AGAIN)
        self._beat(now)

    def _beat(self, now: float) -> None:
        """Tell whether PBXs are heard: when that changed, and every so often, for pages do not see a dead line."""
        now_up = {pbx: self._up(pbx) for pbx in self._was_up}
        due = now - self._beat_at >= BEAT
        for desk in self.desks.values():
            if due or now_up[desk.pbx] is not self._was_up[desk.pbx]:
                self._hub.tell_up(desk.name, up=now_up[desk.pbx])
        self._was_up = now_up
        if due:
            self._beat_at = now

    def stop(self) -> None:
        """Close every screen; each will come back by itself."""
        self._hub.stop()

    async def _ticks(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.tick()

    # --- histories ---

    def _note(self, changes: Iterable[Change]) -> None:
        """Of calls that nobody is shown any more nothing is asked."""
        for change in changes:
            if isinstance(change, Gone) and not self._board.desks_of(change.call):
                self._inquiries.pop(change.call, None)
                self._audited.pop(change.call, None)
                self._questions.drop(change.call)

    def _shown(self, call: UUID) -> Iterable[Shown]:
        """The call as those see it who look at a screen."""
        for desk in self._board.desks_of(call):
            if self._hub.watches(desk):
                yield from (shown for shown in self._board.of(desk) if shown.pop.call == call)

    def _inquire(self, call: CallRecord) -> None:
        if self._board.desks_of(call.id):
            if call.id not in self._inquiries:
                self._inquiries[call.id] = _Inquiry(Question(call.id, call.caller, call.arrived_at))
            shown = next(iter(self._shown(call.id)), None)
            if shown is not None:
                self._ask_again(shown, ASK_AGAIN_SOON)

    def _ask_again(self, shown: Shown, after: float) -> None:
        """Ask what is not known yet, unless that was asked a moment ago."""
        inquiry, history = self._inquiries.get(shown.pop.call), shown.history
        known = history.knowledge is Knowledge.KNOWN and history.number is not None
        known = known and (self._who is None or history.who.knowledge in SETTLED)
        if inquiry is None or known or history.knowledge is Knowledge.ANONYMOUS:
            return
        now = self._clock()
        if inquiry.asked_at is None or now - inquiry.asked_at >= after:
            inquiry.asked_at = now
            self._questions.put(inquiry.question)

    async def _ask(self, question: Question) -> History:
        """Who calls, and what about before: whatever is known first is told first, and neither waits for the other."""
        if self._who is None:
            return await self._called_before(question)
        failed: Exception | None = None
        history = UNAVAILABLE
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_up(question, self._who), name="who calls")
            try:
                history = await self._called_before(question)
                self._answered(question.call, history)
            except Exception as error:  # noqa: BLE001 - raised again below, when who calls is told
                failed = error
        if failed is not None:
            raise failed
        return history

    async def _look_up(self, question: Question, who: WhoCalls) -> None:
        self._answered(question.call, History(who=await who(question.caller)))

    async def _called_before(self, question: Question) -> History:
        if self._asks is None:
            return UNAVAILABLE
        return _history(await self._asks.of(question.caller, question.before, question.call))

    def _answered(self, call: UUID, history: History) -> None:
        shown = next(iter(self._shown(call)), None)
        before = shown.history if shown else None
        if before is not None:
            history = _together(before, history)
        if before != history:
            told = self._board.history(call, history)
            self._hub.tell(told)
            for popped in told:
                self._seen(popped.desk, popped.shown)

    def _seen(self, desk: str, shown: Shown) -> None:
        """Whoever looks at that desk is shown who calls, and what he called about before: each written down once."""
        history, found = shown.history, shown.history.who.found
        if history.knowledge is Knowledge.KNOWN and history.calls:
            self._write_down(desk, shown, None)
        if found.customers:
            self._write_down(desk, shown, found)

    def _write_down(self, desk: str, shown: Shown, found: Found | None) -> None:
        known = self._audited.setdefault(shown.pop.call, set())
        for person, remote in set(self._lookers.get(desk, {}).values()):
            if (person, found is None) not in known:
                known.add((person, found is None))
                self._audit(person, remote, shown.pop.call, shown.pop.queue, found)


def _together(before: History, told: History) -> History:
    """Both; what is known stays true, and what was not asked for is as it was."""
    kept = before.knowledge is Knowledge.KNOWN and told.knowledge is Knowledge.UNAVAILABLE
    kept_who = before.who.knowledge is Knowledge.KNOWN and told.who.knowledge is Knowledge.UNAVAILABLE
    who = before.who if kept_who or told.who.knowledge is Knowledge.ASKING else told.who
    return replace(before if kept or told.knowledge is Knowledge.ASKING else told, who=who)


def _history(found: Contacts) -> History:
    calls = tuple(_earlier(contact) for contact in found.newest)
    return History(Knowledge.KNOWN, found.total, found.more, calls, found.case_number)


def _earlier(contact: EarlierContact) -> EarlierCall:
    case = contact.case_id
    return EarlierCall(
        id=contact.id,
        arrived_at=contact.arrived_at,
        queue=contact.queue,
        outcome=contact.outcome,
        agent=contact.agent,
        wait=contact.wait,
        talk=contact.talk,
        case=None
        if case is None
        else EarlierCase(case, contact.case_number, contact.case_kind, contact.case_state, contact.case_owner),
    )
