"""A call's story as lines for a person, or as one JSON document. Hostile text is shown escaped, numbers masked."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum

from handlers.replaying.account import Account
from handlers.replaying.comparing import Differs, differences
from handlers.replaying.steps import Step
from telephony import logs
from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    Effect,
    Irregular,
    OfferEnded,
    SaveCall,
    TalkEnded,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
    VisitRefused,
)
from telephony.calls.facts import Channel, Fact, Moment
from telephony.calls.record import CallRecord, VisitRecord
from telephony.cases.export import as_document
from telephony.cases.rows import StoredCall

NUMBERS = frozenset({"CallerIDNum", "Exten", "ConnectedLineNum"})
LINES_SHOWN = {"queue_log": "|", "cel": ","}
"""Sources whose lines are shown as they stand there, and what follows the time in them."""
EARLIER = "*"
"""Behind the time of what happened before something that stands above it."""
OURS = frozenset({"journal", "service"})
"""Sources that are ourselves."""
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_NAMES = frozenset({"uniqueid", "caller", "leg", "first", "second", "picker", "target", "transferer", "transferee"})
"""Fields of facts that are channels: the headers name them."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the database says. `why`: it was not asked, or did not answer; else `stored` None: it has no such call."""

    stored: StoredCall | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """All that there is to tell."""

    account: Account
    row: Row
    zone: tzinfo
    words: Mapping[str, str]
    verbose: bool = False
    unmasked: bool = False

    @property
    def arrived(self) -> datetime | None:
        """When the call did."""
        return self.account.call.arrived_at if self.account.call is not None else None

    @property
    def case_number(self) -> str | None:
        """The database gives them out: no journal knows it."""
        return self.row.stored.case_number if self.row.stored is not None else None

    def steps(self) -> Iterator[Step]:
        """Those that are shown."""
        return (step for step in self.account.steps if self.verbose or not step.quiet)

    def safe(self, text: str, name: str = "") -> str:
        """On one line, without control characters, without whole numbers of people."""
        if not self.unmasked:
            text = logs.mask_number(text) if name in NUMBERS else logs.mask_text(text)
        return logs.visible(text)

    def differences(self) -> list[Differs]:
        """Between journal and row."""
        call, stored = self.account.call, self.row.stored
        return [] if call is None or stored is None else differences(call, stored.call)


# --- for a person -----------------------------------------------------------------------------------------------------


def lines(story: Story) -> Iterator[str]:
    """The whole story."""
    call = story.account.call
    if call is not None:
        yield from _heading(story, call)
    latest, runs_back = datetime.min.replace(tzinfo=UTC), False
    for step in story.steps():
        at = step.at.replace(microsecond=step.at.microsecond // 1000 * 1000)  # as it is shown
        yield from _step(story, step, earlier=at < latest)
        runs_back = runs_back or at < latest
        latest = max(latest, at)
    yield ""
    if runs_back:
        yield story.words["earlier"]
    if story.account.unreadable:
        yield story.words["unreadable"].format(count=story.account.unreadable)
    if call is None:
        yield story.words["never"]
        return
    if call.ended_at is None:
        yield story.words["not_over"]
    yield f"{story.words['came_out']}:"
    yield from ("  " + line for line in json.dumps(_call(story, call), ensure_ascii=False, indent=2).splitlines())
    yield from _verdict(story)


def _heading(story: Story, call: CallRecord) -> Iterator[str]:
    words = story.words
    case = f", {words['case']} {story.case_number}" if story.case_number else ""
    at = call.arrived_at.astimezone(story.zone)
    yield f"{words['call']} {call.id}, {words['pbx']} {story.safe(call.pbx)}, {story.safe(call.uniqueid)}{case}"
    yield f"{words['arrived']} {at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} {at.tzname()}"
    yield ""


def _step(story: Story, step: Step, *, earlier: bool) -> Iterator[str]:
    at = step.at.astimezone(story.zone)
    since = "" if story.arrived is None else f"{(step.at - story.arrived).total_seconds():+.3f}"
    what = story.words.get(f"{step.source}_{step.what}", step.what)
    source = story.words.get(step.source, step.source if step.source != "ami" else "AMI")
    details = "  ".join(f"{name}={value}" for name, value in _details(story, step))
    mark = EARLIER if earlier else ""
    head = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}{mark:1}{since:>10}  #{step.position}  {source} {what}".rstrip()
    yield f"{head}  {details}".rstrip()
    indent = " " * 25
    if step.source in LINES_SHOWN or (story.verbose and step.raw):
        yield from (f"{indent}| {line}" for line in _raw(story, step))
    yield from (f"{indent}= {story.safe(meaning(fact))}" for fact in step.facts)
    for effect in step.effects:
        if story.verbose or not isinstance(effect, SaveCall):
            name, values = deed(effect)
            shown = {key: story.safe(_short(value)) for key, value in values.items()}
            yield f"{indent}> {story.words[name].format(**shown)}"


def _details(story: Story, step: Step) -> Iterator[tuple[str, str]]:
    """What we say ourselves, like positions, is nobody's number."""
    for name, value in step.details:
        yield name, logs.visible(value) if step.source in OURS else story.safe(value, name)


def _raw(story: Story, step: Step) -> list[str]:
    lines_of_it = step.raw.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    bar = LINES_SHOWN.get(step.source)
    if bar is None:
        return [story.safe(line) for line in lines_of_it]
    # Its first field is the time, which looks like somebody's number.
    cut = (line.partition(bar) for line in lines_of_it)
    return [logs.visible(time) + cut_at + story.safe(rest) for time, cut_at, rest in cut]


