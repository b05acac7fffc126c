"""The picture of a branch, made of the calls of today and of what the PBXs show now."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from handlers.walls.floor import Floor, Standing, standing_of
from telephony.calls.record import Kind
from telephony.cases.rows import storable
from telephony.standard.day import Branches, Lines
from telephony.standard.evidence import Evidence
from telephony.standard.figures import Figures
from telephony.standard.places import NOTHING, Place
from telephony.standard.verdict import Limits
from telephony.standard.wall import EVERY, VERSION, Beyond, Json, Row, Scene, Silence, day_lines, limits_told, picture

ROWS = 40
"""Queues and lines on one page; of more there are several, in their order, so that each is on one of them."""
PHONES = Place(Kind.DIRECT, None)
"""All phones that are no line."""
Shown: TypeAlias = tuple[str | None, int]
"""A branch, and a page of it."""
REDRAWN = timedelta(seconds=10)
"""The lines of the day are made so often."""


class KnowsToday(Protocol):
    """The calls that ended today: `handlers.today.Today`."""

    @property
    def start(self) -> datetime:
        """Of the day."""
        ...

    @property
    def complete(self) -> bool:
        """The whole of today is known."""
        ...

    @property
    def since(self) -> datetime:
        """From when on today is known."""
        ...

    def figures(self, branch: str | None, /) -> Figures:
        """The sums."""
        ...

    def evidence(self, branch: str | None, /) -> Evidence:
        """How well the visits behind them are known."""
        ...

    def lines(self, branch: str | None, /) -> Lines:
        """The lines until now."""
        ...

    def places(self) -> Sequence[Place]:
        """Every queue and line in which calls ended."""
        ...

    def figures_at(self, place: Place, /) -> Figures:
        """The sums of one of them."""
        ...

    def lines_at(self, place: Place, /) -> Lines:
        """The lines of one of them until now."""
        ...


@dataclass(frozen=True, slots=True)
class Premises:
    """What the configuration says of the place.

    Attributes:
        limits: what the standard asks. ring: one ring, silence included.
        branches: which queue and line belongs to which branch. titles: of every branch, by name.
        queues, lines: names with their titles, in the order in which they are shown.
        title: how a queue or line without a title is shown.
        assets: the build of the page's files; a page with another one loads itself anew.
    """

    limits: Limits
    ring: timedelta
    branches: Branches
    titles: Mapping[str, str]
    queues: Mapping[str, str]
    lines: Mapping[str, str]
    title: Callable[[str], str]
    assets: str = ""


@dataclass(frozen=True, slots=True)
class Painted:
    """One picture: JSON texts of its two halves. `drawn` grows whenever the lines are others than before."""

    now: str
    lines: str
    drawn: int


@dataclass(frozen=True, slots=True)
class _Drawing:
    """The lines of a branch, as they were at a moment."""

    at: datetime
    day: datetime
    places: tuple[Place, ...]
    lately: Figures
    of: Mapping[Place, Figures]
    text: str
    number: int


class Painter:
    """Makes the pictures.

    Args:
        premises: what the configuration says.
        today: the calls that ended today.
        floors: what each PBX shows now, by its name.
        now: the wall clock.
    """

    def __init__(
        self, premises: Premises, today: KnowsToday, floors: Mapping[str, Floor], now: Callable[[], datetime]
    ) -> None:
        self._premises, self._today, self._floors, self._now = premises, today, floors, now
        self._painted: dict[Shown, tuple[datetime, Painted]] = {}
        self._drawings: dict[Shown, _Drawing] = {}
        self._silent: dict[str, datetime] = {}
        self._stood: tuple[datetime, Standing] | None = None
        self._number = 0

    @property
    def branches(self) -> Mapping[str, str]:
        """Every branch, with its title."""
        return self._premises.titles

    def look(self) -> None:
        """Once a second, so that since when a PBX is not heard is known also to who comes later."""
        now = self._now()
        self._silent = {name: self._silent.get(name, now) for name, one in self._floors.items() if not one.settled}

    def keep(self, shown: Collection[Shown]) -> None:
        """Nobody looks at any other any more."""
        self._painted = {one: painted for one, painted in self._painted.items() if one in shown}
        self._drawings = {one: drawing for one, drawing in self._drawings.items() if one in shown}

    def welcome(self, branch: str | None, choices: Iterable[str], person: str) -> str:
        """What a screen is told first: which branch it shows, among which to choose, who looks, what is asked."""
        titles = self._premises.titles
        sole = next(iter(titles.values())) if len(titles) == 1 else None
        return _json(
            {
                "type": "welcome",
                "v": VERSION,
                "branch": {"name": branch, "title": sole if branch is None else titles[branch]},
                "branches": [{"name": name, "title": titles[name]} for name in choices],
                "person": person,
                "assets": self._premises.assets,
                "limits": limits_told(self._premises.limits, self._premises.ring),
            }
        )

    def paint(self, branch: str | None, page: int = 0) -> Painted:
        """A page of the picture of a branch (None: of all), as of now or of half a second ago.

        The last page, where it has fewer.

        Raises:
            KeyError: there is no such branch.
        """
        now = self._now()
        known = self._painted.get((branch, page))
        if known is not None and timedelta() <= now - known[0] < EVERY / 2:
            return known[1]
        today, standing = self._today, self._standing(now)
        places = self._places(branch, standing)
        pages = max(1, -(-len(places) // ROWS))
        first = min(page, pages - 1) * ROWS
        shown = places[first : first + ROWS]
        drawing = self._draw((branch, page), shown, now)
        rows = [self._row(place, standing, drawing) for place in shown]
        silence = [Silence(name, since) for name, since in sorted(self._silent.items())]
        doubtful = bool(silence) if branch is None else any(standing.doubtful(place) for place in places)
        scene = Scene(
            at=now,
            since=today.since,
            complete=today.complete,
            day=today.figures(branch),
            lately=drawing.lately,
            evidence=today.evidence(branch),
            rows=rows,
            more=len(places) - len(rows),
            first=first,
            page=first // ROWS,
            pages=pages,
            beyond=self._beyond(places[:first] + places[first + ROWS :], standing),
            silent=silence,
            doubtful=doubtful,
        )
        painted = Painted(_json(picture(scene, self._premises.limits)), drawing.text, drawing.number)
        self._painted[branch, page] = now, painted
        return painted

    def _standing(self, now: datetime) -> Standing:
        """What the PBXs show: found out once for all branches that are painted at one time."""
        known = self._stood
        if known is None or not timedelta() <= now - known[0] < EVERY / 2:
            known = self._stood = now, standing_of(self._floors)
        return known[1]

    def _places(self, branch: str | None, standing: Standing) -> list[Place]:
        """Those of a branch, as configured; of all, whatever else there is, by name, behind them."""
        own, premises = self._premises.branches, self._premises
        if branch is not None:
            return [Place(Kind.QUEUE, name) for name, of in own.queues.items() if of == branch] + [
                Place(Kind.DIRECT, name) for name, of in own.lines.items() if of == branch
            ]
        queues = [Place(Kind.QUEUE, name) for name in premises.queues]
        lines = [Place(Kind.DIRECT, name) for name in premises.lines]
        found = {*standing.places(premises.lines), *self._today.places()}.difference(queues, lines)
        rest = sorted(found, key=lambda place: (place.kind is Kind.DIRECT, place.name is None, place.name or ""))
        named = [place for place in rest if place.kind is Kind.QUEUE and place.name is not None]
        return queues + named + lines + [place for place in rest if place.kind is Kind.DIRECT or place.name is None]

    def _beyond(self, places: Sequence[Place], standing: Standing) -> Beyond:
        """What goes on on other pages: there may be thousands of places, and somebody waits in few of them."""
        lines = self._premises.lines
        busy = [place for place in places if place in standing.callers or place == PHONES]
        oldest = {place: wait for place in busy if (wait := standing.oldest(place, lines)) is not None}
        limit = self._premises.limits.mean_wait
        late = [place for place, wait in oldest.items() if wait >= limit and not standing.doubtful(place)]
        late.sort(key=oldest.__getitem__, reverse=True)
        waiting = sum(standing.waiting(place, lines) for place in busy)
        return Beyond(waiting, max(oldest.values(), default=None), [self._title(place) for place in late])

    def _row(self, place: Place, standing: Standing, drawing: _Drawing) -> Row:
        lines = self._premises.lines
        return Row(
            kind=place.kind,
            name=place.name or "",
            title=self._title(place),
            waiting=standing.waiting(place, lines),
            oldest=standing.oldest(place, lines),
            agents=standing.agents(place),
            day=self._today.figures_at(place),
            lately=drawing.of.get(place, NOTHING),
            doubtful=standing.doubtful(place),
        )

    def _title(self, place: Place) -> str:
        if place.name is None:
            return ""
        titles = self._premises.queues if place.kind is Kind.QUEUE else self._premises.lines
        return titles.get(place.name) or self._premises.title(place.name)

    def _draw(self, of: Shown, places: Sequence[Place], now: datetime) -> _Drawing:
        """The lines, made anew only now and then: over a long day of many queues they take some milliseconds."""
        known, today, shown = self._drawings.get(of), self._today, tuple(places)
        if known is not None and (known.day, known.places) == (today.start, shown) and abs(now - known.at) < REDRAWN:
            return known
        self._number += 1
        whole = today.lines(of[0])
        each = {place: today.lines_at(place) for place in shown}
        text = _json(day_lines(today.start, whole, [(p.kind, p.name or "", lines) for p, lines in each.items()]))
        lately = {place: lines.figures[-1] for place, lines in each.items() if lines.figures}
        recent = whole.figures[-1] if whole.figures else NOTHING
        drawing = _Drawing(now, today.start, shown, recent, lately, text, self._number)
        self._drawings[of] = drawing
        return drawing


def _json(document: Json) -> str:
    """As text that can be sent: a PBX may name things in what is no UTF-8."""
    return storable(json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
