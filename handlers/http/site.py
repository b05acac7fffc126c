"""The web side, put together: what machines ask, what people look at, and the screens of agents."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from uuid import UUID

from aiohttp import web

from handlers.customers.answering import Callers, callers_of
from handlers.customers.side import CustomerSide
from handlers.desk.agentdesks import AgentDesks, posts_of, queues_of, terms_of
from handlers.desk.atscreens import AtScreens
from handlers.desk.hands import hands_of
from handlers.export import targets_of
from handlers.follow import Follower
from handlers.http.api.side import api_routes
from handlers.http.doorkeeper import Doorkeeper
from handlers.http.forms import Forms
from handlers.http.gate import Gate
from handlers.http.health import Health, application
from handlers.http.pages.admin_audit import AuditPage
from handlers.http.pages.admin_users import Choices, UsersPage
from handlers.http.pages.customer_lists import CustomerListsPage
from handlers.http.pages.customers import CustomersPage
from handlers.http.pages.desk import DeskPage
from handlers.http.pages.login import LoginPage
from handlers.http.pages.overview import Desk, Overview, Site, Sources, Titles, from_this_machine
from handlers.http.pages.overview_view import shown
from handlers.http.pages.people import People
from handlers.http.pages.shell import Pages
from handlers.http.pages.wall import WallPage
from handlers.measuring import Saves
from handlers.people.side import PeopleSide, people_side
from handlers.screens import Audit, Screens
from handlers.today import Today
from handlers.walls.painting import Painter, Premises
from handlers.walls.screens import Walls
from handlers.walls.sockets import WallSockets, Who
from handlers.websocket import Sockets
from telephony.ami.settings import SystemClock
from telephony.calls.facts import MemberState, Moment
from telephony.calls.record import CallRecord, Kind
from telephony.cases.earlier import Earlier
from telephony.cases.ended import ended_since
from telephony.cases.keys import Terms
from telephony.config import Agent, Config
from telephony.customers.lookup import Found
from telephony.metrics import Measures
from telephony.people.audit import Kind as Concerned
from telephony.people.audit import Verb
from telephony.screenpop.board import Desk as Place
from telephony.screenpop.messages import Limits as Asked
from telephony.screenpop.messages import Told
from telephony.standard.day import Branches, Day
from telephony.standard.verdict import Limits

LOOK_EVERY = 1.0
"""Seconds between looks whether who has a screen open is still signed in."""


@dataclass(slots=True)
class WebSide:
    """Pages, screens, and what they show."""

    app: web.Application
    screens: Screens
    today: Today
    sockets: Sockets
    earlier: Earlier
    walls: WallSockets
    people: PeopleSide
    pages: Pages
    callers: Callers
    customers: CustomerSide
    at_desks: AtScreens

    def follow(self, call: CallRecord, at: Moment) -> None:
        """A new state of a call, and the moment that brought it about."""
        self.screens.follow(call, at.mono.total_seconds(), at.wall, stamped=at.stamped)
        self.today.follow(call)

    async def run(self) -> None:
        """Let time pass for the screens, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.screens.run(), name="desks")
                tasks.create_task(self.walls.walls.run(), name="walls")
                tasks.create_task(self.people.run(), name="people")
                tasks.create_task(self.at_desks.run(), name="at desks")
                tasks.create_task(self._look(), name="who is signed in")
                tasks.create_task(self.customers.run(), name="customer lists")
        finally:
            self.walls.stop()

    async def close(self) -> None:
        """After `run`."""
        await self.earlier.close()
        await self.callers.close()
        await self.customers.close()
        await self.people.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.sockets.look()


