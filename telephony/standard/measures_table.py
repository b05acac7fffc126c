"""A table of sums: groups down, intervals across. Which call, visit, offer and talk counts where is decided here.

Each counts in the interval in which it ended, arrivals in that in which they began; what lies outside all counts
nowhere, so calls may be given that reach out of the time asked for. A call belongs to the queue or line that it sought
first, a visit and its offers and talk to their own. What agents did counts where it was done, cut at the bounds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from telephony.calls.measures import Targets
from telephony.calls.record import CallRecord, Kind, OfferRecord, VisitRecord
from telephony.calls.spells import Spell
from telephony.standard.day import Branches
from telephony.standard.figures import figures_of
from telephony.standard.intervals import Intervals
from telephony.standard.measures_agents import add_reason, agent_sums
from telephony.standard.measures_numbers import WITHIN, Numbers
from telephony.standard.measures_sums import (
    CallSums,
    CaseSums,
    Sums,
    VisitSums,
    offer_sums,
    plus,
    talk_sums,
    visit_sums,
)


class Grouping(StrEnum):
    """What has a row of its own."""

    ALL = "all"
    QUEUE = "queue"
    LINE = "line"
    AGENT = "agent"
    PBX = "pbx"
    BRANCH = "branch"


class TooManyGroups(ValueError):  # noqa: N818 - what they are
    """More than may be had at once."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What counts: of each kind that is named at all, only these.

    Attributes:
        queues, lines: who waited for any of these; both together are one kind.
        agents: whose phone rang, or who answered. No call or visit is an agent's: with agents, there are none.
        pbxs, branches: names.
    """

    queues: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    pbxs: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()

    def takes(self, place: "Place", branch: str | None) -> bool:
        """Whether what happened at this place counts."""
        if self.pbxs and place.pbx not in self.pbxs:
            return False
        if self.branches and branch not in self.branches:
            return False
        named = self.queues if place.kind is Kind.QUEUE else self.lines
        return not (self.queues or self.lines) or place.name in named


class Complaint(NamedTuple):
    """A complaint about the telephone service.

    Attributes:
        at: when its case was opened. branch: to which it belongs; None: to none.
        place: the queue or line that its call sought first; None: there is no such call.
    """

    at: datetime
    branch: str | None
    place: "Place | None"


class Place(NamedTuple):
    """A queue or a line of a PBX."""

    pbx: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Terms:
    """How is measured.

    Attributes:
        targets: what is asked of the calls of each queue or line.
        branches: which branch each belongs to.
        long_talk: a talk that is longer is a long one.
        most: so many rows there may be: groups times intervals.
        reached_within: who gave up and is not reached so soon is lost for good.
    """

    targets: Targets
    branches: Branches = field(default_factory=Branches)
    long_talk: timedelta = timedelta(minutes=5)
    most: int = 10_000
    reached_within: timedelta = WITHIN


_KINDS = {Grouping.QUEUE: Kind.QUEUE, Grouping.LINE: Kind.DIRECT}
Group = str | None
"""The name of a group. None: all together; by branch, what belongs to none."""


class Table:
    """The sums of some groups in some intervals.

    Args:
        intervals: across.
        grouping: down.
        selection: what counts.
        terms: how.
        known: groups that are there though nothing happened in them.
        numbers: remembers who gave up; None: nobody asks.

    Raises:
        TooManyGroups: those known are too many already.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a table is
        self,
        intervals: Intervals,
        grouping: Grouping,
        selection: Selection,
        terms: Terms,
        known: Iterable[str] = (),
        numbers: Numbers | None = None,
    ) -> None:
        self.intervals, self._grouping, self._selection, self._terms = intervals, grouping, selection, terms
        self.numbers = numbers
        self._groups: dict[Group, dict[int, Sums]] = {}
        self._places: dict[Place, tuple[bool, Group]] = {}
        self._by_agent = grouping is Grouping.AGENT or bool(selection.agents)
        for name in (None,) if grouping is Grouping.ALL else known:
            self._group(name)

    def add(self, call: CallRecord) -> None:
        """Count a call, and its visits, in whatever state it is. Each only once.

        Raises:
            TooManyGroups: another group is needed than may be had.
        """
        if not call.visits:
            return
        if not self._by_agent:
            self._add_call(call)
        for visit in call.visits:
            wanted, group = self._place(Place(call.pbx, visit.kind, visit.queue))
            if wanted:
                self._add_visit(call, visit, group)

    def add_spell(self, spell: Spell) -> None:
        """Count what an agent did; each only once. It is of every queue that he served, and once of all their group.

        Raises:
            TooManyGroups: as `add`.
        """
        if spell.ended_at is None or (self._selection.agents and spell.agent not in self._selection.agents):
            return
        places = [self._place(Place(spell.pbx, Kind.QUEUE, queue)) for queue in spell.queues]
        groups = {spell.agent if self._grouping is Grouping.AGENT else group for wanted, group in places if wanted}
        for group in groups:
            for number in self.intervals.during(spell.began_at, spell.ended_at):
                found = agent_sums(spell, *self.intervals.bounds[number : number + 2])
                cell = self._numbered(group, number)
                cell.agents = plus(cell.agents, found)
                add_reason(cell.paused_by, spell, found.paused)

    def complained(self, complaint: Complaint) -> None:
        """Count a complaint; one without a call counts with all, and with its branch.

        Raises:
            TooManyGroups: as `add`.
        """
        if self._by_agent:
            return
        if complaint.place is not None:
            wanted, group = self._place(complaint.place)
        else:
            chosen = self._selection
            wanted = chosen == Selection() or (
                not (chosen.queues or chosen.lines or chosen.pbxs) and complaint.branch in chosen.branches
            )
            wanted &= self._grouping in {Grouping.ALL, Grouping.BRANCH}
            group = complaint.branch if self._grouping is Grouping.BRANCH else None
        if wanted and (cell := self._cell(group, complaint.at)) is not None:
            cell.cases = plus(cell.cases, CaseSums(complaints=1))

    def rows(self) -> Iterator[tuple[Group, list[Sums]]]:
        """Each group with its sums by interval, to be read only; the groups by name, what has none last."""
        nothing = Sums()
        for name in sorted(self._groups, key=lambda name: (name is None, name or "")):
            cells = self._groups[name]
            yield name, [cells.get(number, nothing) for number in range(len(self.intervals))]

    @property
    def undecided(self) -> bool:
        """Of some call that has ended it is not decided how."""
        return any(cell.calls.undecided for cells in self._groups.values() for cell in cells.values())

    def __len__(self) -> int:
        """How many rows: groups times intervals."""
        return len(self._groups) * len(self.intervals)

    def settle_numbers(self, known_until: datetime) -> Iterator[None]:
        """Count who gave up and was not reached, one a step, when `numbers` knows all that is to be known; once."""
        settled = () if self.numbers is None else self.numbers.settle(known_until)
        for (group, number), sums in settled:
            cell = self._groups[group][number]
            cell.numbers = plus(cell.numbers, sums)
            yield

    # --- who counts where ---

    def _add_call(self, call: CallRecord) -> None:
        first = call.visits[0]
        wanted, group = self._place(Place(call.pbx, first.kind, first.queue))
        if not wanted:
            return
        if (cell := self._cell(group, first.joined_at or call.arrived_at)) is not None:
            cell.calls = plus(cell.calls, CallSums(arrived=1))
        number = None if call.ended_at is None else self.intervals.of(call.ended_at)
        if number is None or call.ended_at is None:
            return
        cell = self._numbered(group, number)
        if any(visit.outcome is None for visit in call.visits):
            cell.calls = plus(cell.calls, CallSums(undecided=1))
            return
        measured, figures = figures_of(call, self._terms.targets)
        cell.add_call(measured, figures)
        if self.numbers is not None and figures.gave_up and not figures.short:
            self.numbers.gave_up(call.caller, call.ended_at, (group, number))

    def _add_visit(self, call: CallRecord, visit: VisitRecord, group: Group) -> None:
        if not self._by_agent:
            arrived = None if visit.joined_at is None else self._cell(group, visit.joined_at)
            if arrived is not None:
                arrived.visits = plus(arrived.visits, VisitSums(arrived=1))
            ended = visit.left_at or visit.joined_at  # a lost one may have no end
            cell = None if visit.outcome is None or ended is None else self._cell(group, ended)
            if cell is not None:
                cell.visits = plus(cell.visits, visit_sums(visit, self._terms.targets.of(visit.queue)))
        if (ended := _talk_ended(call, visit)) is not None:
            cell = self._agents_cell(group, visit.agent, ended)
            if cell is not None:
                cell.talks = plus(cell.talks, talk_sums(visit, self._terms.long_talk))
        for offer in visit.offers:
            self._add_offer(visit, offer, group)

    def _add_offer(self, visit: VisitRecord, offer: OfferRecord, group: Group) -> None:
        if offer.result is None and visit.outcome is None:
            return  # it rings, or how it ended is awaited
        cell = self._agents_cell(group, offer.agent, offer.ended_at or visit.left_at or offer.called_at)
        if cell is not None:
            cell.offers = plus(cell.offers, offer_sums(offer, self._terms.targets.of(visit.queue)))

    def _agents_cell(self, group: Group, agent: str | None, at: datetime) -> Sums | None:
        """Where what an agent did counts."""
        if self._selection.agents and agent not in self._selection.agents:
            return None
        if self._grouping is not Grouping.AGENT:
            return self._cell(group, at)
        return None if agent is None else self._cell(agent, at)

    def _place(self, place: Place) -> tuple[bool, Group]:
        """Whether it counts, and in which group."""
        known = self._places.get(place)
        if known is None:
            branch = self._terms.branches.of(place.kind, place.name)
            wanted = self._selection.takes(place, branch)
            if self._grouping in _KINDS:
                wanted &= place.kind is _KINDS[self._grouping]
            groups = {Grouping.PBX: place.pbx, Grouping.BRANCH: branch}
            known = wanted, groups.get(self._grouping, place.name if self._grouping in _KINDS else None)
            if len(self._places) < self._terms.most:  # only so that it is not asked again
                self._places[place] = known
        return known

    def _cell(self, group: Group, at: datetime) -> Sums | None:
        number = self.intervals.of(at)
        return None if number is None else self._numbered(group, number)

    def _numbered(self, group: Group, number: int) -> Sums:
        cells = self._group(group)
        cell = cells.get(number)
        if cell is None:
            cell = cells[number] = Sums()
        return cell

    def _group(self, name: Group) -> dict[int, Sums]:
        found = self._groups.get(name)
        if found is None:
            if (len(self._groups) + 1) * len(self.intervals) > self._terms.most:
                raise TooManyGroups(f"is more than {self._terms.most:,} rows: groups times intervals")
            found = self._groups[name] = {}
        return found


def _talk_ended(call: CallRecord, visit: VisitRecord) -> datetime | None:
    """When the talk of a visit was over; None without one, and while it goes on.

    Its length grows until it is over, which only he tells who hung up, or the end of the call.
    """
    if visit.answered_at is None or (visit.hung_up_by is None and call.ended_at is None):
        return None
    return call.ended_at if visit.talk is None else visit.answered_at + visit.talk
