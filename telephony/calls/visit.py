"""One stay of a customer waiting for a human, while it goes on: what is known, and which steps are legal.

A visit begins WAITING. In a queue it is LEFT when the queue lets go of the caller, CONNECTING when the queue says that
an agent is about to be bridged, TALKING once customer and agent share a bridge, OVER when an outcome other than
`answered` is decided or the talk has ended. A direct visit is LEFT while no phone rings for it, and may go back to
WAITING when the dialplan rings the next one soon enough. LEFT and CONNECTING together are "settling".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import Enum, auto
from operator import attrgetter

from telephony.calls.clocks import ZERO, rings, span, wall_after
from telephony.calls.facts import DialResult, HangupSide, Interface, Moment, QueueResult, Uniqueid
from telephony.calls.record import (
    REFUSED,
    Kind,
    OfferRecord,
    OfferResult,
    Outcome,
    Party,
    Quality,
    VisitRecord,
)


class State(Enum):
    """Where a visit is."""

    WAITING = auto()
    LEFT = auto()
    CONNECTING = auto()
    TALKING = auto()
    OVER = auto()


class Step(Enum):
    """What can happen to a visit."""

    LEAVE = auto()
    RESUME = auto()
    CONNECT = auto()
    BRIDGE = auto()
    CLOSE = auto()


STEPS: Mapping[tuple[State, Step], State] = {
    (State.WAITING, Step.LEAVE): State.LEFT,
    (State.WAITING, Step.CONNECT): State.CONNECTING,  # the Leave may have been quarantined
    (State.WAITING, Step.BRIDGE): State.TALKING,
    (State.WAITING, Step.CLOSE): State.OVER,
    (State.LEFT, Step.RESUME): State.WAITING,
    (State.LEFT, Step.CONNECT): State.CONNECTING,
    (State.LEFT, Step.BRIDGE): State.TALKING,
    (State.LEFT, Step.CLOSE): State.OVER,
    (State.CONNECTING, Step.BRIDGE): State.TALKING,
    (State.CONNECTING, Step.CLOSE): State.OVER,
    (State.TALKING, Step.CLOSE): State.OVER,
}


class IllegalStepError(Exception):
    """A step that no rule allows; nothing was changed."""


@dataclass(slots=True, eq=False)
class Offer:
    """One agent leg rung for one visit, while it goes on. `end` is the first end of its ringing.

    `unheard`: it was called or rang while we did not hear the PBX, so that how long it rang is not known.
    `found`: a listing showed that it rang. `ended`: why it ended was told, be it that nobody knows. `made`: the last
    record, and of what it was made.
    """

    agent: str
    interface: Interface
    leg: Uniqueid
    called: Moment
    rang: Moment | None = None
    answered: Moment | None = None
    end: Moment | None = None
    busy: bool = False
    unheard: bool = False
    found: bool = False
    dial: DialResult | None = None
    result: OfferResult | None = None
    ended: bool = False
    made: tuple[tuple[object, ...], OfferRecord] | None = None

    def alerting(self) -> timedelta | None:
        """First ringing to first end; zero when it ended without ringing; None while it may still ring, or unknown."""
        if self.end is None or self.unheard:
            return None
        return ZERO if self.rang is None else span(self.rang, self.end).length

    def record(self, period: timedelta) -> OfferRecord:
        """The offer as it is known now."""
        now = _OFFER(self)
        if self.made is None or self.made[0] != now:
            self.made = now, self._record(period)
        return self.made[1]

    def _record(self, period: timedelta) -> OfferRecord:
        alerting = self.alerting()
        setup = span(self.called, self.rang).length if self.rang else None
        rang_at = None if setup is None else self.called.wall + setup
        if self.end is None or self.unheard:
            ended_at = None
        else:
            ended_at = wall_after(self.called, self.end) if rang_at is None else rang_at + (alerting or ZERO)
        return OfferRecord(
            agent=self.agent,
            interface=self.interface,
            leg=self.leg,
            called_at=self.called.wall,
            rang_at=rang_at,
            answered_at=ended_at if self.answered else None,
            ended_at=ended_at,
            result=self.result,
            setup=setup,
            alerting=alerting,
            rings=None if alerting is None else 0 if self.rang is None else rings(alerting, period),
        )


@dataclass(slots=True, eq=False)
class Visit:
    """A visit while it goes on.

    Attributes:
        customer: the waiting or talking channel. waited_as: the one on which he waited, if another has taken its seat.
        began: Join, first dial, or the refusal.
        left: end of the wait when it was not answered. connected: AgentConnect, or the bridge without one.
        unserved: the queue said that it gave the caller up. told, logged: the dialplan's and queue_log's reason.
        logged_at: queue_log's second. logged_agent, logged_leg: who answered, by its word, and on which channel.
        alive: the last moment at which he surely waited, as far as noted.
        over_by: by when he surely waited no more, where nobody heard him leave.
        moved_out: a masquerade took him out: how his stay ended, queue_log says under another id.
        unbridged: he was heard until his channel ended, and nobody was bridged with him, whatever queue_log says.
        took_over: an agent had waited in his place, and queue_log counts from then.
        listed: when the listing was asked for that showed him waiting, of whose joining nobody had told.
        joins: when he joined, where a listing showed him first and that is still to be told.
        bounded: `left` is only a lower bound. reconstructed: how and when his wait ended is queue_log's word.
        found: the listing that showed an answer which we did not hear. cut_off: the PBX ended while he waited.
        asked, asked_at: the first request to hang the customer up while he waited.
        heard_since: of one whose wait spans a gap, when we heard the PBX again.
        hung_up_later: his own request, while settling.
        gone: his channel ended. moved_on: his living channel was seen doing something else after he left.
        due: when patience with missing evidence ends (monotonic), while settling.
        talk_since, hold_since: the running stretch; talk, hold: the finished ones.
        talk_doubted: since a gap in our hearing nothing has shown that they talk on.
        talk_heard, hold_heard: how long they talked, or held, is known.
        unheard: since a gap in our hearing nothing has shown that he still waits.
        handed_by: agents' legs that handed him on: their hang-up ends no talk. transferred: that was its last end.
        picker: who picked the call up, where it was not he whose phone rang.
        taken: legs of agents who had answered when he left, or with whom the queue connected him.
        exact: no duration so far was approximate.
        made: the last record, and of what it was made.
    """

    ordinal: int
    customer: Uniqueid
    kind: Kind
    queue: str
    began: Moment
    state: State = State.WAITING
    left: Moment | None = None
    connected: Moment | None = None
    agent: str | None = None
    outcome: Outcome | None = None
    reason: str = ""
    unserved: bool = False
    told: QueueResult | None = None
    logged: QueueResult | None = None
    logged_at: Moment | None = None
    logged_agent: str = ""
    logged_leg: str = ""
    alive: Moment | None = None
    over_by: Moment | None = None
    moved_out: bool = False
    unbridged: bool = False
    took_over: bool = False
    listed: Moment | None = None
    joins: Moment | None = None
    bounded: bool = False
    reconstructed: bool = False
    found: Moment | None = None
    cut_off: bool = False
    asked: HangupSide | None = None
    asked_at: Moment | None = None
    heard_since: Moment | None = None
    hung_up_later: Moment | None = None
    gone: Moment | None = None
    moved_on: bool = False
    due: timedelta | None = None
    alerted: Moment | None = None
    talk_since: Moment | None = None
    talk: timedelta = ZERO
    hold_since: Moment | None = None
    hold: timedelta = ZERO
    talk_doubted: bool = False
    talk_heard: bool = True
    hold_heard: bool = True
    hung_up_by: Party | None = None
    transferred: bool = False
    partial: bool = False
    waited_as: Uniqueid | None = None
    unheard: bool = False
    handed_by: set[Uniqueid] = field(default_factory=set)
    picker: str | None = None
    taken: set[Uniqueid] = field(default_factory=set)
    exact: bool = True
    offers: list[Offer] = field(default_factory=list)
    made: tuple[tuple[object, ...], tuple[OfferRecord, ...], VisitRecord] | None = None

    def step(self, step: Step) -> None:
        """Go where `STEPS` says, or raise `IllegalStepError` and stay."""
        target = STEPS.get((self.state, step))
        if target is None:
            raise IllegalStepError(f"a visit that is {self.state.name} cannot {step.name}")
        self.state = target

    @property
    def waiting(self) -> bool:
        """Still in the queue, or a phone rings for him."""
        return self.state is State.WAITING

    @property
    def settling(self) -> bool:
        """No longer waiting, outcome not yet decided."""
        return self.state is State.LEFT or self.state is State.CONNECTING

    @property
    def undecided(self) -> bool:
        """Waiting or settling."""
        return self.outcome is None

    def began_after(self, at: Moment) -> bool:
        """Whether that surely was before he joined."""
        return self.joins is not None and at.mono < self.joins.mono

    def stop_talk(self, at: Moment) -> None:
        """The customer no longer hears anybody."""
        if self.talk_since is not None:
            stretch = span(self.talk_since, at)
            self.talk_heard &= not self.talk_doubted
            self.talk += stretch.length
            self.exact &= stretch.exact
            self.talk_since = None
        self.stop_hold(at)

    def stop_hold(self, at: Moment) -> None:
        """He is off hold, or gone."""
        if self.hold_since is not None:
            self.hold += span(self.hold_since, at).length
            self.hold_since = None

    def wait_end(self) -> Moment | None:
        """Where the wait ended: the answer; his own hang-up (the PBX may notice seconds later); else leaving."""
        if self.outcome is Outcome.ANSWERED:
            return self.connected
        if self.outcome is Outcome.ABANDONED:
            return self.asked_at or self.hung_up_later or self.left
        return self.left

    def quality(self, *, exact: bool) -> Quality:
        """How well it is known."""
        if self.reconstructed:
            return Quality.RECONSTRUCTED
        if self.partial or not (self.talk_heard and self.hold_heard):
            return Quality.PARTIAL
        return Quality.LIVE if exact else Quality.APPROXIMATE

    def record(self, period: timedelta) -> VisitRecord:
        """The visit as it is known now. Rings are only told of what was seen live."""
        # Several effects of one fact hold the same record, and most facts change one offer of many.
        now, offers = _VISIT(self), tuple([offer.record(period) for offer in self.offers])
        if self.made is None or self.made[0] != now or self.made[1] != offers:
            self.made = now, offers, self._record(period, offers)
        return self.made[2]

    def _record(self, period: timedelta, offers: tuple[OfferRecord, ...]) -> VisitRecord:
        refused = self.outcome in REFUSED
        answered = self.outcome is Outcome.ANSWERED
        end = self.wait_end()
        waited = span(self.began, end) if end else None
        wait = ZERO if refused else waited.length if waited else None
        left_at = None if wait is None else self.began.wall + wait
        if answered and left_at is None and self.found:
            left_at = wall_after(self.began, self.found)  # by then; when is not known
        exact = self.exact and (waited is None or waited.exact)
        heard = rings(span(self.alerted, end).length, period) if self.alerted and end and not self.partial else None
        return VisitRecord(
            ordinal=self.ordinal,
            uniqueid=self.waited_as or self.customer,
            kind=self.kind,
            queue=self.queue,
            joined_at=None if refused else self.began.wall,
            left_at=left_at,
            outcome=self.outcome,
            settling=self.settling,
            wait=wait,
            alerted_at=wall_after(self.began, self.alerted) if self.alerted else None,
            caller_rings=heard if answered else None,
            caller_rings_heard=heard,
            agent=self.agent if answered else None,
            answered_at=left_at if answered else None,
            talk=self.talk if answered and self.talk_heard else None,
            hold=self.hold if answered and self.talk_heard and self.hold_heard else None,
            hung_up_by=self.hung_up_by if answered and self.state is State.OVER else None,
            quality=self.quality(exact=exact),
            reason=self.reason,
            offers=offers,
        )


def _all_but(of: type[Offer | Visit], *left_out: str) -> Callable[[Offer | Visit], tuple[object, ...]]:
    """Reads every field but these: what a record is made of, whichever of them it uses."""
    return attrgetter(*(field.name for field in fields(of) if field.name not in left_out))


_OFFER = _all_but(Offer, "made")
_VISIT = _all_but(Visit, "made", "offers", "taken", "handed_by")