def web_side(  # noqa: PLR0913 - what it is put together from
    config: Config,
    database: str,
    health: Health,
    measures: Measures,
    followers: Mapping[str, Follower],
    *,
    saved: Callable[[], Saves],
    demo: bool,
) -> WebSide:
    """Everything that is seen in a browser.

    Args:
        config: checked.
        database: its address.
        health: what machines ask.
        measures: counts the pops.
        followers: by PBX; filled before anything runs.
        saved: how far calls are saved.
        demo: whoever is on this machine may see the first page, and it leads to every desk without a token to type.
    """
    clock = SystemClock()
    earlier = Earlier(database, spellings=config.customers.numbering.ways)
    lasts = Terms(timedelta(hours=config.people.idle_hours), timedelta(hours=config.people.longest_hours))
    known = people_side(database, lasts, clock.wall, clock.monotonic)
    branches = branches_of(config)
    callers = callers_of(config, database, clock.monotonic)
    screens = screens_of(config, earlier, measures, clock, followers, callers, audit=audit_of(known, branches))
    day = Day(config.zone, targets_of(config), branches, clock.wall(), lines=[line.name for line in config.line])
    today = Today(day, branches, partial(ended_since, database), clock.wall)
    pages = Pages(config.zone, version("threerings"), door="/login")
    forms = Forms(config.http.origins)
    login = LoginPage(pages, known.signing, forms, lasts.longest.total_seconds())
    supervisors = {person.name: person.token.get_secret_value() for person in config.supervisor}
    people = People(supervisors, pages, lambda: clock.wall().timestamp(), config.http.origins, leaving=login.leave)
    keeper = Doorkeeper(known.keyring, people.who, lambda request: demo and from_this_machine(request))

    def desks(branch: str | None) -> Sequence[Desk]:
        return desks_of(config, followers, demo=demo, branch=branch)

    site = site_of(config, branches)
    overview = Overview(pages, site, Sources(clock.wall, today, followers, desks))
    tokens = {agent.name: agent.token.get_secret_value() for agent in config.agent}
    at_desks = at_desks_of(config, screens, measures, followers, known)
    sockets = Sockets(
        screens,
        tokens,
        config.http.origins,
        lambda: clock.monotonic().total_seconds(),
        who=keeper.still,
        seated=at_desks.seated,
    )
    app = application(health)
    Gate(keeper.who, lambda: clock.monotonic().total_seconds()).setup(app)
    pages.setup(app)
    limits, product = site.limits, version("threerings")
    api = api_routes(config, database, followers, pages, saved=saved, branches=branches, limits=limits, version=product)
    app.add_routes(api)
    users = UsersPage(pages, known, forms, choices_of(config))
    app.add_routes([*users.routes(), *AuditPage(pages, known, config.zone).routes()])
    side, choices = CustomerSide(database, config.customers.numbering, clock.wall), choices_of(config)
    app.add_routes(CustomersPage(pages, side, known, forms, choices).routes())
    app.add_routes(CustomerListsPage(pages, side, known, forms, choices, config).routes())
    app.add_routes([*login.routes(), *people.routes(), *overview.routes(), *DeskPage(pages).routes(), sockets.route()])
    painter = Painter(premises_of(config, branches, pages.static.version), today, followers, clock.wall)
    walls = Walls(painter, measures, lambda: clock.monotonic().total_seconds())
    wall_sockets = wall_sockets_of(config, walls, keeper.still, clock)
    app.add_routes([*WallPage(pages).routes(), wall_sockets.route()])

    async def stop(_: web.Application) -> None:
        sockets.stop()  # the server then waits for each of them to say goodbye
        wall_sockets.stop()

    app.on_shutdown.append(stop)
    return WebSide(app, screens, today, sockets, earlier, wall_sockets, known, pages, callers, side, at_desks)


def at_desks_of(
    config: Config, screens: Screens, measures: Measures, followers: Mapping[str, Follower], people: PeopleSide
) -> AtScreens:
    """What agents do on the PBXs from their screens."""
    clock = SystemClock()
    desks = AgentDesks(
        posts_of(config),
        followers,
        {pbx.name: hands_of(pbx, config.desk, clock) for pbx in config.pbx},
        terms_of(config),
        queues_of(config),
        clock=clock.monotonic,
        counted=measures.desk_acted,
        changed=screens.desk_changed,
    )

    def audit(person: str, remote: str, desk: str, what: str) -> None:
        trail = people.trail
        trail.note(trail.entry(person, Verb.DESK_ACTED, Concerned.USER, desk, remote=remote, detail=what))

    return AtScreens(desks, {queue.name: queue.title for queue in config.queue}, audit)


def choices_of(config: Config) -> Choices:
    """What an account may be bound to."""
    return Choices(
        branches={branch.name: branch.title or branch.name for branch in config.branch},
        desks={agent.name: f"{agent.name} {agent.title or ''}".strip() for agent in config.agent},
    )


def audit_of(people: PeopleSide, branches: Branches) -> Audit:
    """Writes down whose history was shown to whom: the call is named, never the number."""

    def audit(person: str, remote: str, call: UUID, queue: str, found: Found | None) -> None:
        branch = branches.of(Kind.QUEUE, queue) or branches.of(Kind.DIRECT, queue) or ""
        trail = people.trail
        if found is None:
            trail.note(trail.entry(person, Verb.HISTORY_SEEN, Concerned.CALL, str(call), branch=branch, remote=remote))
        for one in found.customers if found is not None else ():
            whom, by = str(one.customer or one.external_id), f"his call {call}"
            trail.note(
                trail.entry(
                    person, Verb.CUSTOMER_SHOWN, Concerned.CUSTOMER, whom, branch=branch, remote=remote, detail=by
                )
            )

    return audit


