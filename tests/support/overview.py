"""Days to look at: the first page of a made-up branch on a made-up day, from real records."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from aiohttp import web

from handlers.http.gate import Gate
from handlers.http.health import Health, application
from handlers.http.pages import Pages
from handlers.http.pages.overview import Desk, Overview, Site, Sources, Titles
from handlers.today import Today
from telephony.calls.facts import MemberState
from telephony.calls.record import CallRecord, Kind, Outcome
from telephony.metrics import Labels, Measures
from telephony.metrics.gauges import QueueGauge
from telephony.people.roles import Person, Role
from tests.support.days import BRANCHES, LIMITS, SHANGHAI, TARGETS, answered, day, o_clock, unanswered

AFTERNOON = o_clock("15:42:07")
TITLES = Titles(
    {"support": "客户咨询", "sales": "产品销售"}, {"front-desk": "前台"}, {"Agent 1001": "张敏", "Agent 1002": "李强"}
)
HOSTILE = '<img src=x onerror="alert(1)">\u202e'


@dataclass
class Floor:
    """What a PBX shows."""

    waiting: list[QueueGauge] = field(default_factory=list)
    members: dict[tuple[str, MemberState], int] = field(default_factory=dict)
    trouble: str = ""

    def queues(self) -> list[QueueGauge]:
        return self.waiting

    def agents(self) -> Mapping[tuple[str, MemberState], int]:
        return self.members


def gauge(queue: str, waiting: int = 0, oldest: float | None = None, kind: Kind = Kind.QUEUE) -> QueueGauge:
    wait = None if oldest is None else timedelta(seconds=oldest)
    return QueueGauge(queue=queue, kind=kind, waiting=waiting, settling=0, oldest_wait=wait, residual=0)


def busy_floor() -> Floor:
    return Floor(
        [gauge("support", 3, 17.4), gauge("sales", 1, 4.2), gauge("front-desk", 1, 12, Kind.DIRECT)],
        {
            ("support", MemberState.READY): 1,
            ("support", MemberState.TALKING): 3,
            ("support", MemberState.PAUSED): 1,
            ("sales", MemberState.READY): 2,
        },
    )


def office_day(until: datetime, strain: float, seed: int = 3) -> list[CallRecord]:
    """Calls since half past eight; `strain` 0 is a calm day, 1 one that breaks the standard, with a bad hour at 10."""
    rng, calls, ended = Random(seed), list[CallRecord](), o_clock("08:31", day=f"{until:%Y-%m-%d}")
    while ended < until:
        hours = (ended - o_clock("00:00")).total_seconds() / 3600 % 24
        peak = math.exp(-((hours - 10.4) ** 2) / 0.5) + 0.7 * math.exp(-((hours - 14.5) ** 2) / 0.4)
        pressed = 0.25 + strain * 0.35 + peak * (0.55 + strain * 0.6)
        wait = max(2.0, rng.gauss(11, 4) * (0.4 + pressed * 1.9))
        queue = rng.choices(["support", "sales"], [4, 1])[0]
        gone = rng.random() < 0.03 + 0.10 * pressed**2 * (0.55 + strain)
        number = len(calls)
        if gone:
            outcome = Outcome.ABANDONED if rng.random() < 0.8 else Outcome.TIMEOUT
            calls.append(unanswered(number, ended, outcome=outcome, wait=wait * 2.2, queue=queue))
        else:
            rings = 1 + int(rng.random() * 2.2 + max(0.0, pressed - 0.75) * 2.6 * rng.random())
            agent = rng.choice(["Agent 1001", "Agent 1002", "Agent 1003"])
            calls.append(answered(number, ended, wait=wait, rings=rings, queue=queue, agent=agent))
        lunch = 4.0 if 11.8 < hours < 13.2 else 1.0
        ended += timedelta(seconds=rng.expovariate(1 / (38 * lunch)) + 1)
    return [replace(call, caller=f"+86138{index:04}{index * 7919 % 10000:04}") for index, call in enumerate(calls)]


async def nothing_saved(_since: datetime) -> AsyncGenerator[CallRecord, None]:
    for call in list[CallRecord]():
        yield call


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Scene:
    """A page and what it shows; `seen_by` is the name of who asks, `bound` to these branches."""

    def __init__(self, calls: list[CallRecord], now: datetime = AFTERNOON, *, branches: bool = False) -> None:
        self.clock = Clock(now)
        self.floors = {"pbx1": busy_floor()}
        self.desks = [
            Desk("1001", "张敏", "/desk", MemberState.TALKING),
            Desk("1002", "李强", "/desk", MemberState.READY),
            Desk("1003", "1003", "/desk"),
        ]
        self.seen_by: str | None = "zhao"
        self.bound = frozenset[str]()
        self.today = Today(day(now), BRANCHES, nothing_saved, self.clock)
        for call in calls:
            self.today.follow(call)
        titles = {"changzhi": "长治营业部", "jincheng": "晋城营业部"} if branches else {}
        self.site = Site(LIMITS, TARGETS, timedelta(seconds=5), BRANCHES, titles, TITLES)

    def application(self) -> web.Application:
        """With the page, the files it needs, and a place where desks are."""
        pages = Pages(SHANGHAI, "9.9.9")
        sources = Sources(self.clock, self.today, self.floors, lambda _: self.desks)
        app = application(Health(Measures(Labels(("pbx1",))), list, None))
        Gate(self.who, lambda: 0.0).setup(app)
        pages.setup(app)
        app.add_routes(Overview(pages, self.site, sources).routes())
        return app

    async def who(self, _request: web.Request) -> Person | None:
        return None if self.seen_by is None else Person(self.seen_by, Role.SUPERVISOR, self.bound)

    async def whole_day(self) -> None:
        """The database has told what was before."""
        await self.today.read()


def kept(now: datetime = AFTERNOON) -> Scene:
    return Scene(office_day(now, 0.0, seed=5), now)


def missed(now: datetime = AFTERNOON) -> Scene:
    return Scene(office_day(now, 1.0, seed=4), now)
