"""Tables of measures to test with."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from telephony.calls.record import CallRecord
from telephony.standard.intervals import Intervals, Step, cut
from telephony.standard.measures import Reading
from telephony.standard.measures_catalogue import BY_NAME
from telephony.standard.measures_numbers import Numbers
from telephony.standard.measures_sums import Sums
from telephony.standard.measures_table import Group, Grouping, Selection, Table, Terms
from tests.support.days import BRANCHES, SHANGHAI, TARGETS, o_clock

TERMS = Terms(TARGETS, BRANCHES)


def the_day(step: Step | None = None, since: str = "00:00", until: datetime | None = None) -> Intervals:
    """The 2nd of March 2026."""
    return cut(o_clock(since), until or o_clock("00:00", day="2026-03-03"), step, SHANGHAI, 1_000)


def table(
    *calls: CallRecord,
    intervals: Intervals | None = None,
    grouping: Grouping = Grouping.ALL,
    terms: Terms = TERMS,
    known: Iterable[str] = (),
    numbers: Numbers | None = None,
    **selected: Any,
) -> Table:
    """These calls in a table; what is `selected` as in `Selection`."""
    selection = Selection(**{key: frozenset(names) for key, names in selected.items()})
    made = Table(intervals or the_day(), grouping, selection, terms, known, numbers)
    for call in calls:
        made.add(call)
    return made


def sums(*calls: CallRecord, **how: Any) -> Sums:
    """The sums of these calls, all together."""
    [(_, [found])] = table(*calls, **how).rows()
    return found


def groups(*calls: CallRecord, **how: Any) -> dict[Group, Sums]:
    """The sums by group, in one interval."""
    return {group: found for group, [found] in table(*calls, **how).rows()}


def reading(name: str, *calls: CallRecord, **how: Any) -> Reading:
    """One measure of these calls, all together."""
    return BY_NAME[name].read(sums(*calls, **how))


def value(name: str, *calls: CallRecord, **how: Any) -> float | None:
    """Its value."""
    return reading(name, *calls, **how).value