def _verdict(story: Story) -> Iterator[str]:
    words, row = story.words, story.row
    if row.why:
        yield words["row_unknown"].format(why=logs.visible(row.why))
    elif row.stored is None:
        yield words["row_none"]
    elif found := story.differences():
        yield words["row_differs"]
        for one in found:
            journal, theirs = story.safe(_short(one.journal)), story.safe(_short(one.row))
            yield f"  {one.field}: {words['journal_says']} {journal}, {words['database_says']} {theirs}"
    else:
        yield words["row_same"]


def meaning(fact: Fact) -> str:
    """A fact in words: its name, and what the headers do not say already."""
    name = _CAPITAL.sub(" ", type(fact).__name__).lower()
    told = []
    for one in dataclasses.fields(fact):
        value = getattr(fact, one.name)
        plain = isinstance(value, str | bool | int | timedelta) and not isinstance(value, Moment | Channel)
        if plain and one.name not in _NAMES and value not in {"", False}:
            told.append(one.name if value is True else f"{one.name} {_short(value)}")
    return f"{name} ({', '.join(told)})" if told else name


def deed(effect: Effect) -> tuple[str, dict[str, object]]:  # noqa: C901, PLR0911 - a table
    """What was done: its name, and what is to be said of it."""
    match effect:
        case CaseOpened():
            return "case_opened", {}
        case VisitEntered(visit):
            return "visit_entered", _of(visit)
        case VisitEnded(_, visit):
            return "visit_ended", _of(visit)
        case VisitRefused(_, visit):
            return "visit_refused", _of(visit)
        case VisitCorrected(_, before, visit):
            return "visit_corrected", {"before": before.outcome, **_of(visit)}
        case TalkEnded(_, visit):
            return "talk_ended", _of(visit)
        case OfferEnded(_, _, offer):
            told: dict[str, object] = {
                "agent": offer.agent,
                "result": offer.result,
                "alerting": offer.alerting,
                "rings": offer.rings,
            }
            return "offer_ended", told
        case CallEnded(call):
            return "call_ended", {"party": call.hung_up_by}
        case SaveCall(call):
            return "saved", {"revision": call.revision}
        case Irregular(what, detail):
            return "irregular", {"what": what, "detail": detail}
        case _:
            return "irregular", {"what": type(effect).__name__, "detail": ""}


def _of(visit: VisitRecord) -> dict[str, object]:
    return {
        "ordinal": visit.ordinal, "queue": visit.queue, "kind": visit.kind, "outcome": visit.outcome,
        "reason": visit.reason, "wait": visit.wait, "rings": visit.caller_rings, "quality": visit.quality,
        "agent": visit.agent, "talk": visit.talk, "hold": visit.hold, "party": visit.hung_up_by,
    }  # fmt: skip


def _short(value: object) -> str:
    match value:
        case None:
            return "-"
        case timedelta():
            return f"{value.total_seconds():.3f} s"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Enum():
            return str(value.value)
        case _:
            return str(value)


# --- for a program ----------------------------------------------------------------------------------------------------


def document(story: Story) -> dict[str, object]:
    """The whole story; times RFC 3339 UTC with microseconds, durations in seconds."""
    call, row = story.account.call, story.row
    return {
        "call": None if call is None else _call(story, call),
        "timeline": [_as_document(story, step) for step in story.steps()],
        "unreadable_records": story.account.unreadable,
        "database": {
            "asked": not row.why,
            "why": row.why or None,
            "call": None if row.stored is None else _call(story, row.stored.call),
            "differences": [
                {"field": one.field, "journal": _plain(story, one.journal), "database": _plain(story, one.row)}
                for one in story.differences()
            ],
        },
    }


def _as_document(story: Story, step: Step) -> dict[str, object]:
    since = None if story.arrived is None else (step.at - story.arrived).total_seconds()
    told: dict[str, object] = {
        "at": step.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "seconds": since,
        "position": step.position,
        "source": step.source,
        "what": step.what,
        "details": dict(_details(story, step)),
        "facts": [story.safe(meaning(fact)) for fact in step.facts],
        "effects": [
            {"what": name, **{key: _plain(story, value) for key, value in values.items()}}
            for name, values in map(deed, step.effects)
            if story.verbose or name != "saved"
        ],
    }
    if step.source in LINES_SHOWN or story.verbose:
        told["raw"] = _raw(story, step)
    return told


def _plain(story: Story, value: object) -> object:
    match value:
        case timedelta():
            return value.total_seconds()
        case None | bool() | int() | float():
            return value
        case _:
            return story.safe(_short(value))


def _call(story: Story, call: CallRecord) -> object:
    """As `export` prints it. The number of its case, which is nobody's, is what the database says."""
    document = as_document(StoredCall(call, None))
    masked = {name: _masked(story, value, name) for name, value in document.items()}
    return masked if call.case is None else masked | {"case": {"id": str(call.case), "number": story.case_number}}


def _masked(story: Story, value: object, key: str = "") -> object:
    match value:
        case dict():
            return {name: _masked(story, one, name) for name, one in value.items()}
        case list():
            return [_masked(story, one, key) for one in value]
        case str() if key in logs.NUMBER_KEYS and not story.unmasked:
            return logs.visible(logs.mask_number(value))
        case str():
            return story.safe(value)
        case _:
            return value
