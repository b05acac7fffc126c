"""`GET /`: today against the standard, at a glance, complete without a script; who waits; the last calls; the desks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Protocol

from aiohttp import web

from handlers.http.gate import asker, needs
from handlers.http.pages.overview_view import (
    Desk,
    Pictures,
    Titles,
    Waiting,
    digits,
    ended,
    floor,
    left_out,
    pictures,
)
from handlers.http.pages.shell import Pages
from telephony.calls.facts import MemberState
from telephony.calls.measures import Targets
from telephony.calls.record import CallRecord, Kind
from telephony.metrics.gauges import QueueGauge
from telephony.people.roles import Permission, Person, bounds
from telephony.standard.day import Branches, Lines
from telephony.standard.figures import Figures
from telephony.standard.verdict import Limits, judge

__all__ = ["Desk", "Overview", "Site", "Sources", "Titles", "from_this_machine"]

FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
"""What proxies add."""


class Floor(Protocol):
    """What one PBX shows now: `handlers.follow.Follower`."""

    @property
    def trouble(self) -> str:
        """Why it is not, or not fully, known; empty when it is."""
        ...

    def queues(self) -> Sequence[QueueGauge]:
        """Every queue and line in which somebody waits, or that was compared."""
        ...

    def agents(self) -> Mapping[tuple[str, MemberState], int]:
        """How many agents of a queue are in a state."""
        ...


class KnowsToday(Protocol):
    """The calls that ended today: `handlers.today.Today`."""

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

    def lines(self, branch: str | None, /) -> Lines:
        """The lines until now."""
        ...

    def recent(self, branch: str | None, /) -> Sequence[CallRecord]:
        """The last calls, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """What the configuration says of the place.

    Attributes:
        limits: what the standard asks of the day.
        targets: what it asks of a call.
        ring: one ring, silence included.
        branches: which queue and line belongs to which branch.
        branch_titles: every branch by name, in the order of its tab; empty: the page has no tabs.
        titles: how queues, lines and agents are called.
    """

    limits: Limits
    targets: Targets
    ring: timedelta
    branches: Branches = field(default_factory=Branches)
    branch_titles: Mapping[str, str] = field(default_factory=dict)
    titles: Titles = field(default_factory=Titles)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the page asks, each time.

    Attributes:
        now: the wall clock.
        today: the calls that ended today.
        floors: what each PBX shows now, by its name.
        desks: the ways to the agents' pages; of one branch, or (None) all.
    """

    now: Callable[[], datetime]
    today: KnowsToday
    floors: Mapping[str, Floor]
    desks: Callable[[str | None], Sequence[Desk]] = lambda _: ()


class Overview:
    """The first page.

    Args:
        pages: renders.
        site: what the configuration says.
        sources: what is now.
    """

    def __init__(self, pages: Pages, site: Site, sources: Sources) -> None:
        self._pages, self._site, self._sources = pages, site, sources
        self._drawn: dict[str | None, tuple[tuple[datetime, Figures], Pictures]] = {}

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/", self.page)]

    @needs(Permission.FIGURES)
    async def page(self, request: web.Request) -> web.Response:
        """The page; with `?part=now` only what changes in it, with `?branch=NAME` of one branch.

        Raises:
            HTTPForbidden: the branch is none of his. HTTPNotFound: there is no such branch.
        """
        person = asker(request)
        branch = self._branch(request.query.get("branch"), person)
        template = "overview-now.html" if request.query.get("part") == "now" else "overview.html"
        response = self._pages.render(request, template, **self._shown(branch, person))
        response.enable_compression()  # a sixth of it, every two seconds
        return response

    def _branch(self, asked: str | None, person: Person) -> str | None:
        """The branch that is shown: of who is bound to some, the first of them unless he asks for another."""
        own, titles = bounds(person, Permission.FIGURES), self._site.branch_titles
        if own is None:
            if asked is not None and asked not in titles:
                raise web.HTTPNotFound
            return asked
        known = list(titles) or sorted({*self._site.branches.queues.values(), *self._site.branches.lines.values()})
        his = [name for name in known if name in own]
        if not his or (asked is not None and asked not in his):
            raise web.HTTPForbidden
        return asked or his[0]

    def _shown(self, branch: str | None, person: Person) -> dict[str, Any]:
        own = bounds(person, Permission.FIGURES)
        today, site = self._sources.today, self._site
        figures = today.figures(branch)
        return {
            "at": self._sources.now(),
            "assets": self._pages.static.version,
            "branch": branch,
            "branches": {name: title for name, title in site.branch_titles.items() if own is None or name in own},
            "everywhere": own is None,
            "limits": site.limits,
            "digits": digits,
            "figures": figures,
            "left_out": left_out(figures),
            "verdicts": judge(figures, site.limits),
            "pictures": self._pictures(branch, figures),
            "complete": today.complete,
            "since": today.since,
            "waiting": self._floor(branch),
            "troubles": [(name, one.trouble) for name, one in self._sources.floors.items() if one.trouble],
            "pbxs": len(self._sources.floors),
            "calls": [ended(call, site.targets, site.titles) for call in today.recent(branch)],
            "desks": self._sources.desks(None if own is None else branch),
        }

    def _pictures(self, branch: str | None, figures: Figures) -> Pictures:
        """Drawn once a second for however many look: on a long day that takes some milliseconds."""
        key = (self._sources.now().replace(microsecond=0), figures)
        known = self._drawn.get(branch)
        if known is None or known[0] != key:
            known = self._drawn[branch] = (key, pictures(self._sources.today.lines(branch), self._site.limits))
        return known[1]

    def _floor(self, branch: str | None) -> list[Waiting]:
        """Who waits on the PBXs that are heard: of the others nothing is known."""
        of = self._site.branches.of
        queues: list[QueueGauge] = []
        agents: Counter[tuple[str, MemberState]] = Counter()
        for one in self._sources.floors.values():
            if one.trouble:
                continue
            queues += [gauge for gauge in one.queues() if branch is None or of(gauge.kind, gauge.queue) == branch]
            for (name, state), count in one.agents().items():
                if branch is None or of(Kind.QUEUE, name) == branch:
                    agents[name, state] += count
        return floor(queues, agents, self._site.titles, self._site.ring)


def from_this_machine(request: web.Request) -> bool:
    """Whether a browser on this machine asks, and asks for this machine.

    The peer alone does not tell: a page of another site may have its name resolve to 127.0.0.1, and read the answer as
    its own. Then the Host is that name. Nor does it tell behind a proxy, so whoever comes through one does not.
    """
    if FORWARDED & {name.lower() for name in request.headers}:
        return False
    try:
        peer = ip_address(request.remote or "")
        host = request.url.host or ""
        return peer.is_loopback and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
