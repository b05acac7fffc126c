"""Direct visits held against channel events: what nobody heard comes into the ledger, once; nothing else does."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from handlers.direct.witness import DEATH_NOTICED_WITHIN, GIVEN_UP_AFTER, MARK
from telephony.calls.facts import Moment
from telephony.calls.record import Direction, Kind, Outcome, Party, Quality, call_id
from telephony.cel.reading import Read
from tests.support.direct import NAMED, Stage, known, tells
from tests.support.story import START, moment, seconds


@pytest.fixture
def stage() -> Stage:
    return Stage()


# --- what nobody knew -------------------------------------------------------------------------------------------------


async def test_whom_nobody_heard_is_in_the_ledger_once(stage: Stage) -> None:
    stage.reads(*tells(), at=201, position=7)
    await stage.round(211)
    one, told = stage.only()
    assert (one.id, one.direction, one.caller, one.dialled) == (
        call_id("pbx1", "C"), Direction.INBOUND, "02112345678", "5101"
    )  # fmt: skip
    assert (one.arrived_at, one.ended_at) == (START + seconds(119), START + seconds(125))
    assert (one.hung_up_by, one.revision) == (Party.CALLER, 7 << 12)
    assert (told.outcome, told.queue, told.wait, told.kind) == (Outcome.ABANDONED, NAMED, seconds(5), Kind.DIRECT)
    assert (told.quality, told.caller_rings, told.offers) == (Quality.RECONSTRUCTED, None, ())
    assert stage.counted("ledger_healed_total", kind="missing") == 1
    assert stage.counted("visits_entered_total", queue=NAMED, kind="direct") == 1

    written = len(stage.ledger.written)
    await stage.round(216)
    assert not stage.witness.waiting
    stage.reads(*tells(), at=217)  # a restart reads them again
    await stage.round(230)
    assert len(stage.ledger.written) == written
    assert stage.counted("ledger_mismatch_total", kind="missing") == 1


async def test_of_a_talk_that_nobody_heard_it_is_told_with_whom_and_for_how_long(stage: Stage) -> None:
    stage.reads(*tells(says="ANSWER", talk=30), at=201)
    await stage.round(211)
    one, told = stage.only()
    assert (told.outcome, told.agent, told.talk) == (Outcome.ANSWERED, NAMED, seconds(30))
    assert told.answered_at == told.left_at == START + seconds(125)
    assert (told.hung_up_by, one.hung_up_by) == (Party.CALLER, Party.CALLER)


async def test_what_was_heard_is_not_looked_at_but_for_the_time_in_which_a_dead_line_is_not_noticed(
    stage: Stage,
) -> None:
    stage.reads(*tells(at=250), at=256)
    await stage.round(266)
    assert len(stage.witness.waiting) == 1
    await stage.round(257 + DEATH_NOTICED_WITHIN.total_seconds())
    assert not stage.witness.waiting
    assert not stage.ledger.kept

    stage.reads(*tells("D", at=300), at=306)
    await stage.round(316)
    stage.reading.unheard.lost(START + seconds(299))  # it turns out that nothing was heard since
    stage.reading.unheard.found(START + seconds(318))
    await stage.round(320)
    assert stage.only()[0].uniqueid == "D"


async def test_the_last_lines_have_ten_seconds_to_be_followed_by_others(stage: Stage) -> None:
    stage.reads(*tells(), at=201)
    await stage.round(210.9)
    assert not stage.ledger.kept
    await stage.round(211)
    assert stage.ledger.kept


async def test_a_phone_that_calls_a_colleague_is_no_customer(stage: Stage) -> None:
    stage.reads(*tells(came="PJSIP/8002"), at=201)
    await stage.round(211)
    assert not stage.ledger.kept
    assert not stage.witness.waiting


@pytest.mark.parametrize("direction", [Direction.INTERNAL, Direction.OUTBOUND])
async def test_a_call_that_is_known_to_be_none_of_a_customer_gets_no_visit(stage: Stage, direction: Direction) -> None:
    stage.ledger.put(replace(known(Outcome.LOST), direction=direction, visits=()))
    stage.reads(*tells(), at=201)
    await stage.round(211)
    assert len(stage.ledger.written) == 1
    assert not stage.witness.waiting


async def test_a_hangup_by_nobody_says_nothing_when_the_pbx_has_begun_anew_since(stage: Stage) -> None:
    ended_by_pbx = [replace(entry, source="") for entry in tells()]
    stage.reads(*ended_by_pbx, at=201)
    stage.story.tracker.book.booted_at = START + seconds(150)
    await stage.round(211)
    assert (stage.only()[1].outcome, stage.only()[1].quality) == (Outcome.LOST, Quality.PARTIAL)

    other = Stage()
    other.reads(*ended_by_pbx, at=201)
    await other.round(211)
    assert other.only()[1].outcome is Outcome.ENDED_BY_PBX


# --- whose it is, and when --------------------------------------------------------------------------------------------


async def test_what_the_tracker_still_has_is_the_trackers(stage: Stage) -> None:
    stage.story.at(190).arrives("C")
    stage.reads(*tells(), at=201)
    await stage.round(211)
    assert not stage.ledger.kept
    assert len(stage.witness.waiting) == 1
    stage.story.at(212).gone("C").passes(30)
    await stage.round(245)
    assert stage.ledger.kept


async def test_a_row_that_nobody_closed_is_waited_for_at_most_a_day(stage: Stage) -> None:
    stage.ledger.put(replace(known(Outcome.LOST, quality=Quality.PARTIAL), ended_at=None))
    stage.reads(*tells(), at=201)
    await stage.round(211)
    assert len(stage.witness.waiting) == 1
    await stage.round(300 + GIVEN_UP_AFTER.total_seconds())
    assert not stage.witness.waiting
    assert len(stage.ledger.written) == 1


async def test_a_call_of_another_boot_with_the_same_name_is_left_alone(stage: Stage) -> None:
    long_ago = replace(known(Outcome.LOST), arrived_at=START - 2 * GIVEN_UP_AFTER)
    stage.ledger.put(long_ago)
    stage.reads(*tells(), at=201)
    await stage.round(211)
    assert stage.ledger.written == [long_ago]


async def test_without_the_database_they_wait(stage: Stage) -> None:
    stage.reads(*tells(), at=201)
    stage.ledger.away = True
    for at in (211.0, 216.0):
        await stage.witness.attempt(stage.at(at))
    assert len(stage.witness.waiting) == 1
    stage.ledger.away = False
    await stage.witness.attempt(stage.at(221))
    assert stage.only()[1].outcome is Outcome.ABANDONED


# --- restarts ---------------------------------------------------------------------------------------------------------


def marked(stage: Stage, at: float) -> int:
    stage.at(at)
    stage.witness.mark()
    return int(stage.marks.kept[MARK])


async def test_a_restart_reads_again_what_was_put_right_and_is_not_in_the_database_yet(stage: Stage) -> None:
    entries = list(tells())
    stage.reads(*entries[:3], at=201, position=11)
    stage.reads(*entries[3:], at=202, position=12)
    assert marked(stage, 203) == 11
    await stage.round(212)
    (one,) = stage.ledger.kept.values()
    stage.ledger.waiting, stage.ledger.kept = [one], {}
    await stage.round(217)
    assert marked(stage, 218) == 11
    stage.ledger.waiting = []  # it never came there: kill -9

    def begin(since: int) -> Iterator[tuple[int, Read, Moment]]:
        assert since == 11
        yield 11, Read(tuple(entries[:3])), moment(201)
        yield 12, Read(tuple(entries[3:])), moment(202)

    stage.witness = stage.begins()
    await stage.witness.hear_again(begin, stage.marks.kept)
    await stage.round(230)
    assert stage.only()[1].outcome is Outcome.ABANDONED
    await stage.round(235)
    assert marked(stage, 236) == 13
    await stage.begins().hear_again(lambda _: iter(()), {})  # no mark: nothing to read


async def test_rounds_come_while_the_pbx_is_heard_and_not_while_we_read_again(stage: Stage) -> None:
    stage.recovering = True
    stage.witness.mark()
    assert not stage.marks.kept
    stage.recovering, stage.synchronised = False, False
    stage.reads(*tells(), at=201)
    stage.at(211)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(stage.witness.run())
        while MARK not in stage.marks.kept:
            await asyncio.sleep(0.01)
        assert not stage.ledger.kept
        stage.synchronised = True
        while not stage.ledger.kept:
            await asyncio.sleep(0.01)
        running.cancel()


async def test_of_more_than_can_wait_the_oldest_is_given_up_and_counted(stage: Stage) -> None:
    stage.witness = stage.begins(limit=1)
    stage.reads(*tells(), *tells("D", at=130), at=201)
    await stage.round(211)
    assert stage.only()[0].uniqueid == "D"
    assert stage.counted("ledger_uncompared_total") == 1
