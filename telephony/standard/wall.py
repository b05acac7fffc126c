"""What a screen on the wall shows of a branch, as JSON-able values: version 1 of docs/wall.md.

Nothing of a caller is in it, and no name that a caller could have made up: who builds a `Row` gives a title.
A number that may be wrong is never among those that are right: what is not known is None, and whether a row or the
whole may lack calls stands beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.standard.day import Lines
from telephony.standard.evidence import Evidence
from telephony.standard.figures import Figures
from telephony.standard.outlook import Measure, Outlook, Stand, limit_of, stands, value_of, whole
from telephony.standard.verdict import Limits

VERSION = 1
BEAT = 2.0
"""Seconds: a screen is told something at least so often, or its line is dead."""
EVERY = timedelta(seconds=1)
"""A picture is made at most so often."""
NAMED = 3
"""Queues and lines of other pages where somebody waits too long: so many are named, the others counted."""
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Silence:
    """A PBX that is not, or not fully, heard, and since when."""

    pbx: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A queue or a line.

    Attributes:
        kind, name: which. title: as it is shown.
        waiting: callers; None: not known. oldest: the longest wait that goes on; None when nobody waits, or not known.
        agents: how many are in each state; None for a line, and when not known.
        day: the sums of the day. lately: of the last hour.
        doubtful: calls of it may be missing, and who waits is not known.
    """

    kind: Kind
    name: str
    title: str
    waiting: int | None
    oldest: timedelta | None
    agents: Mapping[MemberState, int] | None
    day: Figures
    lately: Figures
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Beyond:
    """What goes on in queues and lines of other pages.

    Attributes:
        waiting: callers. oldest: the longest wait that goes on; None when nobody waits.
        late: titles of those where somebody waits longer than callers are to wait on average, the longest first.
    """

    waiting: int = 0
    oldest: timedelta | None = None
    late: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a wall shows at one moment.

    Attributes:
        at: the moment.
        since: from when on the day is known; the day's beginning when `complete`.
        complete: the whole of the day is known, as far as it was measured.
        day: the sums of the day over the branch. lately: those of the last quarter of an hour.
        evidence: how well the visits of the day are known.
        rows: its queues and lines, in the order in which they are shown. more: so many are on other pages.
        first: so many are on the pages before. page, pages: from 0 on. beyond: what goes on on the others.
        silent: the PBXs that are not heard.
        doubtful: one of them may have calls of this branch.
    """

    at: datetime
    since: datetime
    complete: bool
    day: Figures
    lately: Figures
    evidence: Evidence
    rows: Sequence[Row] = ()
    more: int = 0
    silent: Sequence[Silence] = field(default=())
    doubtful: bool = False
    first: int = 0
    page: int = 0
    pages: int = 1
    beyond: Beyond = field(default_factory=Beyond)


def picture(scene: Scene, limits: Limits) -> Json:
    """The `now` of a picture: all numbers, and what is to be said of them."""
    found = stands(scene.day, scene.lately, limits)
    rows = [_row(row, limits) for row in scene.rows]
    known = [row for row in scene.rows if row.waiting is not None]
    beyond, certain = scene.beyond, not scene.doubtful
    waits = [wait for wait in (beyond.oldest, *(row.oldest for row in known)) if wait is not None]
    oldest = max(waits, default=None)
    return {
        "at": moment(scene.at),
        "outlook": whole(found).value,
        "certain": certain,
        "measures": _measures(found),
        "calls": scene.day.sought,
        "waiting": sum((row.waiting or 0 for row in known), beyond.waiting) if certain else None,
        "oldest_seconds": _seconds(oldest) if certain else None,
        "rows": rows,
        "more": scene.more,
        "first": scene.first,
        "page": scene.page,
        "pages": scene.pages,
        "elsewhere": {"late": len(beyond.late), "titles": list(beyond.late[:NAMED])},
        "complete": scene.complete,
        "since": moment(scene.since),
        "silent": [{"pbx": one.pbx, "since": moment(one.since)} for one in scene.silent],
        "evidence": scene.evidence._asdict()
        | {
            "lost": scene.day.lost,
            "wait_unknown": scene.day.wait_unknown,
            "rings_unknown": scene.day.rings_unknown,
        },
    }


def day_lines(start: datetime, branch: Lines, rows: Iterable[tuple[Kind, str, Lines]]) -> Json:
    """The `lines` of a picture: the measures over the day.

    Args:
        start: of the day.
        branch: its lines.
        rows: kind, name and lines of each queue and line that is shown.
    """
    return {
        "day": moment(start),
        "whole": _drawn(start, branch, Measure),
        "rows": {place(kind, name): _drawn(start, lines, (Measure.UNANSWERED,)) for kind, name, lines in rows},
    }


def limits_told(limits: Limits, ring: timedelta) -> Json:
    """The `limits` of a welcome."""
    asked: dict[str, object] = {measure.value: limit_of(limits, measure) for measure in Measure}
    return asked | {"rings": limits.rings, "ring_seconds": ring.total_seconds(), "beat_seconds": BEAT}


def place(kind: Kind, name: str) -> str:
    """What a queue or line is called between `now` and `lines`; unique."""
    return f"{kind.value}:{name}"


def moment(when: datetime) -> str:
    """RFC 3339, UTC, to the millisecond."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _row(row: Row, limits: Limits) -> Json:
    found = stands(row.day, row.lately, limits)
    agents = None if row.agents is None else {state.value: row.agents.get(state, 0) for state in MemberState}
    return {
        "id": place(row.kind, row.name),
        "kind": row.kind.value,
        "title": row.title,
        "outlook": whole(found).value,
        "certain": not row.doubtful,
        "waiting": None if row.doubtful else row.waiting,
        "oldest_seconds": None if row.doubtful else _seconds(row.oldest),
        "late": _late(row, limits),
        "agents": None if row.doubtful else agents,
        "calls": row.day.sought,
        "measures": _measures(found),
    }


def _late(row: Row, limits: Limits) -> bool:
    """Somebody waits already longer than callers are to wait on average."""
    return not row.doubtful and row.oldest is not None and row.oldest >= limits.mean_wait


def _measures(found: Mapping[Measure, Stand]) -> Json:
    return {measure.value: _stand(stand) for measure, stand in found.items()}


def _stand(stand: Stand) -> Json:
    known = stand.outlook is not Outlook.NO_CALLS
    return {
        "value": _figure(stand.value),
        "lately": _figure(stand.lately),
        "part": stand.part if known else None,
        "whole": stand.whole,
        "outlook": stand.outlook.value,
        "why": None if stand.why is None else stand.why.value,
    }


def _drawn(start: datetime, lines: Lines, measures: Iterable[Measure]) -> Json:
    values: dict[str, object] = {"at": [round((at - start).total_seconds()) for at in lines.at]}
    return values | {
        measure.value: [_figure(value_of(one, measure), 4) for one in lines.figures] for measure in measures
    }


def _figure(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(value, digits)


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 1)
