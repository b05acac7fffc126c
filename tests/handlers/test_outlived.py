"""Which rows know more than the journal, and what then becomes of what was rebuilt."""

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import recovery
from handlers.outlived import drop, in_question, in_question_later, outlived
from handlers.reading import Reading
from handlers.recovery import Recovered, Unread
from telephony.calls.facts import Channel, ChannelUp, Interface, Moment, TimePassed, Uniqueid
from telephony.calls.record import CallRecord, call_id
from telephony.calls.tracker import Tracker
from telephony.cases.resting import Row
from tests.support.calls import call, offer, visit
from tests.support.journal import LIFE, PBX, RULES, Done

AT = Moment(datetime(2026, 11, 22, 9, tzinfo=UTC), timedelta(hours=1))
ONE = call(visit(None, uniqueid="1.1", offers=(offer(None, leg="1.2"),)), uniqueid="1.1", linkedid="1.1", ended_at=None)
ONE = replace(ONE, id=call_id(PBX, "1.1"), revision=20 << 12)


def read_of(start: int, *positions: int) -> Unread:
    unread = Unread(start)
    for position in positions:
        unread.read(position)
    return unread


def found(unread: Unread, *calls: CallRecord, ends: dict[UUID, set[int]] | None = None) -> Recovered:
    return Recovered(len(calls), list(calls), {one.id: one for one in calls}, ends or {}, unread)


def row(position: int, *, is_open: bool = False, life: int = LIFE) -> Row:
    return Row(ONE.id, life, position << 12, is_open)


def knows_more(one: Row, *calls: CallRecord, ends: frozenset[int] = frozenset()) -> bool:
    """Read was 10 to 20, and 30 to 40; it was over at `ends`."""
    unread = read_of(10, *range(10, 21), *range(30, 41))
    return outlived([one], LIFE, found(unread, *calls, ends={one.id: set(ends)})) == {one.id}


@given(st.integers(1, 40), st.sets(st.integers(1, 60)), st.integers(1, 70))
def test_what_was_read_is_not_unread_and_all_else_behind_the_start_is(
    start: int, positions: set[int], asked: int
) -> None:
    read = sorted(position for position in positions if position >= start)
    assert (asked in read_of(start, *read)) == (asked >= start and asked not in read)


def test_of_more_holes_than_are_told_apart_the_last_ones_are_one() -> None:
    read = range(2, 4 * recovery.MAX_HOLES, 2)
    unread = read_of(1, *read)
    assert 2 not in unread
    assert 3 in unread
    assert read[-2] in unread, "which was read"
    assert read[-1] not in unread


def test_an_open_row_that_rests_on_what_was_read_again_knows_nothing_more() -> None:
    for position in (5, 10, 20, 30, 40):  # though another version may have counted other revisions
        assert not knows_more(row(position, is_open=True), ONE)


@pytest.mark.parametrize("later", [20, 35])
def test_a_call_that_was_over_at_the_same_position_again_is_what_it_was_last(later: int) -> None:
    again = replace(ONE, revision=later << 12)
    one = replace(row(20), revision=(20 << 12) + 1)  # another version counts other revisions
    assert not knows_more(one, again, ends=frozenset({20}))
    assert not knows_more(one, again, ends=frozenset({20, 35}))


@pytest.mark.parametrize("position", [5, 10, 20, 30, 40])
def test_who_was_over_is_neither_revived_nor_ended_at_another_time(position: int) -> None:
    assert knows_more(row(position), replace(ONE, revision=40 << 12))
    assert knows_more(row(position), replace(ONE, revision=40 << 12), ends=frozenset({position + 1}))


def test_a_row_that_was_healed_stands_though_all_behind_it_was_read() -> None:
    assert knows_more(row(35), replace(ONE, revision=20 << 12), ends=frozenset({20}))


def test_an_end_on_this_side_of_a_hole_that_was_read_again_goes_on_behind_it() -> None:
    assert not knows_more(row(20), replace(ONE, revision=35 << 12), ends=frozenset({20, 35}))


@pytest.mark.parametrize("is_open", [True, False])
def test_a_row_that_rests_on_what_the_disk_never_got_knows_more(is_open: bool) -> None:
    assert knows_more(row(41, is_open=is_open), ONE)
    assert knows_more(row(21, is_open=is_open), ONE)


def test_how_a_call_ended_in_a_hole_is_known_better_than_to_who_missed_it() -> None:
    assert knows_more(row(25), replace(ONE, revision=35 << 12))


def test_a_call_that_went_on_behind_a_hole_is_what_it_was_last() -> None:
    assert not knows_more(row(25, is_open=True), replace(ONE, revision=35 << 12))


def test_what_another_has_taken_over_is_his() -> None:
    assert knows_more(row(20, life=LIFE + 1), ONE)


def test_a_call_of_which_the_journal_says_nothing_is_its_rows() -> None:
    assert knows_more(row(50))
    assert not knows_more(row(15))


def reading_with(*uniqueids: str) -> Reading:
    made = Reading(PBX, Tracker(RULES), Done())
    made.tracker.book.position = 40
    for uniqueid in uniqueids:
        made.tracker.book.seat(Channel(Uniqueid(uniqueid), Uniqueid(uniqueid), Interface("PJSIP/callers")), AT)
    return made


def test_what_is_dropped_is_nowhere_any_more_and_the_next_process_passes_it_over() -> None:
    reading, other = reading_with("1.1", "2.1"), call(uniqueid="2.1", number=2)
    what = found(read_of(1), ONE, other)
    drop(reading, what, {ONE.id})
    assert (what.calls, what.known) == ([other], {other.id})
    assert set(reading.tracker.book.calls) == {"2.1"}
    assert reading.from_rows == {"1.1": 40, "1.2": 40}


def test_a_channel_that_another_call_has_by_now_stays_his() -> None:
    reading = reading_with("1.1", "1.2")
    drop(reading, found(read_of(1), ONE), {ONE.id})
    assert set(reading.from_rows) == {"1.1"}


def test_what_was_held_back_for_a_listing_is_dropped_with_its_call() -> None:
    mine, other = (
        ChannelUp(AT, Channel(Uniqueid(name), Uniqueid(name), Interface("PJSIP/callers"))) for name in ("1.1", "2.1")
    )
    reading, passed = reading_with(), TimePassed(AT)
    reading.tracker.held = deque([mine, passed, other])
    what = found(read_of(1))
    assert in_question(reading, what) == {ONE.id, call_id(PBX, Uniqueid("2.1"))}
    drop(reading, what, {ONE.id})
    assert list(reading.tracker.held) == [passed, other]
    assert "1.1" in reading.from_rows


def test_what_was_taken_up_from_its_row_is_in_no_question_later() -> None:
    reading = reading_with("1.1", "2.1", "3.1")
    resumed, from_row, seen = reading.tracker.book.calls.values()
    resumed.since, from_row.since, seen.since = 0, 35, 36
    reading.from_rows = {"2.1": 40}
    waits = call(uniqueid="4.1", number=4)
    reading.left_open = [waits]
    rebuilt = replace(ONE, id=call_id(PBX, Uniqueid("5.1")))
    assert in_question_later(reading, found(read_of(1), rebuilt, waits)) == {seen.id, rebuilt.id}
