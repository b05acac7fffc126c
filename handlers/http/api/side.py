"""The API, put together from the configuration."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from aiohttp import web

from handlers.export import targets_of
from handlers.http.api.answered import Standard
from handlers.http.api.asked import House
from handlers.http.api.live import LiveApi, LiveFloor, Published
from handlers.http.api.measures import MeasuresApi
from handlers.http.api.openapi import Description
from handlers.http.pages.shell import Pages
from handlers.measuring import Measuring, Saves, Surroundings
from telephony.ami.settings import SystemClock
from telephony.calls.record import Kind
from telephony.cases.measured import snapshot
from telephony.config import Config
from telephony.standard.day import Branches
from telephony.standard.measures_table import Terms
from telephony.standard.verdict import Limits

MOST_ROWS = 10_000
"""Groups times intervals of one answer: a month by the quarter of an hour of three queues, or a day of a hundred."""


def api_routes(  # noqa: PLR0913 - what it is put together from
    config: Config,
    database: str,
    floors: Mapping[str, LiveFloor],
    pages: Pages,
    *,
    saved: Callable[[], Saves],
    branches: Branches,
    limits: Limits,
    version: str,
) -> list[web.RouteDef]:
    """To be added to the application.

    Args:
        config: checked.
        database: its address.
        floors: what each PBX shows; filled before anything is asked.
        pages: renders.
        saved: how far calls are saved.
        branches: which queue and line belongs to which branch.
        limits: what figures are held against.
        version: of the product.
    """
    clock = SystemClock()

    def seconds() -> float:
        return clock.monotonic().total_seconds()

    def troubles() -> Mapping[str, str]:
        return {name: floor.trouble for name, floor in floors.items() if floor.trouble}

    targets = targets_of(config)
    long_talk = timedelta(seconds=config.standard.long_talk_seconds)
    terms = Terms(targets, branches, long_talk, MOST_ROWS, timedelta(minutes=config.standard.final_lost_minutes))
    days = config.database.keep_days
    around = Surroundings(
        partial(snapshot, database),
        saved,
        troubles,
        clock.wall,
        seconds,
        timedelta(days=days) if days else None,
        pbxs=tuple(pbx.name for pbx in config.pbx),
    )
    standard = Standard(limits, targets, terms.long_talk, terms.reached_within)
    return [
        *MeasuresApi(Measuring(around, terms), house_of(config, branches), standard, clock.wall).routes(),
        *LiveApi(floors, published_of(config, branches), clock.wall).routes(),
        *Description(pages, version).routes(),
    ]


def house_of(config: Config, branches: Branches) -> House:
    """What there is to ask about."""
    named = [queue.name for queue in config.queue]
    return House(
        config.zone,
        branches,
        queues=tuple(dict.fromkeys([*named, *branches.queues])),
        lines=tuple(line.name for line in config.line),
        pbxs=tuple(pbx.name for pbx in config.pbx),
        branch_names=tuple(branch.name for branch in config.branch),
        most=MOST_ROWS,
    )


def published_of(config: Config, branches: Branches) -> Published:
    """What the configuration says of the place."""
    titled: list[tuple[Kind | None, str, str | None]] = [
        *((Kind.QUEUE, queue.name, queue.title) for queue in config.queue),
        *((Kind.DIRECT, line.name, line.title) for line in config.line),
        *((None, branch.name, branch.title) for branch in config.branch),
    ]
    return Published(
        branches,
        branch_names=tuple(branch.name for branch in config.branch),
        lines={line.name: line.interface for line in config.line},
        titles={(kind, name): title for kind, name, title in titled if title},
    )
