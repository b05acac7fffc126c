"""Screens on walls: a welcome, then the newest picture, whatever they missed; and their ends."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from handlers.walls.painting import ROWS
from handlers.walls.screens import LOOKED_AFTER, SIGNED_OUT, FullError, Walls
from telephony.screenpop.screen import RESTART
from tests.support.days import answered, o_clock
from tests.support.walls import Floor, Hall, taken

NOON = o_clock("12:00")


async def test_a_screen_is_welcomed_and_has_a_whole_picture_at_once() -> None:
    hall = Hall([answered(1, NOON)])
    screen = hall.walls.open("changzhi", (), "")
    assert (await taken(screen))["branch"]["name"] == "changzhi"
    first = await taken(screen)
    assert (first["type"], first["now"]["calls"], set(first["lines"]["rows"])) == ("picture", 1, {"queue:support"})
    assert (len(hall.walls), hall.measured.open) == (1, 1)


async def test_each_second_brings_a_picture_and_its_lines_only_when_they_are_others() -> None:
    hall = Hall([answered(1, NOON)])
    screen = hall.walls.open(None, (), "")
    await taken(screen)
    assert "lines" in await taken(screen)
    hall.passes(1)
    assert "lines" not in await taken(screen)
    hall.passes(10)
    assert "lines" in await taken(screen)


async def test_who_reads_slowly_gets_the_newest_and_nothing_piles_up() -> None:
    hall = Hall([answered(1, NOON)])
    screen = hall.walls.open(None, (), "")
    await taken(screen)
    for second in range(60):
        hall.today.follow(answered(second + 2, NOON))
        hall.passes(1)
    told = await taken(screen)
    assert (told["now"]["calls"], "lines" in told) == (61, True)
    waiting = asyncio.ensure_future(screen.take())  # noqa: TID251 - cancelled below
    await asyncio.sleep(0)
    assert not waiting.done()
    hall.passes(1)
    assert '"lines"' not in str(await waiting)
    screen.seen(1)


async def test_all_screens_of_a_branch_are_told_the_same_text() -> None:
    hall = Hall([answered(1, NOON)])
    screens = [hall.walls.open(None, (), "") for _ in range(3)]
    for screen in screens:
        await taken(screen)
        await taken(screen)
    hall.passes(1)
    first, *others = [await screen.take() for screen in screens]
    assert all(other == first for other in others)


async def test_who_turns_the_page_is_shown_it_from_the_next_second_on_and_nobody_else_is() -> None:
    hall = Hall([answered(n, NOON, queue=f"q{n:03}") for n in range(2 * ROWS)])
    still, turning = (hall.walls.open(None, (), "") for _ in range(2))
    for screen in (still, turning, still, turning):
        await taken(screen)
    turning.turn(1)
    hall.passes(1)
    first, second = await taken(still), await taken(turning)
    assert (first["now"]["page"], "lines" in first) == (0, False)
    assert (second["now"]["page"], len(second["lines"]["rows"])) == (1, ROWS)
    hall.walls.close(turning, "closed")
    hall.passes(1)
    assert (await taken(still))["now"]["page"] == 0


async def test_only_so_many_may_be_open_and_closing_makes_room() -> None:
    hall = Hall(most=1)
    screen = hall.walls.open(None, (), "")
    with pytest.raises(FullError):
        hall.walls.open("changzhi", (), "")
    hall.walls.close(screen, "slow")
    hall.walls.close(hall.walls.open("changzhi", (), ""), "closed")
    assert (len(hall.walls), hall.measured.open, dict(hall.measured.ends)) == (0, 0, {"slow": 1, "closed": 1})


async def test_one_of_two_screens_may_go_and_the_other_is_told_on() -> None:
    hall = Hall()
    first, second = hall.walls.open(None, (), ""), hall.walls.open(None, (), "")
    hall.walls.close(first, "closed")
    await taken(second)
    assert (await taken(second))["type"] == "picture"


async def test_who_may_not_look_any_more_is_sent_away_within_a_minute() -> None:
    hall = Hall()
    signed_in = [True]
    screen, other = hall.walls.open(None, (), "zhao", lambda: signed_in[0]), hall.walls.open(None, (), "")
    hall.passes(LOOKED_AFTER)
    assert screen.bye is None
    signed_in[0] = False
    hall.passes(LOOKED_AFTER)
    assert (await screen.take(), screen.left.is_set(), other.bye) == (SIGNED_OUT, True, None)


async def test_a_stop_says_goodbye_to_all_and_the_first_reason_counts() -> None:
    hall = Hall()
    screen = hall.walls.open(None, (), "")
    hall.walls.stop()
    screen.leave(SIGNED_OUT)
    assert await screen.take() == RESTART


async def test_an_error_of_ours_is_told_once_and_the_screens_hear_nothing_rather_than_something_wrong() -> None:
    hall = Hall()
    with capture_logs() as told:
        hall.floors["pbx1"].waiting = None  # type: ignore[assignment]
        screen = hall.walls.open(None, (), "")
        hall.passes(1)
    assert [line["event"] for line in told] == ["wall_failed"]
    assert (await taken(screen))["type"] == "welcome"
    hall.floors["pbx1"].waiting = []
    hall.passes(1)
    assert (await taken(screen))["type"] == "picture"


async def test_it_paints_by_itself() -> None:
    hall = Hall()
    walls = Walls(hall.painter, hall.measured, lambda: 0.0, every=0.001)
    screen = walls.open(None, (), "")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(walls.run())
        for _ in range(3):
            await taken(screen)
        running.cancel()


class Unsettled(Floor):
    """A PBX of which an error of ours hides whether it is heard."""

    broken = True

    @property
    def settled(self) -> bool:
        if self.broken:
            raise RuntimeError
        return True

    @settled.setter
    def settled(self, value: bool) -> None:
        """As it was made."""


async def test_an_error_of_ours_in_finding_out_who_is_heard_ends_nothing_but_the_pictures() -> None:
    floor = Unsettled()
    hall = Hall(floors={"pbx1": floor})
    with capture_logs() as told:
        screen = hall.walls.open(None, (), "")
        hall.passes(1)
        floor.broken = False
        hall.passes(1)
    assert (await taken(screen))["type"] == "welcome"
    assert (await taken(screen))["type"] == "picture"
    assert {(line["event"], line["at"]) for line in told} == {("wall_failed", "look"), ("wall_failed", "paint")}
    assert len(told) == 2


async def test_of_whom_it_cannot_be_found_out_whether_he_may_look_is_sent_away_and_the_others_are_not() -> None:
    def unknown() -> bool:
        raise RuntimeError

    hall = Hall()
    screen, other = hall.walls.open(None, (), "zhao", unknown), hall.walls.open("changzhi", (), "")
    with capture_logs() as told:
        hall.passes(LOOKED_AFTER)
    assert [(line["event"], line["at"]) for line in told] == [("wall_failed", "allowed")]
    assert (await screen.take(), other.bye) == (SIGNED_OUT, None)
    hall.passes(1)
    assert (await taken(other))["type"] == "welcome"
    assert (await taken(other))["type"] == "picture"
