"""What was read of one call, what each of it meant, and what was done: by reading the journal again as it was read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from handlers.journaling import Loader
from handlers.reading import Entry, Reading
from handlers.recovery import SameClock
from handlers.replaying.finding import Place, Wanted
from handlers.replaying.steps import Step, is_about, learned, only_about, step_of
from telephony.ami.feed import Batch
from telephony.ami.translate import EPOCH
from telephony.calls.effects import CallEnded, Effect, Irregular, OfferEnded, QueuesKnown, SaveCall, VisitEntered
from telephony.calls.facts import Fact, LinkRestored, Moment, QueueResultLogged, Uniqueid
from telephony.calls.record import CallRecord
from telephony.calls.tracker import Tracker
from telephony.journal.record import Record

AFTERWARDS = timedelta(seconds=60)
"""So long after a call is over, something may still be said of it."""
LONGEST = timedelta(hours=24)
"""So much is read at most after a call arrived."""
TOLD_EVERY = 5_000


@dataclass(slots=True)
class Account:
    """What there is to tell. `call`: as it came out; None: the tracker knows no such call."""

    steps: list[Step] = field(default_factory=list)
    call: CallRecord | None = None
    records: int = 0
    unreadable: int = 0


class Gathers:
    """Performs nothing; what was decided since one looked last."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    def perform(self, effects: Iterable[Effect], _at: Moment, /) -> None:
        """Gather."""
        self.effects += effects

    def take(self) -> list[Effect]:
        """And forget."""
        effects, self.effects = self.effects, []
        return effects


class Listener:
    """Reads the journal of one PBX again, and listens for one call.

    Args:
        tracker: that knows nothing yet.
        loader: makes entries of records.
        wanted: the call.
        place: where it was found.
    """

    def __init__(self, tracker: Tracker, loader: Loader, wanted: Wanted, place: Place) -> None:
        self.account = Account()
        self._tracker, self._loader, self._wanted = tracker, loader, wanted
        self._done = Gathers()
        self._reading = Reading(wanted.pbx, tracker, self._done)
        self._reading.skips = self._note
        self._root = place.root
        self._names = {place.root}
        self._facts: list[Fact] = []
        self._clock: SameClock | None = None
        self._first_at: datetime | None = None
        self._began_at: datetime | None = None
        self._over_at: datetime | None = None
        self._last = 0

    def listen(self, records: Iterator[Record], *, listed: bool) -> Iterator[int]:
        """Read until the call is long over; gives the position now and then.

        Raises:
            OSError: the journal cannot be read.
        """
        if listed:
            self._reading.begin_at_listing()
        for record in records:
            if record.at is not None and self._is_enough(record.at):
                break
            self._record(record)
            self.account.records += 1
            if self.account.records % TOLD_EVERY == 0:
                yield record.position
        self.account.unreadable = self._loader.unreadable

    def _is_enough(self, at: datetime) -> bool:
        over, began = self._over_at, self._began_at
        return (over is not None and at - over > AFTERWARDS) or (began is not None and at - began > LONGEST)

    @property
    def _is_on(self) -> bool:
        return self._began_at is not None and self._over_at is None

    def _record(self, record: Record) -> None:
        self._clock = self._clock or SameClock(record.boot, record.offset)
        record = self._clock.told(record)
        self._first_at = self._first_at or record.at
        if self._last and record.position > self._last + 1:
            self._reading.missed()
            if record.at is not None:
                hole = ("positions", f"{self._last + 1} to {record.position - 1}")
                self._tell(Step(record.position, record.at, "journal", "hole", (hole,)), bears=self._is_on)
        self._last = record.position
        entry = self._loader.load(record)
        # One by one, so that it is clear what was done about each.
        for part in [entry] if not isinstance(entry, Batch) else [replace(entry, items=[one]) for one in entry.items]:
            if part is not None:
                self._take(part, record.position)

    def _take(self, part: Entry, position: int) -> None:
        self._facts = []
        self._reading.take(part, position)
        bears = is_about(part, self._names, on=self._is_on)
        if bears:
            self._names |= learned(part, self._names)
        step = step_of(only_about(part, self._names), position)
        if self._facts and step.source == "ami":
            step.at = self._facts[0].at.wall
        self._tell(step, bears=bears)

    def _note(self, fact: Fact) -> Fact:
        book = self._tracker.book
        if isinstance(fact, LinkRestored) and fact.booted_at is not None and book.booted_at is None:
            # In which boot reading began nobody said; if this one is younger than what was read, it was another.
            first = self._first_at or fact.at.wall
            book.booted_at = EPOCH if fact.booted_at > first else None
        self._facts.append(fact)
        return fact

    # --- what bears on the call ---

    def _tell(self, step: Step, *, bears: bool) -> None:
        effects = [effect for effect in self._done.take() if self._concerns(effect, bears=bears)]
        if bears or any(not isinstance(effect, SaveCall) for effect in effects):
            step.facts, step.effects = [fact for fact in self._facts if bears and self._is_theirs(fact)], effects
            step.quiet = step.quiet and not effects
            self.account.steps.append(step)
            self._began_at = self._began_at or step.at
        for effect in effects:
            if isinstance(effect, SaveCall):
                self.account.call = effect.call
            elif isinstance(effect, CallEnded):
                self._over_at = step.at
        live = self._tracker.book.calls.get(Uniqueid(self._root))
        if live is not None:
            self._names |= live.legs
            self._over_at = self._over_at if live.finished else None

    def _is_theirs(self, fact: Fact) -> bool:
        """One record of queue_log has lines of many callers."""
        return not isinstance(fact, QueueResultLogged) or fact.uniqueid in self._names

    def _concerns(self, effect: Effect, *, bears: bool) -> bool:
        match effect:
            case VisitEntered(visit):
                return visit.uniqueid in self._names
            case OfferEnded(_, _, offer):
                return offer.leg in self._names
            case Irregular(what, _):
                return bears and what != "link_lost"  # which is no breach of a rule, and told as what it is
            case QueuesKnown():
                return False
            case _:
                wanted = self._wanted.id
                return effect.call.uniqueid == self._root and (wanted is None or effect.call.id == wanted)
