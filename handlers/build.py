"""The composition root: what the configuration names, made and put together. Nothing runs yet."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom

from handlers.agi.claims import Claims
from handlers.agi.side import AgiSide, Asker
from handlers.attending import Attending, Timekeeper, attending_of
from handlers.businesshours import BusinessHours
from handlers.casework import CaseWatch, Casework
from handlers.desk.atscreens import Agrees
from handlers.direct.witness import DirectWitness
from handlers.effects import Performer
from handlers.export import targets_of
from handlers.follow import CEL_MARK, Follower
from handlers.http.api.cases.side import case_routes
from handlers.http.health import Health, Part
from handlers.http.pages.casework.side import casework_pages
from handlers.http.queue_log import ShippedLog, ShippedLogs
from handlers.http.site import WebSide, limits_of, web_side
from handlers.lines import LinePhones
from handlers.reconcile import Reconciler
from handlers.reconciling.stored import StoredCalls
from handlers.resume import MARK, Resume
from handlers.saver import Saver
from handlers.standing import StandardWatch, names_of
from handlers.webhooks.side import WebhookSide, webhook_side
from handlers.websocket import Seated
from telephony.ami.client import AmiClient
from telephony.ami.settings import AmiSettings, SystemClock
from telephony.backoff import Backoff
from telephony.calls.book import Rules
from telephony.calls.facts import Interface, Moment
from telephony.calls.record import CallRecord, position_of
from telephony.calls.tracker import Tracker
from telephony.cases.ended import ended_since
from telephony.cases.spells import SpellStore
from telephony.cases.store import CallStore, Fence
from telephony.cel.grammar import Quarantined
from telephony.cel.reading import read
from telephony.config import Config, Pbx
from telephony.journal.writer import Journal
from telephony.metrics import Labels, Measures
from telephony.queuelog.place import Place
from telephony.queuelog.shipping.shipped import Shipped
from telephony.queuelog.tail import QueueLogTail
from telephony.standard.windows import Windows

SAVE_RETRY_FIRST, SAVE_RETRY_CAP = 0.2, 5.0
"""Seconds between attempts to save while the database is away."""
BACKLOG_WORTH_TELLING = 1_000


@dataclass(slots=True)
class Feed:
    """One PBX: its line, its follower, its journal, and its queue_log if one is read. `resume`: what to read again.

    `reconciler`: holds the ledger against queue_log. `cel`, `direct`: channel events, and who holds it against them.
    """

    name: str
    client: AmiClient
    follower: Follower
    tail: QueueLogTail | Shipped | None
    settings: AmiSettings
    journal: Journal | None = None
    resume: Resume | None = None
    log_since: datetime | None = None
    reconciler: Reconciler | None = None
    cel: QueueLogTail | None = None
    direct: DirectWitness | None = None


@dataclass(slots=True)
class Service:
    """Everything that runs."""

    config: Config
    store: CallStore
    saver: Saver
    measures: Measures
    feeds: tuple[Feed, ...]
    agi: AgiSide
    web: WebSide
    standing: StandardWatch
    hours: BusinessHours
    timekeeper: Timekeeper
    spells: SpellStore
    casework: Casework
    casewatch: CaseWatch
    webhooks: WebhookSide


def labels_of(config: Config) -> Labels:
    """What the configuration says about label values."""
    return Labels(
        pbxs=tuple(pbx.name for pbx in config.pbx),
        lines=tuple(line.name for line in config.line),
        queue_branch={queue: branch.name for branch in config.branch for queue in branch.queues},
        line_branch={line: branch.name for branch in config.branch for line in branch.lines},
        targets=targets_of(config),
    )


def rules_of(config: Config, pbx: Pbx) -> Rules:
    """How the calls of one PBX are told apart and measured."""
    return Rules(
        pbx=pbx.name,
        ring_period=config.ring_period,
        lines={Interface(line.interface): line.name for line in config.line},
        trunks=frozenset(Interface(trunk) for trunk in pbx.trunks),
        internal_contexts=frozenset(pbx.internal_contexts),
        queue_log=pbx.has_queue_log,
    )


def ami_settings_of(pbx: Pbx) -> AmiSettings:
    """Where and how to log in to one PBX."""
    return AmiSettings(
        host=pbx.host,
        port=pbx.port,
        username=pbx.username,
        secret=pbx.secret.get_secret_value(),
        systemname=pbx.name if pbx.strict else None,
        strict=pbx.strict,
        tls=pbx.tls,
        tls_ca=pbx.tls_ca,
        ping_every=timedelta(seconds=pbx.ping_seconds),
    )


def build_feed(  # noqa: PLR0913, PLR0917 - what it is put together from
    config: Config, pbx: Pbx, clock: SystemClock, performer: Performer, saver: Saver, journal: Journal | None
) -> Feed:
    """One PBX, ready to be followed."""
    settings = ami_settings_of(pbx)
    client = AmiClient(settings, clock=clock, rng=SystemRandom())
    resume = None if journal is None else Resume.load(journal.marks().get(MARK))
    tail: QueueLogTail | Shipped | None = None
    place = b"" if resume is None else resume.log_place
    if pbx.queue_log is not None:
        tail = QueueLogTail(pbx.queue_log, clock.monotonic, start=Place.load(place))
    elif pbx.queue_log_token is not None:
        tail = Shipped(pbx.name, clock.monotonic)
        if (known := Place.load(place)) is not None:
            tail.begin_at(known)
    tracker = Tracker(rules_of(config, pbx))
    follower = Follower(pbx.name, client, tracker, performer, tail, journal, saver.unsaved)
    channels = b"" if journal is None or resume is None else journal.marks().get(CEL_MARK, b"")
    follower.log_read_up_to(place, channels)
    feed = Feed(pbx.name, client, follower, tail, settings, journal, resume)
    if pbx.cel is not None:
        start = Place.load(channels)
        feed.cel = QueueLogTail(pbx.cel, clock.monotonic, start=start, refuses=refused_of_cel, name="cel")
    return feed


def refused_of_cel(lines: Sequence[bytes]) -> Sequence[Quarantined]:
    """The lines that are none of our mapping."""
    return read(lines).quarantined


def reconciler_of(feed: Feed, performer: Performer, stored: StoredCalls, measures: Measures) -> Reconciler:
    """Holds the ledger of one PBX against its queue_log, which it hears from now on."""
    tail, follower = feed.tail, feed.follower
    reconciler = Reconciler(
        feed.name,
        follower,
        performer,
        stored,
        measures,
        feed.client.now,
        feed.journal,
        holes=lambda: 0 if tail is None else tail.gaps,
    )
    follower.log_heard = reconciler.heard
    return reconciler


def direct_witness_of(feed: Feed, performer: Performer, stored: StoredCalls, measures: Measures) -> DirectWitness:
    """Holds the direct visits of one PBX against its channel events, which it hears from now on."""
    follower = feed.follower
    turn = asyncio.Lock() if feed.reconciler is None else feed.reconciler.turn
    witness = DirectWitness(feed.name, follower, performer, stored, measures, feed.client.now, turn, marks=feed.journal)
    follower.channels_heard = witness.heard
    return witness


def resting_on(journals: Mapping[str, Journal]) -> Callable[[Sequence[CallRecord]], Awaitable[None]]:
    """Waits until what states rest on is in the journal."""

    async def rests(calls: Sequence[CallRecord]) -> None:
        for name, journal in journals.items():
            newest = max((position_of(call.revision) for call in calls if call.pbx == name), default=0)
            await journal.synced(min(newest, journal.position))

    return rests


def build(  # noqa: PLR0913 - what it is put together from
    config: Config,
    database: str,
    *,
    journals: Mapping[str, Journal] | None = None,
    stale: Collection[str] = (),
    fence: Fence | None = None,
    demo: bool = False,
) -> Service:
    """Everything that the configuration names.

    Args:
        config: checked.
        database: its address.
        journals: by PBX, open; a PBX without one is followed all the same.
        stale: PBXs of whose calls the database knows more than our journal.
        fence: which PBXs are ours to write.
        demo: the first page is open on this machine, and leads to every desk.

    Raises:
        ConfigFaults: a script cannot be run.
    """
    clock = SystemClock()

    def seconds() -> float:
        return clock.monotonic().total_seconds()

    journals = journals or {}
    store = CallStore(database, lives={name: journal.life for name, journal in journals.items()}, fence=fence)
    saver = Saver(
        store,
        seconds,
        Backoff(SAVE_RETRY_FIRST, SAVE_RETRY_CAP, SystemRandom()),
        max_unsaved=config.database.max_unsaved_calls,
        rests=resting_on(journals) if journals else None,
    )
    measures = Measures(labels_of(config))
    measures.observe_saver(saver.state)
    hours = BusinessHours(config, clock.wall)
    measures.observe_hours(hours.gauges)
    casework = Casework(config, database)
    casewatch = CaseWatch(casework.machine, casework.counts, clock.wall)
    measures.observe_cases(casewatch.gauges)
    webhooks = webhook_side(config, database, clock.wall, clock.monotonic)
    measures.observe_webhooks(webhooks.deliveries.gauges)
    claims = Claims(measures.case_claimed, seconds)
    feeds: list[Feed] = []
    attending: list[Attending] = []
    followers: dict[str, Follower] = {}
    token = config.http.metrics_token
    health = Health(measures, lambda: parts(feeds, saver, agi), token.get_secret_value() if token else None)
    web = web_side(config, database, health, measures, followers, saved=saver.state, demo=demo)
    web.at_desks.agrees = agreeing(casework, web, clock)
    windows = Windows(config.zone, targets_of(config), clock.wall(), names_of(config))
    standing = StandardWatch(windows, partial(ended_since, database), clock.wall)
    measures.observe_standard(standing, limits_of(config))
    for pbx in config.pbx:
        phones = LinePhones({Interface(line.interface): line.name for line in config.line})
        changed: list[Callable[[CallRecord, Moment], None]] = [web.follow, standing.follow, phones.follow]
        changed.append(webhooks.pops.follow)
        performer = Performer(pbx.name, saver, measures, claims.opened, changed)
        feed = build_feed(config, pbx, clock, performer, saver, journals.get(pbx.name))
        if pbx.name in stale:
            feed.resume = None
        feed.follower.recovering = feed.resume is not None
        attending.append(attending_of(config, feed.follower, feed.journal, feed.resume))
        stored = StoredCalls(database, pbx.name, store, saver)
        feed.reconciler = reconciler_of(feed, performer, stored, measures)
        if feed.cel is not None:
            feed.direct = direct_witness_of(feed, performer, stored, measures)
        measures.observe_feed(pbx.name, feed.follower)
        feed.follower.line_states = partial(phones.states, feed.follower.tracker)
        measures.observe_lines(pbx.name, feed.follower.line_states)
        feeds.append(feed)
        followers[pbx.name] = feed.follower
    web.app.add_routes(
        [
            *case_routes(config, casework, web.people, clock.wall),
            *casework_pages(config, casework, web.people, web.pages, clock.wall),
        ]
    )
    web.app.add_routes(ShippedLogs(shipped_logs(config, feeds), seconds).routes())
    askers = {pbx.name: Asker(pbx.host, followers[pbx.name]) for pbx in config.pbx}
    agi = AgiSide(config, askers, claims, measures)
    spells = SpellStore(database, fence)
    timekeeper = Timekeeper(spells, attending, lambda: {feed.name for feed in feeds if feed.follower.recovering})
    return Service(
        config,
        store,
        saver,
        measures,
        tuple(feeds),
        agi,
        web,
        standing,
        hours,
        timekeeper,
        spells,
        casework,
        casewatch,
        webhooks,
    )


def agreeing(casework: Casework, web: WebSide, clock: SystemClock) -> Agrees:
    """Promises a call back to whose call is shown on the desk where somebody says so."""

    async def agree(seated: Seated, call: str) -> datetime | None:
        pop = web.screens.shown_on(seated.agent, call)
        if pop is None:
            return None
        by = casework.seats.sitter(seated.agent) if seated.person is None else casework.seats.worker(seated.person)
        return await casework.agreed(pop.caller, (pop.kind, pop.queue), by, clock.wall())

    return agree


def shipped_logs(config: Config, feeds: Sequence[Feed]) -> dict[str, ShippedLog]:
    """The queue_logs that are sent to us, by PBX."""
    tokens = {pbx.name: pbx.queue_log_token for pbx in config.pbx}
    return {
        feed.name: ShippedLog(token.get_secret_value(), feed.tail, feed.follower, feed.journal)
        for feed in feeds
        if isinstance(feed.tail, Shipped) and (token := tokens[feed.name]) is not None
    }


def parts(feeds: Sequence[Feed], saver: Saver, agi: AgiSide) -> list[Part]:
    """What `/readyz` shows: AGI and the journal are needed to serve calls; all the rest, to measure them at once."""
    state = saver.state()
    found = [
        Part("agi", up=agi.server.listening, needed=True, reason="PBXs cannot ask: it does not listen"),
        Part("agi scripts", up=agi.scripts.ready, reason="no process runs them yet, or all had to be replaced"),
    ]
    found += [Part(f"pbx {feed.name}", up=feed.follower.synchronised, reason=feed.follower.trouble) for feed in feeds]
    found += [
        Part(f"journal {feed.name}", up=not feed.journal.failing, needed=True, reason=feed.journal.failing)
        for feed in feeds
        if feed.journal is not None
    ]
    found += [queue_log_part(feed.name, feed.tail) for feed in feeds if feed.tail is not None]
    found += [cel_part(feed.name, feed.cel) for feed in feeds if feed.cel is not None]
    found.append(Part("database", up=bool(state.database_up), reason=state.last_error or "not reached yet"))
    backlog = {"calls": state.backlog, "dropped": state.dropped, "refused": state.refused}
    reason = f"{state.backlog} calls wait to be saved"
    found.append(Part("backlog", up=state.backlog < BACKLOG_WORTH_TELLING, reason=reason, figures=dict(backlog)))
    return found


def queue_log_part(pbx: str, log: QueueLogTail | Shipped) -> Part:
    """The second witness of a PBX."""
    without = "why callers leave is told by the dialplan alone"
    if isinstance(log, Shipped):
        heard = {"heard_seconds_ago": None if log.age is None else round(log.age.total_seconds(), 1)}
        return Part(f"queue_log {pbx}", up=log.readable, reason=f"{log.trouble}; {without}", figures=dict(heard))
    return Part(f"queue_log {pbx}", up=log.readable, reason=f"the file cannot be read; {without}")


def cel_part(pbx: str, cel: QueueLogTail) -> Part:
    """The second witness of direct calls."""
    reason = "the file cannot be read; direct calls of a gap are lost, partial or missing"
    figures = {"lines": cel.lines, "quarantined": cel.quarantined, "gaps": cel.gaps}
    return Part(f"cel {pbx}", up=cel.readable, reason=reason, figures=dict(figures))


__all__ = ["Feed", "Service", "build", "parts"]
