"""The machine's part of casework: it looks while there is something, waits for a database that is away, and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from handlers.casework import BREATH, COUNT_EVERY, EVERY, RETRY_CAP, CaseWatch, house_of, patience_of, terms_of
from telephony.calls.record import Kind
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.counts import Counted
from telephony.cases.firstasked import Looked
from telephony.cases.kinds import CaseKind
from telephony.config import Config, load
from tests.support.casework import NOW, local
from tests.support.days import o_clock

NOTHING = Counted(dict.fromkeys(CaseKind, 0), dict.fromkeys(CaseKind, 0), 2, 1, 5)


class EnoughError(Exception):
    """The story is over."""


@dataclass
class Night:
    """What each look finds, or raises; and how long it is paused after each."""

    looks: list[Looked | Exception]
    step: timedelta = timedelta(seconds=1)
    now: datetime = NOW
    paused: list[float] = field(default_factory=list)
    counted_at: list[datetime] = field(default_factory=list)
    trimmed: int = 0

    async def look(self, at: datetime) -> Looked:
        assert at == self.now
        if not self.looks:
            raise asyncio.CancelledError
        found = self.looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def counted(self, now: datetime) -> Counted:
        self.counted_at.append(now)
        return NOTHING

    async def forget_told(self, now: datetime) -> None:
        assert now == self.now
        self.trimmed += 1

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.now += self.step

    async def passes(self) -> CaseWatch:
        watch = CaseWatch(self, self, lambda: self.now, self.pause)
        with pytest.raises(asyncio.CancelledError):
            await watch.run()
        return watch


async def test_while_there_is_much_it_goes_on_and_then_it_rests() -> None:
    night = Night([Looked(100), Looked(7), Looked(0)])
    await night.passes()
    assert night.paused == [BREATH, BREATH, EVERY]


async def test_a_database_that_is_away_is_told_once_and_tried_again_until_it_is_back() -> None:
    night = Night([Looked(1), OSError("away"), OSError("away"), Looked(3), OSError("again")])
    with structlog.testing.capture_logs() as told:
        watch = await night.passes()
    assert [one["event"] for one in told] == ["casework_waits", "casework_waits"]
    assert night.paused[0] == BREATH
    assert night.paused[3] == BREATH
    assert watch.gauges() is None


async def test_whatever_fails_it_goes_on() -> None:
    night = Night([ValueError("ours"), Looked(1)])
    with structlog.testing.capture_logs() as told:
        await night.passes()
    assert [one["event"] for one in told] == ["casework_failed"]
    assert night.paused == [RETRY_CAP, BREATH]


async def test_an_address_that_is_none_is_said() -> None:
    night = Night([DatabaseUrlError("none")])
    with pytest.raises(DatabaseUrlError):
        await CaseWatch(night, night, lambda: night.now, night.pause).run()


async def test_it_counts_now_and_then_and_whatever_the_clock_is_set_to() -> None:
    night = Night([Looked(0, refused=n) for n in range(5)], step=COUNT_EVERY / 2)
    watch = await night.passes()
    assert night.counted_at == [NOW, NOW + COUNT_EVERY, NOW + 2 * COUNT_EVERY]
    gauges = watch.gauges()
    assert gauges is not None
    assert (gauges.open["complaint"], gauges.callbacks, gauges.callbacks_overdue, gauges.waiting) == (0, 2, 1, 5)
    assert gauges.refused == 10
    back = Night([Looked(0)] * 3, step=-timedelta(days=1))
    await back.passes()
    assert len(back.counted_at) == 3


async def test_what_was_told_is_forgotten_every_hour() -> None:
    night = Night([Looked(0)] * 5, step=timedelta(minutes=31))
    await night.passes()
    assert night.trimmed == 2


CONFIG = """
[cases]
callback_minutes = 30
complaint_days = 2
[[hours]]
name = "office"
open = ["mon-fri 08:30-17:30"]
[[number]]
dialled = "4001"
queue = "support"
[[number]]
dialled = "4002"
[[line]]
name = "front-desk"
interface = "PJSIP/8001"
[[branch]]
name = "changzhi"
queues = ["support"]
lines = ["front-desk"]
hours = "office"
[[branch]]
name = "jincheng"
queues = ["sales"]
"""


def config_of(folder: Path, text: str) -> Config:
    file = folder / "threerings.toml"
    file.write_text(text)
    return load(file, {})


def test_places_periods_and_hours_are_those_of_the_configuration(tmp_path: Path) -> None:
    config = config_of(tmp_path, CONFIG)
    house = house_of(config)
    assert house.branches == {
        (Kind.QUEUE, "support"): "changzhi",
        (Kind.DIRECT, "front-desk"): "changzhi",
        (Kind.QUEUE, "sales"): "jincheng",
    }
    assert house.dialled == {"4001": "support"}
    assert house.within == timedelta(minutes=30)
    assert not house.calendar_of((Kind.DIRECT, "front-desk")).is_open(o_clock("20:00"))
    assert house.calendar_of((Kind.QUEUE, "sales")).is_open(o_clock("20:00"))
    terms: Callable[[str], object] = terms_of(config)
    assert local(terms_of(config)("changzhi").due(o_clock("10:00", day="2026-03-06"), 2)) == "Tue 03-10 17:30"
    assert local(terms_of(config)("jincheng").due(o_clock("10:00", day="2026-03-06"), 2)) == "Mon 03-09 00:00"
    assert terms("nowhere") == terms("jincheng")
    assert patience_of(config).remind == timedelta(hours=1)
