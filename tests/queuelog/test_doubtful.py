"""Whom queue_log is not believed, and whom it is although somebody else's line does not fit."""

from hypothesis import given
from hypothesis import strategies as st

from telephony.queuelog import doubtful as words
from telephony.queuelog.doubtful import DAMAGED, OUT_OF_ORDER, STEP, Doubtful
from telephony.queuelog.grammar import Entry, Quarantined
from telephony.queuelog.stays import Stay
from tests.queuelog.written import abandons, at, completes, connects, entry, joins, stays_of

BROKEN = Quarantined(b"x", "no line")


def doubts(*lines: Entry | Quarantined) -> dict[str, str]:
    """Why who is doubted."""
    doubtful = Doubtful()
    for line in lines:
        doubtful.feed(line)
    stays = stays_of(*(line for line in lines if isinstance(line, Entry)))
    return {stay.uniqueid: why for stay in stays if (why := doubtful.why(stay))}


def whole(who: str, since: int, wait: int = 5) -> tuple[Entry, Entry]:
    return joins(since, who), abandons(since + wait, wait, who)


def test_beside_a_line_that_does_not_fit_its_neighbours_are_doubted_however_long_ago_they_were() -> None:
    told = doubts(*whole("a", 0), *whole("b", 100), BROKEN, *whole("c", 900), *whole("d", 1000))
    assert told == {"b": DAMAGED, "c": DAMAGED}


def test_who_came_or_left_within_two_seconds_of_them_is_doubted_too() -> None:
    told = doubts(joins(10, "a"), joins(13, "b"), joins(14, "c"), BROKEN, abandons(50, 37, "b"))
    assert told == {"b": DAMAGED, "c": DAMAGED}


def test_a_file_that_begins_with_such_a_line_has_but_one_neighbour_there() -> None:
    assert doubts(BROKEN, BROKEN, *whole("a", 0), *whole("b", 20)) == {"a": DAMAGED}


def test_what_is_older_than_the_line_before_is_doubted_by_its_name_and_nobody_else() -> None:
    told = doubts(*whole("a", 0), *whole("b", 1000), *whole("forged", 1), *whole("c", 1010))
    assert told == {"forged": OUT_OF_ORDER}


def test_lines_of_two_threads_may_change_places() -> None:
    assert doubts(joins(10, "a"), joins(5, "b"), *whole("c", 12)) == {}


def test_a_forged_end_of_a_talk_makes_the_talk_doubtful() -> None:
    talk = [joins(0), connects(7, 7), entry(5000, "DID", 1, who="x")]
    assert doubts(*talk) == {}
    assert doubts(*talk, completes(100, 7, 93)) == {"a": OUT_OF_ORDER}


def test_when_the_clock_was_set_back_the_first_lines_are_doubted_and_no_others() -> None:
    after = [joins(n, f"s{n:02}") for n in range(STEP + 5)]
    told = doubts(*whole("before", 3600), *after)
    assert set(told) == {f"s{n:02}" for n in range(STEP)}


def test_a_line_of_the_future_makes_the_next_ones_doubtful_and_no_others() -> None:
    told = doubts(joins(10**8, "forged"), *(joins(n, f"s{n:02}") for n in range(STEP + 5)))
    assert set(told) == {f"s{n:02}" for n in range(STEP)}


def test_lines_of_the_past_among_those_of_now_never_become_the_clock() -> None:
    now = [
        line
        for n in range(30)
        for line in (joins(1000 + n, f"c{n}"), *whole(f"x{n}", n), entry(n, "FULL", who=f"y{n}"))
    ]
    assert all(who[0] in "xy" for who in doubts(*now))
    assert len(doubts(*now)) == 60


def test_whoever_goes_on_reading_knows_up_to_when_lines_were_in_order() -> None:
    doubtful = Doubtful(at(1000))
    for line in whole("forged", 1):
        doubtful.feed(line)
    assert doubtful.why(*stays_of(*whole("forged", 1))) == OUT_OF_ORDER
    assert doubtful.newest == at(1000)


def test_the_oldest_doubts_are_forgotten_when_there_are_too_many() -> None:
    doubtful = Doubtful(at(10**7))
    first = entry(0, "FULL", who="first")
    doubtful.feed(first)
    assert doubtful.why(*stays_of(first))
    doubtful._names |= {("x", n): None for n in range(words.LIMIT - 1)}
    doubtful.feed(entry(0, "FULL", who="last"))
    assert not doubtful.why(*stays_of(first))


@given(st.lists(st.one_of(st.integers(0, 60), st.none()), max_size=60))
def test_what_stands_in_order_and_far_from_any_damage_is_believed(times: list[int | None]) -> None:
    """`None`: a line that does not fit."""
    doubtful, sure = Doubtful(), Stay("support", "sure", "1", at(100), at(110))
    for time in times:
        doubtful.feed(BROKEN if time is None else entry(time, "DID", 1, who="x"))
    doubtful.feed(entry(62, "DID", 1, who="x"))
    for line in whole("sure", 100, 10):
        doubtful.feed(line)
    assert doubtful.why(sure) == ""
