"""What the first page shows, as values: the template only puts it into words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from handlers.http.pages.languages import message
from handlers.http.pages.overview_plot import Limit, Plot, Side, plot
from telephony.calls.facts import MemberState
from telephony.calls.measures import Targets, summary
from telephony.calls.record import CallRecord, Kind
from telephony.logs import mask_number, visible
from telephony.metrics.gauges import QueueGauge
from telephony.standard.day import Lines
from telephony.standard.figures import Figures
from telephony.standard.verdict import Limits

LONGEST = 48
"""Characters shown of a name or number that we did not choose."""
TROUBLES = (
    message("no line to the PBX"),
    message("it has not said FullyBooted: it still starts, or the account lacks read = system"),
    message("not yet listed; the account needs write = reporting"),
)
"""What a follower may say is wrong, as far as it is translated."""


@dataclass(frozen=True, slots=True)
class Titles:
    """How queues, lines and agents are called, by name; a name without a title is shown as it is."""

    queues: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: Kind, name: str) -> str:
        """The title of a queue or line."""
        return (self.queues if kind is Kind.QUEUE else self.lines).get(name) or shown(name)

    def agent(self, name: str | None) -> str:
        """The title of an agent, or of the line that stands for him; empty for nobody."""
        return "" if name is None else self.agents.get(name) or self.lines.get(name) or shown(name)


@dataclass(frozen=True, slots=True)
class Desk:
    """A way to the page of an agent; `doing` None: not known."""

    name: str
    title: str
    href: str
    doing: MemberState | None = None


@dataclass(frozen=True, slots=True)
class Pictures:
    """The plots; waits in seconds, the others as shares of 1."""

    abandonment: Plot
    unanswered: Plot
    mean_wait: Plot
    within_rings: Plot


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue or line now.

    Attributes:
        title: how it is called.
        waiting: callers. oldest: the longest wait that goes on; None when nobody waits.
        rings: the ringing tone would have sounded so often in that time, begun ones too; 0 when nobody waits.
        ready: agents who could answer. staffed: agents who are there in any way; None for a line.
    """

    title: str
    waiting: int
    oldest: timedelta | None
    rings: int
    ready: int | None
    staffed: int | None


class Tone(StrEnum):
    """How an ended call stands to the standard."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Ended:
    """One ended call. `outcome`: that of its last visit, or `answered`. `caller` is masked, empty when withheld."""

    at: datetime | None
    outcome: str
    tone: Tone
    title: str
    agent: str
    caller: str
    wait: timedelta | None
    rings: int | None


def shown(text: str) -> str:
    """Text that others chose, of bounded length, with nothing in it that is not seen."""
    seen = visible(text[: LONGEST + 1])
    return seen if len(seen) <= LONGEST else seen[: LONGEST - 1] + "…"


def pictures(lines: Lines, limits: Limits) -> Pictures:
    """The plots of the day."""
    at, every = lines.at, lines.figures
    waits = [None if one.mean_wait is None else one.mean_wait.total_seconds() for one in every]
    return Pictures(
        abandonment=plot(at, [one.abandonment for one in every], Limit(limits.abandonment)),
        unanswered=plot(at, [one.unanswered_share for one in every], Limit(limits.abandonment)),
        mean_wait=plot(at, waits, Limit(limits.mean_wait.total_seconds(), kept_at=False, most=None)),
        within_rings=plot(at, [one.within_share for one in every], Limit(limits.within_share, Side.BELOW)),
    )


def floor(
    queues: Iterable[QueueGauge],
    agents: Mapping[tuple[str, MemberState], int],
    titles: Titles,
    ring: timedelta,
    names: Iterable[str] = (),
) -> list[Waiting]:
    """Who waits and who could answer, queues first, each by its title.

    Args:
        queues: of all PBXs.
        agents: the same, added up.
        titles: how they are called.
        ring: one ring, silence included.
        names: queues that are shown even when nobody waits and nobody is there.
    """
    waiting: dict[tuple[Kind, str], list[QueueGauge]] = {(Kind.QUEUE, name): [] for name in names}
    for name, _ in agents:
        waiting.setdefault((Kind.QUEUE, name), [])
    for gauge in queues:
        if gauge.waiting or gauge.kind is Kind.QUEUE:
            waiting.setdefault((gauge.kind, gauge.queue), []).append(gauge)
    rows = []
    for (kind, name), gauges in waiting.items():
        oldest = max((gauge.oldest_wait for gauge in gauges if gauge.oldest_wait is not None), default=None)
        there = {state: agents.get((name, state), 0) for state in MemberState}
        row = Waiting(
            title=titles.of(kind, name),
            waiting=sum(gauge.waiting for gauge in gauges),
            oldest=oldest,
            rings=0 if oldest is None else max(1, -(-oldest // ring)),
            ready=there[MemberState.READY] if kind is Kind.QUEUE else None,
            staffed=sum(there.values()) - there[MemberState.UNAVAILABLE] if kind is Kind.QUEUE else None,
        )
        rows.append((kind is Kind.DIRECT, row.title, name, row))
    return [row for *_, row in sorted(rows, key=lambda one: one[:3])]


def ended(call: CallRecord, targets: Targets, titles: Titles) -> Ended:
    """A call that has ended, with at least one visit."""
    measured = summary(call, targets)
    first = call.visits[0]
    outcome = "answered" if measured.answered else str(measured.outcome)
    answer = next((visit.agent for visit in call.visits if visit.answered_at is not None), None)
    title, agent = titles.of(first.kind, first.queue), titles.agent(answer)
    tone = Tone.BAD
    if measured.answered:
        late = measured.alerted and not measured.within_rings
        tone = Tone.WARN if late else Tone.GOOD
    elif not measured.sought:
        tone, outcome = Tone.NONE, "lost"
    return Ended(
        at=call.ended_at,
        outcome=outcome,
        tone=tone,
        title=title,
        agent="" if agent == title else agent,  # a line is where he sits
        caller=shown(mask_number(call.caller[:LONGEST])),
        wait=measured.wait,
        rings=measured.rings,
    )


def left_out(figures: Figures) -> bool:
    """Whether some calls are not in every figure."""
    return bool(figures.lost or figures.wait_unknown or figures.rings_unknown)


def digits(share: float) -> int:
    """Decimals that a limit needs in percent, at most one."""
    percent = share * 100
    return 0 if abs(percent - round(percent)) < 0.05 else 1  # noqa: PLR2004 - what one decimal would not show
