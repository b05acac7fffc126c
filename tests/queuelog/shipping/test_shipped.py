"""Who sends, who is in whose way, and what is told of it."""

import asyncio
from datetime import timedelta

import pytest

from telephony.queuelog.place import Piece, Place
from telephony.queuelog.reading import read
from telephony.queuelog.shipping.parcel import Parcel
from telephony.queuelog.shipping.shipped import SILENT_AFTER, SenderName, Shipped

FIRST, RESTARTED, ELSEWHERE = SenderName(5, "pbx:/log"), SenderName(6, "pbx:/log"), SenderName(7, "other:/log")
SECOND = timedelta(seconds=1)
PLACE = Place("0" * 32, 8)
LINES = (b"1795000000|NONE|NONE|NONE|QUEUESTART|", b"forged")


class Clock:
    now = 100 * SECOND

    def __call__(self) -> timedelta:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shipped(clock: Clock) -> Shipped:
    return Shipped("pbx1", clock)


@pytest.mark.parametrize("text", ["", "5", "x /log", "5 ", "5 a b", "5 /lög", "5 /log\x7f", "5 " + "x" * 201])
def test_what_names_no_sender_is_none(text: str) -> None:
    assert SenderName.load(text) is None


def test_a_name_is_told_and_understood() -> None:
    assert SenderName.load(str(FIRST)) == FIRST


def test_two_at_once_are_told_apart_and_the_first_stays(shipped: Shipped) -> None:
    assert shipped.hear(FIRST, "") == ""
    assert shipped.hear(ELSEWHERE, "") == FIRST.where
    assert shipped.hear(FIRST, "") == ""


def test_one_that_was_started_again_takes_the_place_of_its_predecessor_at_once(shipped: Shipped) -> None:
    shipped.hear(FIRST, "")
    assert shipped.hear(RESTARTED, "") == ""
    assert shipped.hear(FIRST, "") == FIRST.where


def test_who_is_silent_for_long_gives_way(shipped: Shipped, clock: Clock) -> None:
    shipped.hear(RESTARTED, "")
    clock.now += SILENT_AFTER
    assert shipped.hear(FIRST, "") == RESTARTED.where
    clock.now += SECOND
    assert shipped.hear(FIRST, "") == ""


def test_what_is_wrong_is_told_until_it_is_not(shipped: Shipped, clock: Clock) -> None:
    assert "no sender was heard yet" in shipped.trouble
    assert shipped.age is None
    shipped.hear(FIRST, "Permission denied")
    assert shipped.trouble == "its sender cannot read it: Permission denied"
    shipped.hear(FIRST, "")
    assert shipped.trouble == "its sender has not told yet where it begins"
    shipped.begin_at(PLACE)
    assert shipped.readable
    clock.now += SILENT_AFTER + SECOND
    assert shipped.trouble == "its sender was last heard 16 s ago"
    assert shipped.age == SILENT_AFTER + SECOND


async def test_lines_go_to_whoever_follows_as_long_as_he_does(
    shipped: Shipped, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[Piece] = []
    parcel = Parcel(PLACE, Piece(PLACE, LINES), gaps=2, lost_bytes=7)
    refused = read(LINES, SECOND).quarantined
    running = asyncio.get_running_loop().create_task(shipped.run(taken.append))
    await asyncio.sleep(0)
    assert shipped.taking
    shipped.take(parcel, refused)
    shipped.take(Parcel(PLACE, Piece(PLACE, ())), ())
    assert [piece.lines for piece in taken] == [LINES, ()]
    assert (shipped.lines, shipped.quarantined, shipped.gaps, shipped.lost_bytes) == (2, 1, 2, 7)
    assert shipped.read_at == clock.now
    said = capsys.readouterr().out
    assert "queue_log_line_quarantined" in said
    assert "queue_log_gap" in said
    running.cancel()
    await asyncio.wait([running])
    assert not shipped.taking
    with pytest.raises(RuntimeError):
        shipped.take(parcel, ())


async def test_of_very_many_lines_that_do_not_fit_only_some_are_told(
    shipped: Shipped, capsys: pytest.CaptureFixture[str]
) -> None:
    running = asyncio.get_running_loop().create_task(shipped.run(lambda _: None))
    await asyncio.sleep(0)
    lines = (b"forged\x1b[2J",) * 50
    shipped.take(Parcel(None, Piece(PLACE, lines)), read(lines, SECOND).quarantined)
    said = capsys.readouterr().out
    assert said.count("queue_log_line_quarantined") == 1
    assert "forged\x1b" not in said
    running.cancel()
    await asyncio.wait([running])