def screens_of(  # noqa: PLR0913, PLR0917 - what they are put together from
    config: Config,
    earlier: Earlier,
    measures: Measures,
    clock: SystemClock,
    followers: Mapping[str, Follower],
    callers: Callers,
    *,
    audit: Audit,
) -> Screens:
    """The screens of all agents."""
    standard = config.standard

    def up(pbx: str | None) -> bool:
        return all(one.settled for name, one in followers.items() if pbx in (None, name))

    told = {line.name: Told(line.title, line.greeting) for line in config.line}
    told |= {queue.name: Told(queue.title, queue.greeting) for queue in config.queue}
    return Screens(
        [Place(agent.name, agent.title, frozenset(agent.interfaces), agent.pbx) for agent in config.agent],
        told,
        Asked(standard.rings, config.ring_period, timedelta(seconds=standard.long_talk_seconds), config.desk.closing),
        asks=earlier,
        measured=measures,
        clock=lambda: clock.monotonic().total_seconds(),
        up=up,
        audit=audit,
        crm=config.screenpop.crm_url,
        who=callers.of,
        branches={branch.name: branch.title for branch in config.branch if branch.title},
    )


def branches_of(config: Config) -> Branches:
    """Which branch a queue or line belongs to."""
    return Branches(
        queues={queue: branch.name for branch in config.branch for queue in branch.queues},
        lines={line: branch.name for branch in config.branch for line in branch.lines},
    )


def limits_of(config: Config) -> Limits:
    """What the configuration asks of the figures."""
    standard = config.standard
    return Limits(
        abandonment=standard.abandonment,
        mean_wait=timedelta(seconds=standard.mean_wait_seconds),
        within_share=standard.three_rings_share,
        rings=standard.rings,
        complaint_rate=standard.complaint_rate,
    )


def premises_of(config: Config, branches: Branches, assets: str) -> Premises:
    """What the configuration says of the place, for walls; a queue of a branch need not be listed by itself."""
    listed = {queue.name: queue.title or shown(queue.name) for queue in config.queue}
    return Premises(
        limits=limits_of(config),
        ring=config.ring_period,
        branches=branches,
        titles={branch.name: branch.title or branch.name for branch in config.branch},
        queues={name: listed.get(name) or shown(name) for name in (*branches.queues, *listed)},
        lines={line.name: line.title or shown(line.name) for line in config.line},
        title=shown,
        assets=assets,
    )


def wall_sockets_of(config: Config, walls: Walls, who: Who, clock: SystemClock) -> WallSockets:
    """The connections of walls."""
    return WallSockets(
        walls,
        {wall.name: wall.token.get_secret_value() for wall in config.wall},
        {wall.name: wall.branch for wall in config.wall if wall.branch is not None},
        who,
        config.http.origins,
        lambda: clock.monotonic().total_seconds(),
    )


def site_of(config: Config, branches: Branches) -> Site:
    """What the configuration says of the place."""
    titles = Titles(
        queues={queue.name: queue.title for queue in config.queue if queue.title},
        lines={line.name: line.title for line in config.line if line.title},
        agents={agent.name: agent.title for agent in config.agent if agent.title},
    )
    tabs = {branch.name: branch.title or branch.name for branch in config.branch} if len(config.branch) > 1 else {}
    return Site(limits_of(config), targets_of(config), config.ring_period, branches, tabs, titles)


def desks_of(
    config: Config, followers: Mapping[str, Follower], *, demo: bool, branch: str | None = None
) -> Sequence[Desk]:
    """The ways to the agents' pages, and what each agent does now; of a branch those whose phones it has."""
    its = None if branch is None else phones_of(config, followers, branch)
    phones = {name: one.phones() for name, one in followers.items() if one.synchronised}
    return [
        Desk(
            agent.name,
            agent.title or agent.name,
            f"/desk#token={agent.token.get_secret_value()}" if demo else "/desk",
            _doing(agent, phones),
        )
        for agent in config.agent
        if its is None or not its.isdisjoint(agent.interfaces)
    ]


def phones_of(config: Config, followers: Mapping[str, Follower], branch: str) -> set[str]:
    """The phones that its queues have now, and those of its lines."""
    queues = {name for one in config.branch if one.name == branch for name in one.queues}
    lines = {name for one in config.branch if one.name == branch for name in one.lines}
    found = {line.interface for line in config.line if line.name in lines}
    for follower in followers.values():
        found |= {str(phone) for queue, phone in follower.members() if queue in queues}
    return found


def _doing(agent: Agent, phones: Mapping[str, Mapping[str, MemberState]]) -> MemberState | None:
    """Of several phones, what keeps him from being free."""
    found: list[MemberState] = [
        states[interface]
        for pbx, states in phones.items()
        for interface in agent.interfaces
        if agent.pbx in (None, pbx) and interface in states
    ]
    return next((state for state in found if state is not MemberState.READY), found[0] if found else None)
