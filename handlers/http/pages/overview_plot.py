"""From values over the day to what an SVG needs: a line that changes where it crosses its limit. Pure.

All lengths are in units of the picture's viewBox, `WIDTH` by `HEIGHT`, y downwards.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby, pairwise

WIDTH, HEIGHT = 400, 200
LEFT, RIGHT = 4, 392
TOP, BOTTOM = 16, 172
NICE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Ends of an axis, times a power of ten."""

LEAST = 1e-6
"""The shortest axis."""

Value = float | None
Place = tuple[float, float]
"""x in the picture, and a value."""


class Side(StrEnum):
    """Where the standard is not kept."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Limit:
    """What is asked of one measure.

    Attributes:
        value: in the measure's unit.
        side: where it is not kept.
        kept_at: the limit itself keeps the standard.
        most: no value can be higher; None: no such bound.
    """

    value: float
    side: Side = Side.ABOVE
    kept_at: bool = True
    most: float | None = 1.0

    def beyond(self, value: float) -> bool:
        """Whether this value does not keep the standard."""
        if value == self.value:
            return not self.kept_at
        return value > self.value if self.side is Side.ABOVE else value < self.value


@dataclass(frozen=True, slots=True)
class Stroke:
    """A piece of the line, and the area between it and the limit where it lies beyond."""

    path: str
    beyond: bool
    area: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A time on the axis; `anchor` as SVG's `text-anchor`."""

    x: float
    anchor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Extreme:
    """The value that was furthest on the wrong side, and when."""

    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture.

    Attributes:
        strokes: the line, in pieces: gaps where there is no value.
        limit: y of the limit.
        zone_top, zone_height: where the standard is not kept.
        bottom, top: values at the ends of the axis.
        ticks: times below it.
        last: the value at the end; None when there is none.
        dot: where that is.
        beyond: it lies beyond the limit.
        worst: the value furthest on the wrong side; None without values.
        seconds: the times are so near that they need seconds.
    """

    strokes: tuple[Stroke, ...]
    limit: float
    zone_top: float
    zone_height: float
    bottom: float
    top: float
    ticks: tuple[Tick, ...]
    last: Value
    dot: tuple[float, float] | None
    beyond: bool
    worst: Extreme | None
    seconds: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to y."""

    bottom: float
    top: float

    def y(self, value: float) -> float:
        """Where a value is; what the scale does not reach is at its edge."""
        part = (min(max(value, self.bottom), self.top) - self.bottom) / (self.top - self.bottom)
        return BOTTOM - part * (BOTTOM - TOP)


def plot(at: Sequence[datetime], values: Sequence[Value], limit: Limit) -> Plot:
    """The picture of one measure.

    Args:
        at: the times of the points, rising; as many as values.
        values: in the unit of the limit; None where there is no data.
        limit: what is asked.
    """
    known = [value for value in values if value is not None]
    scale = scale_for(known, limit)
    xs = places(at)
    strokes = tuple(
        stroke for chunk in chunks(xs, values) for stroke in (_stroke(*run, limit, scale) for run in runs(chunk, limit))
    )
    y = scale.y(limit.value)
    above = limit.side is Side.ABOVE
    last = values[-1] if values else None
    return Plot(
        strokes=strokes,
        limit=round(y, 1),
        zone_top=TOP if above else round(y, 1),
        zone_height=round(y - TOP if above else BOTTOM - y, 1),
        bottom=scale.bottom,
        top=scale.top,
        ticks=_ticks(at),
        last=last,
        dot=None if last is None else (round(xs[-1], 1), round(scale.y(last), 1)),
        beyond=last is not None and limit.beyond(last),
        worst=_worst(at, values, limit),
        seconds=bool(at) and (at[-1] - at[0]).total_seconds() < 300,  # noqa: PLR2004 - five minutes
    )


def scale_for(known: Sequence[float], limit: Limit) -> Scale:
    """An axis with the limit well inside, that holds every value, with ends that are read at a glance."""
    if limit.side is Side.BELOW:
        most = 1.0 if limit.most is None else limit.most
        depth = max([2.5 * (most - limit.value), *(most - value for value in known)])
        return Scale(max(0.0, round(most - _nice(depth), 9)), most)
    top = _nice(max([2 * limit.value, *known]))
    return Scale(0.0, top if limit.most is None else min(top, limit.most))


def _nice(value: float) -> float:
    """The next number not below `value` at which an axis may end; 1 for nothing."""
    if value <= 0:
        return 1.0
    value = max(value, LEAST)
    power = 1.0
    while power > value:
        power /= 10
    while power * 10 < value:
        power *= 10
    return next(round(power * nice, 9) for nice in NICE if power * nice >= value * (1 - 1e-9))


def places(at: Sequence[datetime]) -> list[float]:
    """How far right each time is; a single one is at the right: it is now."""
    if len(at) < 2:  # noqa: PLR2004 - one point is no line
        return [float(RIGHT)] * len(at)
    span = at[-1] - at[0]
    return [LEFT + (one - at[0]) / span * (RIGHT - LEFT) for one in at]


def chunks(xs: Sequence[float], values: Sequence[Value]) -> Iterator[list[Place]]:
    """The points between two gaps."""
    points = zip(xs, values, strict=False)
    for there, group in groupby(points, lambda point: point[1] is not None):
        if there:
            yield [(x, value) for x, value in group if value is not None]


def runs(points: Sequence[Place], limit: Limit) -> Iterator[tuple[list[Place], bool]]:
    """The points on one side of the limit after the other; two runs share the place where the line crosses it."""
    run = [points[0]]
    beyond = limit.beyond(points[0][1])
    for (x, value), (next_x, next_value) in pairwise(points):
        if limit.beyond(next_value) is not beyond:
            part = (limit.value - value) / (next_value - value)
            crossing = (x + part * (next_x - x), limit.value)
            yield [*run, crossing], beyond
            run, beyond = [crossing], not beyond
        run.append((next_x, next_value))
    yield run, beyond


def _stroke(run: Sequence[Place], beyond: bool, limit: Limit, scale: Scale) -> Stroke:
    line = _path(run, scale)
    if not beyond or len(run) == 1:
        return Stroke(line, beyond)
    y = scale.y(limit.value)
    first, last = run[0][0], run[-1][0]
    return Stroke(line, beyond, f"M{first:.1f} {y:.1f}L{line[1:]}L{last:.1f} {y:.1f}Z")


def _path(points: Sequence[Place], scale: Scale) -> str:
    """A line through the points; of a single one, a dot (as long as its stroke has round ends)."""
    if len(points) == 1:
        points = (points[0], points[0])
    return "M" + "L".join(f"{x:.1f} {scale.y(value):.1f}" for x, value in points)


def _ticks(at: Sequence[datetime]) -> tuple[Tick, ...]:
    """The ends of the axis and its middle."""
    if len(at) < 2:  # noqa: PLR2004
        return tuple(Tick(RIGHT, "end", one) for one in at)
    middle = at[0] + (at[-1] - at[0]) / 2
    return (
        Tick(LEFT, "start", at[0]),
        Tick((LEFT + RIGHT) / 2, "middle", middle),
        Tick(RIGHT, "end", at[-1]),
    )


def _worst(at: Sequence[datetime], values: Sequence[Value], limit: Limit) -> Extreme | None:
    known = [Extreme(value, moment) for moment, value in zip(at, values, strict=True) if value is not None]
    if not known:
        return None
    pick = max if limit.side is Side.ABOVE else min
    return pick(known, key=lambda extreme: extreme.value)
