"""queue_log as a test writes it: seconds after a beginning, short words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from telephony.queuelog.grammar import Entry, parse
from telephony.queuelog.reading import read
from telephony.queuelog.stays import Stay, Stays

START = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
RECORDINGS = sorted((Path(__file__).parents[1] / "replay").glob("*/queue_log"))


def at(seconds: float) -> datetime:
    """So long after the beginning."""
    return START + timedelta(seconds=seconds)


def entry(
    seconds: int, event: str, *data: object, who: str = "a", queue: str = "support", agent: str = "NONE"
) -> Entry:
    """A line that fits, understood."""
    fields = [int(START.timestamp()) + seconds, who, queue, agent, event, *(data or ("",))]
    understood = parse("|".join(map(str, fields)).encode())
    assert isinstance(understood, Entry), understood
    return understood


def joins(seconds: int, who: str = "a", queue: str = "support", caller: str = "5551") -> Entry:
    return entry(seconds, "ENTERQUEUE", "", caller, 1, who=who, queue=queue)


def abandons(seconds: int, wait: int, who: str = "a", queue: str = "support", agent: str = "NONE") -> Entry:
    return entry(seconds, "ABANDON", 1, 1, wait, who=who, queue=queue, agent=agent)


def connects(seconds: int, wait: int, who: str = "a", agent: str = "Ann", queue: str = "support") -> Entry:
    return entry(seconds, "CONNECT", wait, "leg", 1, who=who, queue=queue, agent=agent)


def completes(seconds: int, wait: int, talk: int, who: str = "a", *, agent: str = "Ann", how: str = "CALLER") -> Entry:
    return entry(seconds, f"COMPLETE{how}", wait, talk, 1, who=who, agent=agent)


def stays_of(*entries: Entry) -> list[Stay]:
    """All of them, in the order of joining."""
    stays = Stays()
    for one in entries:
        stays.feed(one)
    return sorted([*stays.ended(END_OF_TIME), *stays.open], key=lambda stay: stay.joined_at)


def stays_in(log: Path) -> list[Stay]:
    """Those of a recording."""
    return stays_of(*read(log.read_bytes().splitlines(), timedelta()).entries)
