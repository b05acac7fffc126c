"""Durations and ring counts from moments.

A duration is the difference of the PBX's own stamps. Where these disagree with our monotonic clock by more than
`STEP` (the PBX's clock was set), or a stamp is missing, the monotonic difference is used and the result is approximate.
Late reading is no disagreement: `Moment.mono` is our clock when it happened, not when it was read.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from telephony.calls.facts import Moment

STEP = timedelta(seconds=2)
ZERO = timedelta()


class Span(NamedTuple):  # three are made for each event that is followed: a dataclass takes twice the time
    """How long something took, never negative, and whether that is known to the PBX's microsecond."""

    length: timedelta
    exact: bool


def span(start: Moment, end: Moment) -> Span:
    """From `start` to `end`; a tiny negative difference (events of two threads) is zero."""
    by_pbx, by_us = end.wall - start.wall, end.mono - start.mono
    if start.stamped and end.stamped and -STEP <= by_pbx - by_us <= STEP:
        return Span(max(ZERO, by_pbx), exact=True)
    return Span(max(ZERO, by_us), exact=False)


def wall_after(start: Moment, end: Moment) -> datetime:
    """The wall time of `end` told from `start`, so that times of one visit stay in order even if the clock was set."""
    return start.wall + span(start, end).length


def in_order(arrived: Moment, began: Moment) -> tuple[Moment, Moment]:
    """When a call came and when he began to wait, as they can be: a listing's whole seconds give way to a stamp."""
    early = arrived.wall - began.wall
    stepped = abs(early - (arrived.mono - began.mono)) > STEP
    if early <= ZERO or stepped or (arrived.stamped and began.stamped):
        return arrived, began
    if began.stamped:
        return began, began
    return arrived, Moment(arrived.wall, arrived.mono, stamped=False)


def rings(alerting: timedelta, period: timedelta) -> int:
    """Rings heard in `alerting`, one beginning with the first instant: 1 up to one period, 2 up to two, and so on."""
    whole, rest = divmod(alerting, period)
    return max(1, whole + (1 if rest else 0))
