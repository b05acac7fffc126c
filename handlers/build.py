"""The composition root: what the configuration names, made and put together. Nothing runs yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom

from handlers.agi.claims import Claims
from handlers.agi.side import AgiSide, Asker
from handlers.effects import Performer
from handlers.export import targets_of
from handlers.follow import Follower
from handlers.http.health import Health, Part
from handlers.http.site import WebSide, web_side
from handlers.saver import Saver
from telephony.ami.client import AmiClient
from telephony.ami.settings import AmiSettings, SystemClock
from telephony.backoff import Backoff
from telephony.calls.book import Rules
from telephony.calls.facts import Interface
from telephony.calls.tracker import Tracker
from telephony.cases.store import CallStore
from telephony.config import Config, Pbx
from telephony.metrics import Labels, Measures
from telephony.queuelog.tail import QueueLogTail

SAVE_RETRY_FIRST, SAVE_RETRY_CAP = 0.2, 5.0
"""Seconds between attempts to save while the database is away."""
BACKLOG_WORTH_TELLING = 1_000


@dataclass(slots=True)
class Feed:
    """One PBX: its line, its follower, and its queue_log if one is read."""

    name: str
    client: AmiClient
    follower: Follower
    tail: QueueLogTail | None


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
        queue_log=pbx.queue_log is not None,
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


def build_feed(config: Config, pbx: Pbx, clock: SystemClock, performer: Performer, measures: Measures) -> Feed:
    """One PBX, ready to be followed."""
    client = AmiClient(ami_settings_of(pbx), clock=clock, rng=SystemRandom())
    tail = None if pbx.queue_log is None else QueueLogTail(pbx.queue_log, clock.monotonic)
    follower = Follower(pbx.name, client, Tracker(rules_of(config, pbx)), performer, tail)
    measures.observe_feed(pbx.name, follower)
    return Feed(pbx.name, client, follower, tail)


def build(config: Config, database: str, *, demo: bool = False) -> Service:
    """Everything that the configuration names.

    Args:
        config: checked.
        database: its address.
        demo: the first page is open on this machine, and leads to every desk.

    Raises:
        ConfigFaults: a script cannot be run.
    """
    clock = SystemClock()

    def seconds() -> float:
        return clock.monotonic().total_seconds()

    store = CallStore(database)
    saver = Saver(
        store,
        seconds,
        Backoff(SAVE_RETRY_FIRST, SAVE_RETRY_CAP, SystemRandom()),
        max_unsaved=config.database.max_unsaved_calls,
    )
    measures = Measures(labels_of(config))
    measures.observe_saver(saver.state)
    claims = Claims(measures.case_claimed, seconds)
    feeds: list[Feed] = []
    followers: dict[str, Follower] = {}
    token = config.http.metrics_token
    health = Health(measures, lambda: parts(feeds, saver, agi), token.get_secret_value() if token else None)
    web = web_side(config, database, health, measures, followers, demo=demo)
    for pbx in config.pbx:
        feed = build_feed(
            config, pbx, clock, Performer(pbx.name, saver, measures, claims.opened, [web.follow]), measures
        )
        feeds.append(feed)
        followers[pbx.name] = feed.follower
    askers = {pbx.name: Asker(pbx.host, followers[pbx.name]) for pbx in config.pbx}
    agi = AgiSide(config, askers, claims, measures)
    return Service(config, store, saver, measures, tuple(feeds), agi, web)


def parts(feeds: Sequence[Feed], saver: Saver, agi: AgiSide) -> list[Part]:
    """What `/readyz` shows: only AGI is needed to serve calls; all the rest, to measure them."""
    state = saver.state()
    found = [
        Part("agi", up=agi.server.listening, needed=True, reason="PBXs cannot ask: it does not listen"),
        Part("agi scripts", up=agi.scripts.ready, reason="no process runs them yet, or all had to be replaced"),
    ]
    found += [Part(f"pbx {feed.name}", up=feed.follower.synchronised, reason=feed.follower.trouble) for feed in feeds]
    unreadable = "the file cannot be read; why callers leave is told by the dialplan alone"
    found += [
        Part(f"queue_log {feed.name}", up=feed.tail.readable, reason=unreadable)
        for feed in feeds
        if feed.tail is not None
    ]
    found.append(Part("database", up=bool(state.database_up), reason=state.last_error or "not reached yet"))
    backlog = {"calls": state.backlog, "dropped": state.dropped, "refused": state.refused}
    reason = f"{state.backlog} calls wait to be saved"
    found.append(Part("backlog", up=state.backlog < BACKLOG_WORTH_TELLING, reason=reason, figures=dict(backlog)))
    return found


__all__ = ["Feed", "Service", "build", "parts"]
