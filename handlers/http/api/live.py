"""`GET /api/v1/live`: who waits now and who could answer, by queue, line and branch. Nothing of a caller is in it.

Of a PBX that is not heard nothing is known: its numbers are null, never those of a minute ago.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from handlers.http.api.measures import HEADERS, NOT_YOURS
from handlers.http.gate import asker, needs
from handlers.http.problems import problem
from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.cases.export import instant, seconds
from telephony.cases.rows import storable
from telephony.metrics.gauges import QueueGauge
from telephony.people.roles import Permission, bounds
from telephony.standard.day import Branches

Document = dict[str, object]
PARAMETERS = ("branch",)
STATES = frozenset(MemberState)


class LiveFloor(Protocol):
    """What one PBX shows now: `handlers.follow.Follower`."""

    @property
    def trouble(self) -> str:
        """Why it is not, or not fully, known; empty when it is."""
        ...

    @property
    def silence(self) -> timedelta | None:
        """Since it said anything; None: it never has."""
        ...

    def queues(self) -> Sequence[QueueGauge]:
        """Every queue and line in which somebody waits or settles, or that was compared."""
        ...

    def members(self) -> Mapping[tuple[str, str], MemberState]:
        """What each phone can do in each queue, by queue and phone."""
        ...

    @property
    def line_states(self) -> Callable[[], Mapping[str, str]]:
        """Gives what the phones of direct lines are doing, by the line's name, in the words of `MemberState`."""
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """What the configuration says of the place.

    Attributes:
        branches: which queue and line belongs to which branch. branch_names: all of them.
        lines: the phone of each line. titles: how queues, lines and branches are called, by kind (None: a branch).
    """

    branches: Branches = field(default_factory=Branches)
    branch_names: tuple[str, ...] = ()
    lines: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[tuple[Kind | None, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Here:
    """One queue or line of one PBX; `gauge` and `members` None when nothing is known of now.

    `state`: of a line's phone; None: not known.
    """

    pbx: str
    kind: Kind
    name: str
    branch: str | None
    gauge: QueueGauge | None
    members: Mapping[str, MemberState] | None
    state: str | None = None


class LiveApi:
    """Answers what is now.

    Args:
        floors: what each PBX shows, by its name.
        published: what the configuration says.
        now: the wall clock.
    """

    def __init__(self, floors: Mapping[str, LiveFloor], published: Published, now: Callable[[], datetime]) -> None:
        self._floors, self._published, self._now = floors, published, now

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/api/v1/live", self.live, allow_head=False)]

    @needs(Permission.LIVE, program=True)
    async def live(self, request: web.Request) -> web.Response:
        """All that is now, or with `?branch=` what is of one branch; of who is bound to some, these."""
        for name in request.query:
            if name not in PARAMETERS:
                return problem(HTTPStatus.BAD_REQUEST, f"{name[:100]}: is not known; known is branch")
        branch = request.query.get("branch")
        if branch is not None and branch not in self._published.branch_names:
            return problem(HTTPStatus.NOT_FOUND, "branch: there is none of that name", parameter="branch")
        own = bounds(asker(request), Permission.LIVE)
        if branch is not None and own is not None and branch not in own:
            return problem(HTTPStatus.FORBIDDEN, f"branch: {NOT_YOURS}", parameter="branch")
        document = picture(self._floors, self._published, self._now(), own if branch is None else {branch})
        text = storable(json.dumps(document, ensure_ascii=False))  # a PBX may name things in what is no UTF-8
        return web.Response(text=text + "\n", content_type="application/json", headers=HEADERS)


def picture(
    floors: Mapping[str, LiveFloor], published: Published, now: datetime, branches: Collection[str] | None = None
) -> Document:
    """What is now, of these branches; None: of all, and of what belongs to none."""
    places = [
        place
        for pbx, floor in floors.items()
        for place in _places(pbx, floor, published)
        if branches is None or place.branch in branches
    ]
    unheard = {pbx for pbx, floor in floors.items() if floor.trouble}
    known = {place.pbx for place in places}
    names = [name for name in published.branch_names if branches is None or name in branches]
    return {
        "at": instant(now),
        "complete": not unheard,
        "pbxs": [_pbx(pbx, floor) for pbx, floor in floors.items()],
        "queues": [_queue(place, published, now) for place in places if place.kind is Kind.QUEUE],
        "lines": [_line(place, published, now) for place in places if place.kind is Kind.DIRECT],
        # A PBX of which nothing was ever heard may have queues of any branch.
        "branches": [
            _branch(name, [one for one in places if one.branch == name], unheard - known, published, now)
            for name in names
        ],
    }


def _places(pbx: str, floor: LiveFloor, published: Published) -> list[Here]:
    """Its queues and lines, by name; those of the configuration and those it has told of."""
    heard = not floor.trouble
    gauges = {(gauge.kind, gauge.queue): gauge for gauge in floor.queues()}
    members: dict[str, dict[str, MemberState]] = {}
    phones: dict[str, MemberState] = {}
    for (queue, phone), state in floor.members().items():
        members.setdefault(queue, {})[phone] = state
        phones[phone] = _worse(phones.get(phone, MemberState.READY), state)
    told = floor.line_states() if heard else {}
    keys = {*gauges, *((Kind.QUEUE, queue) for queue in members), *((Kind.DIRECT, line) for line in published.lines)}
    return [
        Here(
            pbx,
            kind,
            name,
            published.branches.of(kind, name),
            gauges.get((kind, name), QueueGauge(name, kind, 0, 0, None, None)) if heard else None,
            members.get(name, {}) if heard and kind is Kind.QUEUE else None,
            _state(name, told, phones, published) if heard and kind is Kind.DIRECT else None,
        )
        for kind, name in sorted(keys)
    ]


def _state(line: str, told: Mapping[str, str], phones: Mapping[str, MemberState], published: Published) -> str | None:
    """What the phone of a line is doing, as far as anybody tells; else as the queues tell that it serves."""
    if line in told:
        return told[line] if told[line] in STATES else None
    phone = published.lines.get(line)
    return None if phone is None else phones.get(phone)


def _pbx(name: str, floor: LiveFloor) -> Document:
    trouble = floor.trouble
    return {
        "name": name,
        "heard": not trouble,
        "trouble": trouble or None,
        "silent_seconds": seconds(floor.silence),
    }


def _queue(place: Here, published: Published, now: datetime) -> Document:
    counts = None if place.members is None else Counter(place.members.values())
    return {**_waiting(place, published, now), "agents": _states(counts)}


def _line(place: Here, published: Published, now: datetime) -> Document:
    return {**_waiting(place, published, now), "state": place.state}


def _waiting(place: Here, published: Published, now: datetime) -> Document:
    return {
        "pbx": place.pbx,
        "name": place.name,
        "title": published.titles.get((place.kind, place.name)),
        "branch": place.branch,
        "heard": place.gauge is not None,
        **_callers([place.gauge], now),
    }


def _branch(name: str, places: Sequence[Here], unknown: Iterable[str], published: Published, now: datetime) -> Document:
    gauges: list[QueueGauge | None] = [place.gauge for place in places]
    gauges += [None for _ in unknown]
    heard = None not in gauges
    states: dict[tuple[str, str], MemberState] = {}
    for place in places:
        if place.kind is Kind.QUEUE:
            for phone, state in (place.members or {}).items():
                key = place.pbx, phone
                states[key] = _worse(states.get(key, MemberState.READY), state)
    return {
        "name": name,
        "title": published.titles.get((None, name)),
        "heard": heard,
        **_callers(gauges, now),
        "agents": _states(Counter(states.values()) if heard else None),
    }


def _callers(gauges: Sequence[QueueGauge | None], now: datetime) -> Document:
    """Who waits in all of these; nothing where one is not known."""
    known = [gauge for gauge in gauges if gauge is not None]
    if len(known) < len(gauges):
        return {"waiting": None, "settling": None, "oldest_wait_seconds": None, "oldest_since": None}
    oldest = max((gauge.oldest_wait for gauge in known if gauge.oldest_wait is not None), default=None)
    return {
        "waiting": sum(gauge.waiting for gauge in known),
        "settling": sum(gauge.settling for gauge in known),
        "oldest_wait_seconds": seconds(oldest),
        "oldest_since": None if oldest is None else instant(now - oldest),
    }


def _states(counts: Counter[MemberState] | None) -> Mapping[str, int] | None:
    return None if counts is None else {state.value: counts[state] for state in MemberState}


def _worse(one: MemberState, other: MemberState) -> MemberState:
    """Of several queues, what keeps a phone from being free."""
    return other if one is MemberState.READY else one
