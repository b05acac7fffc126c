"""A branch on a virtual clock, and the product's whole way from the bytes of its PBX to /metrics: hours in seconds.

What promtool is given is what Prometheus would have scraped; nothing of it is made up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from handlers.build import labels_of, rules_of
from handlers.effects import Performer
from handlers.export import targets_of
from handlers.follow import Follower
from handlers.http.site import limits_of
from handlers.lines import LinePhones
from handlers.standing import StandardWatch, names_of
from telephony.ami.codec import Banner, Codec
from telephony.ami.feed import Batch, Entry, LinkUp
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED
from telephony.calls.facts import Interface, Moment
from telephony.calls.record import CallRecord
from telephony.calls.tracker import Tracker
from telephony.config import Config
from telephony.metrics import Measures
from telephony.queuelog.place import Piece, Place
from telephony.simulator import branch as places
from telephony.simulator.branch import Branch
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.manager import Account, ManagerSession
from telephony.simulator.timeline import SECOND, Timeline
from telephony.simulator.traffic import Traffic, new_pbx
from telephony.standard.windows import Windows

QUEUES = (places.SUPPORT, places.TRADE)
BOOTED_AGO = timedelta(days=10_000)
"""Our monotonic clock began so long after 1970."""
ORDER = [
    "telephony-limits",
    *(f"telephony-standard-{window}" for window in ("5m", "15m", "1h", "1d")),
    *(f"telephony-{group}" for group in ("standard", "floor", "service", "truth")),
]
"""What alarms rest on is evaluated before them."""
TICK = 2
"""Seconds between looks at what falls due."""


def configuration(**more: object) -> Config:
    """The demo's branch."""
    return Config.model_validate(
        {
            "pbx": [
                {
                    "name": "pbx1",
                    "username": "threerings",
                    "secret": "secret",
                    "queue_log": "/queue_log",
                    "trunks": [places.TRUNK],
                }
            ],
            "line": [
                {"name": "front-desk", "interface": places.DESK},
                {"name": "manager", "interface": places.MANAGER},
            ],
            "branch": [{"name": "changzhi", "queues": list(QUEUES), "lines": ["front-desk", "manager"]}],
        }
        | more
    )


class Line:
    """The AMI line without a network; `asked` are requests not yet answered."""

    def __init__(self) -> None:
        self.stall = timedelta()
        self.connected = True
        self.seen: dict[str, int] = {}
        self.quarantined = 0
        self.heard_at: timedelta | None = None
        self.clock = timedelta()
        self.asked: list[bytes] = []
        self.requests = 0

    def now(self) -> Moment:
        return Moment(EPOCH + BOOTED_AGO + self.clock, self.clock, stamped=False)

    async def take(self) -> list[Entry]:
        raise NotImplementedError

    def request(self, action: str, /, **headers: str) -> str:
        self.requests += 1
        told = {"Action": action, "ActionID": f"r{self.requests}"} | headers
        self.asked.append("".join(f"{name}: {value}\r\n" for name, value in told.items()).encode() + b"\r\n")
        return f"r{self.requests}"


@dataclass
class Saved:
    """Who saves, and has nothing to do."""

    calls: dict[object, CallRecord] = field(default_factory=dict)
    backlog = dropped = refused = foreign = 0
    oldest_unsaved: timedelta | None = None
    database_up = True

    def put(self, call: CallRecord, /) -> None:
        self.calls[call.id] = call


async def _nothing(_since: datetime, _until: datetime) -> AsyncGenerator[CallRecord, None]:
    for nobody in ():
        yield nobody


