"""A hall with screens on its walls: a made-up day, PBXs that are heard or not, and who may look."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from handlers.http.pages import Pages
from handlers.http.pages.people import People
from handlers.http.pages.wall import WallPage
from handlers.today import Today
from handlers.walls.painting import Painter, Premises
from handlers.walls.screens import Walls, WallScreen
from handlers.walls.sockets import WallSockets
from telephony.calls.facts import MemberState
from telephony.calls.record import CallRecord, Kind
from telephony.metrics.gauges import QueueGauge
from telephony.people.roles import Person, Role
from telephony.standard.day import Day
from tests.support.days import BRANCHES, LIMITS, SHANGHAI, TARGETS, answered, o_clock, unanswered
from tests.support.overview import AFTERNOON, Clock, gauge, nothing_saved, office_day

LOBBY, OFFICE, ZHAO = "token-of-the-lobby", "token-of-the-office", "token-of-supervisor-zhao"
WALLS = {"lobby": LOBBY, "office": OFFICE}
BOUND = {"lobby": "changzhi"}
TITLES = {"changzhi": "长治营业部", "jincheng": "晋城营业部"}


@dataclass
class Floor:
    """What a PBX shows."""

    waiting: list[QueueGauge] = field(default_factory=list)
    members: dict[tuple[str, MemberState], int] = field(default_factory=dict)
    settled: bool = True

    def queues(self) -> list[QueueGauge]:
        return self.waiting

    def agents(self) -> Mapping[tuple[str, MemberState], int]:
        return self.members


def busy_floor() -> Floor:
    return Floor(
        [gauge("support", 3, 17.4), gauge("sales", 1, 4.2), gauge("front-desk", 0, None, Kind.DIRECT)],
        {
            ("support", MemberState.READY): 1,
            ("support", MemberState.TALKING): 3,
            ("support", MemberState.PAUSED): 1,
            ("sales", MemberState.READY): 2,
            ("sales", MemberState.WRAP_UP): 1,
        },
    )


@dataclass
class Counted:
    """Counts screens."""

    open: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    def wall_opened(self) -> None:
        self.open += 1

    def wall_closed(self, reason: str, /) -> None:
        self.open -= 1
        self.ends[reason] += 1


class Hall:
    """Everything behind `/wall`.

    Attributes:
        clock: the wall clock, set by hand. seconds: the monotonic one.
        open_to_all: as the demo is on its own machine.
        bound_people: the branches to which supervisors are bound.
    """

    def __init__(self, calls: Iterable[CallRecord] = (), now: datetime = AFTERNOON, **more: Any) -> None:
        self.clock, self.seconds = Clock(now), Clock(100.0)  # type: ignore[arg-type]
        self.floors: dict[str, Floor] = more.pop("floors", {"pbx1": busy_floor()})
        self.open_to_all = False
        self.bound_people = frozenset[str]()
        day = Day(SHANGHAI, TARGETS, BRANCHES, now, lines=["front-desk"])
        self.today = Today(day, BRANCHES, nothing_saved, self.clock)
        for call in calls:
            self.today.follow(call)
        self.pages = Pages(SHANGHAI, "9.9.9")
        self.premises = Premises(
            limits=LIMITS,
            ring=timedelta(seconds=5),
            branches=BRANCHES,
            titles=more.pop("titles", TITLES),
            queues={"support": "客户咨询", "sales": "产品销售"},
            lines={"front-desk": "前台"},
            title=lambda name: f"<{name}>",
            assets=self.pages.static.version,
        )
        self.painter = Painter(self.premises, self.today, self.floors, self.clock)
        self.measured = Counted()
        self.walls = Walls(self.painter, self.measured, lambda: float(self.seconds()), **more)  # type: ignore[arg-type]
        self.people = People({"zhao": ZHAO}, self.pages, lambda: self.clock().timestamp())
        self.sockets = self.door()

    def door(self, **more: Any) -> WallSockets:
        def clock() -> float:
            return asyncio.get_running_loop().time()

        def who(request: web.Request) -> Person | None:
            name = "" if self.open_to_all else self.people.who(request)
            return None if name is None else Person(name, Role.SUPERVISOR, self.bound_people)

        return WallSockets(self.walls, WALLS, BOUND, who, (), clock, **more)

    def application(self) -> web.Application:
        """With the page, the files it needs, and the door for supervisors."""
        app = web.Application()
        self.pages.setup(app)
        app.add_routes([*WallPage(self.pages).routes(), *self.people.routes(), self.sockets.route()])
        return app

    async def whole_day(self) -> Hall:
        """The database has told what was before."""
        await self.today.read()
        return self

    def passes(self, seconds: float) -> None:
        """Time does, and a tick with it."""
        self.clock.now += timedelta(seconds=seconds)
        self.seconds.now += seconds  # type: ignore[operator]
        self.walls.tick()


def kept(now: datetime = AFTERNOON) -> Hall:
    return Hall(office_day(now, 0.0, seed=5), now)


def missed(now: datetime = AFTERNOON) -> Hall:
    return Hall(office_day(now, 1.0, seed=4), now)


def at_risk(now: datetime = AFTERNOON) -> Hall:
    """A good day whose last minutes are bad."""
    calls = [
        answered(n, o_clock("09:00") + timedelta(minutes=n), queue="support" if n % 3 else "sales") for n in range(390)
    ]
    calls += [unanswered(1000 + n, now - timedelta(minutes=n)) for n in range(8)]
    return Hall(calls, now)


async def taken(screen: WallScreen) -> dict[str, Any]:
    """The next message."""
    async with asyncio.timeout(5):
        text = await screen.take()
    assert isinstance(text, str), text
    document: dict[str, Any] = json.loads(text)
    return document
