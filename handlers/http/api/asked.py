"""What a request for measures asks, out of its query; every mistake is told by the name of its parameter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from multidict import MultiDict, MultiMapping

from handlers.measuring import Question
from telephony.calls.record import Kind
from telephony.standard.day import Branches
from telephony.standard.intervals import EARLIEST, LATEST, Intervals, Step, TooManyIntervals, cut, midnight
from telephony.standard.measures import BY_AGENT, Measure, Population
from telephony.standard.measures_catalogue import BY_NAME, CATALOGUE
from telephony.standard.measures_table import Grouping, Selection

NAMES = ("queue", "line", "agent", "pbx", "branch")
ONCE = ("from", "to", "interval", "group")
PARAMETERS = (*NAMES, *ONCE, "measure")
MAX_NAMES = 100
MAX_LENGTH = 200
_LOST_PLUS = re.compile(r"(T[0-9:.]+) (\d\d:?\d\d)")
"""A `+` that nobody wrote as `%2B` arrives as a blank."""
E = TypeVar("E", bound=StrEnum)


class BadQueryError(ValueError):
    """It cannot be answered.

    Args:
        parameter: the name of what is wrong.
        detail: what is wrong with it, and what would be right.
    """

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class NotYoursError(Exception):
    """It asks for a branch that is none of his."""


@dataclass(frozen=True, slots=True)
class House:
    """What there is to ask about.

    Attributes:
        zone: in which days are counted, and times without a zone understood.
        branches: which queue and line belongs to which branch.
        queues, lines, pbxs, branch_names: that are there though nothing happened in them.
        most: so many rows may be had.
    """

    zone: ZoneInfo
    branches: Branches = field(default_factory=Branches)
    queues: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    pbxs: tuple[str, ...] = ()
    branch_names: tuple[str, ...] = ()
    most: int = 10_000

    def groups(self, grouping: Grouping, selection: Selection) -> tuple[str, ...]:
        """The groups that are shown whatever happened."""
        if grouping is Grouping.PBX:
            return tuple(selection.pbxs or self.pbxs)
        if grouping is Grouping.BRANCH:
            return tuple(selection.branches or self.branch_names)
        if grouping is Grouping.AGENT:
            return tuple(selection.agents)
        if grouping is Grouping.ALL:
            return ()
        kind = Kind.QUEUE if grouping is Grouping.QUEUE else Kind.DIRECT
        named, known = (selection.queues, self.queues) if kind is Kind.QUEUE else (selection.lines, self.lines)
        if not named and (selection.queues or selection.lines):
            return ()
        wanted = selection.branches
        return tuple(name for name in named or known if not wanted or self.branches.of(kind, name) in wanted)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and which measures of its answer are wanted."""

    question: Question
    step: Step | None
    measures: tuple[Measure, ...]


def asked(query: MultiMapping[str], house: House, now: datetime, own: frozenset[str] | None = None) -> Asked:
    """What the query asks. A parameter that is given empty, as forms do, is not given.

    Without `from` it is today, without `to` until now, without `interval` one interval, without `group` one group.

    Args:
        query: of the request.
        house: what there is.
        now: the wall clock.
        own: the branches of who asks, of which alone he is told; None: all, and what belongs to none.

    Raises:
        BadQueryError: it cannot be answered. NotYoursError: it is not for him.
    """
    query = MultiDict((name, text) for name, text in query.items() if text)
    for name in query:
        if name not in PARAMETERS:
            raise BadQueryError(name[:MAX_LENGTH], f"is not known; known are {', '.join(PARAMETERS)}")
    for name in ONCE:
        if len(query.getall(name, [])) > 1:
            raise BadQueryError(name, "is given more than once")
    selection = Selection(*(frozenset(_names(query, name)) for name in NAMES))
    if own is not None:
        if selection.branches - own:
            raise NotYoursError
        selection = replace(selection, branches=selection.branches or own)
    step = _word(query, "interval", Step)
    grouping = _word(query, "group", Grouping) or Grouping.ALL
    intervals = _intervals(query, step, house, now)
    by_agent = grouping is Grouping.AGENT or bool(selection.agents)
    measures = _measures(query, by_agent=by_agent)
    numbers = not by_agent and any(measure.name == "final_lost" for measure in measures)
    known = house.groups(grouping, selection)
    agents = any(measure.population is Population.AGENTS for measure in measures)
    return Asked(Question(intervals, grouping, selection, known, numbers, agents), step, measures)


def _names(query: MultiMapping[str], parameter: str) -> Sequence[str]:
    names = query.getall(parameter, [])
    if len(names) > MAX_NAMES:
        raise BadQueryError(parameter, f"is given {len(names):,} times; at most {MAX_NAMES} are taken")
    if any(len(name) > MAX_LENGTH for name in names):
        raise BadQueryError(parameter, f"should have {MAX_LENGTH} characters at most")
    return names


def _word(query: MultiMapping[str], parameter: str, words: type[E]) -> E | None:
    text = query.get(parameter)
    try:
        return None if text is None else words(text)
    except ValueError:
        raise BadQueryError(parameter, f"should be one of {', '.join(words)}") from None


def _intervals(query: MultiMapping[str], step: Step | None, house: House, now: datetime) -> Intervals:
    until = _instant(query, "to", house.zone) or now
    since = _instant(query, "from", house.zone)
    if not EARLIEST <= until <= LATEST:  # before its day is looked for, which the first and the last year do not have
        raise BadQueryError("to", f"should lie between the years {EARLIEST.year} and {LATEST.year}")
    if since is None:
        day = until.astimezone(house.zone).date()
        today = midnight(day, house.zone)
        since = today if today < until else midnight(day - timedelta(days=1), house.zone)
    try:
        return cut(since, until, step, house.zone, house.most)
    except TooManyIntervals as error:
        raise BadQueryError("interval", str(error)) from None
    except ValueError as error:
        raise BadQueryError("to", str(error)) from None


def _instant(query: MultiMapping[str], parameter: str, zone: ZoneInfo) -> datetime | None:
    text = query.get(parameter)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text[:MAX_LENGTH]))
        return (instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        example = "2026-03-01, 2026-03-01T09:00 or 2026-03-01T09:00:00%2B08:00"
        raise BadQueryError(parameter, f"should be a date or a time like {example}") from None


def _measures(query: MultiMapping[str], *, by_agent: bool) -> tuple[Measure, ...]:
    named = query.getall("measure", [])
    unknown = [name for name in named if name not in BY_NAME]
    if unknown:
        raise BadQueryError("measure", f"is not known; known are {', '.join(BY_NAME)}")
    # What agents did are very many rows: they are read where somebody asks for them, and not with every question.
    every = [measure for measure in CATALOGUE if by_agent or measure.population is not Population.AGENTS]
    wanted = [measure for measure in CATALOGUE if measure.name in named] if named else every
    if not by_agent:
        return tuple(wanted)
    told = tuple(measure for measure in wanted if measure.population in BY_AGENT)
    if not told:
        raise BadQueryError("measure", "is not told of agents: calls and visits are nobody's until he answers")
    return told