class VirtualBranch:
    """Everything.

    Attributes:
        pbx, traffic: the simulated side. measures, saved: ours.
        series: what was scraped, by series, None where there was nothing.
    """

    def __init__(self, branch: Branch, began: datetime, seed: int) -> None:
        self.config = configuration()
        self.line, self.saved, self.measures = Line(), Saved(), Measures(labels_of(self.config))
        self.line.clock = began - EPOCH - BOOTED_AGO
        self.timeline, rng = Timeline((began - EPOCH) // timedelta(microseconds=1)), Random(seed)
        self.pbx = new_pbx(self.timeline, "pbx1", branch, rng)
        self.traffic = Traffic(self.pbx, Dialplan(self.pbx, places.extensions(), places.keys()), branch, rng)
        self.traffic.staff()
        self._said, self._logged, self._lines = b"", list[bytes](), 0
        self.pbx.listeners.append(self._say)
        self.pbx.log = lambda line: self._logged.append(line.encode())
        self._session = ManagerSession(self.pbx, Account("threerings", "secret"), "")
        self._build()
        self.series: dict[str, list[float | None]] = {}
        self.scrapes = 0

    def _build(self) -> None:
        config, measures = self.config, self.measures
        pbx = config.pbx[0]
        now = self.line.now().wall
        windows = Windows(config.zone, targets_of(config), now, names_of(config))
        standing = StandardWatch(windows, _nothing, lambda: self.line.now().wall)
        asyncio.run(standing._read_back())
        phones = LinePhones({Interface(line.interface): line.name for line in config.line})
        performer = Performer(pbx.name, self.saved, measures, changed=[standing.follow, phones.follow])
        self._follower = Follower(pbx.name, self.line, Tracker(rules_of(config, pbx)), performer)
        measures.observe_feed(pbx.name, self._follower)
        measures.observe_saver(lambda: self.saved)
        measures.observe_standard(standing, limits_of(config))
        measures.observe_lines(pbx.name, lambda: phones.states(self._follower.tracker))
        self._codec = Codec(
            ACTED_UPON,
            systemname=pbx.name,
            user_events=["QueueResult"],
            listed=LISTED,
            unstamped=UNSTAMPED,
            banner=False,
        )
        self._follower.take(LinkUp(self.line.clock, BOOTED_AGO, "11.0.0"))
        said = self._session.feed(b"Action: Login\r\nUsername: threerings\r\nSecret: secret\r\n\r\n")
        self._hear(said[said.index(b"Event: FullyBooted") :])
        self._answer()

    def _say(self, data: bytes) -> None:
        self._said += data

    def _hear(self, data: bytes) -> None:
        items = [item for item in self._codec.feed(data) if not isinstance(item, Banner)]
        if items:
            self.line.heard_at = self.line.clock
            self._follower.take(Batch(self.line.clock, BOOTED_AGO, items))

    def _answer(self) -> None:
        while self.line.asked:
            self._hear(self._session.feed(self.line.asked.pop(0)))

    def passes(self, time: timedelta, scrape_every: timedelta) -> None:
        """Let so much time pass, and scrape."""
        for second in range(TICK, int(time.total_seconds()) + 1, TICK):
            self.line.clock += timedelta(seconds=TICK)
            self.timeline.advance(self.timeline.now + TICK * SECOND)
            said, self._said = self._said, b""
            self._hear(said)
            logged, self._logged = self._logged, []
            if logged:
                self._lines += len(logged)
                self._follower.logged(Piece(Place("0" * 32, self._lines), tuple(logged)))
            self._follower.tick(self.line.now())
            self._answer()
            if second % int(scrape_every.total_seconds()) == 0:
                self.scrape()

    def scrape(self) -> None:
        """As Prometheus does it."""
        self.measures.refresh()
        for family in self.measures.registry.collect():
            for sample in family.samples:
                labels = ", ".join(f"{name}={json.dumps(value)}" for name, value in sample.labels.items())
                values = self.series.setdefault(f"{sample.name}{{{labels}}}", [])
                values += [None] * (self.scrapes - len(values))
                values.append(sample.value)
        self.scrapes += 1

    def promtool(self, file: Path, rules: Path, every: str, expected: list[dict[str, object]]) -> None:
        """Write what was scraped as a test for promtool; it reads YAML, and JSON is YAML, too."""
        files = [rules / name for name in ("limits.yml", "recording.yml", "alerts.yml")]
        used = "".join(one.read_text(encoding="utf-8") for one in files)
        series = [
            {"series": name, "values": _values(values, self.scrapes)}
            for name, values in self.series.items()
            if name.partition("{")[0] in used and ("_bucket{" not in name or 'le="20.0"' in name)
        ]
        series.append({"series": 'up{job="threerings"}', "values": f"1x{self.scrapes}"})  # Prometheus' own
        test = {"interval": every, "input_series": series, "promql_expr_test": expected}
        document = {
            "rule_files": [str(one) for one in files],
            "evaluation_interval": every,
            "group_eval_order": ORDER,
            "tests": [test],
        }
        file.write_text(json.dumps(document), encoding="utf-8")


def _values(values: list[float | None], scrapes: int) -> str:
    """What has gone is stale at once, as Prometheus marks what a scrape no longer has."""
    told, before = [], None
    for value in [*values, *[None] * (scrapes - len(values))]:
        told.append("stale" if value is None and before is not None else "_" if value is None else f"{value:g}")
        before = value
    return " ".join(told)
