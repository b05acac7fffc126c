"""What a restart must read again: never less than it needs, and never a mark that cannot be kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.reading import Beginning, Reading
from handlers.resume import MARK, Resume, beginning, fitting, what_to_resume
from telephony.calls.facts import Channel, Interface, Moment, Uniqueid
from telephony.calls.tracker import Tracker
from telephony.queuelog.place import Place
from tests.support.calls import call, offer, visit
from tests.support.journal import PBX, RULES, Done, MemoryJournal

AT = Moment(datetime(2026, 11, 22, 9, tzinfo=UTC), timedelta(hours=1))


def reading(*beginnings: Beginning, position: int = 100) -> Reading:
    made = Reading(PBX, Tracker(RULES), Done())
    made.beginnings = list(beginnings)
    made.tracker.book.position = position
    return made


def arrives(one: Reading, name: str, since: int) -> None:
    """A call that began at this position."""
    book = one.tracker.book
    now, book.position = book.position, since
    uniqueid = Uniqueid(name)
    book.seat(Channel(uniqueid, uniqueid, Interface("PJSIP/callers")), AT)
    book.position = now


FIRST = Beginning(1, 1, None)


def test_without_calls_reading_begins_with_the_last_listing() -> None:
    one = reading(FIRST, Beginning(10, 12, AT.wall), Beginning(50, 55, AT.wall))
    assert what_to_resume(one, None, b"x 1 1") == Resume(50, True, 101, 100, (), AT.wall, b"x 1 1")


def test_a_call_is_read_from_the_last_listing_that_was_complete_before_it() -> None:
    one = reading(FIRST, Beginning(10, 12, AT.wall), Beginning(50, 55, AT.wall))
    arrives(one, "1.1", 53)
    found = what_to_resume(one, None, b"")
    assert (found.start, found.listed, found.calls_from) == (10, True, 53)


def test_a_listing_that_held_a_call_back_is_no_beginning_for_it() -> None:
    one = reading(FIRST, Beginning(50, 55, AT.wall))
    arrives(one, "1.1", 55)
    found = what_to_resume(one, None, b"")
    assert (found.start, found.listed, found.booted_at) == (1, False, None)


def test_what_is_not_saved_is_read_again_though_it_is_over() -> None:
    one = reading(FIRST, Beginning(10, 12, AT.wall), Beginning(50, 55, AT.wall))
    found = what_to_resume(one, (30, 44), b"")
    assert (found.start, found.calls_from, found.saved) == (10, 30, 43)


def test_what_agents_did_is_read_again_from_the_last_listing_before_it_was_stored() -> None:
    one = reading(FIRST, Beginning(10, 12, AT.wall), Beginning(50, 55, AT.wall))
    found = what_to_resume(one, None, b"", agents_from=54)
    assert (found.start, found.listed, found.calls_from, found.saved) == (10, True, 101, 100)
    assert [one.start for one in one.beginnings] == [10, 50]
    assert what_to_resume(one, None, b"", agents_from=101).start == 50


def test_what_agents_did_very_long_ago_is_not_read_for_again() -> None:
    one = reading(FIRST, Beginning(10, 12, AT.wall), Beginning(50, 55, AT.wall))
    assert what_to_resume(one, None, b"", longest=40, agents_from=54).start == 50


def test_a_call_of_an_age_is_taken_up_from_its_row_and_its_beginning_is_still_remembered() -> None:
    one = reading(FIRST, Beginning(10, 12, None), Beginning(80, 85, None))
    arrives(one, "1.1", 20)
    arrives(one, "1.2", 90)
    found = what_to_resume(one, None, b"", longest=40)
    assert (found.start, found.calls_from, found.older) == (80, 90, ("1.1",))
    # The database goes away, and a state of the old call waits: it is rebuilt after all, phones and all.
    found = what_to_resume(one, (20, 95), b"", longest=40)
    assert (found.start, found.listed, found.older) == (10, True, ())


def test_who_is_taken_up_is_named_before_anything_of_him_is_read() -> None:
    one = reading(FIRST)
    left = call(visit(offers=(offer(),)))
    one.resume([left])
    assert {left.uniqueid, left.visits[0].offers[0].leg} <= set(what_to_resume(one, None, b"").older)


def test_who_was_taken_up_is_named_until_reading_begins_behind_him() -> None:
    one = reading(FIRST)
    one.resume([call()])
    named = what_to_resume(one, None, b"").older
    one.left_open = ()
    one.tracker.book.position = 200
    assert what_to_resume(one, None, b"").older == named
    one.beginnings.append(Beginning(150, 155, None))
    assert what_to_resume(one, None, b"").older == ()


@given(name=st.text(min_size=1, max_size=150), legs=st.integers(0, 30))
@example(name="A" * 60 + "-1763812950", legs=15)
@example(name="\U0001f4de" * 150, legs=3)
def test_more_calls_than_a_mark_can_name_still_make_a_mark_whatever_their_names(name: str, legs: int) -> None:
    one = reading(FIRST)
    offers = tuple(replace(offer(), leg=f"{name}{number}") for number in range(legs))
    left = [call(visit(offers=offers), number=number) for number in range(3_000 // (legs + 1))]
    one.resume([replace(each, uniqueid=f"{name}.{number}", linkedid="") for number, each in enumerate(left)])
    found = what_to_resume(one, None, place_of(one))
    MemoryJournal().mark(MARK, found.dump())
    assert len(found.dump()) > 40_000 or len(found.older) >= len({c.uniqueid for c in left})


def place_of(_: Reading) -> bytes:
    """The longest one."""
    return Place("0" * 32, 10**18 - 1, 10**10 - 1, "f" * 16).dump()


def test_roots_are_named_before_other_channels() -> None:
    one = reading(FIRST)
    left = [call(visit(offers=(offer(),) * 20), number=number) for number in range(5_000)]
    one.resume(left)
    named = what_to_resume(one, None, b"").older
    assert set(named) <= {name for each in left for name in (each.uniqueid, each.linkedid)}


def test_rather_than_name_too_many_channels_more_is_read() -> None:
    one = reading(FIRST, Beginning(10, 12, None), Beginning(80, 85, None))
    for number in range(5):
        arrives(one, f"1.{number}", 20 + number)
    found = what_to_resume(one, None, b"", longest=40, room=3 * len('"1.0", '))
    assert (found.start, found.calls_from, found.older) == (10, 20, ())


def test_as_many_are_named_as_there_is_room() -> None:
    assert fitting(["1.1", "1.1", "1.2", "1.3"], 2 * len('"1.1", ')) == ("1.1", "1.2")
    assert fitting(["1.1"], 0) == ()


def test_where_nothing_is_known_reading_begins_with_the_calls() -> None:
    assert what_to_resume(reading(), None, b"") == Resume(101, False, 101, 100)
    assert beginning([Beginning(5, 8, None)], 8) is None


@given(
    st.builds(
        Resume,
        st.integers(0),
        st.booleans(),
        st.integers(0),
        st.integers(0),
        st.lists(st.text()).map(tuple),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.from_regex(rb"([0-9a-f]{4} \d+ \d+)?", fullmatch=True),
    )
)
def test_a_mark_says_what_it_was_told(told: Resume) -> None:
    assert Resume.load(told.dump()) == told


@pytest.mark.parametrize(
    "mark",
    [
        None, b"", b"\xff", b"null", b"[]", b"{}", b'"abcdefg"', b"[1,2,3]", b'[1,true,1,1,5,null,""]',
        b'[1e999,true,1,1,[],null,""]', b'["a",true,1,1,[],null,""]', b'[1,true,1,1,[],"yesterday",""]',
    ],
)  # fmt: skip
def test_a_mark_that_says_nothing_is_none(mark: bytes | None) -> None:
    assert Resume.load(mark) is None


@given(st.binary())
def test_no_mark_whatsoever_keeps_us_from_starting(mark: bytes) -> None:
    Resume.load(mark)


def test_a_boot_without_a_zone_is_told_with_one() -> None:
    told = replace(Resume(1), booted_at=datetime(2026, 11, 22, 9))  # noqa: DTZ001 - as somebody may have written it
    loaded = Resume.load(told.dump())
    assert loaded is not None
    assert loaded.booted_at is not None
    assert loaded.booted_at.tzinfo is not None
