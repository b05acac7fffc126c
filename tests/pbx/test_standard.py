"""An hour of a branch house, compressed: the standard is the same in database, API, /metrics, wall and Prometheus.

And the same as queue_log and SIPp alone make it (reckoning.py). A ring is one second here instead of five.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.prometheus.install import Programs
from tests.prometheus.server import Running, prometheus

from . import told
from .asterisk import Pbx
from .database import Database
from .plan import OFFICE, QUEUES, WAYS
from .product import Product
from .reckoning import Asked, Reckoned, differences, reckon, sums
from .story import Story, Witnessed
from .told import Ratio, Told

pytestmark = [pytest.mark.pbx, pytest.mark.paced, pytest.mark.prometheus, pytest.mark.timeout(240)]

API_TOKEN, WALL_TOKEN = "a-token-of-the-supervisor", "a-token-of-the-wall-in-the-hall"
ASKED = Asked(period=1.0, rings=3, short={"north": 1.0})
LASTS = 45.0
CALLS = 200
TOLERANCE = 0.25  # seconds, of one wait
MEAN_TOLERANCE = 0.1  # of the mean of all: Answer() waits for the caller's first audio before he joins
EXTRAPOLATION = 0.02
BRANCHES = {
    "changzhi": ("north", ("1031", "1032", "1034", "1040")),
    "jincheng": ("south", ("1033", "1035", "1036", "1039")),
}
LINES = {phone: f"desk-{phone}" for _, phones in BRANCHES.values() for phone in phones}
PLACES = {branch: (queue, *map(LINES.get, phones)) for branch, (queue, phones) in BRANCHES.items()}
STAFF = {"north": range(1001, 1010), "south": range(1011, 1020), "overflow": (1021, 1022), "support": (1023, 1024)}
STAFFED = 4.0  # until then nobody serves `south`
RUSH = 22.0
RINGS = (0.4, 0.4, 1.4, 1.4, 2.5, 3.5, 4.6, None)  # seconds until the answer; None: never


def hour(pbx: Pbx) -> Story:
    """Two queues and eight lines: whatever can become of a caller, at a random moment."""
    story, rng = Story(pbx), random.Random(20261122)
    for queue, phones in STAFF.items():
        for phone in map(str, phones):
            every = (*rng.sample(RINGS, k=len(RINGS)), *rng.sample(RINGS, k=len(RINGS)), 0.4)
            for rings in every if queue in ("north", "south") else (1.4,):
                behaviour = {"then": "rings"} if rings is None else {"rings": rings, "hangs_up_after": 1.2}
                story.agent(phone, serves=() if queue == "south" else queue, **behaviour)
    story.later(STAFFED, lambda: staff(pbx, "south"))
    for n, queue in enumerate(("north", "south")):
        in_queue(story, queue, f"0216{n}")
    story.crowd("02168", calls="north/overflow", count=5, every=8, at=3.1)
    story.crowd("02169", calls="south/twice", count=5, every=8, at=5.2)
    on_lines(story)
    return story.lasts(LASTS)


def in_queue(story: Story, queue: str, prefix: str) -> None:
    """The same kinds of callers, for each queue."""
    story.crowd(f"{prefix}0", calls=queue, count=26, every=1.6, at=0.1)
    story.crowd(f"{prefix}1", calls=f"{queue}/brief", count=14, every=2.9, at=0.9)
    story.crowd(f"{prefix}2", calls=queue, count=8, every=4.7, hangs_up_after=0.6, at=1.3)
    story.crowd(f"{prefix}3", calls=queue, count=12, every=3.3, hangs_up_after=2.1, at=2.2)
    story.crowd(f"{prefix}4", calls=queue, count=7, every=5.3, presses=((1.8, "1"),), hangs_up_after=6, at=1.9)
    story.crowd(f"{prefix}5", calls=f"{queue}/unanswered", count=6, every=6.1, hangs_up_after=4.4, at=2.7)
    story.crowd(f"{prefix}6", calls=f"{queue}/untold", count=4, every=9.1, at=4.9)
    story.crowd(f"{prefix}7", calls=f"{queue}/limited", count=3, every=12.1, at=6.3)
    story.crowd(f"{prefix}8", calls=queue, count=12, every=0.05, hangs_up_after=5.7, at=RUSH)


def on_lines(story: Story) -> None:
    """Answered, busy, never answered, given up, greeted, never rung, handed on; and calls that count nowhere."""
    for rings in (0.4, 1.4, 2.5, 3.5, 5.5):
        story.agent("1031", rings=rings, hangs_up_after=1.0, serves=())
    story.crowd("02170", calls="phone:1031", count=5, every=8.5, at=0.5)
    story.agent("1032", then="busy", serves=()).crowd("02171", calls="phone:1032", count=3, every=13, at=1.5)
    story.agent("1033", then="rings", serves=()).crowd("02172", calls="brief-phone:1033", count=4, every=9, at=2.5)
    story.agent("1034", then="rings", serves=())
    story.crowd("02173", calls="phone:1034", count=3, every=12, hangs_up_after=1.6, at=3.5)
    story.crowd("02174", calls="phone:1034", count=3, every=12, hangs_up_after=4.6, at=6.5)
    story.agent("1035", rings=2.5, hangs_up_after=1.0, serves=())
    story.crowd("02175", calls="greeted-phone:1035", count=3, every=11, at=4.5)
    story.agent("1036", then="rings", serves=())
    story.crowd("02176", calls="phone-then-support:1036", count=3, every=11, at=5.5)
    story.agent("1039", then="dead", serves=())
    story.crowd("02177", calls="brief-phone:1039", count=2, every=15, at=7.5)
    story.agent("1040", then="rings", serves=())
    story.crowd("02178", calls="limited-phone:1040", count=3, every=9, at=8.5)
    story.agent("1038", rings=0.4, hangs_up_after=1.0, serves=()).outside(rings=0.4, hangs_up_after=1.0)
    story.phone_calls("1037", dials="1038", at=5).phone_calls("1037", dials="913800001111", at=15)


async def staff(pbx: Pbx, queue: str) -> None:
    for phone in STAFF[queue]:
        await pbx.add_member(queue, str(phone))


def sought(dialled: str) -> str:
    """The queue or line that a number leads to first."""
    phone = f"10{dialled[2:]}"
    if dialled[:2] in OFFICE.values() and len(dialled) == 4:
        return LINES[phone]
    queues = {number: name for name, number in QUEUES.items()}
    return queues[dialled[2:]] if len(dialled) == 4 and not dialled.startswith("10") else ""


def configuration() -> str:
    parts = [f"[ring]\nperiod_seconds = {ASKED.period}\n[standard]\nrings = {ASKED.rings}"]
    parts += [f'[[queue]]\nname = "{name}"\nshort_abandon_seconds = {short}' for name, short in ASKED.short.items()]
    parts += [f'[[line]]\nname = "{name}"\ninterface = "PJSIP/{phone}"' for phone, name in LINES.items()]
    for branch, (queue, phones) in BRANCHES.items():
        lines = ", ".join(f'"{LINES[phone]}"' for phone in phones)
        parts.append(f'[[branch]]\nname = "{branch}"\nqueues = ["{queue}"]\nlines = [{lines}]')
    parts.append(
        f'[[supervisor]]\nname = "zhao"\ntoken = "{API_TOKEN}"\n[[wall]]\nname = "hall"\ntoken = "{WALL_TOKEN}"'
    )
    return "\n".join(parts)


@asynccontextmanager
async def house(
    pbx: Pbx, programs: Programs, folder: Path
) -> AsyncIterator[tuple[Product, Database, Running, Witnessed]]:
    """Everything runs, the hour is over, and every call is decided and saved."""
    folder.chmod(0o755)
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        product = await running.enter_async_context(Product([pbx], database.url, extra=configuration()))
        address = f"127.0.0.1:{product.port}"
        looking = await running.enter_async_context(prometheus(programs, folder, address, "none", every="1s"))
        places = sum(map(len, PLACES.values()))
        async with asyncio.timeout(30):  # every counter has been seen at 0
            while (
                await looking.value('count(telephony_calls_sought_total{branch=~"changzhi|jincheng"} == 0)') != places
            ):
                await asyncio.sleep(0.1)
        seen = await hour(pbx).play(limit=120)
        await product.settled("pbx1", limit=60)
        yield product, database, looking, seen


def noon_here(now: datetime) -> str:
    """A zone in which it is about noon, so that no day ends during the test."""
    return f"Etc/GMT{now.hour - 12:+d}"


async def test_an_hour_is_told_alike_by_all_and_as_the_witnesses_saw_it(
    pbx: Pbx, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREERINGS__TIMEZONE", noon_here(datetime.now(UTC)))  # noqa: TID251 - the test's own day
    async with house(pbx, programs, tmp_path) as (product, database, looking, seen):
        truth = reckon(seen, sought, ASKED, mute=WAYS["untold"])
        rows = await told.ledger(database.url)
        saved = dict(rows)
        assert len(rows) == len(saved) == len(truth) >= CALLS
        assert differences(truth, saved, TOLERANCE) == []
        everything_happened(truth)
        groups = {"": tuple(set(map(sought_by, truth.values()))), **PLACES}
        groups |= {place: (place,) for places in PLACES.values() for place in places}
        of = {
            group: told.by_definition(
                [call for call in saved.values() if call.place in places],
                ASKED.rings,
                lambda at: ASKED.short.get(at, 0),
            )
            for group, places in groups.items()
        }
        for group, places in groups.items():
            as_witnessed(group, of[group], [call for call in truth.values() if call.place in places])
        await the_api_agrees(product, of)
        await the_walls_agree(product, of, truth.values())
        metrics = await asyncio.to_thread(product.metrics)
        for group, figures in of.items():
            labels = {"branch": group} if group in PLACES else {"queue": group} if group else {}
            assert told.counters(metrics, **labels) == exactly(figures), group
            for window in ("today", "15m", "1h", "month"):
                branch = next((name for name, places in PLACES.items() if group in (name, *places)), "")
                gauge = told.gauges(metrics, branch=branch, queue="" if group in ("", branch) else group, window=window)
                assert gauge == values(figures), (group, window)
        await prometheus_agrees(looking, of)


def sought_by(call: Reckoned) -> str:
    return call.place


def everything_happened(truth: dict[str, Reckoned]) -> None:
    """Else the test would compare less than it says."""
    in_queues = set[str]()
    for queue in ("north", "south"):
        calls = [call for call in truth.values() if call.place == queue]
        outcomes = {call.outcomes[-1] for call in calls}
        assert outcomes >= {"answered", "abandoned", "refused_full"}, queue
        in_queues |= outcomes
        rings = {min(call.rings - {None}) for call in calls if call.answered}
        assert min(rings) == 1
        assert max(rings) > ASKED.rings
    assert in_queues >= {"timeout", "key_exit", "refused_empty"}
    lines = {call.outcomes[-1] for call in truth.values() if call.place in LINES.values()}
    assert lines == {"answered", "abandoned", "timeout", "busy", "unreachable", "ended_by_pbx"}
    assert any(call.outcomes == ("timeout", "answered") for call in truth.values())
    assert any(call.short == {True} for call in truth.values())
    assert sum(len(call.rings) > 1 for call in truth.values()) < CALLS / 4


def as_witnessed(group: str, ours: Told, calls: list[Reckoned]) -> None:
    """The sums, where either is right within what is right; the mean far nearer than one wait."""
    all_ = sums(calls, ASKED)
    for measure, part, whole in (
        ("abandonment", all_.gave_up, all_.judged),
        ("unanswered", all_.unanswered, all_.judged),
        ("within_three_rings", all_.within, all_.alerted),
    ):
        assert ours[measure].part in part, (group, measure, ours, all_)
        assert ours[measure].whole in whole, (group, measure, ours, all_)
    assert ours["mean_wait"].whole == all_.waits, (group, ours, all_)
    if all_.waits:
        assert ours["mean_wait"].value == pytest.approx(all_.waited / all_.waits, abs=MEAN_TOLERANCE), group


def exactly(figures: Told) -> dict[str, object]:
    """Counts to the last one; seconds, which are floats there, to a microsecond."""
    return {name: Ratio(approximately(one.part), one.whole) for name, one in figures.items()}


def approximately(value: float) -> float:
    return pytest.approx(value, abs=2e-6)  # type: ignore[no-any-return]


def values(figures: Told) -> dict[str, object]:
    return {name: pytest.approx(one.value, abs=told.MICROSECOND) for name, one in figures.items() if one.whole}


async def the_api_agrees(product: Product, of: dict[str, Told]) -> None:
    assert await told.api(product, API_TOKEN) == {"": exactly(of[""])}
    assert await told.api(product, API_TOKEN, "pbx") == {"pbx1": exactly(of[""])}
    branches = await told.api(product, API_TOKEN, "branch")
    assert {name: branches[name] for name in PLACES} == {name: exactly(of[name]) for name in PLACES}
    queues, lines = [await told.api(product, API_TOKEN, group) for group in ("queue", "line")]
    for place in (place for places in PLACES.values() for place in places):
        assert (queues if place in QUEUES else lines)[place] == exactly(of[place]), place
    for others in (branches.keys() - PLACES.keys(), queues.keys() - {"north", "south"}):
        for name in others:
            assert not any(one.whole for one in (branches | queues)[name].values()), name


async def the_walls_agree(product: Product, of: dict[str, Told], truth: Iterable[Reckoned]) -> None:
    calls = list(truth)
    for branch in ("", *PLACES):
        places = PLACES.get(branch) or [place for places in PLACES.values() for place in places]
        now = await asyncio.wait_for(
            told.wall(product, WALL_TOKEN, branch, sum(call.place in places for call in calls)), 15
        )
        shown = {row["id"].partition(":")[2]: row["measures"] for row in now["rows"]}
        assert shown.keys() >= {*places}
        assert (now["certain"], now["complete"], now["waiting"]) == (True, True, 0)
        for place, measures in [*shown.items(), (branch, now["measures"])]:
            if measures is not now["measures"] and place not in of:  # other queues of the PBX
                assert not any(one["whole"] for one in measures.values()), place
                continue
            for name, one in of[place].items():
                found = measures["within_rings" if name == "within_three_rings" else name]
                value = None if one.value is None else pytest.approx(one.value, abs=told.MICROSECOND)
                assert (found["whole"], found["value"]) == (one.whole, value), (place, name)
                if name != "mean_wait" and one.whole:
                    assert found["part"] == one.part, (place, name)


async def prometheus_agrees(looking: Running, of: dict[str, Told]) -> None:
    """Differences of counters exactly; the rules as near as increase() comes."""
    total = of[""]
    async with asyncio.timeout(15):
        while await looking.value("sum(telephony_calls_alerted_total)") != total["within_three_rings"].whole:
            await asyncio.sleep(0.2)
    for branch in PLACES:
        for measure, counted in told.OVER.items():
            grown = [
                await looking.value(f"sum(last_over_time({name}[10m]) - min_over_time({name}[10m]))")
                for name in (f'telephony_calls_{one}_total{{branch="{branch}"}}' for one in (*counted, "short"))
            ]
            short = grown[2] if counted[1] == "sought" else 0
            assert (grown[0] - short, grown[1] - short) == (of[branch][measure].part, of[branch][measure].whole)
    async with asyncio.timeout(15):  # the rules look a little later
        while (await looking.value("sum(branch:telephony_calls_judged:increase5m)") or 0) < total["abandonment"].whole:
            await asyncio.sleep(0.2)
    judged = await looking.value("sum(branch:telephony_calls_judged:increase5m)")
    assert judged == pytest.approx(total["abandonment"].whole, rel=EXTRAPOLATION)
    for measure in told.MEASURES:
        kind = "mean_wait_seconds:mean" if measure == "mean_wait" else f"{measure}:ratio"
        for window in ("5m", "15m", "1h"):
            for group in ("pbx1", *PLACES, "north", "south"):
                level = "pbx" if group == "pbx1" else "branch" if group in PLACES else "queue"
                found = await looking.value(f'{level}:telephony_{kind}{window}{{{level}="{group}"}}')
                figures = total if group == "pbx1" else of[group]
                assert found == pytest.approx(figures[measure].value, rel=EXTRAPOLATION), (measure, window, group)
