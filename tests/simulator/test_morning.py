"""What the demo's branch did before anybody looked."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from handlers.demo import MORNING_SEED, REGULARS_SEED, SEED
from handlers.demomorning import LASTS, Morning, Seeds, earlier_today
from handlers.demosettings import toml
from handlers.http.site import branches_of, site_of
from handlers.reconciling.held import differences
from telephony.calls.record import Outcome
from telephony.config import Address, Config, load
from telephony.queuelog.grammar import Entry, parse
from telephony.queuelog.matching import of
from telephony.queuelog.stays import Stays
from telephony.standard.day import Day
from telephony.standard.verdict import Verdict, judge

Earlier = Callable[..., Morning]
SEEDS = Seeds(MORNING_SEED, REGULARS_SEED)
AFTERNOON = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)
TIMES = (
    AFTERNOON,
    MIDNIGHT + timedelta(minutes=12),
    MIDNIGHT + timedelta(minutes=50),
    MIDNIGHT + timedelta(minutes=105, seconds=13.4),
    MIDNIGHT + timedelta(hours=9, seconds=0.5),
    MIDNIGHT + timedelta(hours=23, minutes=59, seconds=59.9),
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "secret").write_text("secret of the simulated PBX")
    (folder / "queue_log").touch()
    file = folder / "threerings.toml"
    file.write_text(toml(folder, Address("127.0.0.1", 8080), 5038), encoding="utf-8")
    return load(file, {})


@pytest.fixture(scope="module")
def earlier(config: Config) -> Earlier:
    """Each morning takes seconds, and is simulated once."""
    return cache(lambda until, seeds=SEEDS: earlier_today(config, until, seeds))


def day_of(config: Config, morning: Morning, until: datetime) -> Day:
    """As the first page has it."""
    site = site_of(config, branches_of(config))
    day = Day(config.zone, site.targets, branches_of(config), until)
    for call in morning.calls:
        day.add(call, live=False)
    return day


def numbers(morning: Morning) -> list[str]:
    return [call.caller for call in morning.calls if call.caller.isdecimal()]


def often(morning: Morning) -> set[str]:
    """Who called five times."""
    return {number for number, times in Counter(numbers(morning)).items() if times > 4}


def test_two_hours_of_calls_are_over_when_somebody_comes_to_look(earlier: Earlier) -> None:
    calls = earlier(AFTERNOON).calls
    assert len(calls) == len({call.id for call in calls}) > 1_200
    assert all(call.ended_at is not None and call.ended_at < AFTERNOON for call in calls)
    assert min(call.arrived_at for call in calls) - (AFTERNOON - LASTS) < timedelta(minutes=1)
    outcomes = Counter(visit.outcome for call in calls for visit in call.visits)
    assert outcomes[Outcome.ANSWERED] > 0.75 * outcomes.total()
    assert len(outcomes) > 6
    assert None not in outcomes


@pytest.mark.parametrize("until", TIMES, ids=str)
def test_whenever_somebody_comes_to_look_the_standard_is_kept_so_far(
    config: Config, earlier: Earlier, until: datetime
) -> None:
    figures = day_of(config, earlier(until), until).figures()
    assert judge(figures, site_of(config, branches_of(config)).limits).whole is Verdict.KEPT
    assert figures.unanswered_share is not None
    assert figures.unanswered_share < 0.085


@pytest.mark.parametrize("until", [TIMES[0], TIMES[4], TIMES[5]], ids=str)
def test_the_lines_have_one_bad_time_in_which_a_limit_is_crossed_and_later_kept_again(
    config: Config, earlier: Earlier, until: datetime
) -> None:
    limits = site_of(config, branches_of(config)).limits
    lines = day_of(config, earlier(until), until).lines(until)
    bad = [at for at, one in zip(lines.at, lines.figures, strict=True) if judge(one, limits).whole is Verdict.MISSED]
    crossed = [at for at in bad if timedelta(minutes=40) < until - at < timedelta(minutes=75)]
    assert len(crossed) > 3
    assert until - max(bad) > timedelta(minutes=30)


def test_somebody_has_just_called_when_somebody_comes_to_look(earlier: Earlier) -> None:
    calls = earlier(AFTERNOON).calls
    assert AFTERNOON - max(call.arrived_at for call in calls) < timedelta(minutes=1)
    ends = [call.ended_at for call in calls if call.ended_at is not None]
    assert sum(AFTERNOON - end < timedelta(seconds=30) for end in ends) > 3


def test_the_morning_has_its_queue_log_so_nobody_just_left(earlier: Earlier) -> None:
    morning = earlier(AFTERNOON)
    outcomes = {visit.outcome for call in morning.calls for visit in call.visits}
    assert {Outcome.TIMEOUT, Outcome.KEY_EXIT, Outcome.WITHDRAWN} <= outcomes
    assert Outcome.EXITED not in outcomes
    entries = [parse(line.encode()) for line in morning.log]
    told = [entry.at for entry in entries if isinstance(entry, Entry)]
    assert len(told) == len(morning.log) > 4_000
    assert told == sorted(told)


@pytest.mark.parametrize("until", TIMES, ids=str)
def test_what_the_morning_tells_and_what_its_queue_log_tells_is_the_same(earlier: Earlier, until: datetime) -> None:
    morning, stays = earlier(until), Stays()
    for line in morning.log:
        entry = parse(line.encode())
        assert isinstance(entry, Entry)
        stays.feed(entry)
    joined = [visit for call in morning.calls for visit in of(call) if visit.joined_at is not None]
    assert len(stays.known) >= len(joined) > 0
    assert stays.open == ()
    assert differences(morning.calls, stays.known, (), None, ()) == []


def test_the_same_people_call_again_on_another_day_and_something_else_happens(earlier: Earlier) -> None:
    morning = earlier(AFTERNOON)
    another = earlier(AFTERNOON, Seeds(SEED, REGULARS_SEED))
    others = earlier(AFTERNOON, Seeds(SEED, REGULARS_SEED + 1))
    assert len(often(morning) & often(another)) > 30
    assert len(often(morning) & often(others)) < 3
    same = sum(a == b for a, b in zip(numbers(morning), numbers(another), strict=False))
    assert same < 0.1 * len(numbers(morning))


def test_the_day_begins_at_midnight(earlier: Earlier) -> None:
    soon = earlier(MIDNIGHT + timedelta(minutes=20)).calls
    assert soon
    assert min(call.arrived_at for call in soon) >= MIDNIGHT
    assert earlier(MIDNIGHT + timedelta(minutes=3)) == Morning()
